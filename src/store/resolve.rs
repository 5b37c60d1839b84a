//! Commits whose outcome must become known.
//!
//! After an answer that does not say what happened, the identical commit is repeated. Where that is
//! refused, the slot of its version tells whose commit took the version. "Not there" is never final
//! while the version still stands: a slow coordinator may yet apply the first copy.

use super::{Commit, Commits, Error, Outcome};
use crate::telemetry::traces::traced;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{Instrument, Span};

/// Why a commit did not take effect, as far as can be known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Somebody else's commit has the version. Ours never takes effect.
    #[error("the partition has moved on")]
    Conflict,
    /// Ours never takes effect.
    #[error("{0}")]
    Unavailable(Error),
    /// It was not to be found out before the deadline.
    #[error("the outcome of the write is unknown")]
    Undecided,
}

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// Commits, and finds out what happened until `deadline`.
///
/// # Errors
/// [`Failure`]; only `Undecided` leaves the outcome open.
pub async fn commit(
    store: &(impl Commits + ?Sized),
    commit: Commit,
    deadline: Instant,
) -> Result<(), Failure> {
    match write(store, &commit).await {
        Ok(()) => return Ok(()),
        Err(Error::Conflict) => return Err(Failure::Conflict),
        Err(error @ (Error::Unavailable(_) | Error::Corrupt(_))) => {
            return Err(Failure::Unavailable(error));
        }
        Err(Error::Unknown(cause)) => {
            tracing::warn!(
                partition.version = commit.expected,
                cause,
                "store.commit.unknown"
            );
        }
    }
    let mut pause = FIRST_PAUSE;
    while Instant::now() + pause < deadline {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match write(store, &commit).await {
            Ok(()) => return Ok(()),
            Err(Error::Conflict) => {}
            Err(_) => continue,
        }
        let partition = commit.change.partition();
        match store
            .outcome(partition, commit.expected, commit.write)
            .await
        {
            Ok(Outcome::Applied) => return Ok(()),
            Ok(Outcome::Never) => return Err(Failure::Conflict),
            Ok(Outcome::Overwritten) => return Err(Failure::Undecided),
            Ok(Outcome::NotYet) | Err(_) => {}
        }
    }
    Err(Failure::Undecided)
}

async fn write(store: &(impl Commits + ?Sized), commit: &Commit) -> Result<(), Error> {
    let span = traced!(
        &Span::current(),
        "store.write",
        partition.version = commit.expected
    );
    store.commit(commit.clone()).instrument(span).await
}
