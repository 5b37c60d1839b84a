//! Registration and sessions: credentials are judged here, off the mailbox; sessions are the
//! user's actor's.

use super::Failure;
use super::user::AccountView;
use crate::domain::account::Email;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use tokio::time::Instant;

/// Opens, carries on and ends sessions. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {}

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
    /// Makes an account and opens its first session.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn register(
        &self,
        registration: Registration,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let _ = (registration, deadline);
        Err(Failure::Unavailable.into())
    }

    /// Opens a session.
    ///
    /// # Errors
    /// [`AccountFailure`]; an inactive account is told so only after the right password.
    pub async fn login(
        &self,
        email: Option<Email>,
        password: String,
        deadline: Instant,
    ) -> Result<Opened, AccountFailure> {
        let _ = (email, password, deadline);
        Err(Failure::Unavailable.into())
    }

    /// Exchanges a refresh token.
    ///
    /// # Errors
    /// [`AccountFailure`].
    pub async fn refresh(&self, token: &str, deadline: Instant) -> Result<Opened, AccountFailure> {
        let _ = (token, deadline);
        Err(Failure::Unavailable.into())
    }

    /// Ends every session of the user.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn logout(&self, user: UserId, epoch: u32, deadline: Instant) -> Result<(), Failure> {
        let _ = (user, epoch, deadline);
        Err(Failure::Unavailable)
    }
}
