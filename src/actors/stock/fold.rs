//! One fold: decides many requests on the counters of an item and makes them durable at once.

use super::figures::{FIGURE_LIFE, Figures};
use super::{Reply, Request};
use crate::actors::Failure;
use crate::actors::metrics::KindMetrics;
use crate::domain::ids::OrderId;
use crate::domain::stock::{Hold, StockKey, StockLevel, Torn, Unreserved};
use crate::sources::Sources;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, Error, StockWrite, Store, Versioned, WriteId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

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

    /// Whether what is available may be told: another node, or an import, may have changed it since.
    pub(super) fn is_recent(&self) -> bool {
        self.as_of.elapsed() <= FIGURE_LIFE
    }

    /// Tells whoever adds to a cart what is available.
    pub(super) fn tell(&self, figures: &Figures, key: StockKey) {
        figures.keep(key, self.stored.value.available, self.as_of);
    }

    /// What is available.
    pub(super) fn figure(&self) -> Reply {
        Reply::Available {
            units: self.stored.value.available,
            age: self.as_of.elapsed(),
        }
    }
}

/// What became of a fold.
pub(crate) struct Folded {
    /// The counters after it; `None` where they have to be read again.
    pub(super) level: Option<Level>,
    /// An answer for each request, in their order.
    pub(super) replies: Vec<Result<Reply, Failure>>,
}

/// What a fold works on.
pub(super) struct Fold<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) sources: &'a Sources,
    pub(super) key: &'a StockKey,
    pub(super) requests: &'a [Request],
    pub(super) deadline: Instant,
    pub(super) metrics: &'a KindMetrics,
}

impl Fold<'_> {
    /// Decides the requests, commits what they change, and says what to answer.
    ///
    /// `remembered` is good for a yes, which the commit proves. A no is only given on counters
    /// that were read after every one of these requests had come.
    pub(super) async fn run(&self, remembered: Option<Level>) -> Folded {
        self.until_decided(remembered)
            .await
            .unwrap_or_else(|error| {
                let (key, requests) = (self.key, self.requests.len());
                tracing::warn!(stock.key = %key, requests, %error, "stock.fold.failed");
                let unavailable = |_: &Request| Err(Failure::Unavailable);
                Folded {
                    level: None,
                    replies: self.requests.iter().map(unavailable).collect(),
                }
            })
    }

    async fn until_decided(&self, remembered: Option<Level>) -> Result<Folded, CommitFailure> {
        if let Some(level) = remembered
            && let Some(folded) = self.once(level, false).await?
        {
            return Ok(folded);
        }
        loop {
            let level = Level::read(self.store, self.key).await?;
            if let Some(folded) = self.once(level, true).await? {
                return Ok(folded);
            }
            if Instant::now() >= self.deadline {
                return Err(CommitFailure::Conflict);
            }
        }
    }

    /// `None` where the counters have to be read again.
    async fn once(&self, level: Level, is_fresh: bool) -> Result<Option<Folded>, CommitFailure> {
        let holds = known_holds(self.store, self.key, &orders_of(self.requests)).await;
        let holds = holds.map_err(CommitFailure::Unavailable)?;
        let Ok(decided) = decide(level.stored.value, holds, self.requests) else {
            // Another node has written since the counters were read.
            tokio::time::sleep(TORN_PAUSE).await;
            return Ok(None);
        };
        if !is_fresh && decided.any_insufficient() {
            return Ok(None);
        }
        if decided.written.is_empty() {
            return Ok(Some(decided.folded(level)));
        }
        match self.commit(&level, &decided).await {
            Ok(level) => Ok(Some(decided.folded(level))),
            Err(CommitFailure::Conflict) => {
                let requests = u64::try_from(self.requests.len()).unwrap_or(u64::MAX);
                self.metrics.redone.inc_by(requests);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    async fn commit(&self, level: &Level, decided: &Decided) -> Result<Level, CommitFailure> {
        let as_of = Instant::now();
        let write = StockWrite {
            level: decided.level,
            holds: decided.holds_to_write(),
            at: self.sources.clock.now(),
        };
        let commit = Commit {
            expected: level.stored.version,
            write: WriteId(self.sources.entropy.uuid()),
            change: Change::Stock(self.key.clone(), write),
        };
        let committing = resolve::commit(self.store, commit, self.deadline);
        let commands = self.requests.len();
        self.metrics.committing(commands, committing).await?;
        let stored = Versioned {
            version: level.stored.version + 1,
            value: decided.level,
        };
        Ok(Level { stored, as_of })
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
    Ok(decided)
}

impl Decided {
    fn request(&mut self, request: &Request) -> Result<Reply, Torn> {
        Ok(match *request {
            Request::Available => Reply::Available {
                units: self.level.available,
                age: Duration::ZERO,
            },
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

    /// An answer on what is available is of after the fold, whatever its place in it.
    fn folded(self, level: Level) -> Folded {
        let answer = |reply| match reply {
            Reply::Available { .. } => Ok(level.figure()),
            other => Ok(other),
        };
        Folded {
            replies: self.replies.into_iter().map(answer).collect(),
            level: Some(level),
        }
    }
}
