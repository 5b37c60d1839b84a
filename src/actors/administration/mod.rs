//! Administration: roles, permissions, who has which roles, and who may log in.
//!
//! What is asked is judged on a book and an account that were read for it, and written only where
//! both still stand. Who asks is known already: `by` are the roles of their account.

mod administrators;
mod assignments;
mod roles;

pub use assignments::RoleRef;
pub use roles::Roles;

use super::Failure;
use super::orders::in_time;
use super::user::{AccountView, Users};
use crate::domain::access::{Permission, PermissionText, Refusal, Role, RoleBook, RoleText};
use crate::domain::account::Email;
use crate::domain::ids::{PermissionId, RoleId, UserId};
use crate::domain::user::{Command, Request};
use crate::sources::Sources;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, Store, WriteId, encoding};
use administrators::Administrators;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;

/// The most bytes of the roles and permissions as they are stored.
const MAX_BOOK: usize = 48 * 1024;

/// Why nothing came of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AdministrationFailure {
    /// It is not allowed, or cannot be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Anything that any request may meet.
    #[error(transparent)]
    Failed(#[from] Failure),
}

type Result<T> = std::result::Result<T, AdministrationFailure>;

/// Administers the shop. Cheap to clone.
#[derive(Clone)]
pub struct Administration {
    store: Arc<dyn Store>,
    sources: Sources,
    users: Users,
    roles: Roles,
    administrators: Administrators,
}

impl Administration {
    pub(super) fn new(store: Arc<dyn Store>, sources: Sources, users: Users, roles: Roles) -> Self {
        let administrators = Administrators {
            store: store.clone(),
            sources: sources.clone(),
            users: users.clone(),
        };
        Self {
            store,
            sources,
            users,
            roles,
            administrators,
        }
    }

    /// The roles as this node knows them.
    #[must_use]
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Makes a role.
    ///
    /// # Errors
    /// [`AdministrationFailure`]; `Refused`: nothing has changed. So for all that follows.
    pub async fn create_role(&self, text: RoleText, deadline: Instant) -> Result<Role> {
        let id = RoleId(self.sources.entropy.uuid());
        let create = |book: &mut RoleBook| book.create_role(id, text.clone());
        self.change(create, deadline).await
    }

    /// Renames and redescribes a role.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn update_role(
        &self,
        by: &BTreeSet<RoleId>,
        id: RoleId,
        text: RoleText,
        deadline: Instant,
    ) -> Result<Role> {
        let update = |book: &mut RoleBook| book.update_role(by, id, text.clone());
        self.change(update, deadline).await
    }

    /// Removes a role; it may be gone already.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn delete_role(
        &self,
        by: &BTreeSet<RoleId>,
        id: RoleId,
        deadline: Instant,
    ) -> Result<()> {
        self.change(|book| book.delete_role(by, id), deadline).await
    }

    /// Makes a permission.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn create_permission(
        &self,
        text: PermissionText,
        deadline: Instant,
    ) -> Result<Permission> {
        let id = PermissionId(self.sources.entropy.uuid());
        let create = |book: &mut RoleBook| book.create_permission(id, text.clone());
        self.change(create, deadline).await
    }

    /// Redefines and redescribes a permission.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn update_permission(
        &self,
        by: &BTreeSet<RoleId>,
        id: PermissionId,
        text: PermissionText,
        deadline: Instant,
    ) -> Result<Permission> {
        let update = |book: &mut RoleBook| book.update_permission(by, id, text.clone());
        self.change(update, deadline).await
    }

    /// Removes a permission; it may be gone already.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn delete_permission(
        &self,
        by: &BTreeSet<RoleId>,
        id: PermissionId,
        deadline: Instant,
    ) -> Result<()> {
        let delete = |book: &mut RoleBook| book.delete_permission(by, id);
        self.change(delete, deadline).await
    }

    /// Has a role stand for a permission.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn grant(
        &self,
        by: &BTreeSet<RoleId>,
        role: RoleId,
        permission: PermissionId,
        deadline: Instant,
    ) -> Result<()> {
        let grant = |book: &mut RoleBook| book.grant(by, role, permission);
        self.change(grant, deadline).await
    }

    /// Has a role no longer stand for a permission.
    ///
    /// # Errors
    /// As [`Self::create_role`].
    pub async fn revoke(
        &self,
        by: &BTreeSet<RoleId>,
        role: RoleId,
        permission: PermissionId,
        deadline: Instant,
    ) -> Result<()> {
        let revoke = |book: &mut RoleBook| book.revoke(by, role, permission);
        self.change(revoke, deadline).await
    }

    /// A user's account.
    ///
    /// # Errors
    /// [`Failure`]; `Rejected(UserNotFound)` where there is none.
    pub async fn user(
        &self,
        user: UserId,
        deadline: Instant,
    ) -> std::result::Result<AccountView, Failure> {
        self.users.view(user, deadline).await
    }

    /// The account with this address, if there is one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn user_by_email(
        &self,
        email: Email,
        deadline: Instant,
    ) -> std::result::Result<Option<AccountView>, Failure> {
        let Some(claim) = in_time(deadline, self.store.claim(email)).await?.value else {
            return Ok(None);
        };
        let user = claim.user_id;
        // From its claim on an account exists, also where registration got no further.
        let complete = Request::anonymous(Command::CompleteAccount(Box::new(claim)));
        let reply = self.users.ask(user, complete, deadline).await?;
        reply.into_account().map(Some)
    }

    /// Changes the book as it is in the store, again and again while others do.
    async fn change<T>(
        &self,
        change: impl Fn(&mut RoleBook) -> std::result::Result<T, Refusal> + Send + Sync,
        deadline: Instant,
    ) -> Result<T> {
        while Instant::now() < deadline {
            let read = in_time(deadline, self.roles.read()).await?;
            let mut book = RoleBook::clone(&read.value);
            let answer = change(&mut book)?;
            if book == *read.value {
                return Ok(answer);
            }
            if encoding::encode(&book).len() > MAX_BOOK {
                return Err(Refusal::TooManyRoles.into());
            }
            let commit = Commit {
                expected: read.version,
                write: WriteId(self.sources.entropy.uuid()),
                change: Change::Roles(book.clone()),
            };
            let begun = Instant::now();
            match resolve::commit(&*self.store, commit, deadline).await {
                Ok(()) => {
                    self.roles.learn(book.into(), read.version + 1, begun);
                    return Ok(answer);
                }
                Err(CommitFailure::Conflict) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "roles.commit.failed");
                    return Err(Failure::Unavailable.into());
                }
            }
        }
        Err(Failure::Unavailable.into())
    }
}
