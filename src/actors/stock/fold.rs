//! One fold: decides many requests on the counters of an item and makes them durable at once.

use super::{Reply, Request};
use crate::actors::Failure;
use crate::domain::ids::OrderId;
use crate::domain::stock::{Hold, StockKey, StockLevel, Torn, Unreserved};
use crate::sources::Sources;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, Error, StockWrite, Store, Versioned, WriteId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a figure is told from memory: another node, or an import, may have changed it since.
const FIGURE_LIFE: Duration = Duration::from_secs(2);

/// The pause before counters and holds are read again that do not fit each other.
const TORN_PAUSE: Duration = Duration::from_millis(1);

/// The counters as the store had them.
#[derive(Clone)]
pub(super) struct Level {
    pub(super) stored: Versioned<StockLevel>,
    /// When it had them at the earliest.
    as_of: Instant,
}

impl Level {
    async fn read(store: &dyn Store, key: &StockKey) -> Result<Self, CommitFailure> {
        let as_of = Instant::now();
        let stored = store.stock(key.clone()).await;
        let stored = stored.map_err(CommitFailure::Unavailable)?;
        Ok(Self { stored, as_of })
    }

    /// Whether what is available may be told.
    pub(super) fn is_recent(&self) -> bool {
        self.as_of.elapsed() <= FIGURE_LIFE
    }
}

/// What became of a fold.
pub(crate) struct Folded {
    /// The counters after it; `None` where they have to be read again.
    pub(super) level: Option<Level>,
    /// An answer for each request, in their order.
    pub(super) replies: Vec<Result<Reply, Failure>>,
}

/// Decides `requests`, commits what they change, and says what to answer.
///
/// `remembered` is good for a yes, which the commit proves. A no is only given on counters that
/// were read after every one of these requests had come.
pub(super) async fn fold(
    store: &dyn Store,
    sources: &Sources,
    key: &StockKey,
    remembered: Option<Level>,
    requests: &[Request],
    deadline: Instant,
) -> Folded {
    match try_fold(store, sources, key, remembered, requests, deadline).await {
        Ok(folded) => folded,
        Err(error) => {
            tracing::warn!(stock.key = %key, requests = requests.len(), %error, "stock.fold.failed");
            let replies = requests.iter().map(|_| Err(Failure::Unavailable)).collect();
            Folded {
                level: None,
                replies,
            }
        }
    }
}

async fn try_fold(
    store: &dyn Store,
    sources: &Sources,
    key: &StockKey,
    remembered: Option<Level>,
    requests: &[Request],
    deadline: Instant,
) -> Result<Folded, CommitFailure> {
    let mut fresh = remembered.is_none();
    let mut level = match remembered {
        Some(level) => level,
        None => Level::read(store, key).await?,
    };
    let orders = orders_of(requests);
    loop {
        let holds = known_holds(store, key, &orders)
            .await
            .map_err(CommitFailure::Unavailable)?;
        let Ok(decided) = decide(level.stored.value, holds, requests) else {
            // Another node has written between the two reads, or since the counters were read.
            tokio::time::sleep(TORN_PAUSE).await;
            if Instant::now() >= deadline {
                return Err(CommitFailure::Conflict);
            }
            level = Level::read(store, key).await?;
            fresh = true;
            continue;
        };
        if !fresh && decided.any_insufficient() {
            level = Level::read(store, key).await?;
            fresh = true;
            continue;
        }
        if decided.written.is_empty() {
            return Ok(decided.folded(level));
        }
        let (at, as_of) = (sources.clock.now(), Instant::now());
        let write = StockWrite {
            level: decided.level,
            holds: decided.holds_to_write(),
            at,
        };
        let change = Change::Stock(key.clone(), write);
        let write = WriteId(sources.entropy.uuid());
        let commit = Commit {
            expected: level.stored.version,
            write,
            change,
        };
        match resolve::commit(store, commit, deadline).await {
            Ok(()) => {
                let stored = Versioned {
                    version: level.stored.version + 1,
                    value: decided.level,
                };
                return Ok(decided.folded(Level { stored, as_of }));
            }
            Err(CommitFailure::Conflict) if Instant::now() < deadline => {
                level = Level::read(store, key).await?;
                fresh = true;
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn orders_of(requests: &[Request]) -> Vec<OrderId> {
    let order = |request: &Request| match request {
        Request::Available => None,
        Request::Reserve(order, _) | Request::Settle(order, _) => Some(*order),
    };
    let mut orders: Vec<_> = requests.iter().filter_map(order).collect();
    orders.sort_unstable();
    orders.dedup();
    orders
}

async fn known_holds(
    store: &dyn Store,
    key: &StockKey,
    orders: &[OrderId],
) -> Result<BTreeMap<OrderId, Hold>, Error> {
    if orders.is_empty() {
        return Ok(BTreeMap::new());
    }
    let holds = store.holds(key.clone(), orders.to_vec()).await?;
    Ok(orders
        .iter()
        .zip(holds)
        .filter_map(|(order, hold)| Some((*order, hold?)))
        .collect())
}

/// The requests decided on given counters and holds.
struct Decided {
    level: StockLevel,
    holds: BTreeMap<OrderId, Hold>,
    written: Vec<OrderId>,
    replies: Vec<Reply>,
}

fn decide(
    level: StockLevel,
    holds: BTreeMap<OrderId, Hold>,
    requests: &[Request],
) -> Result<Decided, Torn> {
    let mut decided = Decided {
        level,
        holds,
        written: Vec::new(),
        replies: Vec::with_capacity(requests.len()),
    };
    for request in requests {
        let reply = decided.request(request)?;
        decided.replies.push(reply);
    }
    // An answer on what is available is of after the fold, whatever its place in it.
    let available = decided.level.available;
    for reply in &mut decided.replies {
        if let Reply::Available(units) = reply {
            *units = available;
        }
    }
    Ok(decided)
}

impl Decided {
    fn request(&mut self, request: &Request) -> Result<Reply, Torn> {
        Ok(match *request {
            Request::Available => Reply::Available(self.level.available),
            Request::Reserve(order, units) => {
                match self.level.reserve(self.holds.get(&order).copied(), units) {
                    Ok(changed) => {
                        self.record(order, changed);
                        Reply::Held
                    }
                    Err(reason) => Reply::Refused(reason),
                }
            }
            Request::Settle(order, settlement) => {
                let hold = self.holds.get(&order).copied();
                let changed = self.level.settle(hold, settlement)?;
                self.record(order, changed);
                Reply::Settled
            }
        })
    }

    fn record(&mut self, order: OrderId, changed: Option<Hold>) {
        if let Some(hold) = changed {
            self.holds.insert(order, hold);
            if !self.written.contains(&order) {
                self.written.push(order);
            }
        }
    }

    fn any_insufficient(&self) -> bool {
        let insufficient =
            |reply: &Reply| matches!(reply, Reply::Refused(Unreserved::Insufficient { .. }));
        self.replies.iter().any(insufficient)
    }

    fn holds_to_write(&self) -> Vec<(OrderId, Hold)> {
        let hold = |order: &OrderId| self.holds.get(order).map(|hold| (*order, *hold));
        self.written.iter().filter_map(hold).collect()
    }

    fn folded(self, level: Level) -> Folded {
        Folded {
            level: Some(level),
            replies: self.replies.into_iter().map(Ok).collect(),
        }
    }
}
