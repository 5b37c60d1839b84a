//! One SKU, reserved by many clients at once: through its actor, which folds all that wait into one
//! conditional write, and with one conditional write for each, the writers queueing so that none is
//! in vain.

use crate::Failure;
use crate::measure::{Row, Sample};
use crate::world::{CLIENTS, Disk, World, closed_loop, soon};
use async_trait::async_trait;
use cartwright::actors::stock::Stocks;
use cartwright::domain::ids::{OrderId, Sku};
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::sources::Sources;
use cartwright::store::embedded::EmbeddedStore;
use cartwright::store::{Change, Commit, Commits, StockWrite, Stocks as _, Versioned, WriteId};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(crate) struct HotStock {
    world: World,
    stocks: Stocks,
    key: StockKey,
    plain: Disk,
    level: Arc<Mutex<Versioned<StockLevel>>>,
}

impl HotStock {
    pub(crate) async fn new(dir: &Path) -> Result<Self, Failure> {
        let world = World::new(dir).await?;
        let key = StockKey::Sku(Sku::parse("HOT")?);
        let plain = Disk::new(dir).await?;
        let level = plain.store.stock(key.clone()).await?;
        Ok(Self {
            stocks: world.system.stocks(),
            world,
            key,
            plain,
            level: Arc::new(Mutex::new(level)),
        })
    }
}

#[async_trait]
impl Row for HotStock {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        const { assert!(CLIENTS == 64, "the name says so") };
        let (store, level, key) = (
            self.plain.store.clone(),
            self.level.clone(),
            self.key.clone(),
        );
        let sources = self.world.sources.clone();
        closed_loop(end, move |_| {
            let (store, level, key) = (store.clone(), level.clone(), key.clone());
            let sources = sources.clone();
            async move {
                let mut level = level.lock().await;
                reserve(&store, &mut level, key, &sources).await
            }
        })
        .await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        let (stocks, key) = (self.stocks.clone(), self.key.clone());
        let sources = self.world.sources.clone();
        closed_loop(end, move |_| {
            let (stocks, key) = (stocks.clone(), key.clone());
            let order = OrderId(sources.entropy.uuid());
            async move {
                let held = stocks.reserve(&key, order, 1, soon()).await?;
                held.map_err(|refused| format!("{refused:?}").into())
            }
        })
        .await
    }

    async fn close(&self) {
        self.world.stop().await;
    }
}

/// One reservation and its conditional write.
async fn reserve(
    store: &EmbeddedStore,
    level: &mut Versioned<StockLevel>,
    key: StockKey,
    sources: &Sources,
) -> Result<(), Failure> {
    let order = OrderId(sources.entropy.uuid());
    let hold = level
        .value
        .reserve(None, 1)
        .map_err(|refused| format!("{refused:?}"))?;
    let write = StockWrite {
        level: level.value,
        holds: hold.map(|hold| (order, hold)).into_iter().collect(),
        at: sources.clock.now(),
    };
    let commit = Commit {
        expected: level.version,
        write: WriteId(sources.entropy.uuid()),
        change: Change::Stock(key, write),
    };
    store.commit(commit).await?;
    level.version += 1;
    Ok(())
}
