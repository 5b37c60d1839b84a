//! A commit in a partition that saw ten thousand changes with a key, or as many reservations, and
//! the same commit in new partitions: one after the other, at the store.

use crate::Failure;
use crate::data::{Data, Place};
use crate::measure::{Row, Sample};
use async_trait::async_trait;
use cartwright::domain::account::KeyUse;
use cartwright::domain::cart::Cart;
use cartwright::domain::ids::{OrderId, Sku, UserId};
use cartwright::domain::stock::{Hold, HoldState, StockKey, StockLevel};
use cartwright::sources::Sources;
use cartwright::store::{Change, Commit, StockWrite, UserWrite, Version, WriteId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use uuid::Uuid;

/// Changes that the old partition saw.
const CHANGES: u64 = 10_000;
/// Changes that one commit carries while it grows old, as the output gate has it.
const FOLDED: u64 = 50;
/// Changes after which a partition is not new any more: many times the 64 write ids that each has,
/// as the first changes read and write fewer of them.
const NEW: u64 = 1_000;

/// Which kind of partition.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A user's, where each change leaves a row for its key.
    User,
    /// A stock item's, where each order leaves a row for its hold.
    Stock,
}

pub(crate) struct OldPartition {
    kind: Kind,
    data: Data,
    sources: Sources,
    old: Uuid,
    version: AtomicU64,
}

impl OldPartition {
    pub(crate) async fn new(place: &Place, kind: Kind) -> Result<Self, Failure> {
        let (data, sources) = (Data::open(place).await?, Sources::system());
        let row = Self {
            kind,
            data,
            old: sources.entropy.uuid(),
            sources,
            version: AtomicU64::new(0),
        };
        for _ in 0..CHANGES / FOLDED {
            row.commit_to_old(FOLDED).await?;
        }
        Ok(row)
    }

    async fn commit_to_old(&self, changes: u64) -> Result<(), Failure> {
        let expected = self.version.fetch_add(1, Ordering::Relaxed);
        self.commit(self.old, expected, changes).await
    }

    /// Commits so many changes at once.
    async fn commit(&self, id: Uuid, expected: Version, changes: u64) -> Result<(), Failure> {
        let change = match self.kind {
            Kind::User => Change::User(UserId(id), self.keyed(changes)),
            Kind::Stock => {
                let sku = Sku::parse(&id.to_string())?;
                Change::Stock(StockKey::Sku(sku), self.sold(changes))
            }
        };
        let write = WriteId(self.sources.entropy.uuid());
        let commit = Commit {
            expected,
            write,
            change,
        };
        Ok(self.data.store().commit(commit).await?)
    }

    fn keyed(&self, changes: u64) -> UserWrite {
        let at = self.sources.clock.now();
        let used = |_| {
            let used = KeyUse {
                fingerprint: [7; 32],
                at,
                order_id: None,
            };
            (self.sources.entropy.uuid().to_string(), used)
        };
        UserWrite {
            cart: Some(Arc::new(Cart::default())),
            keys: (0..changes).map(used).collect(),
            ..UserWrite::default()
        }
    }

    fn sold(&self, changes: u64) -> StockWrite {
        let hold = Hold {
            quantity: 1,
            state: HoldState::Sold,
        };
        let at = self.sources.clock.now();
        let order = |_| OrderId::new(at, self.sources.entropy.uuid());
        StockWrite {
            level: StockLevel::default(),
            holds: (0..changes).map(order).map(|order| (order, hold)).collect(),
            at,
        }
    }
}

#[async_trait]
impl Row for OldPartition {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        let mut done = 0;
        let mut new = self.sources.entropy.uuid();
        while Instant::now() < end {
            if done % NEW == 0 {
                new = self.sources.entropy.uuid();
            }
            self.commit(new, done % NEW, 1).await?;
            done += 1;
        }
        Ok(Sample::Count(done))
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        let mut done = 0;
        while Instant::now() < end {
            self.commit_to_old(1).await?;
            done += 1;
        }
        Ok(Sample::Count(done))
    }
}
