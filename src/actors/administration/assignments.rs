//! Who has which roles, and who may log in. Changes are commands to the user's actor, which
//! refuses them where the account is no longer the one that they were judged on.

use super::administrators::counts;
use super::{Administration, Result, in_time};
use crate::actors::Failure;
use crate::actors::user::AccountView;
use crate::domain::access::{Refusal, Role, RoleBook, admin_role};
use crate::domain::ids::{RoleId, UserId};
use crate::domain::user::AccountChange;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// What a role is named by.
#[derive(Clone, Debug)]
pub enum RoleRef {
    /// Its id.
    Id(RoleId),
    /// Its name.
    Name(String),
}

impl RoleRef {
    fn find<'a>(&self, book: &'a RoleBook) -> Option<&'a Role> {
        match self {
            Self::Id(id) => book.roles.get(id),
            Self::Name(name) => book.role_named(name),
        }
    }
}

impl Administration {
    /// Gives a user a role. The user may have it already.
    ///
    /// # Errors
    /// [`AdministrationFailure`](super::AdministrationFailure).
    pub async fn assign(
        &self,
        by: &BTreeSet<RoleId>,
        user: UserId,
        role: &RoleRef,
        deadline: Instant,
    ) -> Result<()> {
        while Instant::now() < deadline {
            let account = self.user(user, deadline).await?;
            // Read after the account: of the account's roles those that it lacks are gone.
            let book = in_time(deadline, self.roles.read()).await?.value;
            let role = role.find(&book).ok_or(Refusal::RoleNotFound)?.id;
            book.may_hand_out(by, role)?;
            let is_gone = |id: &&RoleId| !book.roles.contains_key(id);
            let gone = account.roles.iter().filter(is_gone).copied().collect();
            let change = AccountChange::AssignRole { role, gone };
            if self.administer(&account, change, deadline).await?.is_none() {
                continue;
            }
            if role == admin_role() {
                self.enlist(user, deadline).await?;
            }
            return Ok(());
        }
        Err(Failure::Unavailable.into())
    }

    /// Takes a role from a user. The user may not have it.
    ///
    /// # Errors
    /// [`AdministrationFailure`](super::AdministrationFailure).
    pub async fn remove(
        &self,
        by: &BTreeSet<RoleId>,
        user: UserId,
        role: RoleId,
        deadline: Instant,
    ) -> Result<()> {
        while Instant::now() < deadline {
            let account = self.user(user, deadline).await?;
            let book = in_time(deadline, self.roles.read()).await?.value;
            book.may_hand_out(by, role)?;
            if role == admin_role() && counts(&account) {
                self.administrators.strike(user, deadline).await?;
            }
            let change = AccountChange::RemoveRole(role);
            if self.administer(&account, change, deadline).await?.is_some() {
                return Ok(());
            }
        }
        Err(Failure::Unavailable.into())
    }

    /// Lets a user log in, or no longer. Of an administrator only another one decides that.
    ///
    /// # Errors
    /// [`AdministrationFailure`](super::AdministrationFailure).
    pub async fn set_active(
        &self,
        by: &BTreeSet<RoleId>,
        user: UserId,
        active: bool,
        deadline: Instant,
    ) -> Result<AccountView> {
        while Instant::now() < deadline {
            let account = self.user(user, deadline).await?;
            let is_admin = account.roles.contains(&admin_role());
            if is_admin && !by.contains(&admin_role()) {
                return Err(Refusal::AdminOnly.into());
            }
            if !active && counts(&account) {
                self.administrators.strike(user, deadline).await?;
            }
            let change = AccountChange::SetActive(active);
            let Some(account) = self.administer(&account, change, deadline).await? else {
                continue;
            };
            if counts(&account) {
                self.enlist(user, deadline).await?;
            }
            return Ok(account);
        }
        Err(Failure::Unavailable.into())
    }

    /// Has the user counted among the administrators, where the account is an active one's.
    ///
    /// # Errors
    /// [`Failure`]: to be repeated.
    pub(crate) async fn enlist(
        &self,
        user: UserId,
        deadline: Instant,
    ) -> std::result::Result<(), Failure> {
        self.administrators.enlist(user, deadline).await
    }

    async fn administer(
        &self,
        account: &AccountView,
        change: AccountChange,
        deadline: Instant,
    ) -> std::result::Result<Option<AccountView>, Failure> {
        self.administrators
            .administer(account, change, deadline)
            .await
    }
}
