//! The command line: one program that serves, and looks after what it serves.
//!
//! Exit codes: 0 done, 1 failed or found something wrong, 2 called wrongly.

mod admin;
mod audit;
mod backup;
mod copy;
mod demo;
mod import;
mod offline;
mod openapi;
mod rebuild;
mod serve;
mod verify;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;

/// Carpooling where the conversation is the booking.
#[derive(Parser)]
#[command(
    name = "palabre",
    version,
    about,
    after_help = "Settings come from the command line, PALABRE_… variables, a TOML file, and defaults, in this order."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve people: the HTTP API and the chat.
    Serve(Box<serve::Serve>),
    /// Serve a demo: made-up people, rides and conversations in a folder of their own, with sign-ins that are told.
    Demo(Box<demo::Demo>),
    /// Look after people who run the platform. A server on an embedded store must be stopped meanwhile.
    Admin(admin::Admin),
    /// Who did what, when and why. Works while a server runs.
    Audit(audit::Audit),
    /// Import offers or requests from JSON Lines. A server on an embedded store must be stopped meanwhile.
    Import(import::Import),
    /// Prove the whole log: positions, versions and the chain of hashes of every stream. Works while a server runs.
    Verify(verify::Verify),
    /// Copy a log or a vault into another store, from one machine to many or back. Goes on where it stopped.
    Copy(copy::Copy),
    /// Back up an embedded log or vault. Works while a server runs.
    Backup(backup::Backup),
    /// Fold the log anew into the views, or compare a fresh fold with the live views.
    Rebuild(rebuild::Rebuild),
    /// Print the OpenAPI document of the API and of the chat's frames, from which clients generate their types.
    Openapi(openapi::Openapi),
}

/// Settings that every command knows.
#[derive(Args, Serialize)]
struct Settings {
    /// A TOML file with settings, named as here with underscores.
    #[arg(long, env = "PALABRE_CONFIG", global = true, value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// The folder that holds everything: log, vault, views, mails [default: palabre-data].
    #[arg(long, env = "PALABRE_DATA", global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<PathBuf>,
    /// The log, `sqlite:FOLDER`, `postgres://user:password@host/database` or `esdb://user:password@host:2113` [default: in
    /// the data folder].
    #[arg(long, env = "PALABRE_STORE", global = true, value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    /// The vault, `sqlite:PATH` or `postgres://…` [default: in the log's database, else vault.db in the data folder].
    #[arg(long, env = "PALABRE_VAULT", global = true, value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    vault: Option<String>,
    /// What to log, such as `info` or `palabre=debug` [default: info].
    #[arg(long, env = "PALABRE_LOG_FILTER", global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_filter: Option<String>,
    /// Log as JSON.
    #[arg(long, env = "PALABRE_LOG_JSON", global = true, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    log_json: Option<bool>,
}

/// Settings of a server.
#[derive(Args, Serialize)]
struct ServerSettings {
    /// Where to listen [default: 127.0.0.1:8080].
    #[arg(long, env = "PALABRE_LISTEN", value_name = "ADDRESS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
    /// The Redis through which nodes hear each other at once, such as redis://127.0.0.1:6379/ [default: none].
    #[arg(long, env = "PALABRE_REDIS", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<String>,
    /// How people reach the platform, such as https://covoiturage.example [default: http://LISTEN].
    #[arg(long, env = "PALABRE_PUBLIC_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "PALABRE_TRUSTED_PROXIES", value_name = "ADDRESSES", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_proxies: Option<Vec<IpAddr>>,
    /// Where mail goes out, such as smtps://user:password@mail.example [default: into DATA/mail].
    #[arg(long, env = "PALABRE_SMTP_URL", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    smtp_url: Option<String>,
    /// Who mail comes from.
    #[arg(
        long,
        help = "Who mail comes from [default: Palabre <palabre@localhost>]",
        env = "PALABRE_MAIL_FROM",
        value_name = "MAILBOX"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    mail_from: Option<String>,
    /// Where maps come from, such as https://tiles.example/{z}/{x}/{y}.png; browsers then ask that host for pictures
    /// [default: the page draws plain maps of its own].
    #[arg(long, env = "PALABRE_TILES_URL", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tiles_url: Option<String>,
    /// Whom to name on those maps.
    #[arg(long, env = "PALABRE_TILES_ATTRIBUTION", value_name = "TEXT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    tiles_attribution: Option<String>,
    /// The most commands per second of one account [default: 20].
    #[arg(long, env = "PALABRE_COMMANDS_PER_S", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    commands_per_s: Option<u32>,
    /// The most requests per second of one address without an account [default: 50].
    #[arg(long, env = "PALABRE_REQUESTS_PER_S", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_s: Option<u32>,
    /// The most sockets of one account [default: 20].
    #[arg(long, env = "PALABRE_SOCKETS_PER_ACCOUNT", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets_per_account: Option<usize>,
    /// The most sockets of one address [default: 1000].
    #[arg(long, env = "PALABRE_SOCKETS_PER_ADDRESS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets_per_address: Option<usize>,
    /// Seconds between two pings of a socket; who says nothing for 2.4 times as long is closed [default: 25].
    #[arg(long, env = "PALABRE_PING_EVERY_S", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_every_s: Option<u32>,
    /// The most sign-ups and sign-ins per minute of one address [default: 30].
    #[arg(long, env = "PALABRE_SIGN_INS_PER_MIN", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_ins_per_min: Option<u32>,
    /// Threads that serve HTTP and sockets [default: one per processor].
    #[arg(long, env = "PALABRE_WORKERS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    workers: Option<usize>,
    /// Where spans go by OTLP over HTTP, such as http://127.0.0.1:4318 [default: nowhere].
    #[arg(long, env = "PALABRE_OTLP_URL", value_name = "URL", hide_env_values = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    otlp_url: Option<String>,
    /// Addresses that may read /metrics, besides those of this machine, separated by commas.
    #[arg(long, env = "PALABRE_METRICS_READERS", value_name = "ADDRESSES", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics_readers: Option<Vec<IpAddr>>,
}

impl Settings {
    fn config(&self) -> anyhow::Result<Config> {
        Config::read(self.config.as_deref(), self)
    }

    fn config_with(&self, server: &ServerSettings) -> anyhow::Result<Config> {
        Config::read(self.config.as_deref(), &(Said { settings: self, server }))
    }
}

#[derive(Serialize)]
struct Said<'a> {
    #[serde(flatten)]
    settings: &'a Settings,
    #[serde(flatten)]
    server: &'a ServerSettings,
}

/// Runs the program that `std::env::args` ask for.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // Another provider may be installed already when tests call this more than once; either serves.
    drop(rustls::crypto::ring::default_provider().install_default());
    let outcome = match &cli.command {
        Command::Serve(serve) => serve.run(&cli.settings),
        Command::Demo(demo) => demo.run(&cli.settings),
        Command::Admin(admin) => admin.run(&cli.settings),
        Command::Audit(audit) => audit.run(&cli.settings),
        Command::Import(import) => import.run(&cli.settings),
        Command::Verify(verify) => verify.run(&cli.settings),
        Command::Copy(copy) => copy.run(&cli.settings),
        Command::Backup(backup) => backup.run(&cli.settings),
        Command::Rebuild(rebuild) => rebuild.run(&cli.settings),
        Command::Openapi(openapi) => openapi.run(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("palabre: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` on an actix system of this thread.
fn in_system<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    actix::System::new().block_on(work)
}

/// A progress bar on standard error; hidden where that is not a terminal.
fn progress_bar(length: u64, what: &'static str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
        .expect("the template is a constant");
    indicatif::ProgressBar::new(length).with_style(style).with_message(what)
}
