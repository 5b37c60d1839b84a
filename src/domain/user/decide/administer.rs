//! Changes of an account by administrators. Whether they may is judged before; here it counts that
//! what they judged on still stands.

use super::{Answer, Decision};
use crate::domain::account::{Account, MAX_ROLES};
use crate::domain::time::Timestamp;
use crate::domain::user::{AccountChange, Event, Rejection};

pub(super) fn decide(
    account: &Account,
    change: &AccountChange,
    seen: u32,
    at: Timestamp,
) -> Result<Decision, Rejection> {
    if account.epoch != seen {
        return Err(Rejection::AccountChanged);
    }
    let event = match change {
        AccountChange::AssignRole { role, gone } if !account.roles.contains(role) => {
            let mut roles = &account.roles - gone;
            roles.insert(*role);
            if roles.len() > MAX_ROLES {
                return Err(Rejection::TooManyRoles);
            }
            Some(Event::RolesChanged { roles, at })
        }
        AccountChange::RemoveRole(role) if account.roles.contains(role) => {
            let mut roles = account.roles.clone();
            roles.remove(role);
            Some(Event::RolesChanged { roles, at })
        }
        AccountChange::SetActive(active) if *active != account.active => {
            let active = *active;
            Some(Event::ActivityChanged { active, at })
        }
        AccountChange::Confirm => Some(Event::TokensVoided),
        AccountChange::AssignRole { .. }
        | AccountChange::RemoveRole(_)
        | AccountChange::SetActive(_) => None,
    };
    Ok(Decision::new(event.into_iter().collect(), Answer::Account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{Claim, Credential, Email, Profile, Session};
    use crate::domain::cart::Cart;
    use crate::domain::ids::{FamilyId, RoleId, UserId};
    use crate::domain::user::State;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const LATER: Timestamp = Timestamp(9_000);

    fn role(number: u128) -> RoleId {
        RoleId(Uuid::from_u128(number))
    }

    /// An account with the role 1 and one session.
    fn state() -> State {
        let id = UserId(Uuid::nil());
        let claim = Claim {
            user_id: id,
            credential: Credential::Password(String::new()),
            profile: Profile {
                email: Email::parse("ann@example.com").unwrap(),
                first_name: "Ann".to_owned(),
                last_name: "Lee".to_owned(),
                email_verified: false,
                created_at: Timestamp(0),
            },
            roles: BTreeSet::from([role(1)]),
        };
        let mut state = State::loaded(id, None, Cart::default());
        state.apply(&Event::AccountCompleted(Box::new(claim)));
        state.apply(&Event::SessionOpened(Session {
            family: FamilyId(Uuid::nil()),
            expires_at: Timestamp(i64::MAX),
            generation: 0,
            token_hash: [0; 32],
            rotated_at: Timestamp(0),
        }));
        state
    }

    fn change(state: &mut State, change: &AccountChange, seen: u32) -> Result<usize, Rejection> {
        let decision = decide(state.account.as_ref().unwrap(), change, seen, LATER)?;
        for event in &decision.events {
            state.apply(event);
        }
        Ok(decision.events.len())
    }

    fn assign(number: u128) -> AccountChange {
        AccountChange::AssignRole {
            role: role(number),
            gone: BTreeSet::new(),
        }
    }

    #[test]
    fn every_change_moves_the_epoch_and_none_does_not() {
        let mut state = state();
        let changes = [
            (assign(2), 1),
            (assign(2), 0),
            (AccountChange::RemoveRole(role(1)), 1),
            (AccountChange::RemoveRole(role(1)), 0),
            (AccountChange::SetActive(true), 0),
            (AccountChange::SetActive(false), 1),
            (AccountChange::SetActive(false), 0),
            (AccountChange::SetActive(true), 1),
            (AccountChange::Confirm, 1),
        ];
        let mut epoch = 0;
        for (asked, moved) in changes {
            let events = change(&mut state, &asked, epoch).unwrap();
            assert_eq!(events, moved, "{asked:?}");
            epoch += u32::try_from(moved).unwrap();
            assert_eq!(state.account.as_ref().unwrap().epoch, epoch, "{asked:?}");
        }
        assert_eq!(state.account.unwrap().roles, BTreeSet::from([role(2)]));
    }

    #[test]
    fn sessions_outlive_a_change_of_roles_and_end_with_deactivation() {
        let mut state = state();
        change(&mut state, &assign(2), 0).unwrap();
        let account = state.account.as_ref().unwrap();
        assert_eq!((account.sessions.len(), account.updated_at), (1, LATER));
        change(&mut state, &AccountChange::Confirm, 1).unwrap();
        assert_eq!(state.account.as_ref().unwrap().sessions.len(), 1);
        change(&mut state, &AccountChange::SetActive(false), 2).unwrap();
        let account = state.account.unwrap();
        assert!(account.sessions.is_empty() && !account.active);
    }

    #[test]
    fn what_was_judged_on_another_epoch_is_refused() {
        let mut state = state();
        for seen in [1, 7] {
            let refused = change(&mut state, &assign(2), seen);
            assert_eq!(refused, Err(Rejection::AccountChanged));
        }
    }

    #[test]
    fn roles_are_bounded_and_those_that_are_gone_make_room() {
        let mut state = state();
        for number in 2..=32 {
            let epoch = state.account.as_ref().unwrap().epoch;
            change(&mut state, &assign(number), epoch).unwrap();
        }
        assert_eq!(
            change(&mut state, &assign(33), 31),
            Err(Rejection::TooManyRoles)
        );
        let with_room = AccountChange::AssignRole {
            role: role(33),
            gone: BTreeSet::from([role(7), role(99)]),
        };
        assert_eq!(change(&mut state, &with_room, 31), Ok(1));
        let roles = state.account.unwrap().roles;
        assert!(roles.len() == 32 && !roles.contains(&role(7)));
    }
}
