//! Login by way of an issuer (OpenID Connect): what a login in the making is, what an identity must
//! have that an issuer vouches for, and what makes it the same person again.

use super::account::Email;
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// How long a login may take from its start to its callback.
pub const LOGIN_LIFE: Millis = Millis::seconds(600);
/// The longest first or last name, in characters.
pub const MAX_NAME: usize = 100;

/// What the client gets back with the callback: 1 to 256 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginState(String);

impl LoginState {
    /// Its longest form, in characters.
    pub const MAX: usize = 256;

    /// The state, if it is 1 to 256 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.chars().count());
        fits.then(|| Self(text.to_owned()))
    }

    /// As the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its login is stored under.
    #[must_use]
    pub fn id(&self) -> LoginId {
        LoginId(Sha256::digest(&self.0).into())
    }
}

/// Whoever knows a state may finish its login.
impl fmt::Debug for LoginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginState(..)")
    }
}

/// SHA-256 of a state: of one length, whatever the client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginId(pub [u8; 32]);

/// A login that was begun, and what proves its callback to be the answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingLogin {
    /// What the ID token must name.
    pub nonce: String,
    /// What the code is exchanged with (PKCE).
    pub verifier: String,
    /// Begun.
    pub created_at: Timestamp,
}

impl PendingLogin {
    /// Whether it may still be finished at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.created_at) < LOGIN_LIFE
    }
}

/// Its secrets stay out of logs.
impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingLogin(..)")
    }
}

/// A person as an issuer knows them, for good: an address may change hands, this never does.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    issuer: String,
    sub: String,
}

impl Subject {
    /// The longest `sub`, in characters.
    pub const MAX: usize = 255;

    /// The person `sub` of `issuer`, if `sub` is 1 to 255 printable ASCII characters and `issuer`
    /// has no control characters.
    #[must_use]
    pub fn parse(issuer: &str, sub: &str) -> Option<Self> {
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        let fits = (1..=Self::MAX).contains(&sub.len()) && sub.bytes().all(is_printable);
        (fits && !issuer.chars().any(char::is_control)).then(|| Self {
            issuer: issuer.to_owned(),
            sub: sub.to_owned(),
        })
    }

    /// Who vouches for them: a URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who they are there.
    #[must_use]
    pub fn sub(&self) -> &str {
        &self.sub
    }
}

/// People stay out of logs.
impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(..)")
    }
}

/// What an issuer says of a person, once its signature was verified.
#[derive(Clone, Default)]
pub struct Statement<'a> {
    /// The address.
    pub email: Option<&'a str>,
    /// Whether it is shown to be the person's.
    pub email_verified: bool,
    /// The first name.
    pub given_name: Option<&'a str>,
    /// The last name.
    pub family_name: Option<&'a str>,
    /// The whole name.
    pub name: Option<&'a str>,
}

/// The issuer does not vouch for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer names no e-mail address that it has verified")]
pub struct EmailNotVerified;

/// A person for whom an issuer vouches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who.
    pub subject: Subject,
    /// Their address, which the issuer has verified.
    pub email: Email,
    /// 1 to [`MAX_NAME`] characters.
    pub first_name: String,
    /// At most [`MAX_NAME`] characters; empty where the issuer names none.
    pub last_name: String,
}

impl Identity {
    /// Judges what an issuer says. Where it names no first name, the first word of the whole name
    /// or else the local part of the address stands for it.
    ///
    /// # Errors
    /// The address is missing, is none, or is not verified.
    pub fn of(subject: Subject, said: &Statement<'_>) -> Result<Self, EmailNotVerified> {
        let email = said.email.filter(|_| said.email_verified);
        let email = email.and_then(Email::parse).ok_or(EmailNotVerified)?;
        let whole = said.name.unwrap_or_default().trim();
        let (first, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
        let (local, _) = email.as_str().split_once('@').unwrap_or_default();
        let first_name = [said.given_name.unwrap_or_default(), first, local]
            .into_iter()
            .map(name)
            .find(|name| !name.is_empty());
        let last_name = match (said.given_name, said.family_name) {
            (_, Some(family)) => name(family),
            (Some(_), None) => String::new(),
            (None, None) => name(rest),
        };
        Ok(Self {
            first_name: first_name.unwrap_or_default(),
            last_name,
            subject,
            email,
        })
    }
}

fn name(given: &str) -> String {
    given.trim().chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject::parse("https://issuer.example", "248289761001").unwrap()
    }

    fn named(given: Option<&str>, family: Option<&str>, name: Option<&str>) -> (String, String) {
        let said = Statement {
            email: Some("Ann.Lee@Example.com"),
            email_verified: true,
            given_name: given,
            family_name: family,
            name,
        };
        let identity = Identity::of(subject(), &said).unwrap();
        assert_eq!(identity.email.as_str(), "ann.lee@example.com");
        (identity.first_name, identity.last_name)
    }

    #[test]
    fn an_address_must_be_there_and_verified() {
        for (email, email_verified) in [
            (None, true),
            (Some("ann@example.com"), false),
            (Some("ann"), true),
            (Some(""), true),
        ] {
            let said = Statement {
                email,
                email_verified,
                ..Statement::default()
            };
            assert_eq!(Identity::of(subject(), &said), Err(EmailNotVerified));
        }
    }

    #[test]
    fn names_are_the_issuers_as_far_as_it_names_any() {
        let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        let both = named(Some(" Ann "), Some("Lee"), Some("x y"));
        assert_eq!(both, pair("Ann", "Lee"));
        assert_eq!(named(Some("Ann"), None, Some("Ann Lee")), pair("Ann", ""));
        assert_eq!(
            named(None, None, Some("Ann van Lee")),
            pair("Ann", "van Lee")
        );
        assert_eq!(named(None, Some("Lee"), None), pair("ann.lee", "Lee"));
        assert_eq!(named(Some("  "), None, Some("  ")), pair("ann.lee", ""));
        let long = "ä".repeat(300);
        let (first, last) = named(Some(&long), Some(&long), None);
        assert_eq!((first.chars().count(), last.chars().count()), (100, 100));
    }

    #[test]
    fn a_subject_is_short_and_printable() {
        let is_one = |sub: &str| Subject::parse("https://issuer.example", sub).is_some();
        assert!(is_one("1") && is_one(&"x".repeat(255)) && is_one("a b|~"));
        for wrong in ["", "\0", "a\n", "ä", &"x".repeat(256)] {
            assert!(!is_one(wrong), "{wrong:?}");
        }
        assert!(Subject::parse("https://a\0", "1").is_none());
    }

    #[test]
    fn a_state_is_1_to_256_characters() {
        let is_one = |state: &str| LoginState::parse(state).is_some();
        assert!(is_one("x") && is_one(&"ä".repeat(256)) && is_one("\0 "));
        assert!(!is_one("") && !is_one(&"x".repeat(257)));
        let id = |state: &str| LoginState::parse(state).unwrap().id();
        assert_eq!(id("a"), id("a"));
        assert_ne!(id("a"), id("a "));
    }

    #[test]
    fn a_login_lives_ten_minutes() {
        let login = PendingLogin {
            nonce: "the-nonce".into(),
            verifier: "the-verifier".into(),
            created_at: Timestamp(1_000),
        };
        assert!(login.is_live(Timestamp(600_999)) && !login.is_live(Timestamp(601_000)));
        assert_eq!(
            format!("{login:?} {:?}", subject()),
            "PendingLogin(..) Subject(..)"
        );
    }
}
