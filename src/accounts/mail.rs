//! Sends mail: to a server when one is configured, else into a folder, one `.eml` file per mail.
//!
//! Mails wait in a bounded queue in memory; each is tried [`ATTEMPTS_MAX`] times at growing distances unless the server
//! refuses it for good. What still waits when the process ends is lost: whoever asked for it asks again. Failures are
//! logged by the server's code alone, because its words commonly repeat the address.

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::{AsyncFileTransport, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

pub use super::letters::Letter;

/// Mails that wait; more are refused with [`QueueFull`].
pub const WAITING_MAX: usize = 1_000;
/// Mails that are under way at once, or wait for their next attempt.
pub const UNDER_WAY_MAX: usize = 16;
/// How often one mail is tried.
pub const ATTEMPTS_MAX: u32 = 6;
/// How long to wait before the second attempt; before each further one four times as long, so the last comes after
/// about six minutes.
pub const SECOND_ATTEMPT_AFTER: Duration = Duration::from_secs(1);
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

    async fn take(&self, mail: &Message) -> Result<(), NotTaken> {
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

struct NotTaken {
    for_good: bool,
    code: String,
}

/// Too much mail waits already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueFull;

/// Takes mail to send. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    queue: mpsc::Sender<Letter>,
}

impl Mailer {
    /// Starts sending to `outlet` as `sender`, such as `Palabre <palabre@exemple.fr>`. Needs the tokio runtime.
    pub fn start(outlet: Outlet, sender: &str) -> Result<Self, BadMailSettings> {
        let sender: Mailbox = sender.parse().map_err(|_| BadMailSettings::Sender)?;
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let postman = Postman { outlet, sender, second_attempt_after: SECOND_ATTEMPT_AFTER };
        tokio::spawn(Arc::new(postman).deliver(waiting));
        Ok(Self { queue })
    }

    /// A mailer whose letters the caller takes from the queue.
    #[cfg(test)]
    pub(super) fn held() -> (Self, mpsc::Receiver<Letter>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        (Self { queue }, waiting)
    }

    /// Queues `letter`.
    pub fn send(&self, letter: Letter) -> Result<(), QueueFull> {
        self.queue.try_send(letter).map_err(|_| {
            tracing::error!("too much mail waits");
            QueueFull
        })
    }
}

struct Postman {
    outlet: Outlet,
    sender: Mailbox,
    second_attempt_after: Duration,
}

impl Postman {
    /// Sends what comes until all senders are gone.
    async fn deliver(self: Arc<Self>, mut waiting: mpsc::Receiver<Letter>) {
        let under_way = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        while let Some(letter) = waiting.recv().await {
            let permit = under_way.clone().acquire_owned().await.expect("the semaphore is never closed");
            let postman = self.clone();
            tokio::spawn(async move {
                postman.send(letter).await;
                drop(permit);
            });
        }
    }

    async fn send(&self, letter: Letter) {
        let subject = letter.subject;
        let Some(mail) = self.write(letter) else {
            return tracing::error!(subject, "a mail could not be written");
        };
        let mut wait = self.second_attempt_after;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.outlet.take(&mail).await {
                Ok(()) => return tracing::info!(subject, attempt, "a mail was sent"),
                Err(NotTaken { for_good: true, code }) => {
                    return tracing::error!(subject, attempt, code, "a mail was refused");
                }
                Err(NotTaken { for_good: false, code }) => {
                    tracing::warn!(subject, attempt, code, "a mail could not be sent");
                }
            }
            if attempt < ATTEMPTS_MAX {
                tokio::time::sleep(wait).await;
                wait *= 4;
            }
        }
        tracing::error!(subject, "a mail was given up");
    }

    fn write(&self, letter: Letter) -> Option<Message> {
        // RFC 3834: keeps out-of-office answers away.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, letter.to.as_str().parse().ok()?))
            .subject(letter.subject)
            .message_id(None)
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .body(letter.body)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    const SUBJECT: &str = "Palabre : votre mot de passe a changé";

    fn letter() -> Letter {
        Letter { to: "anna@exemple.fr".parse().unwrap(), subject: SUBJECT, body: "Bonjour à toi.\n".to_owned() }
    }

    fn postman(outlet: Outlet) -> Postman {
        let sender = "Palabre <palabre@exemple.fr>".parse().unwrap();
        Postman { outlet, sender, second_attempt_after: Duration::from_millis(1) }
    }

    /// Answers one SMTP connection, the recipient with `to_recipient`; returns the mail if it was given one.
    async fn serve(connection: TcpStream, to_recipient: &str) -> Option<String> {
        let (reading, mut writing) = connection.into_split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(b"220 exemple.fr\r\n").await.unwrap();
        let mut mail = None;
        while let Ok(Some(line)) = lines.next_line().await {
            let answer = match line.split([' ', ':']).next().unwrap() {
                "EHLO" => "250 exemple.fr",
                "RCPT" => to_recipient,
                "DATA" => {
                    writing.write_all(b"354 go on\r\n").await.unwrap();
                    let mut text = String::new();
                    while let Some(line) = lines.next_line().await.unwrap().filter(|line| line != ".") {
                        text += &(line + "\n");
                    }
                    mail = Some(text);
                    "250 taken"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            if writing.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
        mail
    }

    async fn server() -> (TcpListener, Postman) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        (listener, postman(Outlet::server(&url).unwrap()))
    }

    #[tokio::test]
    async fn a_mail_goes_to_the_server_again_after_a_passing_failure() {
        let (listener, postman) = server().await;
        let served = tokio::spawn(async move {
            let mut mails = Vec::new();
            for to_recipient in ["451 later", "451 later", "250 ok"] {
                mails.push(serve(listener.accept().await.unwrap().0, to_recipient).await);
            }
            mails
        });
        postman.send(letter()).await;
        let mails = served.await.unwrap();
        assert_eq!((&mails[0], &mails[1]), (&None, &None));
        let mail = mails[2].as_deref().unwrap();
        for part in ["To: anna@exemple.fr", "From: Palabre <palabre@exemple.fr>", "Auto-Submitted: auto-generated"] {
            assert!(mail.contains(part), "{part} in {mail}");
        }
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_for_good_is_not_tried_again() {
        let (listener, postman) = server().await;
        let sending = async { postman.send(letter()).await };
        let serving = async {
            serve(listener.accept().await.unwrap().0, "550 nobody").await;
            listener.accept().await.map(drop)
        };
        tokio::select! {
            () = sending => {}
            _ = serving => panic!("it came again"),
        }
    }

    #[tokio::test]
    async fn a_mail_is_given_up_after_the_last_attempt() {
        let (listener, postman) = server().await;
        let postman = Postman { second_attempt_after: Duration::from_nanos(1), ..postman };
        let sending = async { postman.send(letter()).await };
        let mut attempts = 0;
        let serving = async {
            loop {
                serve(listener.accept().await.unwrap().0, "451 later").await;
                attempts += 1;
            }
        };
        tokio::select! {
            () = sending => {}
            () = serving => {}
        }
        assert!((ATTEMPTS_MAX - 1..=ATTEMPTS_MAX).contains(&attempts), "{attempts} were served to their end");
    }

    #[tokio::test]
    async fn without_a_server_each_mail_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail");
        let postman = postman(Outlet::folder(&path).unwrap());
        postman.send(letter()).await;
        postman.send(letter()).await;
        let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), 2);
        assert!(files.iter().all(|file| file.extension().unwrap() == "eml"));
        let mail = std::fs::read_to_string(&files[0]).unwrap();
        assert!(mail.contains("To: anna@exemple.fr") && mail.contains("Bonjour"), "{mail}");
    }

    #[tokio::test]
    async fn a_full_queue_is_said() {
        let (mailer, _letters) = Mailer::held();
        for _ in 0..WAITING_MAX {
            assert_eq!(mailer.send(letter()), Ok(()));
        }
        assert_eq!(mailer.send(letter()), Err(QueueFull));
    }

    #[test]
    fn bad_settings_are_named() {
        for url in ["", "mail.example", "http://mail.example", "smtp://"] {
            assert!(matches!(Outlet::server(url), Err(BadMailSettings::Url)), "{url}");
        }
        assert!(matches!(Outlet::folder(Path::new("/dev/null/mail")), Err(BadMailSettings::Folder(_))));
    }
}
