//! The store's traits, each call by way of its figures.

use super::MeteredStore;
use super::operation::Operation as Op;
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
    LogPosition, Membership, NodeRow, Outcome, Partition, Result, Stocks, UserRecord, Users,
    Version, Versioned, View, WriteId,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl Commits for MeteredStore {
    async fn commit(&self, commit: Commit) -> Result<()> {
        let operation = Op::committing(&commit.change);
        self.watch(operation, self.store.commit(commit)).await
    }

    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome> {
        let outcome = self.store.outcome(partition, expected, write);
        self.watch(Op::Outcome, outcome).await
    }
}

#[async_trait]
impl Users for MeteredStore {
    async fn user(&self, id: UserId) -> Result<Versioned<UserRecord>> {
        self.watch(Op::User, self.store.user(id)).await
    }

    async fn order(&self, user: UserId, order: OrderId) -> Result<Option<Order>> {
        self.watch(Op::Order, self.store.order(user, order)).await
    }

    async fn orders(&self, user: UserId, from: u64, limit: u32) -> Result<Vec<Order>> {
        self.watch(Op::Orders, self.store.orders(user, from, limit))
            .await
    }

    async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>> {
        self.watch(Op::KeyUse, self.store.key_use(user, key)).await
    }

    async fn order_owner(&self, order: OrderId) -> Result<Option<UserId>> {
        self.watch(Op::OrderOwner, self.store.order_owner(order))
            .await
    }
}

#[async_trait]
impl Stocks for MeteredStore {
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>> {
        self.watch(Op::Stock, self.store.stock(key)).await
    }

    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>> {
        self.watch(Op::Holds, self.store.holds(key, orders)).await
    }
}

#[async_trait]
impl Attempts for MeteredStore {
    async fn put_attempt(&self, attempt: Attempt) -> Result<()> {
        self.watch(Op::PutAttempt, self.store.put_attempt(attempt))
            .await
    }

    async fn attempts(&self, bucket: Bucket) -> Result<Vec<Attempt>> {
        self.watch(Op::Attempts, self.store.attempts(bucket)).await
    }

    async fn remove_attempt(&self, bucket: Bucket, order: OrderId) -> Result<()> {
        let removed = self.store.remove_attempt(bucket, order);
        self.watch(Op::RemoveAttempt, removed).await
    }

    async fn low_water(&self) -> Result<Option<Bucket>> {
        self.watch(Op::LowWater, self.store.low_water()).await
    }

    async fn raise_low_water(&self, bucket: Bucket) -> Result<()> {
        self.watch(Op::RaiseLowWater, self.store.raise_low_water(bucket))
            .await
    }
}

#[async_trait]
impl Claims for MeteredStore {
    async fn claim(&self, email: Email) -> Result<Versioned<Option<Claim>>> {
        self.watch(Op::Claim, self.store.claim(email)).await
    }

    async fn subject(&self, subject: Subject) -> Result<Versioned<Option<Claim>>> {
        self.watch(Op::Subject, self.store.subject(subject)).await
    }

    async fn login(&self, login: LoginId) -> Result<Versioned<Option<PendingLogin>>> {
        self.watch(Op::Login, self.store.login(login)).await
    }

    async fn administrators(&self) -> Result<Versioned<BTreeSet<UserId>>> {
        self.watch(Op::Administrators, self.store.administrators())
            .await
    }

    async fn roles(&self) -> Result<Versioned<Option<RoleBook>>> {
        self.watch(Op::Roles, self.store.roles()).await
    }
}

#[async_trait]
impl Membership for MeteredStore {
    async fn view(&self) -> Result<Versioned<View>> {
        self.watch(Op::View, self.store.view()).await
    }

    async fn node(&self, id: NodeId) -> Result<Versioned<Option<NodeRow>>> {
        self.watch(Op::Node, self.store.node(id)).await
    }
}

#[async_trait]
impl Catalogs for MeteredStore {
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>> {
        self.watch(Op::Products, self.store.products(after, limit))
            .await
    }

    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>> {
        self.watch(Op::Categories, self.store.categories(after, limit))
            .await
    }

    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>> {
        self.watch(Op::Brands, self.store.brands(after, limit))
            .await
    }

    async fn shop(&self) -> Result<Shop> {
        self.watch(Op::Shop, self.store.shop()).await
    }

    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>> {
        self.watch(Op::CatalogRows, self.store.catalog_rows(keys))
            .await
    }

    async fn catalog_position(&self) -> Result<LogPosition> {
        self.watch(Op::CatalogPosition, self.store.catalog_position())
            .await
    }

    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        self.watch(Op::CatalogChanges, self.store.catalog_changes(after, limit))
            .await
    }

    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()> {
        self.watch(Op::PutCatalog, self.store.put_catalog(rows))
            .await
    }

    async fn catalog_was_read(&self) {
        self.store.catalog_was_read().await;
    }
}
