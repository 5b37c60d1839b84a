//! Sessions: opened by login, carried on by refresh tokens, each of which is good once.

use super::{Answer, Decision};
use crate::domain::account::{Account, Claim, ROTATION_GRACE, SESSION_LIFE, Session};
use crate::domain::ids::FamilyId;
use crate::domain::time::Timestamp;
use crate::domain::user::{Event, Rejection, State};

/// What a client presented to refresh.
pub(super) struct Presented {
    pub(super) generation: u32,
    pub(super) hash: [u8; 32],
}

pub(super) fn open(
    state: &State,
    claim: &Claim,
    family: FamilyId,
    token_hash: [u8; 32],
    now: Timestamp,
) -> Result<Decision, Rejection> {
    let mut decision = complete(state, claim);
    if state
        .account
        .as_ref()
        .is_some_and(|account| !account.active)
    {
        return Err(Rejection::AccountInactive);
    }
    decision.events.push(Event::SessionOpened(Session {
        family,
        expires_at: now.plus(SESSION_LIFE),
        generation: 0,
        token_hash,
        rotated_at: now,
    }));
    Ok(decision)
}

pub(super) fn complete(state: &State, claim: &Claim) -> Decision {
    let missing = state
        .account
        .is_none()
        .then(|| Event::AccountCompleted(claim.clone().into()));
    Decision::new(missing.into_iter().collect(), Answer::Account)
}

pub(super) fn refresh(
    account: &Account,
    family: FamilyId,
    presented: Presented,
    next_hash: [u8; 32],
    now: Timestamp,
) -> Result<Decision, Rejection> {
    let invalid = Rejection::InvalidRefreshToken;
    let session = account
        .sessions
        .iter()
        .find(|session| session.family == family);
    let Some(session) = session.filter(|session| account.active && session.expires_at > now) else {
        return Err(invalid);
    };
    if presented.generation == session.generation && presented.hash == session.token_hash {
        let refreshed = Event::SessionRefreshed {
            family,
            token_hash: next_hash,
            at: now,
        };
        return Ok(Decision::new(vec![refreshed], Answer::Account));
    }
    // A client whose answer was lost retries at once; that must not cost it the session.
    let is_retry = presented.generation.checked_add(1) == Some(session.generation)
        && now.since(session.rotated_at) <= ROTATION_GRACE;
    if presented.generation >= session.generation || is_retry {
        return Err(invalid);
    }
    Ok(Decision::new(
        vec![Event::SessionRevoked(family)],
        Answer::Refused(invalid),
    ))
}
