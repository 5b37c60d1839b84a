//! Sets what was received of an item, under the version of its counters.

use super::ImportError;
use super::entry::{Problem, Stocked};
use super::report::Fate;
use crate::sources::Sources;
use crate::store::resolve::{self, Failure};
use crate::store::{Change, Commit, Commits, StockWrite, Stocks, WriteId};
use std::time::Duration;
use tokio::time::Instant;

/// How often orders may come between before the import gives up on an item.
const ATTEMPTS: u32 = 50;
/// How long the outcome of one write is looked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Repeats until no order came between. Setting a figure may be repeated without harm, so that a
/// write whose outcome stays unknown is simply judged by reading again.
pub(super) async fn receive(
    store: &(impl Commits + Stocks + ?Sized),
    sources: &Sources,
    stocked: &Stocked,
) -> Result<Result<Fate, Problem>, ImportError> {
    let key = &stocked.key;
    let mut failure = Failure::Conflict;
    for _ in 0..ATTEMPTS {
        let current = store.stock(key.clone()).await?;
        let mut level = current.value;
        if level.received == stocked.received {
            return Ok(Ok(Fate::Unchanged));
        }
        if let Err(gone) = level.receive(stocked.received) {
            let message = format!("must be at least {gone}: so many of {key} are held or sold");
            return Ok(Err(Problem {
                line: stocked.line,
                place: stocked.place.clone(),
                message,
            }));
        }
        let write = StockWrite {
            level,
            holds: Vec::new(),
            at: sources.clock.now(),
        };
        let commit = Commit {
            expected: current.version,
            write: WriteId(sources.entropy.uuid()),
            change: Change::Stock(key.clone(), write),
        };
        match resolve::commit(store, commit, Instant::now() + PATIENCE).await {
            Ok(()) if current.version == 0 => return Ok(Ok(Fate::Added)),
            Ok(()) => return Ok(Ok(Fate::Changed)),
            Err(error @ Failure::Unavailable(_)) => {
                failure = error;
                break;
            }
            Err(error) => failure = error,
        }
    }
    Err(ImportError::Stock {
        key: key.clone(),
        failure,
    })
}
