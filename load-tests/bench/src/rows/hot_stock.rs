//! One SKU, reserved by many clients at once: through its actor, which folds all that wait into one
//! conditional write, and with one conditional write for each, the writers queueing so that none is
//! in vain.

use crate::Failure;
use crate::data::{FEW, Place};
use crate::measure::{Row, Sample};
use crate::world::{CLIENTS, World, closed_loop, soon};
use async_trait::async_trait;
use cartwright::actors::stock::Stocks;
use cartwright::domain::ids::{OrderId, Sku};
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::sources::Sources;
use cartwright::store::{Change, Commit, StockWrite, Store, Versioned, WriteId};
use futures::future::join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;
use tokio::time::Instant;

pub(crate) struct HotStock {
    world: World,
    stocks: Stocks,
    hot: StockKey,
    plain: StockKey,
    level: Arc<Mutex<Versioned<StockLevel>>>,
    /// Reservations that were acknowledged by the actor of the hot one.
    held: Arc<AtomicU64>,
}

impl HotStock {
    pub(crate) async fn new(place: &Place) -> Result<Self, Failure> {
        let world = World::new(place).await?;
        let (hot, plain) = (sku("HOT")?, sku("PLAIN")?);
        let level = world.store().stock(plain.clone()).await?;
        Ok(Self {
            stocks: world.system.stocks(),
            hot,
            plain,
            level: Arc::new(Mutex::new(level)),
            held: Arc::default(),
            world,
        })
    }

    /// What was acknowledged is held, unit for unit.
    async fn assert_held(&self) -> Result<(), Failure> {
        let held = self.held.load(Ordering::Relaxed);
        let level = self.world.store().stock(self.hot.clone()).await?.value;
        if level.held != held || !level.adds_up() {
            return Err(format!("{held} reservations, but {level:?}").into());
        }
        Ok(())
    }

    /// Has everybody reserve what is too little for all.
    async fn assert_none_oversold(&self) -> Result<(), Failure> {
        let few = sku("FEW")?;
        let clients = (0..CLIENTS).map(|_| {
            let (stocks, few) = (self.stocks.clone(), few.clone());
            let sources = self.world.sources.clone();
            tokio::spawn(async move {
                let mut held = 0;
                loop {
                    let order = OrderId::new(sources.clock.now(), sources.entropy.uuid());
                    match stocks.reserve(&few, order, 1, soon()).await? {
                        Ok(()) => held += 1,
                        Err(_) => return Ok::<u64, Failure>(held),
                    }
                }
            })
        });
        let mut held = 0;
        for client in join_all(clients).await {
            held += client??;
        }
        let level = self.world.store().stock(few).await?.value;
        if (held, level.held, level.available) != (FEW, FEW, 0) || !level.adds_up() {
            return Err(format!("of {FEW} units {held} were given away: {level:?}").into());
        }
        Ok(())
    }
}

fn sku(name: &str) -> Result<StockKey, Failure> {
    Ok(StockKey::Sku(Sku::parse(name)?))
}

#[async_trait]
impl Row for HotStock {
    async fn baseline(&self, end: Instant) -> Result<Sample, Failure> {
        const { assert!(CLIENTS == 64, "the name says so") };
        let (store, level, key) = (self.world.store(), self.level.clone(), self.plain.clone());
        let sources = self.world.sources.clone();
        closed_loop(end, move |_| {
            let (store, level, key) = (store.clone(), level.clone(), key.clone());
            let sources = sources.clone();
            async move {
                let mut level = level.lock().await;
                reserve(&*store, &mut level, key, &sources).await
            }
        })
        .await
    }

    async fn subject(&self, end: Instant) -> Result<Sample, Failure> {
        let (stocks, key) = (self.stocks.clone(), self.hot.clone());
        let (sources, held) = (self.world.sources.clone(), self.held.clone());
        closed_loop(end, move |_| {
            let (stocks, key, held) = (stocks.clone(), key.clone(), held.clone());
            let order = OrderId::new(sources.clock.now(), sources.entropy.uuid());
            async move {
                let reserved = stocks.reserve(&key, order, 1, soon()).await?;
                reserved.map_err(|refused| format!("{refused:?}"))?;
                held.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        })
        .await
    }

    async fn close(&self) -> Result<(), Failure> {
        self.assert_held().await?;
        self.assert_none_oversold().await?;
        self.world.stop().await;
        Ok(())
    }
}

/// One reservation and its conditional write.
async fn reserve(
    store: &dyn Store,
    level: &mut Versioned<StockLevel>,
    key: StockKey,
    sources: &Sources,
) -> Result<(), Failure> {
    let order = OrderId::new(sources.clock.now(), sources.entropy.uuid());
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
