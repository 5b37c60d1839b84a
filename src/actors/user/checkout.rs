//! Placing an order: a saga whose one commit point is the batch on the user's partition.
//!
//! The attempt is written, then the stock of every item is held, then the user's actor commits the
//! order, then the holds become sold. Whoever finds an attempt later can tell from the user's
//! partition which way to end it.

use super::Means;
use super::resident::Asked;
use crate::actors::Failure;
use crate::actors::stock::Stocks;
use crate::domain::order::Attempt;
use crate::domain::stock::{Settlement, StockKey, Unreserved};
use crate::domain::time::Millis;
use crate::domain::user::Draft;
use crate::store::{self, Attempts, Store, bucket};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long after its beginning an attempt may be ended by somebody else, at the earliest.
const ATTEMPT_LIFE: Millis = Millis::seconds(30);
/// How long an ended attempt's holds are settled before it is left to recovery.
const SETTLE_TIME: Duration = Duration::from_secs(5);
/// Between two tries of it.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);

/// An order in the making.
pub(super) struct Placing {
    /// What was asked.
    pub(super) draft: Box<Draft>,
    /// What is written of it.
    pub(super) attempt: Attempt,
    /// Under how many loads it was drafted: what was looked up for it holds until the next.
    pub(super) loads: u64,
}

/// An order in the making with its request: what a reservation comes back with.
pub(crate) struct Reserving {
    pub(super) asked: Asked,
    pub(super) placing: Placing,
    pub(super) outcome: Result<(), Unheld>,
}

/// Why an order's demand is not held.
#[derive(Clone, Debug)]
pub(super) enum Unheld {
    /// The store says that there is not enough.
    Insufficient { key: StockKey, available: u64 },
    /// It could not be done.
    Failed(Failure),
}

impl Placing {
    pub(super) fn new(draft: Box<Draft>, loads: u64) -> Self {
        let order = &draft.order;
        let attempt = Attempt {
            order_id: order.id,
            user_id: order.user_id,
            created_at: order.created_at,
            deadline: order.created_at.plus(ATTEMPT_LIFE),
            demand: draft.demand.clone(),
        };
        Self {
            draft,
            attempt,
            loads,
        }
    }
}

/// Writes the attempt and holds its demand.
pub(super) async fn reserve(
    means: &Means,
    attempt: &Attempt,
    deadline: Instant,
) -> Result<(), Unheld> {
    put_attempt(&*means.store, attempt, deadline)
        .await
        .map_err(Unheld::Failed)?;
    let reserve = |(key, units): &(StockKey, u32)| {
        let (key, units, stocks) = (key.clone(), *units, means.stocks.clone());
        async move {
            match stocks
                .reserve(&key, attempt.order_id, units, deadline)
                .await
            {
                Ok(Ok(())) => Ok(()),
                Ok(Err(Unreserved::Insufficient { available })) => {
                    Err(Unheld::Insufficient { key, available })
                }
                Ok(Err(Unreserved::Settled)) => Err(Unheld::Failed(Failure::Unavailable)),
                // A full stock actor is the node's overload, not this user's.
                Err(Failure::Busy) => Err(Unheld::Failed(Failure::Unavailable)),
                Err(failure) => Err(Unheld::Failed(failure)),
            }
        }
    };
    let outcomes = join_all(attempt.demand.iter().map(reserve)).await;
    // A refusal for want of stock is the better answer than a failure elsewhere.
    let mut failed = outcomes
        .into_iter()
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    failed.sort_by_key(|unheld| matches!(unheld, Unheld::Failed(_)));
    failed.into_iter().next().map_or(Ok(()), Err)
}

/// Repeats until it is known to be there: an attempt may be written twice, but not half.
async fn put_attempt(
    store: &dyn Store,
    attempt: &Attempt,
    deadline: Instant,
) -> Result<(), Failure> {
    let pause = Duration::from_millis(10);
    loop {
        match store.put_attempt(attempt.clone()).await {
            Ok(()) => return Ok(()),
            Err(store::Error::Unknown(_)) if Instant::now() + pause < deadline => {
                tokio::time::sleep(pause).await;
            }
            Err(error) => return Err(Failure::from_store(error)),
        }
    }
}

/// Settles what an attempt holds and forgets it. May be repeated.
///
/// # Errors
/// [`Failure`]: the attempt is still recorded.
pub(crate) async fn end_attempt(
    store: &Arc<dyn Store>,
    stocks: &Stocks,
    attempt: &Attempt,
    settlement: Settlement,
) -> Result<(), Failure> {
    let deadline = Instant::now() + SETTLE_TIME;
    let settle = |(key, _): &(StockKey, u32)| {
        let (key, stocks) = (key.clone(), stocks.clone());
        async move {
            stocks
                .settle(&key, attempt.order_id, settlement, deadline)
                .await
        }
    };
    let settled = join_all(attempt.demand.iter().map(settle)).await;
    settled.into_iter().collect::<Result<Vec<()>, _>>()?;
    Attempts::remove_attempt(&**store, bucket(attempt.created_at), attempt.order_id)
        .await
        .map_err(Failure::from_store)
}

/// [`end_attempt`] for an actor, which does not wait for it. Until recovery comes, nobody else gets
/// what an attempt holds: so it is repeated for a while before it is left to that.
pub(super) async fn settle(means: Arc<Means>, attempt: Attempt, settlement: Settlement) {
    let deadline = Instant::now() + SETTLE_TIME;
    loop {
        match end_attempt(&means.store, &means.stocks, &attempt, settlement).await {
            Ok(()) => return,
            Err(_) if Instant::now() + SETTLE_PAUSE < deadline => {
                tokio::time::sleep(SETTLE_PAUSE).await;
            }
            Err(failure) => {
                tracing::warn!(order.id = %attempt.order_id, %failure, "checkout.settle.left");
                means.checkouts.unsettled.inc();
                return;
            }
        }
    }
}
