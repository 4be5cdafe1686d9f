//! E-mail addresses in their normal form, so that one mailbox has one account.

use lettre::Address;
use std::{fmt, str::FromStr};

/// The longest address that mail can carry, in bytes (RFC 5321).
const LENGTH_MAX: usize = 254;

/// An e-mail address: trimmed, all in lower case, its domain in ASCII letters or as people write it.
/// Dots and `+tags` are kept, since what they mean is the provider's affair. Never logged: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// What is not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address such as anna@example.org")]
pub struct NotAnEmail;

impl Email {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let normal = text.trim().to_lowercase();
        let (_, domain) = normal.rsplit_once('@').ok_or(NotAnEmail)?;
        // Quoted local parts and address literals are legal, unheard of among people, and a risk to other parsers.
        let odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>[](),;:\\".contains(c);
        if normal.len() > LENGTH_MAX || normal.contains(odd) || !domain.contains('.') {
            return Err(NotAnEmail);
        }
        normal.parse::<Address>().map_err(|_| NotAnEmail)?;
        Ok(Self(normal))
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mailbox_has_one_form() {
        let normal: Email = "anna.dupont+trajets@exemple.fr".parse().unwrap();
        for text in [" Anna.Dupont+Trajets@Exemple.FR ", "ANNA.DUPONT+TRAJETS@EXEMPLE.FR\n"] {
            assert_eq!(text.parse().as_ref(), Ok(&normal), "{text:?}");
        }
        assert_eq!(normal.as_str(), "anna.dupont+trajets@exemple.fr");
        assert_eq!(normal.local_part(), "anna.dupont+trajets");
        assert_ne!("annadupont@exemple.fr".parse().as_ref(), Ok(&normal));
    }

    #[test]
    fn what_no_mail_can_reach_is_refused() {
        let long = format!("{}@exemple.fr", "a".repeat(65));
        let longer = format!("a@{}fr", "exemple.".repeat(40));
        for text in [
            "",
            "@",
            "anna",
            "anna@",
            "@exemple.fr",
            "anna@exemple",
            "anna@exemple..fr",
            "anna@-exemple.fr",
            "an na@exemple.fr",
            "anna@b@exemple.fr",
            "anna@exemple.fr\r\nBcc: tous@exemple.fr",
            "\"anna\"@exemple.fr",
            "anna@[127.0.0.1]",
            "anna<x@exemple.fr",
            "an\0na@exemple.fr",
            "anna@exemple.fr,ben@exemple.fr",
            &long,
            &longer,
        ] {
            assert_eq!(text.parse::<Email>(), Err(NotAnEmail), "{text:?}");
        }
        for text in ["élodie@exemple.fr", "anna@café.fr", "o'neil@exemple.co.uk", "a@b.fr"] {
            assert!(text.parse::<Email>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn an_address_is_never_shown_in_logs() {
        let email: Email = "anna@exemple.fr".parse().unwrap();
        assert!(!format!("{email:?}").contains("anna"));
    }
}
