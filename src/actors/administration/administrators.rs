//! The set of active administrators, in a partition of its own: so that of two who would each take
//! the other for the last but one, the second is refused.
//!
//! Whoever is in the set is an active administrator; a crash only ever leaves somebody out. Who
//! comes in: the set is read, then the account's epoch moved, which voids every removal that was
//! judged before, then the set changed if it is still the one that was read. Who goes out: the
//! account is seen, then the set changed, then the account, if its epoch is still the one seen.
//! Between the two, one always meets the other's trace.

use super::{AdministrationFailure, in_time};
use crate::actors::Failure;
use crate::actors::user::{AccountView, Users};
use crate::domain::access::{Refusal, admin_role};
use crate::domain::ids::UserId;
use crate::domain::user::{AccountChange, Command, Rejection, Request};
use crate::sources::Sources;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, Store, Version, WriteId};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;

#[derive(Clone)]
pub(super) struct Administrators {
    pub(super) store: Arc<dyn Store>,
    pub(super) sources: Sources,
    pub(super) users: Users,
}

/// Whether the account belongs into the set.
pub(super) fn counts(account: &AccountView) -> bool {
    account.active && account.roles.contains(&admin_role())
}

impl Administrators {
    /// Adds the user, where the account is an active administrator's.
    ///
    /// # Errors
    /// [`Failure`]: it may be that the user is left out. To be repeated.
    pub(super) async fn enlist(&self, user: UserId, deadline: Instant) -> Result<(), Failure> {
        while Instant::now() < deadline {
            let mut known = in_time(deadline, self.store.administrators()).await?;
            if !known.value.insert(user) {
                return Ok(());
            }
            let account = self.users.view(user, deadline).await?;
            if !counts(&account) {
                return Ok(());
            }
            let confirmed = self.administer(&account, AccountChange::Confirm, deadline);
            if confirmed.await?.is_some()
                && self.replace(known.version, known.value, deadline).await?
            {
                return Ok(());
            }
        }
        Err(Failure::Unavailable)
    }

    /// Takes the user out, before the account stops being an active administrator's.
    ///
    /// # Errors
    /// [`Refusal::LastAdministrator`] where nobody would be left.
    pub(super) async fn strike(
        &self,
        user: UserId,
        deadline: Instant,
    ) -> Result<(), AdministrationFailure> {
        while Instant::now() < deadline {
            let mut known = in_time(deadline, self.store.administrators()).await?;
            known.value.remove(&user);
            if known.value.is_empty() {
                return Err(Refusal::LastAdministrator.into());
            }
            // Written also where the user was not in it: whoever adds the user right now must see
            // that something happened.
            if self.replace(known.version, known.value, deadline).await? {
                return Ok(());
            }
        }
        Err(Failure::Unavailable.into())
    }

    /// Changes an account as it was seen. `None` where it is no longer so.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn administer(
        &self,
        account: &AccountView,
        change: AccountChange,
        deadline: Instant,
    ) -> Result<Option<AccountView>, Failure> {
        let seen = account.epoch;
        let request = Request::anonymous(Command::Administer { change, seen });
        match self.users.ask(account.id, request, deadline).await {
            Ok(reply) => reply.into_account().map(Some),
            Err(Failure::Rejected(Rejection::AccountChanged)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether the set was still at that version.
    async fn replace(
        &self,
        expected: Version,
        administrators: BTreeSet<UserId>,
        deadline: Instant,
    ) -> Result<bool, Failure> {
        let commit = Commit {
            expected,
            write: WriteId(self.sources.entropy.uuid()),
            change: Change::Administrators(administrators),
        };
        match resolve::commit(&*self.store, commit, deadline).await {
            Ok(()) => Ok(true),
            Err(CommitFailure::Conflict) => Ok(false),
            Err(failure) => {
                tracing::warn!(%failure, "administrators.commit.failed");
                Err(Failure::Unavailable)
            }
        }
    }
}
