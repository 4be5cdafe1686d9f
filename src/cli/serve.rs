//! `palabre serve`.

use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;

use super::{ServerSettings, Settings, in_system, log_to_stderr};
use crate::config::Config;
use crate::platform::Platform;
use crate::server::{self, Listening};

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    server: ServerSettings,
}

impl Serve {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<ExitCode> {
        let config = settings.config_with(&self.server)?;
        log_to_stderr(&config);
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
    announce(&platform, &addresses);
    for note in notes {
        println!("{note}");
    }
    let (handle, hub) = (server.handle(), platform.hub.clone());
    actix::spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: telling sessions to come back, finishing what is under way");
        hub.shut_down();
        handle.stop(true).await;
    });
    server.await?;
    platform.stop().await;
    Ok(())
}

/// The first lines on standard output say where it is; scripts read the first one.
fn announce(platform: &Platform, addresses: &[std::net::SocketAddr]) {
    for address in addresses {
        println!("Palabre is at http://{address}");
    }
    let config = &platform.config;
    if !crate::page::is_built() {
        println!("The page for browsers is not part of this build; `make run` builds it");
    }
    println!("The API is described at {}/api/docs", config.public_url());
    println!("Data: {}", config.data.display());
    if let (Some(_), Ok(store)) = (&config.store, config.store_url()) {
        println!("Log: {store}");
    }
    if config.smtp_url.is_none() {
        println!("No mail server is set: mails are written to {}", config.mail_folder().display());
    }
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
