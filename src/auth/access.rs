//! Access tokens: short-lived JWTs that say who asks, with which roles, as of which epoch.
//!
//! A valid token is not yet a right to anything: whether its epoch still counts is the user's
//! actor's to say. One algorithm is accepted, whatever a token's header claims.

use super::secret::Secret;
use crate::domain::ids::UserId;
use crate::domain::time::{Millis, Timestamp};
use crate::sources::Sources;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// How long an access token is good for.
pub const ACCESS_LIFE: Millis = Millis::seconds(15 * 60);
/// The longest token that is looked at, in bytes.
pub const MAX_ACCESS_TOKEN: usize = 8 * 1024;

/// How far the clock of the node that issued a token may be ahead of ours.
const CLOCK_SKEW: Millis = Millis::seconds(5);
const ALGORITHM: Algorithm = Algorithm::HS256;
const ISSUER: &str = "cartwright";
const AUDIENCE: &str = "cartwright";

/// Tokens that are remembered once they were verified.
const VERIFIED: usize = 4_096;
/// The longest that is remembered, in bytes; one with a few roles has 400.
const MAX_REMEMBERED: usize = 1_024;

/// A token whose signature and claims are good, whatever the time.
#[derive(Clone)]
struct Verified {
    claims: Arc<AccessClaims>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// A fresh access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// What the client sends as `Bearer`.
    pub token: String,
    /// When it ends, to the second, as its `exp` says.
    pub expires_at: Timestamp,
}

/// Tokens stay out of logs.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who asks.
    pub user: UserId,
    /// The names of the roles that the user had when it was issued.
    pub roles: Vec<String>,
    /// The user's epoch when it was issued.
    pub epoch: u32,
}

/// Why a token counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
    /// It claims to be issued later than now.
    #[error("the access token is not valid yet")]
    Premature,
    /// It is not one of ours, or was changed.
    #[error("the access token is invalid")]
    Invalid,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    /// Seconds since 1970, like `exp`.
    iat: i64,
    exp: i64,
    iss: Cow<'static, str>,
    aud: Cow<'static, str>,
    jti: Uuid,
    roles: Vec<String>,
    epoch: u32,
}

/// Issues and verifies access tokens under one secret.
pub struct AccessTokens {
    header: Header,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    /// Tokens whose signature was found good, the latest ones. Its hash is keyed at random.
    verified: Cache<Box<str>, Verified>,
    sources: Sources,
}

impl AccessTokens {
    /// Tokens under `secret`, judged by the clock of `sources`.
    #[must_use]
    pub fn new(secret: &Secret, sources: Sources) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["sub", "exp", "iss", "aud"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.leeway = 0;
        // The library would ask the system's clock; `verify` asks ours.
        validation.validate_exp = false;
        Self {
            header: Header::new(ALGORITHM),
            signing: EncodingKey::from_secret(secret.as_bytes()),
            verifying: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            verified: Cache::new(VERIFIED),
            sources,
        }
    }

    /// A token for `user`, good for [`ACCESS_LIFE`] from now (whole seconds, rounded down).
    #[must_use]
    pub fn issue(&self, user: UserId, roles: Vec<String>, epoch: u32) -> Issued {
        let iat = self.sources.clock.now().0.div_euclid(1_000);
        let exp = iat.saturating_add(ACCESS_LIFE.0 / 1_000);
        let claims = Claims {
            sub: user,
            iat,
            exp,
            iss: Cow::Borrowed(ISSUER),
            aud: Cow::Borrowed(AUDIENCE),
            jti: self.sources.entropy.uuid(),
            roles,
            epoch,
        };
        let token = jsonwebtoken::encode(&self.header, &claims, &self.signing)
            .expect("texts and numbers are JSON, and the key is of the header's algorithm");
        Issued {
            token,
            expires_at: at_second(exp),
        }
    }

    /// What `token` says, if it is ours and good now.
    ///
    /// # Errors
    /// [`InvalidToken`] says why not.
    pub fn verify(&self, token: &str) -> Result<Arc<AccessClaims>, InvalidToken> {
        let verified = match self.verified.get(token) {
            Some(verified) => verified,
            None => self.decode(token)?,
        };
        let now = self.sources.clock.now();
        if now >= verified.expires_at {
            return Err(InvalidToken::Expired);
        }
        if verified.issued_at > now.plus(CLOCK_SKEW) {
            return Err(InvalidToken::Premature);
        }
        Ok(verified.claims)
    }

    /// Verifies a token for the first time: a client sends the same one many times.
    fn decode(&self, token: &str) -> Result<Verified, InvalidToken> {
        if token.len() > MAX_ACCESS_TOKEN {
            return Err(InvalidToken::Invalid);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation)
            .map_err(|_| InvalidToken::Invalid)?
            .claims;
        let verified = Verified {
            issued_at: at_second(claims.iat),
            expires_at: at_second(claims.exp),
            claims: Arc::new(AccessClaims {
                user: claims.sub,
                roles: claims.roles,
                epoch: claims.epoch,
            }),
        };
        if token.len() <= MAX_REMEMBERED {
            self.verified.insert(token.into(), verified.clone());
        }
        Ok(verified)
    }
}

fn at_second(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{SetClock, other_secret, secret, sources_at};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
    use std::sync::Arc;

    const NOW: Timestamp = Timestamp(1_750_000_000_700);

    fn tokens() -> (AccessTokens, Arc<SetClock>) {
        let (sources, clock) = sources_at(NOW);
        (AccessTokens::new(&secret(), sources), clock)
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(7))
    }

    fn good_claims() -> Value {
        json!({
            "sub": user(), "iat": 1_750_000_000, "exp": 1_750_000_900, "iss": "cartwright",
            "aud": "cartwright", "jti": Uuid::from_u128(9), "roles": ["user"], "epoch": 3,
        })
    }

    fn signed(algorithm: Algorithm, claims: &Value, secret: &Secret) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = good_claims();
        claims[name] = value;
        claims
    }

    #[test]
    fn a_token_says_who_which_roles_and_which_epoch() {
        let (tokens, _) = tokens();
        let roles = vec!["admin".to_owned(), "user".to_owned()];
        let issued = tokens.issue(user(), roles.clone(), 4);
        let expected = AccessClaims {
            user: user(),
            roles,
            epoch: 4,
        };
        assert_eq!(tokens.verify(&issued.token), Ok(Arc::new(expected)));
        assert_eq!(issued.expires_at, Timestamp(1_750_000_900_000));
    }

    #[test]
    fn the_claims_are_the_agreed_ones() {
        let (tokens, _) = tokens();
        let token = tokens.issue(user(), vec!["user".into()], 3).token;
        let part = |index| {
            let text = token.split('.').nth(index).unwrap();
            serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        let mut claims = part(1);
        let id: Uuid = serde_json::from_value(claims["jti"].take()).unwrap();
        assert_eq!(id.get_version_num(), 4);
        assert_eq!(claims, with("jti", Value::Null));
        assert_eq!(part(0), json!({"typ": "JWT", "alg": "HS256"}));
    }

    #[test]
    fn a_token_ends_at_the_second_that_it_names() {
        let (tokens, clock) = tokens();
        let issued = tokens.issue(user(), vec![], 0);
        clock.set(Timestamp(issued.expires_at.0 - 1));
        assert!(tokens.verify(&issued.token).is_ok());
        clock.set(issued.expires_at);
        assert_eq!(tokens.verify(&issued.token), Err(InvalidToken::Expired));
    }

    #[test]
    fn what_is_remembered_is_judged_by_the_time_and_is_bounded() {
        let (tokens, clock) = tokens();
        let issued = tokens.issue(user(), vec![], 0);
        assert!(tokens.verify(&issued.token).is_ok());
        assert!(tokens.verified.get(issued.token.as_str()).is_some());
        clock.set(issued.expires_at);
        assert_eq!(tokens.verify(&issued.token), Err(InvalidToken::Expired));
        clock.set(Timestamp(0));
        assert_eq!(tokens.verify(&issued.token), Err(InvalidToken::Premature));
        clock.set(NOW);
        for number in 0..3 * VERIFIED {
            let other = UserId(Uuid::from_u128(number as u128));
            assert!(tokens.verify(&tokens.issue(other, vec![], 0).token).is_ok());
        }
        assert!(tokens.verified.len() <= VERIFIED);
        let long = tokens
            .issue(user(), vec!["x".repeat(MAX_REMEMBERED)], 0)
            .token;
        assert!(tokens.verify(&long).is_ok());
        assert!(tokens.verified.get(long.as_str()).is_none());
    }

    #[test]
    fn what_is_not_good_is_not_remembered() {
        let (tokens, _) = tokens();
        let forged = signed(ALGORITHM, &good_claims(), &other_secret());
        assert_eq!(tokens.verify(&forged), Err(InvalidToken::Invalid));
        assert!(tokens.verified.is_empty());
    }

    #[test]
    fn a_token_from_the_future_is_refused_beyond_a_small_skew() {
        let (tokens, clock) = tokens();
        let token = tokens.issue(user(), vec![], 0).token;
        clock.set(Timestamp(1_750_000_000_000 - 5_000));
        assert!(tokens.verify(&token).is_ok());
        clock.set(Timestamp(1_750_000_000_000 - 5_001));
        assert_eq!(tokens.verify(&token), Err(InvalidToken::Premature));
    }

    #[test]
    fn a_hand_made_token_is_the_control_of_the_refusals_below() {
        let token = signed(ALGORITHM, &good_claims(), &secret());
        assert!(tokens().0.verify(&token).is_ok());
    }

    #[test]
    fn another_key_or_another_algorithm_is_refused() {
        let (tokens, _) = tokens();
        for token in [
            signed(ALGORITHM, &good_claims(), &other_secret()),
            signed(Algorithm::HS384, &good_claims(), &secret()),
            signed(Algorithm::HS512, &good_claims(), &secret()),
        ] {
            assert_eq!(tokens.verify(&token), Err(InvalidToken::Invalid));
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let (tokens, _) = tokens();
        let claims = URL_SAFE_NO_PAD.encode(good_claims().to_string());
        for algorithm in ["none", "None", "NONE", "HS256"] {
            let header = json!({"typ": "JWT", "alg": algorithm}).to_string();
            let token = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(
                tokens.verify(&token),
                Err(InvalidToken::Invalid),
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_changed_payload_or_signature_is_refused() {
        let (tokens, _) = tokens();
        let token = signed(ALGORITHM, &good_claims(), &secret());
        let parts: Vec<_> = token.split('.').collect();
        let promoted = URL_SAFE_NO_PAD.encode(with("roles", json!(["admin"])).to_string());
        let (header, payload, signature) = (parts[0], parts[1], parts[2]);
        for forged in [
            format!("{header}.{promoted}.{signature}"),
            format!("{header}.{payload}.{}", "A".repeat(43)),
            format!("{header}.{payload}.{}", &signature[..40]),
            format!("{header}.{payload}"),
            format!("{token}.{payload}"),
        ] {
            assert_eq!(
                tokens.verify(&forged),
                Err(InvalidToken::Invalid),
                "{forged}"
            );
        }
    }

    #[test]
    fn every_claim_is_required_and_judged() {
        let (tokens, _) = tokens();
        let verify = |claims: &Value| tokens.verify(&signed(ALGORITHM, claims, &secret()));
        for name in good_claims().as_object().unwrap().keys() {
            let mut claims = good_claims();
            claims.as_object_mut().unwrap().remove(name);
            assert_eq!(verify(&claims), Err(InvalidToken::Invalid), "{name}");
        }
        for (name, value) in [
            ("iss", json!("elsewhere")),
            ("iss", json!(["cartwright", "elsewhere"])),
            ("aud", json!("elsewhere")),
            ("aud", json!(["cartwright", "elsewhere"])),
            ("sub", json!("ann")),
            ("exp", json!("1750000900")),
            ("exp", json!(-1)),
            ("epoch", json!(-1)),
            ("roles", json!("admin")),
        ] {
            let outcome = verify(&with(name, value.clone()));
            assert_eq!(outcome, Err(InvalidToken::Invalid), "{name} {value}");
        }
        let endless = verify(&with("exp", json!(i64::MAX)));
        assert!(endless.is_ok(), "the end of time does not overflow");
    }

    #[test]
    fn garbage_is_refused_and_an_oversized_token_is_not_even_read() {
        let (tokens, _) = tokens();
        for garbage in [
            "",
            ".",
            "..",
            "a.b.c",
            "Bearer x",
            "\u{1F512}.\u{1F512}.\u{1F512}",
        ] {
            assert_eq!(
                tokens.verify(garbage),
                Err(InvalidToken::Invalid),
                "{garbage}"
            );
        }
        let roles = |count| with("roles", json!(vec!["x".repeat(61); count]));
        let fits = signed(ALGORITHM, &roles(80), &secret());
        let oversized = signed(ALGORITHM, &roles(100), &secret());
        assert!(fits.len() < MAX_ACCESS_TOKEN && oversized.len() > MAX_ACCESS_TOKEN);
        assert!(tokens.verify(&fits).is_ok());
        assert_eq!(tokens.verify(&oversized), Err(InvalidToken::Invalid));
    }

    #[test]
    fn a_token_stays_out_of_debug_output() {
        let issued = tokens().0.issue(user(), vec![], 0);
        insta::assert_snapshot!(
            format!("{issued:?}"),
            @"Issued { expires_at: Timestamp(1750000900000), .. }"
        );
    }
}
