//! What mails say, in the languages of the platform.

use palabre_events::Timestamp;
use palabre_events::account::Language;
use std::fmt;

use crate::vault::{Email, Person};

/// A mail to one person, in plain text. `Debug` hides it.
#[derive(Clone)]
pub struct Letter {
    /// To whom.
    pub to: Email,
    /// Its subject, without personal text.
    pub subject: &'static str,
    /// What it says.
    pub body: String,
}

impl Letter {
    /// The link with which `person` can set a new password.
    pub(super) fn reset(person: &Person, link: &str) -> Self {
        let (subject, body) = match person.language {
            Language::Fr => (
                "Palabre : choisir un nouveau mot de passe",
                format!(
                    "Bonjour,\n\nVous avez demandé un nouveau mot de passe. Ce lien permet d'en choisir un ; il \
                     fonctionne une seule fois, pendant une heure :\n\n{link}\n\nSi vous n'avez rien demandé, ignorez \
                     ce message : rien ne change.\n\nPalabre\n"
                ),
            ),
            Language::En => (
                "Palabre: choose a new password",
                format!(
                    "Hello,\n\nYou asked for a new password. This link lets you choose one; it works once, for one \
                     hour:\n\n{link}\n\nIf you did not ask, ignore this message: nothing changes.\n\nPalabre\n"
                ),
            ),
        };
        Self { to: person.email.clone(), subject, body }
    }

    /// That the password was changed, so that a theft is noticed.
    pub(super) fn password_changed(person: &Person, now: Timestamp) -> Self {
        let at = now.to_chrono();
        let (subject, body) = match person.language {
            Language::Fr => (
                "Palabre : votre mot de passe a changé",
                format!(
                    "Bonjour,\n\nVotre mot de passe a été changé le {} (UTC), et vos autres appareils ont été \
                     déconnectés.\n\nSi ce n'était pas vous, demandez tout de suite un nouveau mot de passe depuis la \
                     page de connexion.\n\nPalabre\n",
                    at.format("%d/%m/%Y à %H:%M")
                ),
            ),
            Language::En => (
                "Palabre: your password has changed",
                format!(
                    "Hello,\n\nYour password was changed on {} (UTC), and your other devices were signed out.\n\nIf \
                     that was not you, ask for a new password from the sign-in page at once.\n\nPalabre\n",
                    at.format("%Y-%m-%d at %H:%M")
                ),
            ),
        };
        Self { to: person.email.clone(), subject, body }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({})", self.subject)
    }
}
