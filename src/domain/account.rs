//! A user's account: who it is, which roles it has, which sessions it holds, and what counts its
//! orders, promotion uses and idempotency keys.

use super::identity::Subject;
use super::ids::{FamilyId, OrderId, PromotionCode, RoleId, UserId};
use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An e-mail address, trimmed and in small letters: compared without regard to case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Its longest form, in characters.
    pub const MAX: usize = 254;

    /// The address, if it is syntactically one: a local part of at most 64 characters, `@`, and a
    /// domain of at least two labels. `None` otherwise.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@')?;
        let local_is_fine = !local.is_empty()
            && local.chars().count() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .chars()
                .all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~-.".contains(c));
        let label_is_fine = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let domain_is_fine = domain.contains('.') && domain.split('.').all(label_is_fine);
        let fine = local_is_fine && domain_is_fine && text.chars().count() <= Self::MAX;
        fine.then_some(Self(text))
    }

    /// The address in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses of people stay out of logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// How somebody proves to be the owner of an e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// The PHC string of an argon2id hash.
    Password(String),
    /// The word of an issuer for this person. There is no password.
    Issued(Subject),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The taking of an e-mail address: the commit point of registration. From it the account is
/// completed, should a crash come between the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose it is.
    pub user_id: UserId,
    /// How the owner logs in.
    pub credential: Credential,
    /// The profile to make.
    pub profile: Profile,
    /// The roles to begin with.
    pub roles: BTreeSet<RoleId>,
}

/// Who a user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The address.
    pub email: Email,
    /// 1 to 100 characters.
    pub first_name: String,
    /// At most 100 characters; empty only where an issuer names none.
    pub last_name: String,
    /// Whether the address was shown to be the user's.
    pub email_verified: bool,
    /// Registered.
    pub created_at: Timestamp,
}

/// The account's part of a user's partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub id: UserId,
    /// Who.
    pub profile: Profile,
    /// Whether the user may log in.
    pub active: bool,
    /// Last changed.
    pub updated_at: Timestamp,
    /// The roles.
    pub roles: BTreeSet<RoleId>,
    /// Access tokens of an earlier epoch are void.
    pub epoch: u32,
    /// Live sessions, oldest first.
    pub sessions: Vec<Session>,
    /// The last order's number in the user's own count.
    pub order_seq: u64,
    /// How often each promotion with a limit per user was used.
    pub promotion_uses: BTreeMap<PromotionCode, u32>,
    /// Live idempotency keys by the hour (since 1970) in which they were used.
    pub key_counts: BTreeMap<i64, u32>,
}

/// The most sessions of a user; a further login ends the oldest.
pub const MAX_SESSIONS: usize = 32;
/// The most roles of a user: access tokens name them all.
pub const MAX_ROLES: usize = 32;
/// How long a session lasts from its login.
pub const SESSION_LIFE: Millis = Millis::days(30);
/// How long after a rotation the token before it is merely refused.
pub const ROTATION_GRACE: Millis = Millis::seconds(10);
/// How long an idempotency key is honoured.
pub const KEY_LIFE: Millis = Millis::hours(24);
/// The most live idempotency keys of a user.
pub const MAX_KEYS: u32 = 1_000;

/// A login and the refresh tokens that descend from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub family: FamilyId,
    /// It ends here, however often it is refreshed.
    pub expires_at: Timestamp,
    /// How often it was refreshed.
    pub generation: u32,
    /// SHA-256 of the token that is valid now.
    pub token_hash: [u8; 32],
    /// When that token was made.
    pub rotated_at: Timestamp,
}

/// What an idempotency key stands for, once it has taken effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// SHA-256 of method, path and body.
    pub fingerprint: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// The order that it made, if it made one.
    pub order_id: Option<OrderId>,
}

impl KeyUse {
    /// Whether it still counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.at) < KEY_LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_without_regard_to_case() {
        assert_eq!(
            Email::parse(" Ann@Example.com "),
            Email::parse("ann@example.COM")
        );
        for wrong in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example",
            "a b@example.com",
            "ann@exa_mple.com",
            "ann@-a.com",
            "ann@a..com",
            ".ann@a.com",
            "ann@@a.com",
        ] {
            assert_eq!(Email::parse(wrong), None, "{wrong}");
        }
        assert!(Email::parse(&format!("{}@{}.com", "a".repeat(64), "b".repeat(60))).is_some());
        let long = [&"b".repeat(63); 3].map(String::as_str).join(".");
        assert_eq!(
            Email::parse(&format!("{}@{long}.com", "a".repeat(64))),
            None
        );
    }
}
