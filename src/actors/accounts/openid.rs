//! Login by way of an OpenID provider. A login that was begun is stored under its state and taken
//! once. An identity's link decides whose account it is, before the claim of its e-mail address
//! makes that account be; whatever comes between the two is completed at the next login.

use super::{AccountFailure, Accounts, Failure, Opened};
use crate::auth::oidc::{self, OpenId};
use crate::domain::access::user_role;
use crate::domain::account::{Claim, Credential, Profile};
use crate::domain::identity::{EmailNotVerified, Identity, LoginState, PendingLogin, Subject};
use crate::domain::ids::UserId;
use crate::domain::user::Rejection;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, LoginWrite, Version, Versioned, WriteId};
use std::collections::BTreeSet;
use tokio::time::{Instant, timeout_at};

/// How often the taking of a state is tried while others change it.
const TRIES: usize = 3;

/// Why there is no login by way of the issuer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenIdFailure {
    /// There is no client of any issuer.
    #[error("login with Google is not configured")]
    NotConfigured,
    /// A login with this state is pending.
    #[error("state belongs to a login that is pending: choose another")]
    StatePending,
    /// No login with this state is pending.
    #[error("state belongs to no pending login: begin anew")]
    UnknownState,
    /// The issuer sent the person back without a code.
    #[error("the login was not granted: {0}")]
    Denied(String),
    /// What the issuer said does not prove who the person is.
    #[error("code was not accepted: begin anew")]
    Refused,
    /// The issuer does not vouch for an address.
    #[error(transparent)]
    EmailNotVerified(#[from] EmailNotVerified),
    /// The issuer does not answer.
    #[error("the issuer cannot be reached now, begin anew later")]
    Unreachable,
}

/// A login that was begun.
pub struct Begun {
    /// The issuer's page, where the person goes on.
    pub url: String,
    /// What comes back with the person.
    pub state: LoginState,
}

/// What a person comes back with.
pub enum Return {
    /// A code to exchange.
    Code(String),
    /// The issuer's error.
    Error(String),
}

impl Accounts {
    /// Begins a login, under the client's own state where there is one.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn begin_openid(
        &self,
        state: Option<LoginState>,
        deadline: Instant,
    ) -> Result<Begun, AccountFailure> {
        let openid = self.openid()?;
        let fresh = || LoginState::parse(&openid.unguessable()).ok_or(Failure::Internal);
        let state = state.map_or_else(fresh, Ok)?;
        let departure = asked(deadline, openid.depart(state.as_str())).await?;
        self.keep(&state, departure.login, deadline).await?;
        Ok(Begun {
            url: departure.url,
            state,
        })
    }

    /// Finishes a login that is pending, and opens a session. Whatever comes of it, the login is
    /// pending no more, unless the issuer is away already before.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn finish_openid(
        &self,
        state: &LoginState,
        came_with: Return,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let openid = self.openid()?;
        let code = match came_with {
            Return::Code(code) => code,
            Return::Error(error) => {
                self.take(state, deadline).await?;
                return Err(OpenIdFailure::Denied(error).into());
            }
        };
        asked(deadline, openid.reach()).await?;
        let login = self.take(state, deadline).await?;
        let identity = asked(deadline, openid.arrive(code, &login)).await?;
        self.login_as(identity, deadline).await
    }

    /// Opens a session for somebody whom the issuer vouches for; makes the account where it is the
    /// first one.
    ///
    /// # Errors
    /// [`AccountFailure`]; `EmailTaken` where there is no account yet and its address is another's.
    pub async fn login_as(
        &self,
        identity: Identity,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let link = self.link(&identity, deadline).await?;
        let claim = match self.means.users.view(link.user_id, deadline).await {
            Ok(_) => link,
            Err(Failure::Rejected(Rejection::UserNotFound)) => {
                self.claim_for(link, identity, deadline).await?
            }
            Err(failure) => return Err(failure.into()),
        };
        self.open(claim, deadline).await
    }

    /// Whether there is an issuer to log in with.
    ///
    /// # Errors
    /// `NotConfigured`.
    pub fn openid(&self) -> Result<&OpenId, OpenIdFailure> {
        let openid = self.means.openid.as_ref();
        openid.ok_or(OpenIdFailure::NotConfigured)
    }

    /// What the identity is linked with, from its first login on: one user id for good, and the
    /// claim that was to make its account.
    async fn link(&self, identity: &Identity, deadline: Instant) -> Result<Claim, AccountFailure> {
        if let Some(link) = self.link_of(&identity.subject, deadline).await? {
            return Ok(link);
        }
        if self
            .claim_of(identity.email.clone(), deadline)
            .await?
            .is_some()
        {
            return Err(AccountFailure::EmailTaken);
        }
        let user_id = UserId(self.means.sources.entropy.uuid());
        let link = self.claim_as(user_id, identity);
        let change = Change::Subject(identity.subject.clone(), link.clone());
        match self.commit(0, change, deadline).await {
            Ok(()) => Ok(link),
            // The same person, at the same time.
            Err(CommitFailure::Conflict) => {
                let theirs = self.link_of(&identity.subject, deadline).await?;
                theirs.ok_or_else(|| Failure::Unavailable.into())
            }
            Err(failure) => Err(unavailable(&failure)),
        }
    }

    /// A claim for the linked user, who has no account yet: the one of an earlier login that got no
    /// further, else a new one for the address of today.
    async fn claim_for(
        &self,
        link: Claim,
        identity: Identity,
        deadline: Instant,
    ) -> Result<Claim, AccountFailure> {
        let is_ours = |claim: &Claim| claim.user_id == link.user_id;
        let earlier = self.claim_of(link.profile.email.clone(), deadline).await?;
        if let Some(earlier) = earlier.filter(is_ours) {
            return Ok(earlier);
        }
        let claim = self.claim_as(link.user_id, &identity);
        let change = Change::Claim(identity.email.clone(), claim.clone());
        match self.commit(0, change, deadline).await {
            Ok(()) => Ok(claim),
            Err(CommitFailure::Conflict) => {
                let taken = self.claim_of(identity.email, deadline).await?;
                taken.filter(is_ours).ok_or(AccountFailure::EmailTaken)
            }
            Err(failure) => Err(unavailable(&failure)),
        }
    }

    fn claim_as(&self, user_id: UserId, identity: &Identity) -> Claim {
        Claim {
            user_id,
            credential: Credential::Issued(identity.subject.clone()),
            profile: Profile {
                email: identity.email.clone(),
                first_name: identity.first_name.clone(),
                last_name: identity.last_name.clone(),
                email_verified: true,
                created_at: self.means.sources.clock.now(),
            },
            roles: BTreeSet::from([user_role()]),
        }
    }

    async fn link_of(
        &self,
        subject: &Subject,
        deadline: Instant,
    ) -> Result<Option<Claim>, AccountFailure> {
        let found = timeout_at(deadline, self.means.store.subject(subject.clone())).await;
        let found = found.map_err(|_| Failure::Unavailable)?;
        Ok(found.map_err(Failure::from_store)?.value)
    }

    /// Makes the login pending.
    async fn keep(
        &self,
        state: &LoginState,
        login: PendingLogin,
        deadline: Instant,
    ) -> Result<(), AccountFailure> {
        for _ in 0..TRIES {
            let stored = self.pending(state, deadline).await?;
            if stored.value.is_some() {
                break;
            }
            let kept = Some(login.clone());
            match self.put(state, stored.version, kept, deadline).await {
                Err(CommitFailure::Conflict) => {}
                other => return other.map_err(|failure| unavailable(&failure)),
            }
        }
        Err(OpenIdFailure::StatePending.into())
    }

    /// Takes the pending login, which nobody can take again. Where it is not known whether it was
    /// taken, it counts as taken by nobody.
    async fn take(
        &self,
        state: &LoginState,
        deadline: Instant,
    ) -> Result<PendingLogin, AccountFailure> {
        let stored = self.pending(state, deadline).await?;
        let login = stored.value.ok_or(OpenIdFailure::UnknownState)?;
        match self.put(state, stored.version, None, deadline).await {
            Ok(()) => Ok(login),
            Err(CommitFailure::Conflict) => Err(OpenIdFailure::UnknownState.into()),
            Err(failure) => Err(unavailable(&failure)),
        }
    }

    /// The login with this state, if it is pending and not too old.
    async fn pending(
        &self,
        state: &LoginState,
        deadline: Instant,
    ) -> Result<Versioned<Option<PendingLogin>>, AccountFailure> {
        let found = timeout_at(deadline, self.means.store.login(state.id())).await;
        let found = found.map_err(|_| Failure::Unavailable)?;
        let mut found = found.map_err(Failure::from_store)?;
        let now = self.means.sources.clock.now();
        found.value = found.value.filter(|login| login.is_live(now));
        Ok(found)
    }

    async fn put(
        &self,
        state: &LoginState,
        expected: Version,
        pending: Option<PendingLogin>,
        deadline: Instant,
    ) -> Result<(), CommitFailure> {
        let at = self.means.sources.clock.now();
        let write = LoginWrite { pending, at };
        self.commit(expected, Change::Login(state.id(), write), deadline)
            .await
    }

    async fn commit(
        &self,
        expected: Version,
        change: Change,
        deadline: Instant,
    ) -> Result<(), CommitFailure> {
        let commit = Commit {
            expected,
            write: WriteId(self.means.sources.entropy.uuid()),
            change,
        };
        resolve::commit(&*self.means.store, commit, deadline).await
    }
}

fn unavailable(failure: &CommitFailure) -> AccountFailure {
    tracing::warn!(%failure, "accounts.openid.failed");
    Failure::Unavailable.into()
}

/// The beginning of a cause: the issuer's own words may be in it.
fn brief(cause: &str) -> String {
    cause.chars().take(200).collect()
}

/// What the issuer answers in time.
async fn asked<T>(
    deadline: Instant,
    asking: impl Future<Output = Result<T, oidc::Error>>,
) -> Result<T, AccountFailure> {
    let failure = match timeout_at(deadline, asking).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(oidc::Error::EmailNotVerified(error))) => error.into(),
        Ok(Err(oidc::Error::Refused(cause))) => {
            tracing::info!(cause = brief(&cause), "oidc.login.refused");
            OpenIdFailure::Refused
        }
        Ok(Err(oidc::Error::Unreachable(cause))) => {
            tracing::warn!(cause = brief(&cause), "oidc.issuer.unreachable");
            OpenIdFailure::Unreachable
        }
        Err(_) => {
            tracing::warn!(cause = "not in time", "oidc.issuer.unreachable");
            OpenIdFailure::Unreachable
        }
    };
    Err(failure.into())
}
