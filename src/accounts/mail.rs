//! Sends mail: when, by whom, and what of it is remembered. Where it goes is for [`super::outlet`].
//!
//! Letters wait in the vault until they are sent, by one node at a time, which holds a lease meanwhile. Each is tried
//! [`ATTEMPTS_MAX`] times at growing distances unless the server refuses it for good. When a node dies between the
//! server's taking a mail and the vault's forgetting it, it is sent once more, under the same `Message-ID`. Failures are
//! logged by the server's code alone, because its words commonly repeat the address.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use palabre_events::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

use super::letters::Letter;
use super::outlet::{BadMailSettings, NotTaken, Outlet};
use super::reset::LINK_S;
use crate::clock;
use crate::stoppable::{IsToStop, Stoppable};
use crate::vault::{Holding, KeptLetter, LetterKind, Token, Vault, VaultFailure};

/// Mails that are under way at once.
pub const AT_ONCE_MAX: usize = 16;
/// How often one mail is tried.
pub const ATTEMPTS_MAX: u32 = 6;
/// How long to wait before the second attempt, in seconds; before each further one four times as long, so the last comes
/// after about six minutes.
pub const SECOND_ATTEMPT_AFTER_S: i64 = 1;
/// How long the lease holds when its node dies, in seconds.
const LEASE_S: u32 = 10;
const LEASE_NAME: &str = "mail";
/// How often it looks, beside when this node has kept a letter.
const EVERY: Duration = Duration::from_secs(1);

/// Wakes the postman of this node. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// A letter was kept.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// Sends the letters that wait.
pub struct Postman {
    office: Office,
    lease: Holding,
    bell: Bell,
}

impl Postman {
    /// The postman of the node with this id, who sends with what `office` has and comes at once when `bell` rings.
    pub fn new(office: Office, node: Uuid, bell: Bell) -> Self {
        let lease = Holding::new(office.vault.clone(), LEASE_NAME, node, LEASE_S);
        Self { office, lease, bell }
    }

    /// Sends until told to stop. Needs the tokio runtime.
    pub fn start(self) -> Stoppable {
        Stoppable::start("mail", |is_to_stop| tokio::spawn(self.run(is_to_stop)))
    }

    async fn run(mut self, mut is_to_stop: IsToStop) {
        loop {
            match self.send_what_is_due().await {
                Ok(true) if !*is_to_stop.borrow() => continue,
                Ok(_) => {}
                Err(failure) => tracing::warn!(%failure, "cannot look for mail that is due"),
            }
            let bell = self.bell.clone();
            tokio::select! {
                _ = is_to_stop.wait_for(|told| *told) => break,
                () = bell.0.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
        self.lease.give_back().await;
    }

    /// Sends some of what is due, while it holds the lease. Answers whether there may be more to do at once.
    async fn send_what_is_due(&mut self) -> Result<bool, VaultFailure> {
        // Looked at first, so that the lease is asked for only where there is something to do.
        if self.office.due().await?.is_empty() {
            self.lease.give_back().await;
            return Ok(false);
        }
        if self.lease.take().await.is_none() {
            return Ok(false);
        }
        // Whoever held it until now may have sent them.
        let due = self.office.due().await?;
        let is_full = due.len() == AT_ONCE_MAX;
        let sending = futures_util::future::join_all(due.into_iter().map(|letter| self.office.send(letter)));
        Ok(self.lease.during(sending).await.is_some() && is_full)
    }
}

/// What is needed to send a letter.
pub struct Office {
    vault: Arc<dyn Vault>,
    outlet: Outlet,
    sender: Mailbox,
    public_url: String,
    second_attempt_after_s: i64,
}

impl Office {
    /// Sends what waits in `vault` to `outlet` as `sender`, such as `Palabre <palabre@exemple.fr>`, with links to
    /// `public_url`.
    pub fn new(
        vault: Arc<dyn Vault>,
        outlet: Outlet,
        sender: &str,
        public_url: String,
    ) -> Result<Self, BadMailSettings> {
        let sender = sender.parse().map_err(|_| BadMailSettings::Sender)?;
        Ok(Self { vault, outlet, sender, public_url, second_attempt_after_s: SECOND_ATTEMPT_AFTER_S })
    }

    async fn due(&self) -> Result<Vec<KeptLetter>, VaultFailure> {
        self.vault.letters_due(clock::now(), AT_ONCE_MAX).await
    }

    /// Sends a letter, and forgets it or puts it off. What the vault does not answer is left to the next time.
    async fn send(&self, kept: KeptLetter) {
        if let Err(failure) = self.try_to_send(kept).await {
            tracing::warn!(kind = kept.kind.name(), %failure, "a mail is left to the next time");
        }
    }

    async fn try_to_send(&self, kept: KeptLetter) -> Result<(), VaultFailure> {
        let (id, kind, attempt) = (kept.id, kept.kind.name(), kept.attempts + 1);
        let Some(letter) = self.written(&kept, clock::now()).await? else {
            tracing::warn!(kind, "a mail is not wanted any more");
            return self.vault.drop_letter(id).await;
        };
        let Some(mail) = self.enveloped(letter, id) else {
            tracing::error!(kind, "a mail could not be written");
            return self.vault.drop_letter(id).await;
        };
        match self.outlet.take(&mail).await {
            Ok(()) => tracing::info!(kind, attempt, "a mail was sent"),
            Err(NotTaken { for_good: true, code }) => tracing::error!(kind, attempt, code, "a mail was refused"),
            Err(NotTaken { for_good: false, code }) => {
                tracing::warn!(kind, attempt, code, "a mail could not be sent");
                if attempt < ATTEMPTS_MAX {
                    let pause_s = self.second_attempt_after_s * 4_i64.pow(attempt - 1);
                    return self.vault.put_off_letter(id, attempt, clock::now().plus_seconds(pause_s)).await;
                }
                tracing::error!(kind, "a mail was given up");
            }
        }
        self.vault.drop_letter(id).await
    }

    /// The words of a letter, to whoever it is for now; none when nobody is there any more, or nobody waits for it.
    pub(super) async fn written(&self, kept: &KeptLetter, now: Timestamp) -> Result<Option<Letter>, VaultFailure> {
        let Some(person) = self.vault.person(kept.account).await? else { return Ok(None) };
        match kept.kind {
            LetterKind::PasswordChanged => Ok(Some(Letter::password_changed(&person, kept.about))),
            LetterKind::PasswordReset if kept.about.plus_seconds(LINK_S) <= now => Ok(None),
            LetterKind::PasswordReset => {
                let token = Token::generate();
                self.vault.keep_reset(person.account, token.hash(), now.plus_seconds(LINK_S)).await?;
                // After `#`, so that it reaches the page alone: no server log, no referrer.
                let link = format!("{}/reset-password#{}", self.public_url, token.reveal().as_str());
                Ok(Some(Letter::reset(&person, &link)))
            }
        }
    }

    fn enveloped(&self, letter: Letter, id: Uuid) -> Option<Message> {
        // RFC 3834: keeps out-of-office answers away.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, letter.to.as_str().parse().ok()?))
            .subject(letter.subject)
            .message_id(Some(format!("<{id}@{}>", self.sender.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .body(letter.body)
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Letters, People, Person, SqliteVault};
    use palabre_events::AccountId;
    use palabre_events::account::Language;
    use std::path::{Path, PathBuf};
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    const ANNA: AccountId = AccountId(Uuid::from_u128(0xa));

    /// A vault in which Anna is, and the folder that both keep.
    struct Scene {
        vault: Arc<SqliteVault>,
        folder: tempfile::TempDir,
    }

    impl Scene {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let vault = Arc::new(SqliteVault::open(&folder.path().join("vault.db")).unwrap());
            let email = "anna@exemple.fr".parse().unwrap();
            let anna = Person { account: ANNA, email, password: None, language: Language::Fr, opening: None };
            vault.admit(anna).await.unwrap();
            Self { vault, folder }
        }

        async fn keep(&self, kind: LetterKind, about: Timestamp) -> KeptLetter {
            let letter =
                KeptLetter { id: Uuid::now_v7(), account: ANNA, kind, about, attempts: 0, due_at: clock::now() };
            assert_eq!(self.vault.keep_letter(letter).await, Ok(true));
            letter
        }

        fn office(&self, outlet: Outlet) -> Office {
            let (sender, url) = ("Palabre <palabre@exemple.fr>", "https://covoiturage.exemple".to_owned());
            let office = Office::new(self.vault.clone(), outlet, sender, url).unwrap();
            Office { second_attempt_after_s: 0, ..office }
        }

        fn mail_folder(&self) -> PathBuf {
            self.folder.path().join("mail")
        }

        fn postman(&self, node: u128) -> Postman {
            let outlet = Outlet::folder(&self.mail_folder()).unwrap();
            Postman::new(self.office(outlet), Uuid::from_u128(node), Bell::default())
        }

        fn mails(&self) -> Vec<String> {
            let files = std::fs::read_dir(self.mail_folder()).unwrap().map(|file| file.unwrap().path());
            let mail = |path: PathBuf| {
                assert_eq!(path.extension().unwrap(), "eml");
                std::fs::read_to_string(path).unwrap()
            };
            files.map(mail).collect()
        }

        /// What waits, whenever it is due.
        async fn waiting(&self) -> Vec<KeptLetter> {
            self.vault.letters_due(clock::now().plus_seconds(10_000), 100).await.unwrap()
        }
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

    /// Sends what is due to a server that answers so; answers the mail that it was given.
    async fn sent(office: &Office, listener: &TcpListener, to_recipient: &str) -> Option<String> {
        let due = office.due().await.unwrap();
        assert_eq!(due.len(), 1);
        let served = async { serve(listener.accept().await.unwrap().0, to_recipient).await };
        tokio::join!(office.send(due[0]), served).1
    }

    async fn server(scene: &Scene) -> (TcpListener, Office) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        (listener, scene.office(Outlet::server(&url).unwrap()))
    }

    #[tokio::test]
    async fn a_mail_goes_to_the_server_again_after_a_passing_failure_and_is_then_forgotten() {
        let scene = Scene::new().await;
        let (listener, office) = server(&scene).await;
        let letter = scene.keep(LetterKind::PasswordChanged, clock::now()).await;
        for attempts in 1..=2 {
            assert_eq!(sent(&office, &listener, "451 later").await, None);
            assert_eq!(scene.waiting().await[0].attempts, attempts);
        }
        let mail = sent(&office, &listener, "250 ok").await.unwrap();
        let id = format!("Message-ID: <{}@exemple.fr>", letter.id);
        for part in ["To: anna@exemple.fr", "From: Palabre <palabre@exemple.fr>", "Auto-Submitted: auto-generated", &id]
        {
            assert!(mail.contains(part), "{part} in {mail}");
        }
        assert_eq!(scene.waiting().await, []);
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_for_good_is_forgotten() {
        let scene = Scene::new().await;
        let (listener, office) = server(&scene).await;
        scene.keep(LetterKind::PasswordChanged, clock::now()).await;
        assert_eq!(sent(&office, &listener, "550 nobody").await, None);
        assert_eq!(scene.waiting().await, []);
    }

    #[tokio::test]
    async fn a_mail_is_given_up_after_the_last_attempt() {
        let scene = Scene::new().await;
        let (listener, office) = server(&scene).await;
        scene.keep(LetterKind::PasswordChanged, clock::now()).await;
        for _ in 0..ATTEMPTS_MAX {
            assert_eq!(scene.waiting().await.len(), 1);
            assert_eq!(sent(&office, &listener, "451 later").await, None);
        }
        assert_eq!(scene.waiting().await, []);
    }

    #[tokio::test]
    async fn the_next_attempt_comes_later_each_time() {
        let scene = Scene::new().await;
        let (listener, office) = server(&scene).await;
        let office = Office { second_attempt_after_s: SECOND_ATTEMPT_AFTER_S, ..office };
        let mut letter = scene.keep(LetterKind::PasswordChanged, clock::now()).await;
        let mut pauses_ms = Vec::new();
        for _ in 1..ATTEMPTS_MAX {
            let before = clock::now();
            tokio::join!(office.send(letter), async { serve(listener.accept().await.unwrap().0, "451 later").await });
            letter = scene.waiting().await[0];
            pauses_ms.push(letter.due_at.millis_since(before));
        }
        for (pause_ms, wanted_s) in pauses_ms.iter().zip([1, 4, 16, 64, 256]) {
            assert!((wanted_s * 1000..wanted_s * 1000 + 10_000).contains(pause_ms), "{pauses_ms:?}");
        }
    }

    #[tokio::test]
    async fn a_link_that_nobody_waits_for_any_more_is_not_sent_and_a_notice_is() {
        let scene = Scene::new().await;
        let long_ago = clock::now().plus_seconds(-LINK_S);
        for kind in LetterKind::ALL {
            scene.keep(kind, long_ago).await;
        }
        assert_eq!(scene.postman(1).send_what_is_due().await, Ok(false));
        let mails = scene.mails();
        assert!(mails.len() == 1 && !mails[0].contains("reset-password"), "{mails:?}");
        assert_eq!(scene.waiting().await, []);
    }

    #[tokio::test]
    async fn who_is_not_there_is_sent_nothing() {
        let scene = Scene::new().await;
        let letter = KeptLetter {
            account: AccountId(Uuid::from_u128(0xb)),
            id: Uuid::now_v7(),
            ..scene.keep(LetterKind::PasswordChanged, clock::now()).await
        };
        scene.vault.keep_letter(letter).await.unwrap();
        assert_eq!(scene.postman(1).send_what_is_due().await, Ok(false));
        assert_eq!((scene.mails().len(), scene.waiting().await), (1, vec![]));
    }

    #[tokio::test]
    async fn of_several_nodes_one_sends_and_another_goes_on_when_it_stops() {
        const LETTERS: usize = 2 * AT_ONCE_MAX + 3;
        let scene = Scene::new().await;
        // Kept by a node that died.
        for _ in 0..LETTERS {
            scene.keep(LetterKind::PasswordChanged, clock::now()).await;
        }
        let (mut first, mut second) = (scene.postman(1), scene.postman(2));
        assert_eq!(first.send_what_is_due().await, Ok(true));
        assert_eq!(second.send_what_is_due().await, Ok(false), "another is at it");
        assert_eq!((scene.mails().len(), scene.waiting().await.len()), (AT_ONCE_MAX, LETTERS - AT_ONCE_MAX));
        first.lease.give_back().await;
        let running = [first.start(), second.start()];
        let all = async {
            while scene.mails().len() < LETTERS || !scene.waiting().await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), all).await.expect("all are sent");
        for postman in running {
            postman.stop(Duration::from_secs(10)).await;
        }
        assert_eq!(scene.mails().len(), LETTERS, "each once");
    }

    #[tokio::test]
    async fn whoever_rings_is_served_at_once() {
        let scene = Scene::new().await;
        let postman = scene.postman(1);
        let bell = postman.bell.clone();
        let running = postman.start();
        scene.keep(LetterKind::PasswordReset, clock::now()).await;
        bell.ring();
        let sent = async {
            // Forgotten once its file is whole.
            while !scene.waiting().await.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), sent).await.expect("it is sent");
        assert!(scene.mails()[0].contains("https://covoiturage.exemple/reset-password#"));
        running.stop(Duration::from_secs(10)).await;
    }

    #[tokio::test]
    async fn bad_settings_are_named() {
        for url in ["", "mail.example", "http://mail.example", "smtp://"] {
            assert!(matches!(Outlet::server(url), Err(BadMailSettings::Url)), "{url}");
        }
        assert!(matches!(Outlet::folder(Path::new("/dev/null/mail")), Err(BadMailSettings::Folder(_))));
        let scene = Scene::new().await;
        let outlet = Outlet::folder(&scene.mail_folder()).unwrap();
        let office = Office::new(scene.vault, outlet, "not a sender", String::new());
        assert!(matches!(office, Err(BadMailSettings::Sender)));
    }
}
