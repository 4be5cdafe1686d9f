//! `palabre serve`.

use actix_web::{App, HttpServer, middleware, web};
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;

use super::{ServerSettings, Settings, in_system, log_to_stderr};
use crate::config::Config;
use crate::http;
use crate::platform::Platform;

/// How long sessions and requests may take to end.
const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

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
    let (listen, workers) = (config.listen, config.workers.max(1));
    let platform = Platform::start(config).await?;
    let shared = web::Data::from(platform.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .wrap(middleware::Compress::default())
            .wrap(tracing_actix_web::TracingLogger::default())
            .configure(http::routes)
    })
    .workers(workers)
    .shutdown_timeout(SHUTDOWN_WITHIN.as_secs())
    .disable_signals()
    .bind(listen)?;
    let addresses = server.addrs();
    let running = server.run();
    let handle = running.handle();
    announce(&platform, &addresses);
    actix::spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: telling sessions to come back, finishing what is under way");
        handle.stop(true).await;
    });
    running.await?;
    platform.stop().await;
    Ok(())
}

/// The first lines on standard output say where it is; scripts read the first one.
fn announce(platform: &Platform, addresses: &[std::net::SocketAddr]) {
    for address in addresses {
        println!("Palabre is at http://{address}");
    }
    let config = &platform.config;
    println!("The API is described at {}/api/docs", config.public_url());
    println!("Data: {}", config.data.display());
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
