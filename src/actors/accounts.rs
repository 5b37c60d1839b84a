//! Registration and sessions. Credentials are judged here, off the mailbox; sessions are the
//! user's actor's. An e-mail address's claim is the commit point of registration: whatever comes
//! between it and the account is completed at the next login.

mod openid;

pub use openid::{Begun, OpenIdFailure, Return};

use super::Failure;
use super::administration::Administration;
use super::user::{AccountView, Users};
use crate::auth::access::AccessTokens;
use crate::auth::oidc::OpenId;
use crate::auth::password::{self, Hasher};
use crate::auth::refresh::{Refresh, RefreshTokens};
use crate::domain::access::{admin_role, user_role};
use crate::domain::account::{Claim, Credential, Email, Profile};
use crate::domain::ids::{FamilyId, RoleId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::{Command, Rejection, Request};
use crate::sources::Sources;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, Store, WriteId};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// Opens, carries on and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    means: Arc<Means>,
}

/// What accounts work with.
pub struct Means {
    /// Where claims are.
    pub store: Arc<dyn Store>,
    /// The time and ids.
    pub sources: Sources,
    /// The users' actors.
    pub users: Users,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Makes access tokens.
    pub access: Arc<AccessTokens>,
    /// Makes and reads refresh tokens.
    pub refresh: RefreshTokens,
    /// The roles' names, and the administrators.
    pub administration: Administration,
    /// The OpenID provider to log in with, if there is one.
    pub openid: Option<OpenId>,
}

/// A session, as the client gets it.
pub struct Opened {
    /// Whose.
    pub account: AccountView,
    /// The names of the account's roles, sorted.
    pub roles: Vec<String>,
    /// A JWT.
    pub access_token: String,
    /// The next refresh token.
    pub refresh_token: String,
    /// When the access token ends.
    pub expires_at: Timestamp,
}

/// Why no session came of it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccountFailure {
    /// Another account has the address.
    #[error("email is taken already")]
    EmailTaken,
    /// Unknown address or wrong password.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// Not a refresh token of ours, or no longer one.
    #[error("refresh_token is not valid")]
    InvalidRefreshToken,
    /// As many passwords as may wait are waiting to be hashed.
    #[error("too many logins at once")]
    Busy,
    /// No login by way of the issuer.
    #[error(transparent)]
    OpenId(#[from] OpenIdFailure),
    /// Anything that any request may meet.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What registration needs, already checked.
pub struct Registration {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
}

impl Accounts {
    /// Puts them together.
    #[must_use]
    pub fn new(means: Means) -> Self {
        Self {
            means: Arc::new(means),
        }
    }

    /// Makes an account and opens its first session.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn register(
        &self,
        registration: Registration,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let roles = BTreeSet::from([user_role()]);
        let claim = self.claim(registration, roles, deadline).await?;
        self.open(claim, deadline).await
    }

    /// Opens a session. `None` for an e-mail address that cannot be one takes as long as any.
    ///
    /// # Errors
    /// [`AccountFailure`]; an inactive account is told so only after the right password.
    pub async fn login(
        &self,
        email: Option<Email>,
        password: String,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let claim = match email {
            Some(email) => self.claim_of(email, deadline).await?,
            None => None,
        };
        let hash = claim.as_ref().and_then(|claim| match &claim.credential {
            Credential::Password(hash) => Some(hash.clone()),
            Credential::Issued(_) => None,
        });
        let verified = timeout_at(deadline, self.means.hasher.verify(password, hash)).await;
        match (hashed(verified)?, claim) {
            (true, Some(claim)) => self.open(claim, deadline).await,
            _ => Err(AccountFailure::InvalidCredentials),
        }
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn refresh(&self, token: &str, deadline: Instant) -> Result<Opened, AccountFailure> {
        let means = &self.means;
        let presented = means
            .refresh
            .parse(token)
            .map_err(|_| AccountFailure::InvalidRefreshToken)?;
        let generation = presented
            .generation
            .checked_add(1)
            .ok_or(AccountFailure::InvalidRefreshToken)?;
        let next = means
            .refresh
            .issue(presented.user, presented.family, generation);
        let command = Command::Refresh {
            family: presented.family,
            generation: presented.generation,
            token_hash: presented.hash,
            next_hash: next.hash,
        };
        let asked = means
            .users
            .ask(presented.user, Request::anonymous(command), deadline)
            .await;
        match asked {
            Ok(reply) => Ok(self.opened(reply.into_account()?, next)),
            Err(Failure::Rejected(Rejection::UserNotFound)) => {
                Err(AccountFailure::InvalidRefreshToken)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Ends every session of the user.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn logout(&self, user: UserId, epoch: u32, deadline: Instant) -> Result<(), Failure> {
        let logout = Request::of(Command::Logout, epoch);
        self.means
            .users
            .ask(user, logout, deadline)
            .await
            .map(|_| ())
    }

    /// The user's account, and the names of its roles.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn profile(
        &self,
        user: UserId,
        epoch: u32,
        deadline: Instant,
    ) -> Result<(AccountView, Vec<String>), Failure> {
        let view = Request::of(Command::ViewAccount, epoch);
        let account = self
            .means
            .users
            .ask(user, view, deadline)
            .await?
            .into_account()?;
        let roles = self.role_names(&account);
        Ok((account, roles))
    }

    /// Makes the first administrator, where the address is not taken, and completes what a crash
    /// left undone. Returns whether the account is an administrator's: one that somebody else
    /// registered is not made one.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn ensure_administrator(
        &self,
        registration: Registration,
        deadline: Instant,
    ) -> Result<bool, AccountFailure> {
        let email = registration.email.clone();
        let roles = BTreeSet::from([admin_role(), user_role()]);
        let claim = match self.claim(registration, roles, deadline).await {
            // Earlier, or by another node that is starting.
            Err(AccountFailure::EmailTaken) => self.claim_of(email, deadline).await?,
            claimed => Some(claimed?),
        };
        let claim = claim.ok_or(Failure::Internal)?;
        let user = claim.user_id;
        let complete = Request::anonymous(Command::CompleteAccount(Box::new(claim)));
        let account = self
            .means
            .users
            .ask(user, complete, deadline)
            .await?
            .into_account()?;
        let is_admin = account.roles.contains(&admin_role());
        if is_admin {
            self.means.administration.enlist(user, deadline).await?;
        }
        Ok(is_admin)
    }

    async fn claim_of(
        &self,
        email: Email,
        deadline: Instant,
    ) -> Result<Option<Claim>, AccountFailure> {
        let claim = timeout_at(deadline, self.means.store.claim(email)).await;
        let claim = claim.map_err(|_| Failure::Unavailable)?;
        Ok(claim.map_err(Failure::from_store)?.value)
    }

    /// Takes the address: from here on the account exists, whatever happens.
    async fn claim(
        &self,
        registration: Registration,
        roles: BTreeSet<RoleId>,
        deadline: Instant,
    ) -> Result<Claim, AccountFailure> {
        let Registration {
            email,
            password,
            first_name,
            last_name,
        } = registration;
        if self.claim_of(email.clone(), deadline).await?.is_some() {
            return Err(AccountFailure::EmailTaken);
        }
        let hash = timeout_at(deadline, self.means.hasher.hash(password)).await;
        let sources = &self.means.sources;
        let created_at = sources.clock.now();
        let claim = Claim {
            user_id: UserId(sources.entropy.uuid()),
            credential: Credential::Password(hashed(hash)?),
            profile: Profile {
                email: email.clone(),
                first_name,
                last_name,
                email_verified: false,
                created_at,
            },
            roles,
        };
        let write = WriteId(sources.entropy.uuid());
        let commit = Commit {
            expected: 0,
            write,
            change: Change::Claim(email, claim.clone()),
        };
        match resolve::commit(&*self.means.store, commit, deadline).await {
            Ok(()) => Ok(claim),
            Err(CommitFailure::Conflict) => Err(AccountFailure::EmailTaken),
            Err(failure) => {
                tracing::warn!(%failure, "accounts.claim.failed");
                Err(Failure::Unavailable.into())
            }
        }
    }

    async fn open(&self, claim: Claim, deadline: Instant) -> Result<Opened, AccountFailure> {
        let user = claim.user_id;
        let family = FamilyId(self.means.sources.entropy.uuid());
        let refresh = self.means.refresh.issue(user, family, 0);
        let command = Command::OpenSession {
            claim: Box::new(claim),
            family,
            token_hash: refresh.hash,
        };
        let reply = self
            .means
            .users
            .ask(user, Request::anonymous(command), deadline)
            .await?;
        Ok(self.opened(reply.into_account()?, refresh))
    }

    fn role_names(&self, account: &AccountView) -> Vec<String> {
        let roles = self.means.administration.roles().last_known();
        roles.names(&account.roles)
    }

    fn opened(&self, account: AccountView, refresh: Refresh) -> Opened {
        let roles = self.role_names(&account);
        let access = self
            .means
            .access
            .issue(account.id, roles.clone(), account.epoch);
        Opened {
            account,
            roles,
            access_token: access.token,
            refresh_token: refresh.token,
            expires_at: access.expires_at,
        }
    }
}

type Hashed<T> = Result<Result<T, password::Error>, tokio::time::error::Elapsed>;

fn hashed<T>(outcome: Hashed<T>) -> Result<T, AccountFailure> {
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(password::Error::Busy)) | Err(_) => Err(AccountFailure::Busy),
        Ok(Err(error)) => {
            tracing::error!(%error, "accounts.hash.failed");
            Err(Failure::Internal.into())
        }
    }
}
