//! The catalogue, in partitions of bounded size, and the shop's data, in one. How changes are told to
//! readers is not decided here but in [`super::catalog_log`].

use super::commits::{bind, text};
use super::execute::{self, Values};
use super::{ScyllaStore, error};
use crate::domain::catalog::{Brand, Category, Product};
use crate::domain::ids::{BrandId, CategoryId, ProductId};
use crate::domain::shop::{Promotion, Shop};
use crate::store::encoding::{decode, encode};
use crate::store::{
    CatalogKey, CatalogRow, Catalogs, Changes, Error, LogPosition, MAX_CATALOG_ROWS, Result,
};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::ops::RangeInclusive;

const PRODUCT: &str = "product";
const CATEGORY: &str = "category";
const BRAND: &str = "brand";
const CURRENCY: &str = "currency";
const TAX_RATE: &str = "tax_rate";
const SHIPPING_METHOD: &str = "shipping_method";
const PROMOTION: &str = "promotion";

/// In how many partitions products lie; a change of it needs them written anew.
const BUCKETS: i16 = 64;
/// How many statements are under way at once.
const AT_ONCE: usize = 32;
/// How many bytes a batch of records should have at most; a larger record goes alone.
const BATCH: usize = 16 * 1024;

/// Where a record lies.
enum Place {
    Catalog {
        kind: &'static str,
        bucket: i16,
        id: String,
    },
    Shop {
        kind: &'static str,
        id: String,
    },
}

impl Place {
    fn of(key: &CatalogKey) -> Self {
        let catalog = |kind, id: &str| Self::Catalog {
            kind,
            bucket: bucket(kind, id),
            id: id.to_owned(),
        };
        let shop = |kind, id: &str| Self::Shop {
            kind,
            id: id.to_owned(),
        };
        match key {
            CatalogKey::Product(id) => catalog(PRODUCT, id.as_str()),
            CatalogKey::Category(id) => catalog(CATEGORY, id.as_str()),
            CatalogKey::Brand(id) => catalog(BRAND, id.as_str()),
            CatalogKey::Currency => shop(CURRENCY, ""),
            CatalogKey::ShippingMethod(id) => shop(SHIPPING_METHOD, id.as_str()),
            CatalogKey::Promotion(code) => shop(PROMOTION, code.as_str()),
            CatalogKey::TaxRate { country, state } => match state {
                Some(state) => shop(TAX_RATE, &format!("{country}-{state}")),
                None => shop(TAX_RATE, country),
            },
        }
    }
}

/// The partitions of a kind.
fn buckets(kind: &str) -> RangeInclusive<i16> {
    if kind == PRODUCT {
        0..=BUCKETS - 1
    } else {
        0..=0
    }
}

/// In which partition of its kind a record lies.
fn bucket(kind: &str, id: &str) -> i16 {
    let hash = Sha256::digest(id.as_bytes());
    let count = buckets(kind).end() + 1;
    hash.first().map_or(0, |byte| i16::from(*byte) % count)
}

fn bytes(row: &CatalogRow) -> Vec<u8> {
    match row {
        CatalogRow::Currency(currency) => encode(currency),
        CatalogRow::Category(category) => encode(category),
        CatalogRow::Brand(brand) => encode(brand),
        CatalogRow::Product(product) => encode(product),
        CatalogRow::TaxRate(rate) => encode(rate),
        CatalogRow::ShippingMethod(method) => encode(method),
        CatalogRow::Promotion(promotion) => encode(promotion),
    }
}

fn record(key: &CatalogKey, bytes: &[u8]) -> Result<CatalogRow> {
    match key {
        CatalogKey::Currency => decode(bytes).map(CatalogRow::Currency),
        CatalogKey::Category(_) => decode(bytes).map(CatalogRow::Category),
        CatalogKey::Brand(_) => decode(bytes).map(CatalogRow::Brand),
        CatalogKey::Product(_) => decode(bytes).map(CatalogRow::Product),
        CatalogKey::TaxRate { .. } => decode(bytes).map(CatalogRow::TaxRate),
        CatalogKey::ShippingMethod(_) => decode(bytes).map(CatalogRow::ShippingMethod),
        CatalogKey::Promotion(_) => decode(bytes).map(CatalogRow::Promotion),
    }
}

impl ScyllaStore {
    /// At most `limit` records of a kind after the one with id `after`, bucket after bucket.
    async fn catalog_page<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<T>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let first = after.map_or(0, |id| bucket(kind, id));
        // No id is empty.
        let mut after = after.unwrap_or_default();
        let mut page = Vec::new();
        for bucket in first..=*buckets(kind).end() {
            let missing = limit - page.len();
            if missing == 0 {
                break;
            }
            let missing = i32::try_from(missing).unwrap_or(i32::MAX);
            let values = (kind, bucket, after, missing);
            let rows = self.stream::<(Vec<u8>,)>(&self.statements.catalog_page, values);
            let mut rows = rows.await?;
            while let Some((value,)) = rows.try_next().await? {
                page.push(decode(&value)?);
            }
            after = "";
        }
        Ok(page)
    }

    async fn catalog_record(&self, key: CatalogKey) -> Result<Option<CatalogRow>> {
        let statements = &self.statements;
        let found: Option<(Vec<u8>,)> = match Place::of(&key) {
            Place::Catalog { kind, bucket, id } => {
                let key = (kind, bucket, id);
                self.row(&statements.catalog_record, key).await?
            }
            Place::Shop { kind, id } => self.row(&statements.shop_record, (kind, id)).await?,
        };
        found.map(|(value,)| record(&key, &value)).transpose()
    }

    /// Writes the records in batches, each in one partition.
    fn put_records(&self, rows: &[CatalogRow]) -> Vec<BoxFuture<'_, Result<()>>> {
        let mut partitions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in rows {
            let value = Some(CqlValue::Blob(bytes(row)));
            let (partition, write) = match Place::of(&row.key()) {
                Place::Catalog { kind, bucket, id } => {
                    let place = [text(kind), Some(CqlValue::SmallInt(bucket)), text(&id)];
                    let values = bind([&place, &[value]]);
                    (Some((kind, bucket)), (&self.statements.put_catalog, values))
                }
                Place::Shop { kind, id } => {
                    let values = vec![text(kind), text(&id), value];
                    (None, (&self.statements.put_shop, values))
                }
            };
            partitions.entry(partition).or_default().push(write);
        }
        let batches = partitions.into_values().flat_map(split);
        batches
            .map(|batch| self.write_batch(batch).boxed())
            .collect()
    }
}

/// Batches of at most [`BATCH`] bytes, or one record.
fn split(writes: Vec<(&PreparedStatement, Values)>) -> Vec<Vec<(&PreparedStatement, Values)>> {
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut room = 0;
    for write in writes {
        let bytes = execute::bytes(&write.1);
        match batches.last_mut() {
            Some(batch) if bytes <= room => batch.push(write),
            _ => {
                room = BATCH;
                batches.push(vec![write]);
            }
        }
        room = room.saturating_sub(bytes);
    }
    batches
}

/// Of rows with one key the last, in their order.
fn last_of_each(mut rows: Vec<CatalogRow>) -> Vec<CatalogRow> {
    let mut seen = HashSet::with_capacity(rows.len());
    rows.reverse();
    rows.retain(|row| seen.insert(row.key()));
    rows.reverse();
    rows
}

#[async_trait]
impl Catalogs for ScyllaStore {
    async fn products(&self, after: Option<ProductId>, limit: u32) -> Result<Vec<Product>> {
        let after = after.as_ref().map(ProductId::as_str);
        self.catalog_page(PRODUCT, after, limit).await
    }

    async fn categories(&self, after: Option<CategoryId>, limit: u32) -> Result<Vec<Category>> {
        let after = after.as_ref().map(CategoryId::as_str);
        self.catalog_page(CATEGORY, after, limit).await
    }

    async fn brands(&self, after: Option<BrandId>, limit: u32) -> Result<Vec<Brand>> {
        let after = after.as_ref().map(BrandId::as_str);
        self.catalog_page(BRAND, after, limit).await
    }

    async fn shop(&self) -> Result<Shop> {
        let rows = self.stream::<(String, Vec<u8>)>(&self.statements.shop, ());
        let mut rows = rows.await?;
        let mut shop = Shop::default();
        while let Some((kind, value)) = rows.try_next().await? {
            match kind.as_str() {
                CURRENCY => shop.currency = Some(decode(&value)?),
                TAX_RATE => shop.tax_rates.push(decode(&value)?),
                SHIPPING_METHOD => shop.shipping_methods.push(decode(&value)?),
                PROMOTION => {
                    let promotion: Promotion = decode(&value)?;
                    shop.promotions.insert(promotion.code.clone(), promotion);
                }
                other => return Err(Error::Corrupt(format!("the shop has a row `{other}`"))),
            }
        }
        let methods = &mut shop.shipping_methods;
        methods.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
        let rates = &mut shop.tax_rates;
        rates.sort_by(|a, b| (&a.country, &a.state).cmp(&(&b.country, &b.state)));
        Ok(shop)
    }

    async fn catalog_rows(&self, keys: Vec<CatalogKey>) -> Result<Vec<Option<CatalogRow>>> {
        let rows = keys.into_iter().map(|key| self.catalog_record(key));
        stream::iter(rows).buffered(AT_ONCE).try_collect().await
    }

    async fn catalog_position(&self) -> Result<LogPosition> {
        Ok(self.log_head().await?.position)
    }

    async fn catalog_changes(&self, after: LogPosition, limit: u32) -> Result<Changes> {
        self.log_changes(after, limit).await
    }

    async fn put_catalog(&self, rows: Vec<CatalogRow>) -> Result<()> {
        if rows.len() > MAX_CATALOG_ROWS {
            let count = rows.len();
            return Err(Error::Unavailable(format!(
                "at most {MAX_CATALOG_ROWS} catalogue records at once, not {count}"
            )));
        }
        let rows = last_of_each(rows);
        if rows.is_empty() {
            return Ok(());
        }
        let keys = rows.iter().map(CatalogRow::key).collect();
        let announced = self.announce(keys).await?;
        let writes = stream::iter(self.put_records(&rows)).buffer_unordered(AT_ONCE);
        let written: Result<()> = writes.try_collect().await;
        written.map_err(error::of_several)?;
        self.log(announced).await
    }
}
