//! The store's traits for every engine.

use super::keys::kind;
use super::{Effort, Engine, Write, log, read};
use crate::domain::access::RoleBook;
use crate::domain::account::{Claim, Email, KeyUse};
use crate::domain::catalog::{Brand, Category, Product};
use crate::domain::identity::{LoginId, PendingLogin, Subject};
use crate::domain::ids::{BrandId, CategoryId, NodeId, OrderId, ProductId, UserId};
use crate::domain::order::{Attempt, Order};
use crate::domain::shop::Shop;
use crate::domain::stock::{Hold, StockKey, StockLevel};
use crate::store::{
    Attempts, Bucket, CatalogKey, CatalogRow, Catalogs, Changes, Claims, Commit, Commits, Error,
    LogPosition, MAX_CATALOG_ROWS, Membership, NodeRow, Outcome, Partition, Result, Stocks,
    UserRecord, Users, Version, Versioned, View, WriteId,
};
use async_trait::async_trait;
use std::collections::BTreeSet;

#[async_trait]
impl<E: Engine> Commits for E {
    async fn commit(&self, commit: Commit) -> Result<()> {
        self.write(Write::commit(&commit)).await
    }

    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome> {
        self.read(Effort::Point, move |view| {
            read::outcome(view, &partition, expected, write)
        })
        .await
    }
}

#[async_trait]
impl<E: Engine> Users for E {
    async fn user(&self, id: UserId) -> Result<Versioned<UserRecord>> {
        self.read(Effort::Point, move |view| read::user(view, id))
            .await
    }

    async fn order(&self, user: UserId, order: OrderId) -> Result<Option<Order>> {
        self.read(Effort::Point, move |view| read::order(view, user, order))
            .await
    }

    async fn orders(&self, user: UserId, from: u64, limit: u32) -> Result<Vec<Order>> {
        self.read(Effort::Page, move |view| {
            read::orders(view, user, from, limit)
        })
        .await
    }

    async fn key_use(&self, user: UserId, key: String) -> Result<Option<KeyUse>> {
        self.read(Effort::Point, move |view| read::key_use(view, user, &key))
            .await
    }

    async fn order_owner(&self, order: OrderId) -> Result<Option<UserId>> {
        self.read(Effort::Point, move |view| read::order_owner(view, order))
            .await
    }
}

#[async_trait]
impl<E: Engine> Stocks for E {
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>> {
        self.read(Effort::Point, move |view| {
            read::value(view, &Partition::Stock(key))
        })
        .await
        .map(or_default)
    }

    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>> {
        self.read(Effort::Point, move |view| read::holds(view, key, &orders))
            .await
    }
}

#[async_trait]
impl<E: Engine> Attempts for E {
    async fn put_attempt(&self, attempt: Attempt) -> Result<()> {
        self.write(Write::attempt(&attempt)).await
    }

    async fn attempts(&self, bucket: Bucket) -> Result<Vec<Attempt>> {
        self.read(Effort::Page, move |view| read::attempts(view, bucket))
            .await
    }

    async fn remove_attempt(&self, bucket: Bucket, order: OrderId) -> Result<()> {
        self.write(Write::attempt_removed(bucket, order)).await
    }

    async fn low_water(&self) -> Result<Option<Bucket>> {
        self.read(Effort::Point, read::low_water).await
    }

    async fn raise_low_water(&self, bucket: Bucket) -> Result<()> {
        self.write(Write::RaiseLowWater(bucket)).await
    }
}

#[async_trait]
impl<E: Engine> Claims for E {
    async fn claim(&self, email: Email) -> Result<Versioned<Option<Claim>>> {
        self.read(Effort::Point, move |view| {
            read::value(view, &Partition::Claim(email))
        })
        .await
    }

    async fn subject(&self, subject: Subject) -> Result<Versioned<Option<Claim>>> {
        self.read(Effort::Point, move |view| {
            read::value(view, &Partition::Subject(subject))
        })
        .await
    }

    async fn login(&self, login: LoginId) -> Result<Versioned<Option<PendingLogin>>> {
        self.read(Effort::Point, move |view| read::login(view, login))
            .await
    }

    async fn administrators(&self) -> Result<Versioned<BTreeSet<UserId>>> {
        self.read(Effort::Point, |view| {
            read::value(view, &Partition::Administrators)
        })
        .await
        .map(or_default)
    }

    async fn roles(&self) -> Result<Versioned<Option<RoleBook>>> {
        self.read(Effort::Point, |view| read::value(view, &Partition::Roles))
            .await
    }
}

#[async_trait]
impl<E: Engine> Membership for E {
    async fn view(&self) -> Result<Versioned<View>> {
        self.read(Effort::Point, |view| read::value(view, &Partition::View))
            .await
            .map(or_default)
    }

    async fn node(&self, id: NodeId) -> Result<Versioned<Option<NodeRow>>> {
        self.read(Effort::Point, move |view| read::node(view, id))
            .await
    }
}

#[async_trait]
impl<E: Engine> Catalogs for E {
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>> {
        self.read(Effort::Page, move |view| {
            let after = after.as_ref().map(ProductId::as_str);
            read::catalog_page(view, kind::PRODUCT, after, limit)
        })
        .await
    }

    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>> {
        self.read(Effort::Page, move |view| {
            let after = after.as_ref().map(CategoryId::as_str);
            read::catalog_page(view, kind::CATEGORY, after, limit)
        })
        .await
    }

    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>> {
        self.read(Effort::Page, move |view| {
            let after = after.as_ref().map(BrandId::as_str);
            read::catalog_page(view, kind::BRAND, after, limit)
        })
        .await
    }

    async fn shop(&self) -> Result<Shop> {
        self.read(Effort::Page, read::shop).await
    }

    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>> {
        self.read(Effort::Page, move |view| {
            keys.iter()
                .map(|key| read::catalog_row(view, key))
                .collect()
        })
        .await
    }

    async fn catalog_position(&self) -> Result<LogPosition> {
        self.read(Effort::Point, log::position).await
    }

    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        self.read(Effort::Page, move |view| log::changes(view, after, limit))
            .await
    }

    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()> {
        if rows.len() > MAX_CATALOG_ROWS {
            let count = rows.len();
            return Err(Error::Unavailable(format!(
                "at most {MAX_CATALOG_ROWS} catalogue records at once, not {count}"
            )));
        }
        self.write(Write::catalog(&rows)).await
    }

    async fn catalog_was_read(&self) {
        self.forget().await;
    }
}

fn or_default<T: Default>(read: Versioned<Option<T>>) -> Versioned<T> {
    Versioned {
        version: read.version,
        value: read.value.unwrap_or_default(),
    }
}
