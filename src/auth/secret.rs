//! The secret that every token rests on: long enough, not guessable, and never shown.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::HashSet;
use std::fmt;

/// The shortest secret, in bytes.
pub const MIN_SECRET: usize = 32;

/// How many different bytes there must be.
const MIN_DISTINCT: usize = 8;
/// How many letters and digits there must be beside [`PLACEHOLDERS`], and how many bytes that are
/// no repetition.
const MIN_UNGUESSED: usize = 17;
/// What people write where a secret should be, longest first where one holds another.
const PLACEHOLDERS: [&str; 27] = [
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "1234567890",
    "characters",
    "cartwright",
    "production",
    "development",
    "placeholder",
    "password",
    "insecure",
    "example",
    "default",
    "replace",
    "minimum",
    "secret",
    "qwerty",
    "change",
    "please",
    "signing",
    "token",
    "super",
    "bytes",
    "least",
    "your",
    "long",
    "jwt",
    "key",
];

/// A signing secret of at least [`MIN_SECRET`] bytes.
#[derive(Clone)]
#[cfg_attr(test, derive(PartialEq, Eq))]
pub struct Secret(String);

/// Why a text will not do as a secret. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Shorter than [`MIN_SECRET`].
    #[error(
        "the secret must be at least {MIN_SECRET} bytes, but has {0}; \
         `openssl rand -base64 48` makes a good one"
    )]
    TooShort(usize),
    /// Repetitive, of few different characters, or a well-known placeholder.
    #[error(
        "the secret must be random, but repeats itself or is a placeholder; \
         `openssl rand -base64 48` makes a good one"
    )]
    Guessable,
}

impl Secret {
    /// The secret that `text` is, without white space at its ends.
    ///
    /// # Errors
    /// [`WeakSecret`] when it is short or anybody could guess it.
    pub fn parse(text: &str) -> Result<Self, WeakSecret> {
        let text = text.trim();
        if text.len() < MIN_SECRET {
            Err(WeakSecret::TooShort(text.len()))
        } else if is_guessable(text) {
            Err(WeakSecret::Guessable)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The bytes to sign with.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// A keyed MAC for one purpose, independent of those for others.
    pub(crate) fn derive(&self, purpose: &str) -> Hmac<Sha256> {
        let key = keyed(self.as_bytes())
            .chain_update(purpose)
            .finalize()
            .into_bytes();
        keyed(&key)
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// The secret is never shown.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn is_guessable(text: &str) -> bool {
    let bytes = text.as_bytes();
    let distinct = bytes.iter().collect::<HashSet<_>>().len();
    let repeats = (1..MIN_UNGUESSED).any(|period| unrepeated(bytes, period) < MIN_UNGUESSED);
    distinct < MIN_DISTINCT || repeats || unguessed(text) < MIN_UNGUESSED
}

/// How many bytes do not follow from the one `period` places before.
fn unrepeated(bytes: &[u8], period: usize) -> usize {
    let repeated = bytes.iter().zip(&bytes[period..]).filter(|(a, b)| a == b);
    bytes.len() - repeated.count()
}

/// How many characters are left without punctuation and well-known words.
fn unguessed(text: &str) -> usize {
    let plain: String = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let left = PLACEHOLDERS
        .iter()
        .fold(plain, |left, word| left.replace(word, ""));
    left.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_texts_of_32_bytes_or_more_will_do() {
        for good in [
            "k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "V1J2dGhhdHdhc3JhbmRvbWVub3VnaD8hKys=",
            "correct horse battery staple and then some",
        ] {
            assert!(Secret::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn white_space_around_a_secret_does_not_count() {
        let text = "k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a";
        assert_eq!(Secret::parse(&format!("{text}\n")), Secret::parse(text));
        let padded = format!("{}{}", &text[..31], " ");
        assert_eq!(Secret::parse(&padded), Err(WeakSecret::TooShort(31)));
    }

    #[test]
    fn guessable_secrets_are_refused() {
        for weak in [
            "a".repeat(64),
            "ab".repeat(32),
            "abcdefg".repeat(8) + "x",
            "secret".repeat(8),
            "changeme".repeat(6),
            "change-me-change-me-please-change-me!".into(),
            "your-super-secret-jwt-signing-key-at-least-32-bytes-long".into(),
            "SuperSecretPassword1234567890!!!!!!!".into(),
            "0123456789abcdef0123456789abcdef".into(),
            "abcdefghijklmnopqrstuvwxyz0123456789".into(),
            "11111111222222223333333344444444555".into(),
            "gabfcdeabgfdcegafbdcgebafdgcebfgadce".into(),
        ] {
            assert_eq!(Secret::parse(&weak), Err(WeakSecret::Guessable), "{weak}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_needed_and_never_the_secret() {
        let short = Secret::parse("hunter2").unwrap_err();
        insta::assert_snapshot!(short, @"the secret must be at least 32 bytes, but has 7; `openssl rand -base64 48` makes a good one");
        let weak = Secret::parse(&"hunter2".repeat(9)).unwrap_err();
        insta::assert_snapshot!(weak, @"the secret must be random, but repeats itself or is a placeholder; `openssl rand -base64 48` makes a good one");
    }

    #[test]
    fn a_secret_stays_out_of_debug_output() {
        let secret = Secret::parse("k3Jf9-Qm2xVb7TzLw0RsYpHd5NcGuE8a").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_from_the_secret() {
        let secret = crate::auth::testing::secret();
        let tag = |mac: Hmac<Sha256>| mac.chain_update("x").finalize().into_bytes();
        assert_eq!(tag(secret.derive("a")), tag(secret.derive("a")));
        assert_ne!(tag(secret.derive("a")), tag(secret.derive("b")));
        assert_ne!(tag(secret.derive("a")), tag(keyed(secret.as_bytes())));
    }
}
