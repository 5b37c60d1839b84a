//! Refresh tokens: whose session they continue, and 256 random bits.
//!
//! A token carries user, family and generation under a tag, so that a forged or mangled one is
//! refused without asking anybody, and a reused one was certainly issued once. Whether it is the
//! family's current one is for the user's actor to say, by the hash that it keeps.

use super::secret::Secret;
use crate::domain::ids::{FamilyId, UserId};
use crate::sources::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

const USER: std::ops::Range<usize> = 0..16;
const FAMILY: std::ops::Range<usize> = 16..32;
const GENERATION: std::ops::Range<usize> = 32..36;
const RANDOM: std::ops::Range<usize> = 36..68;
const BODY: usize = 68;
const LENGTH: usize = BODY + 16;
/// Three bytes to four characters, without a remainder: every token has one spelling only.
const CHARACTERS: usize = LENGTH / 3 * 4;

/// A fresh refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct Refresh {
    /// What the client keeps.
    pub token: String,
    /// What the session keeps: SHA-256 of the token's bytes.
    pub hash: [u8; 32],
}

/// Tokens stay out of logs.
impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refresh(..)")
    }
}

/// What a token says that was issued here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// Whose session.
    pub user: UserId,
    /// Which session.
    pub family: FamilyId,
    /// How often the session had been refreshed when it was issued.
    pub generation: u32,
    /// SHA-256 of the token's bytes.
    pub hash: [u8; 32],
}

/// A text that was never issued as a refresh token under this secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("refresh_token is invalid")]
pub struct InvalidRefreshToken;

/// Issues refresh tokens under one secret, and reads them.
pub struct RefreshTokens {
    tagger: Hmac<Sha256>,
    entropy: Arc<dyn Entropy>,
}

impl RefreshTokens {
    /// Tokens under a key derived from `secret`.
    #[must_use]
    pub fn new(secret: &Secret, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            tagger: secret.derive("cartwright refresh v1"),
            entropy,
        }
    }

    /// A token for one generation of a user's session.
    #[must_use]
    pub fn issue(&self, user: UserId, family: FamilyId, generation: u32) -> Refresh {
        let mut bytes = [0; LENGTH];
        bytes[USER].copy_from_slice(user.0.as_bytes());
        bytes[FAMILY].copy_from_slice(family.0.as_bytes());
        bytes[GENERATION].copy_from_slice(&generation.to_be_bytes());
        self.entropy.fill(&mut bytes[RANDOM]);
        let tag = self.tagged(&bytes[..BODY]).finalize().into_bytes();
        bytes[BODY..].copy_from_slice(&tag[..LENGTH - BODY]);
        Refresh {
            token: URL_SAFE_NO_PAD.encode(bytes),
            hash: Sha256::digest(bytes).into(),
        }
    }

    /// What `token` says, if it was issued under this secret. The tag is compared in constant
    /// time.
    ///
    /// # Errors
    /// [`InvalidRefreshToken`], whatever is wrong with it.
    pub fn parse(&self, token: &str) -> Result<Presented, InvalidRefreshToken> {
        if token.len() != CHARACTERS {
            return Err(InvalidRefreshToken);
        }
        let mut bytes = [0; LENGTH];
        URL_SAFE_NO_PAD
            .decode_slice(token, &mut bytes)
            .map_err(|_| InvalidRefreshToken)?;
        let (body, tag) = bytes.split_at(BODY);
        self.tagged(body)
            .verify_truncated_left(tag)
            .map_err(|_| InvalidRefreshToken)?;
        Ok(Presented {
            user: UserId(Uuid::from_bytes(field(&bytes, USER))),
            family: FamilyId(Uuid::from_bytes(field(&bytes, FAMILY))),
            generation: u32::from_be_bytes(field(&bytes, GENERATION)),
            hash: Sha256::digest(bytes).into(),
        })
    }

    fn tagged(&self, body: &[u8]) -> Hmac<Sha256> {
        self.tagger.clone().chain_update(body)
    }
}

fn field<const N: usize>(bytes: &[u8; LENGTH], range: std::ops::Range<usize>) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[range]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{other_secret, secret};
    use crate::sources::SystemEntropy;
    use proptest::prelude::*;

    fn tokens() -> RefreshTokens {
        RefreshTokens::new(&secret(), Arc::new(SystemEntropy))
    }

    fn refresh() -> Refresh {
        let user = UserId(Uuid::from_u128(1));
        tokens().issue(user, FamilyId(Uuid::from_u128(2)), 3)
    }

    proptest! {
        #[test]
        fn a_token_says_whose_it_is(user: u128, family: u128, generation: u32) {
            let (user, family) = (UserId(Uuid::from_u128(user)), FamilyId(Uuid::from_u128(family)));
            let Refresh { token, hash } = tokens().issue(user, family, generation);
            let expected = Presented { user, family, generation, hash };
            prop_assert_eq!(tokens().parse(&token), Ok(expected));
        }

        #[test]
        fn no_text_is_taken_for_a_token(text in "[A-Za-z0-9_-]{112}|.{0,200}") {
            prop_assert_eq!(tokens().parse(&text), Err(InvalidRefreshToken));
        }
    }

    #[test]
    fn two_tokens_of_one_generation_differ() {
        let (first, second) = (refresh(), refresh());
        assert_ne!(first.token, second.token);
        assert_ne!(first.hash, second.hash);
    }

    #[test]
    fn any_changed_bit_is_noticed() {
        let bytes = URL_SAFE_NO_PAD.decode(refresh().token).unwrap();
        assert_eq!(bytes.len(), LENGTH);
        for bit in 0..LENGTH * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(
                tokens().parse(&changed),
                Err(InvalidRefreshToken),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_shortened_lengthened_or_padded_token_is_refused() {
        let token = refresh().token;
        assert!(tokens().parse(&token).is_ok());
        for length in 0..token.len() {
            assert_eq!(tokens().parse(&token[..length]), Err(InvalidRefreshToken));
        }
        for wrong in [
            format!("{token}="),
            format!("{token}AAAA"),
            format!(" {token}"),
        ] {
            assert_eq!(tokens().parse(&wrong), Err(InvalidRefreshToken));
        }
    }

    #[test]
    fn a_token_of_another_secret_is_refused() {
        let elsewhere = RefreshTokens::new(&other_secret(), Arc::new(SystemEntropy));
        assert_eq!(elsewhere.parse(&refresh().token), Err(InvalidRefreshToken));
    }

    #[test]
    fn a_token_stays_out_of_debug_output() {
        assert_eq!(format!("{:?}", refresh()), "Refresh(..)");
    }
}
