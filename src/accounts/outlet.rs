//! Where mail goes: to a server when one is configured, else into a folder, one `.eml` file per mail.

use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::path::Path;
use std::time::Duration;

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// Where mail goes.
pub enum Outlet {
    /// To a mail server.
    Server(AsyncSmtpTransport<Tokio1Executor>),
    /// Into a folder, for those who try Palabre out.
    Folder(AsyncFileTransport<Tokio1Executor>),
}

/// What is wrong with the settings of mail.
#[derive(Debug, thiserror::Error)]
pub enum BadMailSettings {
    /// The server's URL.
    #[error("the mail server must be given as smtps://user:password@host or smtp://host:port?tls=required")]
    Url,
    /// The sender.
    #[error("the sender of mail must be given as `Name <address>`")]
    Sender,
    /// The folder.
    #[error("the mail folder cannot be made: {0}")]
    Folder(#[from] std::io::Error),
}

impl Outlet {
    /// The server at `url`, such as `smtps://user:password@mail.example`. TLS is as the URL says: `smtps`, or
    /// `smtp` with `?tls=required` or `?tls=opportunistic`, or plain `smtp`.
    pub fn server(url: &str) -> Result<Self, BadMailSettings> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| BadMailSettings::Url)?;
        Ok(Self::Server(server.timeout(Some(ATTEMPT_TIMEOUT)).build()))
    }

    /// The folder `path`, made if it is missing and then for its owner's eyes alone.
    pub fn folder(path: &Path) -> Result<Self, BadMailSettings> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self::Folder(AsyncFileTransport::new(path)))
    }

    /// Hands a mail over.
    pub(super) async fn take(&self, mail: &Message) -> Result<(), NotTaken> {
        match self {
            Self::Server(server) => match tokio::time::timeout(ATTEMPT_TIMEOUT, server.send(mail.clone())).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(NotTaken {
                    for_good: error.is_permanent(),
                    code: error.status().map_or_else(|| "no answer".to_owned(), |code| code.to_string()),
                }),
                Err(_) => Err(NotTaken { for_good: false, code: "timeout".to_owned() }),
            },
            Self::Folder(folder) => folder
                .send(mail.clone())
                .await
                .map(drop)
                .map_err(|_| NotTaken { for_good: false, code: "the folder cannot be written".to_owned() }),
        }
    }
}

/// A mail was not taken.
pub(super) struct NotTaken {
    /// Trying again would not help.
    pub for_good: bool,
    /// What the server said, without its words.
    pub code: String,
}
