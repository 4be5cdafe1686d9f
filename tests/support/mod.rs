//! A server for tests: the real one, in this process, on a free port, with everything in a folder that goes with it.

use palabre::accounts::SignUp;
use palabre::clock;
use palabre::config::Config;
use palabre::platform::Platform;
use palabre::server::{self, Listening};
use palabre_events::AccountId;
use palabre_events::account::Language;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A running server. It stops, in order, when it is dropped.
pub struct TestServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its parts, for what a test arranges or looks at from within.
    pub platform: Arc<Platform>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// Somebody with an account, signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their account.
    pub account: AccountId,
    /// The token of their session.
    pub token: String,
}

impl TestServer {
    /// Starts a server that lets tests ask as fast as they like.
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// The same, with `change`d settings.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: folder.path().to_owned(),
            public_url: Some("http://palabre.test".to_owned()),
            commands_per_s: 100_000,
            requests_per_s: 100_000,
            sign_ins_per_min: 100_000,
            sockets_per_address: 100_000,
            workers: 2,
            ..Config::default()
        };
        change(&mut config);
        let (stop, stopped) = oneshot::channel();
        let (started, running) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let platform = Platform::start(config).await.unwrap();
                let Listening { server, addresses } = server::listen(&platform).unwrap();
                let (handle, hub) = (server.handle(), platform.hub.clone());
                started.send((addresses[0], platform.clone())).unwrap();
                actix::spawn(async move {
                    // Dropped or told, it is over.
                    drop(stopped.await);
                    let stopped = handle.stop(true);
                    hub.shut_down();
                    stopped.await;
                });
                server.await.unwrap();
                platform.stop().await;
            });
        });
        let (address, platform) = running.recv().expect("the server starts");
        Self { address, platform, stop: Some(stop), thread: Some(thread), _folder: folder }
    }

    /// Signs somebody up.
    pub async fn sign_up(&self, name: &str) -> Person {
        let sign_up = SignUp {
            email: format!("{}@example.org", name.to_lowercase()),
            password: "a long enough secret".to_owned(),
            name: name.to_owned(),
            language: Language::Fr,
        };
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let signed_in = self.platform.accounts.sign_up(&sign_up, from, clock::now()).await.unwrap();
        Person { account: signed_in.account, token: signed_in.token.reveal().to_string() }
    }

    /// Stops the server, as SIGTERM does, without waiting for it.
    pub fn begin_to_stop(&mut self) {
        // It may have stopped by itself.
        self.stop.take().map(|stop| stop.send(()).ok());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_to_stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server stops in order");
        }
    }
}
