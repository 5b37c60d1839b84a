//! The store's traits, each call by way of its fault.

use super::{FaultyStore, Op};
use crate::domain::access::RoleBook;
use crate::domain::account::{Claim, Email, KeyUse};
use crate::domain::catalog::{Brand, Category, Product};
use crate::domain::identity::{LoginId, PendingLogin, Subject};
use crate::domain::ids::{BrandId, CategoryId, NodeId, OrderId, ProductId, UserId};
use crate::domain::order::{Attempt, Order};
use crate::domain::shop::Shop;
use crate::domain::stock::{Hold, StockKey, StockLevel};
use crate::store::{
    Attempts, Bucket, CatalogKey, CatalogRow, Catalogs, Changes, Claims, Commit, Commits,
    LogPosition, Membership, NodeRow, Outcome, Partition, Result, Stocks, Store, UserRecord, Users,
    Version, Versioned, View, WriteId,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl<S: Store> Commits for FaultyStore<S> {
    async fn commit(&self, commit: Commit) -> Result<()> {
        let copy = commit.clone();
        self.write(Op::Commit(&commit), |store| async move {
            store.commit(copy).await
        })
        .await
    }

    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome> {
        let outcome = self.store.outcome(partition, expected, write);
        self.read("outcome", outcome).await
    }
}

#[async_trait]
impl<S: Store> Users for FaultyStore<S> {
    async fn user(&self, id: UserId) -> Result<Versioned<UserRecord>> {
        self.read("user", self.store.user(id)).await
    }

    async fn order(&self, user: UserId, order: OrderId) -> Result<Option<Order>> {
        self.read("order", self.store.order(user, order)).await
    }

    async fn orders(&self, user: UserId, from: u64, limit: u32) -> Result<Vec<Order>> {
        self.read("orders", self.store.orders(user, from, limit))
            .await
    }

    async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>> {
        self.read("key_use", self.store.key_use(user, key)).await
    }

    async fn order_owner(&self, order: OrderId) -> Result<Option<UserId>> {
        self.read("order_owner", self.store.order_owner(order))
            .await
    }
}

#[async_trait]
impl<S: Store> Stocks for FaultyStore<S> {
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>> {
        self.read("stock", self.store.stock(key)).await
    }

    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>> {
        self.read("holds", self.store.holds(key, orders)).await
    }
}

#[async_trait]
impl<S: Store> Attempts for FaultyStore<S> {
    async fn put_attempt(&self, attempt: Attempt) -> Result<()> {
        let copy = attempt.clone();
        self.write(Op::PutAttempt(&attempt), |store| async move {
            store.put_attempt(copy).await
        })
        .await
    }

    async fn attempts(&self, bucket: Bucket) -> Result<Vec<Attempt>> {
        self.read("attempts", self.store.attempts(bucket)).await
    }

    async fn remove_attempt(&self, bucket: Bucket, order: OrderId) -> Result<()> {
        self.write(Op::RemoveAttempt(bucket, order), move |store| async move {
            store.remove_attempt(bucket, order).await
        })
        .await
    }

    async fn low_water(&self) -> Result<Option<Bucket>> {
        self.read("low_water", self.store.low_water()).await
    }

    async fn raise_low_water(&self, bucket: Bucket) -> Result<()> {
        self.write(Op::RaiseLowWater(bucket), move |store| async move {
            store.raise_low_water(bucket).await
        })
        .await
    }
}

#[async_trait]
impl<S: Store> Claims for FaultyStore<S> {
    async fn claim(&self, email: Email) -> Result<Versioned<Option<Claim>>> {
        self.read("claim", self.store.claim(email)).await
    }

    async fn subject(&self, subject: Subject) -> Result<Versioned<Option<Claim>>> {
        self.read("subject", self.store.subject(subject)).await
    }

    async fn login(&self, login: LoginId) -> Result<Versioned<Option<PendingLogin>>> {
        self.read("login", self.store.login(login)).await
    }

    async fn administrators(&self) -> Result<Versioned<BTreeSet<UserId>>> {
        self.read("administrators", self.store.administrators())
            .await
    }

    async fn roles(&self) -> Result<Versioned<Option<RoleBook>>> {
        self.read("roles", self.store.roles()).await
    }
}

#[async_trait]
impl<S: Store> Membership for FaultyStore<S> {
    async fn view(&self) -> Result<Versioned<View>> {
        self.read("view", self.store.view()).await
    }

    async fn node(&self, id: NodeId) -> Result<Versioned<Option<NodeRow>>> {
        self.read("node", self.store.node(id)).await
    }
}

#[async_trait]
impl<S: Store> Catalogs for FaultyStore<S> {
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>> {
        self.read("products", self.store.products(after, limit))
            .await
    }

    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>> {
        self.read("categories", self.store.categories(after, limit))
            .await
    }

    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>> {
        self.read("brands", self.store.brands(after, limit)).await
    }

    async fn shop(&self) -> Result<Shop> {
        self.read("shop", self.store.shop()).await
    }

    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>> {
        self.read("catalog_rows", self.store.catalog_rows(keys))
            .await
    }

    async fn catalog_position(&self) -> Result<LogPosition> {
        self.read("catalog_position", self.store.catalog_position())
            .await
    }

    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        self.read("catalog_changes", self.store.catalog_changes(after, limit))
            .await
    }

    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()> {
        let copy = rows.clone();
        self.write(Op::PutCatalog(&rows), |store| async move {
            store.put_catalog(copy).await
        })
        .await
    }

    async fn catalog_was_read(&self) {
        self.store.catalog_was_read().await;
    }
}
