//! Whether an ID token is the issuer's word about a login of ours, and for whom.

use super::Error;
use crate::domain::identity::{Identity, Statement, Subject};
use crate::domain::time::{Millis, Timestamp};
use openidconnect::core::{
    CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm,
    CoreProviderMetadata,
};
use openidconnect::{
    ClaimsVerificationError, ClientId, LocalizedClaim, Nonce, SignatureVerificationError,
};
use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far the issuer's clock and ours may be apart.
const SKEW: Millis = Millis::seconds(60);
/// The longest ago that a token was issued which is only now exchanged.
const MAX_AGE: Millis = Millis::hours(1);

/// Why a token proves nothing.
pub(super) enum Rejected {
    /// No key of the issuer's, as far as they are known, has made it.
    UnknownKey,
    /// For good.
    Final(Error),
}

/// The signatures that count, of those that the issuer says it makes. None needs a secret that
/// others have too.
fn algorithms(issuer: &CoreProviderMetadata) -> Vec<CoreJwsSigningAlgorithm> {
    use CoreJwsSigningAlgorithm::{EcdsaP256Sha256, RsaSsaPkcs1V15Sha256};
    let listed = issuer.id_token_signing_alg_values_supported();
    [RsaSsaPkcs1V15Sha256, EcdsaP256Sha256]
        .into_iter()
        .filter(|algorithm| listed.contains(algorithm))
        .collect()
}

/// Verifies signature, issuer, audience, nonce and times as of `now`, and judges what is said.
pub(super) fn verify(
    token: &CoreIdToken,
    issuer: &CoreProviderMetadata,
    client: &ClientId,
    nonce: &str,
    now: Timestamp,
) -> Result<Identity, Rejected> {
    let verifier = CoreIdTokenVerifier::new_public_client(
        client.clone(),
        issuer.issuer().clone(),
        issuer.jwks().clone(),
    )
    .set_allowed_algs(algorithms(issuer))
    .set_time_fn(move || system_time(Timestamp(now.0.saturating_sub(SKEW.0))).into())
    .set_issue_time_verifier_fn(move |issued| {
        let issued = SystemTime::from(issued);
        let earliest = system_time(Timestamp(now.0.saturating_sub(MAX_AGE.0)));
        if issued > system_time(now.plus(SKEW)) {
            Err("issued in the future".to_owned())
        } else if issued < earliest {
            Err("issued long ago".to_owned())
        } else {
            Ok(())
        }
    });
    let nonce = Nonce::new(nonce.to_owned());
    let claims = token.claims(&verifier, &nonce).map_err(rejected)?;
    let is_ours = claims
        .authorized_party()
        .is_none_or(|party| party == client);
    if !is_ours {
        return Err(refused("it was issued to another client (azp)"));
    }
    let subject = Subject::parse(issuer.issuer().as_str(), claims.subject().as_str());
    let subject = subject.ok_or_else(|| refused("sub must be 1 to 255 ASCII characters"))?;
    Identity::of(subject, &statement(claims)).map_err(|error| Rejected::Final(error.into()))
}

fn rejected(error: ClaimsVerificationError) -> Rejected {
    use ClaimsVerificationError::SignatureVerification;
    match error {
        SignatureVerification(SignatureVerificationError::NoMatchingKey) => Rejected::UnknownKey,
        SignatureVerification(cause) => refused(&cause.to_string()),
        other => refused(&other.to_string()),
    }
}

fn refused(cause: &str) -> Rejected {
    Rejected::Final(Error::Refused(format!("ID token: {cause}")))
}

fn statement(claims: &CoreIdTokenClaims) -> Statement<'_> {
    Statement {
        email: claims.email().map(|email| email.as_str()),
        email_verified: claims.email_verified() == Some(true),
        given_name: any(claims.given_name()),
        family_name: any(claims.family_name()),
        name: any(claims.name()),
    }
}

/// A claim without a language, or else in any.
fn any<T: Deref<Target = String>>(claim: Option<&LocalizedClaim<T>>) -> Option<&str> {
    let claim = claim?;
    let in_any = || claim.iter().map(|(_, value)| value).next();
    claim.get(None).or_else(in_any).map(|value| value.as_str())
}

fn system_time(at: Timestamp) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(at.0).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
