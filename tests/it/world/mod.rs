//! A shop without HTTP: actors over a store that fails as it is told, in memory or in a keyspace.

mod faults;
mod goods;
mod requests;
mod sources;

pub use faults::*;
pub use goods::*;
pub use requests::*;
pub use sources::*;

use crate::cql::{self, Keyspace};
use cartwright::actors::user::{CartView, Reply, Users};
use cartwright::actors::{Bounds, Failure, Options, System};
use cartwright::catalog::Live;
use cartwright::cluster::Cluster;
use cartwright::domain::ids::{OrderId, UserId};
use cartwright::domain::order::Order;
use cartwright::domain::stock::{HoldState, StockLevel};
use cartwright::domain::time::Timestamp;
use cartwright::domain::user::{Command, Request};
use cartwright::metrics::Metrics;
use cartwright::sources::{Clock, Sources};
use cartwright::store::fault::{FaultPlan, FaultyStore};
use cartwright::store::memory::MemoryStore;
use cartwright::store::scylla::ScyllaStore;
use cartwright::store::{CatalogRow, Catalogs, Store, UserRecord, Versioned};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// One node of a shop with the products `shirt`, `mug` and `poster`.
pub struct World<S = MemoryStore> {
    pub store: FaultyStore<S>,
    pub clock: Arc<ManualClock>,
    pub entropy: Arc<SeededEntropy>,
    pub sources: Sources,
    pub catalog: Arc<Live>,
    pub system: System,
    pub users: Users,
    pub metrics: Metrics,
}

pub const BOUNDS: Bounds = Bounds {
    waiting: 128,
    residents: 1_000,
};
pub const START: Timestamp = Timestamp(1_700_000_000_000);
pub const COMMIT_TIME: Duration = Duration::from_secs(5);

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

/// Lets everything happen that can without a long wait: under the paused clock this returns once
/// nothing else is left to do.
pub async fn all_quiet() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

impl World {
    pub async fn new() -> Self {
        Self::with(FaultPlan::NONE, BOUNDS).await
    }

    pub async fn with(plan: FaultPlan, bounds: Bounds) -> Self {
        Self::selling(Vec::new(), plan, bounds).await
    }

    /// A shop with more than the three products in its catalogue.
    pub async fn with_rows(rows: Vec<CatalogRow>) -> Self {
        Self::selling(rows, FaultPlan::NONE, BOUNDS).await
    }

    async fn selling(more: Vec<CatalogRow>, plan: FaultPlan, bounds: Bounds) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let memory = MemoryStore::new(clock.clone());
        stock_up(&memory, clock.now()).await;
        let is_plain = more.is_empty();
        memory.put_catalog(more).await.unwrap();
        let load = async || Arc::new(Live::load(&memory).await.unwrap());
        // Building an index takes longer than most tests.
        static PLAIN: OnceCell<Arc<Live>> = OnceCell::const_new();
        let catalog = if is_plain {
            PLAIN.get_or_init(load).await.clone()
        } else {
            load().await
        };
        let store = FaultyStore::new(memory, plan);
        Self::start(store, clock, catalog, 1, bounds, Cluster::alone()).await
    }
}

impl World<ScyllaStore> {
    /// In a keyspace, if there is a server, under whose real time everything happens.
    pub async fn in_keyspace() -> Option<(Self, Keyspace)> {
        let keyspace = Keyspace::lend(&cql::server()?).await;
        let clock = Arc::new(ManualClock::at(START));
        let store = keyspace.store(clock.clone()).await;
        stock_up(&store, clock.now()).await;
        let store = FaultyStore::new(store, FaultPlan::NONE);
        Some((Self::over(store, clock, 1, BOUNDS).await, keyspace))
    }
}

/// The three products, a hundred of each.
async fn stock_up(store: &impl Store, now: Timestamp) {
    let names = ["shirt", "mug", "poster"];
    let rows = names.map(|name| CatalogRow::Product(Box::new(product(name, 1_000, now))));
    store.put_catalog(rows.into()).await.unwrap();
    for name in names {
        receive(store, name, 100, now).await;
    }
}

impl<S: Store> World<S> {
    /// Another node over the same data: a successor, or a second owner. Its faults are its own,
    /// and `seed` must differ from those of its siblings.
    pub async fn another(&self, seed: u64) -> Self {
        self.another_with(seed, FaultPlan::NONE).await
    }

    pub async fn another_with(&self, seed: u64, plan: FaultPlan) -> Self {
        self.beside(self.store.beside(plan), seed).await
    }

    /// Another node over `store`, which holds the same data.
    pub fn beside(&self, store: FaultyStore<S>, seed: u64) -> impl Future<Output = Self> + use<S> {
        let (clock, catalog) = (self.clock.clone(), self.catalog.clone());
        Self::start(store, clock, catalog, seed, BOUNDS, Cluster::alone())
    }

    /// A node among several over the same data.
    pub async fn among(&self, seed: u64, cluster: Cluster) -> Self {
        let store = self.store.beside(FaultPlan::NONE);
        let (clock, catalog) = (self.clock.clone(), self.catalog.clone());
        Self::start(store, clock, catalog, seed, BOUNDS, cluster).await
    }

    /// The node is dead: nothing that it still does reaches the store, and no answer comes back.
    pub fn kill(&self) {
        std::mem::forget(self.store.pause(|_| true));
    }

    /// A node over a store that is there: what a restart, or a second owner, is.
    pub async fn over(
        store: FaultyStore<S>,
        clock: Arc<ManualClock>,
        seed: u64,
        bounds: Bounds,
    ) -> Self {
        let catalog = Arc::new(Live::load(store.inner()).await.unwrap());
        Self::start(store, clock, catalog, seed, bounds, Cluster::alone()).await
    }

    async fn start(
        store: FaultyStore<S>,
        clock: Arc<ManualClock>,
        catalog: Arc<Live>,
        seed: u64,
        bounds: Bounds,
        cluster: Cluster,
    ) -> Self {
        let entropy = Arc::new(SeededEntropy::new(seed));
        let sources = Sources {
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        let metrics = Metrics::default();
        let options = Options {
            store: Arc::new(store.clone()),
            sources: sources.clone(),
            catalog: catalog.clone(),
            cluster,
            users: bounds,
            stocks: Bounds {
                waiting: 10_000,
                residents: 1_000,
            },
            commit_time: COMMIT_TIME,
            recovery_pause: Duration::from_secs(5),
            metrics: metrics.clone(),
        };
        let system = System::start(options).await.unwrap();
        let users = system.users();
        Self {
            metrics,
            store,
            clock,
            entropy,
            sources,
            catalog,
            system,
            users,
        }
    }

    /// Another node over the same store, faults included.
    pub async fn sibling(&self, seed: u64) -> Self {
        self.beside(self.store.clone(), seed).await
    }

    pub async fn ask(&self, user: UserId, request: Request) -> Result<Reply, Failure> {
        self.users.ask(user, request, soon()).await
    }

    /// Asks beside the test.
    pub fn spawn(&self, user: UserId, request: Request) -> JoinHandle<Result<Reply, Failure>> {
        self.spawn_until(user, request, soon())
    }

    pub fn spawn_until(
        &self,
        user: UserId,
        request: Request,
        deadline: Instant,
    ) -> JoinHandle<Result<Reply, Failure>> {
        let users = self.users.clone();
        tokio::spawn(async move { users.ask(user, request, deadline).await })
    }

    /// What is stored of a user.
    pub async fn stored(&self, user: UserId) -> Versioned<UserRecord> {
        self.store.inner().user(user).await.unwrap()
    }

    /// A registered user with an open session.
    pub async fn user(&self) -> UserId {
        let id = UserId(self.sources.entropy.uuid());
        self.ask(id, open(self, id)).await.unwrap();
        id
    }

    pub async fn cart(&self, user: UserId) -> Result<CartView, Failure> {
        let reply = self
            .users
            .ask(user, Request::of(Command::ViewCart, 0), soon())
            .await?;
        reply.into_cart()
    }

    pub async fn add(&self, user: UserId, name: &str, units: i64) -> Result<CartView, Failure> {
        self.users
            .ask(user, Request::of(add(name, units), 0), soon())
            .await?
            .into_cart()
    }

    pub async fn order(&self, user: UserId, key: Option<&str>) -> Result<Arc<Order>, Failure> {
        self.users
            .ask(user, order_request(key), soon())
            .await?
            .into_order()
    }

    /// The counters as they are stored.
    pub async fn stock(&self, name: &str) -> StockLevel {
        self.store.inner().stock(sku(name)).await.unwrap().value
    }

    pub async fn hold_state(&self, name: &str, order: OrderId) -> Option<HoldState> {
        let holds = self
            .store
            .inner()
            .holds(sku(name), vec![order])
            .await
            .unwrap();
        holds[0].map(|hold| hold.state)
    }
}
