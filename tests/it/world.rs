//! A shop without HTTP: actors over a store that fails as it is told, in memory or in a keyspace.

use crate::cql::{self, Keyspace};
use cartwright::actors::user::{CartView, Reply, Users};
use cartwright::actors::{Bounds, Failure, Options, System};
use cartwright::catalog::Live;
use cartwright::cluster::Cluster;
use cartwright::domain::access::user_role;
use cartwright::domain::account::{Claim, Credential, Email, Profile};
use cartwright::domain::address::{Address, AddressInput};
use cartwright::domain::catalog::{Product, Status};
use cartwright::domain::ids::{FamilyId, LineId, OrderId, ProductId, Sku, UserId};
use cartwright::domain::money::{Currency, Money};
use cartwright::domain::order::Order;
use cartwright::domain::stock::{StockKey, StockLevel};
use cartwright::domain::time::Timestamp;
use cartwright::domain::user::{Checkout, Command, Key, Request};
use cartwright::metrics::Metrics;
use cartwright::sources::{Clock, Entropy, Sources};
use cartwright::store::fault::{Fault, FaultPlan, FaultyStore, Op, Pause};
use cartwright::store::memory::MemoryStore;
use cartwright::store::scylla::ScyllaStore;
use cartwright::store::{
    CatalogRow, Catalogs, Change, Commit, Partition, StockWrite, Store, UserRecord, Versioned,
    WriteId,
};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

/// A clock that stands until it is moved.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    pub fn set_back(&self, length: Duration) {
        self.0.fetch_sub(
            i64::try_from(length.as_millis()).unwrap(),
            Ordering::Relaxed,
        );
    }

    pub fn advance(&self, length: Duration) {
        self.0.fetch_add(
            i64::try_from(length.as_millis()).unwrap(),
            Ordering::Relaxed,
        );
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// Randomness that follows from a seed, and panics once where it is told to.
pub struct SeededEntropy {
    random: Mutex<StdRng>,
    panics: AtomicBool,
}

impl SeededEntropy {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            panics: AtomicBool::new(false),
        }
    }

    /// Makes the next draw, and no other, panic.
    pub fn panic_once(&self) {
        self.panics.store(true, Ordering::Relaxed);
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "told to panic");
        self.random.lock().unwrap().fill_bytes(bytes);
    }
}

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

/// Waits until an operation waits at `pause`, in vain at most a minute.
pub async fn reached(pause: &Pause) {
    let arrived = tokio::time::timeout(Duration::from_secs(60), pause.reached(1)).await;
    arrived.expect("no operation came to wait");
}

/// Lets everything happen that can without a long wait: under the paused clock this returns once
/// nothing else is left to do.
pub async fn all_quiet() {
    tokio::time::sleep(Duration::from_millis(400)).await;
}

/// Injects these faults, in order, into the operations that match; later ones are spared.
pub fn in_order(
    matches: impl Fn(&Op<'_>) -> bool + Send + 'static,
    faults: impl IntoIterator<Item = Fault>,
) -> impl FnMut(&Op<'_>) -> Option<Fault> + Send + 'static {
    let mut faults: VecDeque<Fault> = faults.into_iter().collect();
    move |op| matches(op).then(|| faults.pop_front()).flatten()
}

/// Whether it is a commit of a user.
pub fn user_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(commit) if matches!(commit.change, Change::User(..)))
}

/// Matches commits of this user.
pub fn commit_of(user: UserId) -> impl Fn(&Op<'_>) -> bool + Send + 'static {
    move |op| matches!(op, Op::Commit(commit) if commit.change.partition() == Partition::User(user))
}

/// Matches only the first operation that `matches` does.
pub fn first(
    matches: impl Fn(&Op<'_>) -> bool + Send + 'static,
) -> impl Fn(&Op<'_>) -> bool + Send + 'static {
    let seen = AtomicBool::new(false);
    move |op| matches(op) && !seen.swap(true, Ordering::Relaxed)
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

    pub async fn hold_state(
        &self,
        name: &str,
        order: OrderId,
    ) -> Option<cartwright::domain::stock::HoldState> {
        let holds = self
            .store
            .inner()
            .holds(sku(name), vec![order])
            .await
            .unwrap();
        holds[0].map(|hold| hold.state)
    }
}

pub fn sku(name: &str) -> StockKey {
    StockKey::Sku(Sku::parse(name).unwrap())
}

pub fn add(name: &str, units: i64) -> Command {
    Command::AddItem {
        product_id: ProductId::parse(name).unwrap(),
        variant_id: None,
        quantity: units,
        attributes: BTreeMap::new(),
    }
}

/// Registers a user whose first session is a family of the same id, with a token hash of zeros.
pub fn open(world: &World<impl Store>, id: UserId) -> Request {
    let profile = Profile {
        email: Email::parse(&format!("{id}@example.com")).unwrap(),
        first_name: "Ann".into(),
        last_name: "Lee".into(),
        email_verified: false,
        created_at: world.clock.now(),
    };
    let claim = Claim {
        user_id: id,
        credential: Credential::Password("none".into()),
        profile,
        roles: BTreeSet::from([user_role()]),
    };
    Request::anonymous(Command::OpenSession {
        claim: Box::new(claim),
        family: FamilyId(id.0),
        token_hash: [0; 32],
    })
}

pub fn view() -> Request {
    Request::of(Command::ViewCart, 0)
}

/// The request with an idempotency key, always with the same fingerprint.
pub fn keyed(request: Request, key: &str) -> Request {
    let key = Some(Key {
        key: key.to_owned(),
        fingerprint: [7; 32],
    });
    Request { key, ..request }
}

pub fn units(reply: Result<Reply, Failure>, name: &str) -> u32 {
    line_of(&reply.unwrap().into_cart().unwrap(), name).map_or(0, |(_, quantity)| quantity)
}

pub fn line_of(cart: &CartView, name: &str) -> Option<(LineId, u32)> {
    let line = cart
        .cart
        .lines
        .iter()
        .find(|line| line.product_id.as_str() == name);
    line.map(|line| (line.id, line.quantity))
}

pub fn order_request(key: Option<&str>) -> Request {
    order_request_with(key, |_| {})
}

pub fn order_request_with(key: Option<&str>, edit: impl FnOnce(&mut Checkout)) -> Request {
    let mut checkout = Checkout {
        shipping_address: address(),
        billing_address: None,
        payment_method_id: "pm_1".into(),
        promotion_codes: Vec::new(),
        shipping_method_id: None,
        notes: String::new(),
        expected_total: None,
    };
    edit(&mut checkout);
    let key = key.map(|key| Key {
        key: key.to_owned(),
        fingerprint: [7; 32],
    });
    Request {
        key,
        ..Request::of(Command::PlaceOrder(Box::new(checkout)), 0)
    }
}

pub fn address() -> Address {
    let text = |text: &str| Some(text.to_owned());
    let input = AddressInput {
        first_name: text("Ann"),
        last_name: text("Lee"),
        address1: text("1 Main Street"),
        city: text("New York"),
        state: text("NY"),
        postal_code: text("10001"),
        country: text("US"),
        ..AddressInput::default()
    };
    Address::parse(input, "shipping_address").unwrap()
}

pub fn product(name: &str, price: i64, at: Timestamp) -> Product {
    Product {
        id: ProductId::parse(name).unwrap(),
        sku: Sku::parse(name).unwrap(),
        name: name.to_owned(),
        description: String::new(),
        base_price: Money::new(price, Currency::USD).unwrap(),
        sale_price: None,
        status: Status::Active,
        brand_id: None,
        category_id: None,
        images: Vec::new(),
        attributes: BTreeMap::new(),
        variants: Vec::new(),
        created_at: at,
        updated_at: at,
    }
}

/// Sets what was received of a SKU in all.
pub async fn receive(store: &(impl Store + ?Sized), name: &str, units: u64, at: Timestamp) {
    receive_item(store, sku(name), units, at).await;
}

/// Sets what was received of a stock item in all.
pub async fn receive_item(store: &(impl Store + ?Sized), key: StockKey, units: u64, at: Timestamp) {
    let mut level = store.stock(key.clone()).await.unwrap();
    level.value.receive(units).unwrap();
    let write = StockWrite {
        level: level.value,
        holds: Vec::new(),
        at,
    };
    let commit = Commit {
        expected: level.version,
        write: WriteId(Uuid::from_u128(u128::from(units))),
        change: Change::Stock(key, write),
    };
    store.commit(commit).await.unwrap();
}
