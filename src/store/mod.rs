//! What is durable. Narrow traits, typed writes, and an error that tells what is known of a write.
//!
//! Every partition (a user, a stock item, an e-mail claim, an issuer's subject, a login in the making,
//! the administrators, the roles, the view, a node) has a version and changes by compare-and-set on it alone. There is
//! no transaction across partitions, no iterator, no expiry and no folding in the traits: what cannot be had from a replicated database is not
//! offered by the embedded store either. Arguments are owned, so that a wrapper may apply late.

pub mod embedded;
pub mod encoding;
pub mod fault;
mod kv;
mod membership;
pub mod memory;
pub mod metered;
pub mod resolve;
pub mod scylla;

pub use membership::{Member, Membership, NODE_KEPT, NodeRow, NodeWrite, Presence, View};

use crate::domain::access::RoleBook;
use crate::domain::account::{Account, Claim, Email, KeyUse};
use crate::domain::cart::Cart;
use crate::domain::catalog::{Brand, Category, Product};
use crate::domain::identity::{LOGIN_LIFE, LoginId, PendingLogin, Subject};
use crate::domain::ids::{
    BrandId, CategoryId, NodeId, OrderId, ProductId, PromotionCode, ShippingMethodId, UserId,
};
use crate::domain::money::Currency;
use crate::domain::order::{Attempt, Order};
use crate::domain::shop::{Promotion, ShippingMethod, Shop, TaxRate};
use crate::domain::stock::{Hold, StockKey, StockLevel};
use crate::domain::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use uuid::Uuid;

/// Counts the commits of a partition; 0 before the first.
pub type Version = u64;

/// Names one commit, so that whoever repeats it can tell its own effect from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteId(pub Uuid);

/// How many of a partition's latest write ids are kept, by version modulo this.
pub const SLOTS: u64 = 64;

/// What is known when a call fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The partition is not at the expected version. This call changed nothing.
    #[error("the partition has moved on")]
    Conflict,
    /// The write may have happened, may happen later, or never. Reads do not fail so.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
    /// The store did not do it and never will.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored cannot be understood.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

/// A value and the version of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version that it was read at.
    pub version: Version,
    /// The value.
    pub value: T,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// A user's account, cart, orders and idempotency keys.
    User(UserId),
    /// A stock item's counters and holds.
    Stock(StockKey),
    /// An e-mail address.
    Claim(Email),
    /// Somebody whom an issuer vouches for.
    Subject(Subject),
    /// A login in the making. It is forgotten whole [`LOGIN_KEPT`] after its last commit: its
    /// version then begins at 0 again.
    Login(LoginId),
    /// The set of administrators.
    Administrators,
    /// The roles and permissions.
    Roles,
    /// Who serves the store.
    View,
    /// A node. It is forgotten whole [`NODE_KEPT`] after its last commit.
    Node(NodeId),
}

/// A conditional write: applied if, and only if, the partition is at `expected`, which it leaves
/// at `expected + 1` with `write` in slot `expected % SLOTS`. All or nothing.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The version that it rests on.
    pub expected: Version,
    /// Its name.
    pub write: WriteId,
    /// What it changes.
    pub change: Change,
}

/// What a commit writes.
#[derive(Clone, Debug)]
pub enum Change {
    /// In a user's partition.
    User(UserId, UserWrite),
    /// In a stock item's partition.
    Stock(StockKey, StockWrite),
    /// An e-mail address's claim.
    Claim(Email, Claim),
    /// What somebody whom an issuer vouches for has, or is to have.
    Subject(Subject, Claim),
    /// A login in the making.
    Login(LoginId, LoginWrite),
    /// The administrators, whole.
    Administrators(BTreeSet<UserId>),
    /// The roles and permissions, whole.
    Roles(RoleBook),
    /// Who serves the store, whole.
    View(View),
    /// A node.
    Node(NodeId, NodeWrite),
}

impl Change {
    /// The partition that it writes.
    #[must_use]
    pub fn partition(&self) -> Partition {
        match self {
            Self::User(id, _) => Partition::User(*id),
            Self::Stock(key, _) => Partition::Stock(key.clone()),
            Self::Claim(email, _) => Partition::Claim(email.clone()),
            Self::Subject(subject, _) => Partition::Subject(subject.clone()),
            Self::Login(login, _) => Partition::Login(*login),
            Self::Administrators(_) => Partition::Administrators,
            Self::Roles(_) => Partition::Roles,
            Self::View(_) => Partition::View,
            Self::Node(id, _) => Partition::Node(*id),
        }
    }
}

/// What a commit writes of a user; what is `None` or empty stays as it is. Written empty it moves
/// the version alone, which no write at an earlier version survives: a fence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserWrite {
    /// The account, whole.
    pub account: Option<Account>,
    /// The cart, whole.
    pub cart: Option<Arc<Cart>>,
    /// New orders.
    pub orders: Vec<Order>,
    /// Newly used idempotency keys; each expires [`KEY_LIFE`](crate::domain::account::KEY_LIFE)
    /// after its use.
    pub keys: Vec<(String, KeyUse)>,
}

/// What a commit writes of a stock item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockWrite {
    /// The counters, whole.
    pub level: StockLevel,
    /// Holds that are new or changed. Terminal ones expire [`HOLD_LIFE`] after `at`.
    pub holds: Vec<(OrderId, Hold)>,
    /// When.
    pub at: Timestamp,
}

/// How long a terminal hold is kept, to refuse reservations that arrive late.
pub const HOLD_LIFE: crate::domain::time::Millis = crate::domain::time::Millis::days(7);

/// What a commit writes of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginWrite {
    /// The login; `None` once somebody has taken it to finish it.
    pub pending: Option<PendingLogin>,
    /// When.
    pub at: Timestamp,
}

/// How long a login is kept after it was begun or taken. Beyond its life, so that a commit which
/// arrives late still meets the version that refuses it.
pub const LOGIN_KEPT: crate::domain::time::Millis = crate::domain::time::Millis(2 * LOGIN_LIFE.0);

/// What became of a commit whose outcome was unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect.
    Applied,
    /// Another commit took its place; it never will.
    Never,
    /// The version still stands where it was: it may yet take effect.
    NotYet,
    /// So many commits followed that its slot was used again: nobody can tell any more.
    Overwritten,
}

/// Conditional writes.
#[async_trait]
pub trait Commits: Send + Sync + 'static {
    /// # Errors
    /// [`Error::Conflict`] and [`Error::Unavailable`]: not applied. [`Error::Unknown`]: use
    /// [`resolve::commit`], which finds out.
    async fn commit(&self, commit: Commit) -> Result<()>;

    /// What is known of the commit `write` at `expected`, by a serial read.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome>;
}

/// What is stored of a user and loaded at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// `None` before registration is completed.
    pub account: Option<Account>,
    /// Empty before its first change.
    pub cart: Cart,
}

/// Reads of users, all serial.
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// The account and the cart, with the partition's version.
    async fn user(&self, id: UserId) -> Result<Versioned<UserRecord>>;

    /// A user's order.
    async fn order(&self, user: UserId, order: OrderId) -> Result<Option<Order>>;

    /// At most `limit` of a user's orders from number `from` downwards, newest first.
    async fn orders(&self, user: UserId, from: u64, limit: u32) -> Result<Vec<Order>>;

    /// How an idempotency key was used. It may have expired.
    async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>>;

    /// Whose order, or attempt at one, this is.
    async fn order_owner(&self, order: OrderId) -> Result<Option<UserId>>;
}

/// Reads of stock, all serial.
#[async_trait]
pub trait Stocks: Send + Sync + 'static {
    /// The counters; all zero where nothing was ever received.
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>>;

    /// The holds of these orders on this item, in their order.
    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>>;
}

/// The minute since 1970 in which an attempt began: attempts lie in such buckets.
pub type Bucket = i64;

/// The bucket of an attempt that began at `at`.
#[must_use]
pub fn bucket(at: Timestamp) -> Bucket {
    at.0.div_euclid(60_000)
}

/// Orders in the making. Writes are unconditional and may be repeated; on [`Error::Unknown`]
/// repeat them.
#[async_trait]
pub trait Attempts: Send + Sync + 'static {
    /// Keeps the attempt and the pointer from its order id to its user.
    async fn put_attempt(&self, attempt: Attempt) -> Result<()>;

    /// The attempts of a bucket.
    async fn attempts(&self, bucket: Bucket) -> Result<Vec<Attempt>>;

    /// Forgets an attempt that is settled everywhere. The pointer stays.
    async fn remove_attempt(&self, bucket: Bucket, order: OrderId) -> Result<()>;

    /// No attempt lies in a bucket before this one. `None`: never raised.
    async fn low_water(&self) -> Result<Option<Bucket>>;

    /// Raises the mark; a lower one changes nothing.
    async fn raise_low_water(&self, bucket: Bucket) -> Result<()>;
}

/// Reads of accounts by e-mail address and by issuer, of logins in the making, of the administrators
/// and of the roles, all serial.
#[async_trait]
pub trait Claims: Send + Sync + 'static {
    /// Who has taken the address.
    async fn claim(&self, email: Email) -> Result<Versioned<Option<Claim>>>;

    /// What somebody whom an issuer vouches for has, or is to have.
    async fn subject(&self, subject: Subject) -> Result<Versioned<Option<Claim>>>;

    /// A login in the making; `None` where there is none, it was taken, or it was forgotten. It may
    /// have expired.
    async fn login(&self, login: LoginId) -> Result<Versioned<Option<PendingLogin>>>;

    /// The administrators.
    async fn administrators(&self) -> Result<Versioned<BTreeSet<UserId>>>;

    /// The roles and permissions; `None` where they were never changed.
    async fn roles(&self) -> Result<Versioned<Option<RoleBook>>>;
}

/// One record of the catalogue or of the shop's data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the record that it names")]
pub enum CatalogRow {
    Currency(Currency),
    Category(Category),
    Brand(Brand),
    Product(Box<Product>),
    TaxRate(TaxRate),
    ShippingMethod(ShippingMethod),
    Promotion(Promotion),
}

/// What tells catalogue records apart. Stored in the log of changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the key of the record that it names")]
pub enum CatalogKey {
    Currency,
    Category(CategoryId),
    Brand(BrandId),
    Product(ProductId),
    TaxRate {
        country: String,
        state: Option<String>,
    },
    ShippingMethod(ShippingMethodId),
    Promotion(PromotionCode),
}

impl CatalogRow {
    /// What tells it from others.
    #[must_use]
    pub fn key(&self) -> CatalogKey {
        match self {
            Self::Currency(_) => CatalogKey::Currency,
            Self::Category(category) => CatalogKey::Category(category.id.clone()),
            Self::Brand(brand) => CatalogKey::Brand(brand.id.clone()),
            Self::Product(product) => CatalogKey::Product(product.id.clone()),
            Self::TaxRate(rate) => CatalogKey::TaxRate {
                country: rate.country.clone(),
                state: rate.state.clone(),
            },
            Self::ShippingMethod(method) => CatalogKey::ShippingMethod(method.id.clone()),
            Self::Promotion(promotion) => CatalogKey::Promotion(promotion.code.clone()),
        }
    }
}

/// The most records of one [`Catalogs::put_catalog`].
pub const MAX_CATALOG_ROWS: usize = 256;

/// A place in the log of the catalogue's changes: it grows with each change, and is 0 before the
/// first.
pub type LogPosition = u64;

/// How many of the latest changes the log keeps. A reader that is further behind reads all anew.
pub const CATALOG_LOG: u64 = 65_536;

/// What the log says of the time after a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// What was written since.
    Keys {
        /// The keys of the records, in the order in which they were written; one that was written
        /// again stands there again. Empty where nothing was written since.
        keys: Vec<CatalogKey>,
        /// Where to go on: the position of the last of them.
        position: LogPosition,
    },
    /// The log no longer goes back to that position, or never got there (the store is another).
    Lost,
}

/// The catalogue and the shop's data. Writes are unconditional and may be repeated.
///
/// Every write is logged, so that a reader can keep a copy: it asks for the log's position, reads
/// everything, and from then on reads what the log says was written. It may rely on this alone:
/// - A record that is read after its entry in the log was seen is at least as new as that entry. So
///   is every record that is read after a position was answered, for all entries up to there.
/// - The entries of a write that succeeded are in the log once it is answered. A write that failed,
///   or whose outcome is unknown, may have changed records that the log does not name: repeat it.
/// - A store that writes records and log in one transaction may leave out records that are there
///   already, equal. No other may: they may stem from a write that was never logged.
#[async_trait]
pub trait Catalogs: Send + Sync + 'static {
    /// At most `limit` products, those that follow `after` in the store's order.
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>>;

    /// At most `limit` categories, those that follow `after` in the store's order.
    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>>;

    /// At most `limit` brands, those that follow `after` in the store's order.
    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>>;

    /// The shop's data, whole.
    async fn shop(&self) -> Result<Shop>;

    /// The records with these keys, in their order.
    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>>;

    /// Where the log of changes ends.
    async fn catalog_position(&self) -> Result<LogPosition>;

    /// What was written after a position, oldest first: at most `limit` keys.
    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes>;

    /// Writes the records, replacing those with the same keys, and appends their keys to the log,
    /// which keeps the latest [`CATALOG_LOG`]. At most [`MAX_CATALOG_ROWS`] at once; of records with
    /// one key the last counts.
    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()>;

    /// Said once at the start, by whoever has read all of the catalogue and keeps it: what the
    /// store itself keeps of what was read may go.
    async fn catalog_was_read(&self) {}
}

/// All of it.
pub trait Store: Commits + Users + Stocks + Attempts + Claims + Catalogs + Membership {}

impl<T: Commits + Users + Stocks + Attempts + Claims + Catalogs + Membership> Store for T {}
