//! Ends the attempts at orders that nobody ends: those of a crashed process, and those whose
//! settling failed. A node ends those of the users that it has. The user's partition tells which way, once its version was moved so that no
//! late commit can change the answer.

use super::Failure;
use super::metrics::{CheckoutMetrics, Recovered};
use super::stock::Stocks;
use super::user::{Users, end_attempt};
use crate::domain::order::Attempt;
use crate::domain::stock::Settlement;
use crate::domain::time::Timestamp;
use crate::sources::Sources;
use crate::store::{Bucket, Store, bucket};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How far, in minutes, clocks may differ or be set back: so much younger buckets stay above the
/// low-water mark even when empty, and so much later ones are looked into.
const MARGIN: Bucket = 10;
/// How many attempts are ended at once.
const AT_ONCE: usize = 16;
/// How long one attempt may take.
const TIME: Duration = Duration::from_secs(5);

/// Which attempts are ended, of users that are this node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that are not being made: where whoever began them may be gone.
    All,
    /// Those past their deadline.
    Overdue,
}

/// What is left of attempts.
#[derive(Clone, Copy, Default)]
struct Left {
    /// In all.
    all: usize,
    /// Of those that were to be ended.
    due: usize,
}

/// Ends attempts.
#[derive(Clone)]
pub(crate) struct Recovery {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) users: Users,
    pub(crate) stocks: Stocks,
    pub(crate) sources: Sources,
    pub(crate) metrics: Arc<CheckoutMetrics>,
}

impl Recovery {
    /// [`Self::run`], of which nobody waits for more than that it is over.
    pub(crate) async fn try_run(&self, which: Which) {
        match self.run(which).await {
            Ok(left) => {
                self.metrics
                    .left
                    .set(i64::try_from(left).unwrap_or(i64::MAX));
                if left > 0 {
                    tracing::info!(attempts = left, "checkout.recovery.left");
                }
            }
            Err(failure) => {
                self.metrics.failed_runs.inc();
                tracing::warn!(%failure, "checkout.recovery.failed");
            }
        }
    }

    /// Ends what is to be ended, and moves the low-water mark. Returns how many attempts are
    /// left that were to be ended.
    ///
    /// # Errors
    /// [`Failure`] where some of it cannot be read: to be run again.
    async fn run(&self, which: Which) -> Result<usize, Failure> {
        let now = self.sources.clock.now();
        let newest = bucket(now) + MARGIN;
        let oldest = match self.store.low_water().await.map_err(Failure::from_store)? {
            Some(mark) => mark,
            None => self.raise(bucket(now) - MARGIN).await?,
        };
        let (mut left, mut unread, mut mark) = (Left::default(), None, oldest);
        for bucket in oldest..=newest {
            match self.end_bucket(bucket, which, now).await {
                Ok(here) => {
                    left.all += here.all;
                    left.due += here.due;
                }
                Err(failure) => unread = Some(failure),
            }
            if left.all == 0 && unread.is_none() && bucket < newest - 2 * MARGIN {
                mark = bucket + 1;
            }
        }
        if mark > oldest {
            self.raise(mark).await?;
        }
        unread.map_or(Ok(left.due), Err)
    }

    /// Ends what is due of the bucket.
    async fn end_bucket(
        &self,
        bucket: Bucket,
        which: Which,
        now: Timestamp,
    ) -> Result<Left, Failure> {
        let attempts = self.store.attempts(bucket).await;
        let attempts = attempts.map_err(Failure::from_store)?;
        let due = |attempt: &Attempt| {
            let is_time = which == Which::All || attempt.deadline < now;
            is_time && self.users.placed().is_here(&attempt.user_id)
        };
        let (due, others): (Vec<_>, Vec<_>) = attempts.into_iter().partition(due);
        let ended = futures::stream::iter(due).map(|attempt| self.end(attempt));
        let failed = ended.buffer_unordered(AT_ONCE).filter(|ended| {
            let failed = !*ended;
            async move { failed }
        });
        let due = failed.count().await;
        let all = others.len() + due;
        Ok(Left { all, due })
    }

    async fn raise(&self, mark: Bucket) -> Result<Bucket, Failure> {
        self.store
            .raise_low_water(mark)
            .await
            .map_err(Failure::from_store)?;
        Ok(mark)
    }

    /// Whether the attempt is ended everywhere.
    async fn end(&self, attempt: Attempt) -> bool {
        let order = attempt.order_id;
        let ended = match self.users.was_placed(&attempt, Instant::now() + TIME).await {
            Ok(placed) => {
                let (how, recovered) = if placed {
                    (Settlement::Sold, Recovered::Sold)
                } else {
                    (Settlement::Released, Recovered::Released)
                };
                tracing::info!(order.id = %order, ?how, "checkout.recovered");
                let ended = end_attempt(&self.store, &self.stocks, &attempt, how).await;
                ended.map(|()| self.metrics.recovered(recovered))
            }
            // It is being made right now.
            Err(Failure::Busy) => return false,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &ended {
            self.metrics.recovered(Recovered::Failed);
            tracing::warn!(order.id = %order, %failure, "checkout.recovery.failed");
        }
        ended.is_ok()
    }
}
