//! `palabre serve`.

use clap::Args;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use super::{ServerSettings, Settings, in_system};
use crate::config::Config;
use crate::platform::Platform;
use crate::server::{self, Listening};
use crate::telemetry;

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    server: ServerSettings,
}

impl Serve {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config_with(&self.server)?;
        let _sending = telemetry::traces::begin(&config)?;
        in_system(serve(config))?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let platform = Platform::start(config).await?;
    let note = "This is a demo: its people and rides are made up. `palabre demo` says how to sign in.";
    let notes = if platform.is_demo { vec![note.to_owned()] } else { Vec::new() };
    serve_on(platform, &notes).await
}

/// Serves until a signal says to stop, and then stops the platform. `notes` are told once it listens.
pub(super) async fn serve_on(platform: Arc<Platform>, notes: &[String]) -> anyhow::Result<()> {
    let Listening { server, addresses } = server::listen(&platform)?;
    if let Err(error) = announce(&platform, &addresses, notes) {
        // Whoever started it reads no further.
        tracing::debug!(%error, "standard output is closed");
    }
    let (handle, hub) = (server.handle(), platform.hub.clone());
    actix::spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: telling sessions to come back, finishing what is under way");
        // From here on nobody new is accepted; whoever comes back is served by another node, or by the next start.
        let stopped = handle.stop(true);
        hub.shut_down();
        stopped.await;
    });
    server.await?;
    platform.stop().await;
    Ok(())
}

/// The first lines on standard output say where it is; scripts read the first one.
fn announce(platform: &Platform, addresses: &[std::net::SocketAddr], notes: &[String]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for address in addresses {
        writeln!(out, "Palabre is at http://{address}")?;
    }
    let config = &platform.config;
    if !crate::page::is_built() {
        writeln!(out, "The page for browsers is not part of this build; `make run` builds it")?;
    }
    writeln!(out, "The API is described at {}/api/docs", config.public_url())?;
    writeln!(out, "Data: {}", config.data.display())?;
    if let (Some(_), Ok(store)) = (&config.store, config.store_url()) {
        writeln!(out, "Log: {store}")?;
    }
    if config.smtp_url.is_none() {
        writeln!(out, "No mail server is set: mails are written to {}", config.mail_folder().display())?;
    }
    for note in notes {
        writeln!(out, "{note}")?;
    }
    out.flush()
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                tracing::error!(%error, "cannot listen for SIGTERM");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = terminate => {}
        interrupted = tokio::signal::ctrl_c() => {
            if let Err(error) = interrupted {
                tracing::error!(%error, "cannot listen for SIGINT");
                std::future::pending::<()>().await;
            }
        }
    }
}
