//! Who does the work: one actor per user and per stock item, the directories that find them, and
//! the supervisors that own their lives. Knows nothing of HTTP.

pub mod accounts;
pub mod administration;
mod beside;
mod directory;
mod metrics;
pub mod orders;
mod owner;
mod placed;
mod recovery;
pub mod stock;
mod supervisor;
mod system;
pub mod user;
mod wire;

pub use directory::Bounds;
pub use owner::Owner;
pub use system::{NotStarted, Options, System};

use serde::{Deserialize, Serialize};

/// What became of a request that was not answered with what it asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// Refused; nothing has changed.
    #[error(transparent)]
    Rejected(#[from] crate::domain::user::Rejection),
    /// The user has too many requests waiting; nothing has changed.
    #[error("too many requests of this user are waiting")]
    Busy,
    /// Not done in time, or not known to be done. It may be tried again, with its key.
    #[error("the service cannot answer now")]
    Unavailable,
    /// Our fault, of this request alone. The cause is in the log.
    #[error("an internal error")]
    Internal,
}

impl Failure {
    /// What a failed read, or a write that is known not to have happened, is to whoever asked.
    fn from_store(error: crate::store::Error) -> Self {
        match error {
            crate::store::Error::Corrupt(_) => {
                tracing::error!(%error, "store.corrupt");
                Self::Internal
            }
            _ => Self::Unavailable,
        }
    }
}
