//! A store that counts writes, and lets stock change between an import's read and its write.

use crate::domain::catalog::{Brand, Category, Product};
use crate::domain::ids::{BrandId, CategoryId, OrderId, ProductId};
use crate::domain::shop::Shop;
use crate::domain::stock::{Hold, StockKey, StockLevel};
use crate::store::memory::MemoryStore;
use crate::store::{
    CatalogKey, CatalogRow, Catalogs, Change, Changes, Commit, Commits, Error, LogPosition,
    Outcome, Partition, Result, StockWrite, Stocks, Version, Versioned, WriteId,
};
use async_trait::async_trait;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

pub(super) struct Watched {
    pub(super) inner: MemoryStore,
    writes: AtomicU64,
    largest: AtomicU64,
    sales: AtomicU64,
    lost: AtomicU64,
}

impl Watched {
    pub(super) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            writes: AtomicU64::new(0),
            largest: AtomicU64::new(0),
            sales: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// How many writes there were since this was asked last.
    pub(super) fn writes(&self) -> u64 {
        self.writes.swap(0, Ordering::Relaxed)
    }

    /// The most rows that were written at once.
    pub(super) fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }

    /// Before each of the next so many stock commits a unit is sold.
    pub(super) fn sell_before(&self, commits: u64) {
        self.sales.store(commits, Ordering::Relaxed);
    }

    /// The answers to so many writes of the catalogue are lost.
    pub(super) fn lose(&self, answers: u64) {
        self.lost.store(answers, Ordering::Relaxed);
    }

    /// Sells a unit, whatever there is.
    pub(super) async fn sell(&self, key: StockKey) {
        let Versioned { version, mut value } = self.inner.stock(key.clone()).await.unwrap();
        value.available -= 1;
        value.sold += 1;
        let write = StockWrite {
            level: value,
            holds: vec![],
            at: crate::domain::time::Timestamp(0),
        };
        let commit = Commit {
            expected: version,
            write: WriteId(Uuid::from_u128(version.into())),
            change: Change::Stock(key, write),
        };
        self.inner.commit(commit).await.unwrap();
    }
}

fn take_one(left: &AtomicU64) -> bool {
    let less = |left: u64| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

#[async_trait]
impl Commits for Watched {
    async fn commit(&self, commit: Commit) -> Result<()> {
        if let Change::Stock(key, _) = &commit.change
            && take_one(&self.sales)
        {
            self.sell(key.clone()).await;
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.inner.commit(commit).await
    }

    async fn outcome(
        &self,
        partition: Partition,
        expected: Version,
        write: WriteId,
    ) -> Result<Outcome> {
        self.inner.outcome(partition, expected, write).await
    }
}

#[async_trait]
impl Stocks for Watched {
    async fn stock(&self, key: StockKey) -> Result<Versioned<StockLevel>> {
        self.inner.stock(key).await
    }

    async fn holds(&self, key: StockKey, orders: Vec<OrderId>) -> Result<Vec<Option<Hold>>> {
        self.inner.holds(key, orders).await
    }
}

#[async_trait]
impl Catalogs for Watched {
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>> {
        self.inner.products(after, limit).await
    }

    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>> {
        self.inner.categories(after, limit).await
    }

    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>> {
        self.inner.brands(after, limit).await
    }

    async fn shop(&self) -> Result<Shop> {
        self.inner.shop().await
    }

    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>> {
        self.inner.catalog_rows(keys).await
    }

    async fn catalog_position(&self) -> Result<LogPosition> {
        self.inner.catalog_position().await
    }

    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        self.inner.catalog_changes(after, limit).await
    }

    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.largest.fetch_max(rows.len() as u64, Ordering::Relaxed);
        self.inner.put_catalog(rows).await?;
        if take_one(&self.lost) {
            Err(Error::Unknown("the answer was lost".to_owned()))
        } else {
            Ok(())
        }
    }
}
