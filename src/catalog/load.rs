//! Reading the catalogue from the store: whole, and what the log says has changed.

use super::change::Delta;
use super::snapshot::Snapshot;
use crate::domain::catalog::{Brand, Category};
use crate::domain::ids::ProductId;
use crate::store::{CatalogKey, CatalogRow, Catalogs, Changes, LogPosition, Result};
use std::collections::BTreeSet;

/// How many records are read from the store at once.
const READ: u32 = 256;
/// The most entries of the log that one state takes in.
const ROUND: usize = 8_192;

/// What the log says of the time after a position.
pub(super) enum News {
    Nothing,
    /// These changed; the position after them.
    Delta(Box<Delta>, LogPosition),
    /// Too much to tell.
    Lost,
}

/// Reads everything but the shop's data; what `last` holds already, equal, is shared with it.
pub(super) async fn products(
    store: &(impl Catalogs + ?Sized),
    last: Option<&Snapshot>,
) -> Result<Snapshot> {
    macro_rules! all {
        ($page:ident: $record:ty) => {{
            let mut all: Vec<$record> = Vec::new();
            loop {
                let after = all.last().map(|last| last.id.clone());
                let page = store.$page(after, READ).await?;
                if page.is_empty() {
                    break all;
                }
                all.extend(page);
            }
        }};
    }
    let categories = all!(categories: Category);
    let mut snapshot = Snapshot::without_products(categories, all!(brands: Brand));
    let mut after: Option<ProductId> = None;
    loop {
        let page = store.products(after, READ).await?;
        let Some(end) = page.last() else {
            return Ok(snapshot);
        };
        after = Some(end.id.clone());
        for product in page {
            match last.and_then(|last| last.find(&product.id)) {
                Some(held) if **held == product => snapshot.push_shared(held),
                _ => snapshot.push(product),
            }
        }
    }
}

/// Reads the log after a position, and then the records that it names.
pub(super) async fn news(store: &(impl Catalogs + ?Sized), mut after: LogPosition) -> Result<News> {
    let mut changed = BTreeSet::new();
    let mut entries = 0;
    while entries < ROUND {
        match store.catalog_changes(after, READ).await? {
            Changes::Lost => return Ok(News::Lost),
            Changes::Keys { keys, .. } if keys.is_empty() => break,
            Changes::Keys { keys, position } => {
                entries += keys.len();
                after = position;
                changed.extend(keys);
            }
        }
    }
    if changed.is_empty() {
        return Ok(News::Nothing);
    }
    let delta = delta(store, changed).await?;
    Ok(News::Delta(Box::new(delta), after))
}

async fn delta(store: &(impl Catalogs + ?Sized), changed: BTreeSet<CatalogKey>) -> Result<Delta> {
    let is_record = |key: &CatalogKey| {
        matches!(
            key,
            CatalogKey::Product(_) | CatalogKey::Category(_) | CatalogKey::Brand(_)
        )
    };
    let (records, shop): (Vec<_>, Vec<_>) = changed.into_iter().partition(is_record);
    let mut delta = Delta::default();
    for keys in records.chunks(usize::try_from(READ).unwrap_or(1)) {
        let rows = store.catalog_rows(keys.to_vec()).await?;
        for (key, row) in keys.iter().zip(rows) {
            delta.note(key, row);
        }
    }
    if !shop.is_empty() {
        // Small, and read in its order.
        delta.shop = Some(store.shop().await?);
    }
    Ok(delta)
}

impl Delta {
    fn note(&mut self, key: &CatalogKey, row: Option<CatalogRow>) {
        match (key, row) {
            (CatalogKey::Product(id), Some(CatalogRow::Product(row))) => {
                self.products.insert(id.clone(), Some(*row));
            }
            (CatalogKey::Product(id), _) => drop(self.products.insert(id.clone(), None)),
            (CatalogKey::Category(id), Some(CatalogRow::Category(row))) => {
                self.categories.insert(id.clone(), Some(row));
            }
            (CatalogKey::Category(id), _) => drop(self.categories.insert(id.clone(), None)),
            (CatalogKey::Brand(id), Some(CatalogRow::Brand(row))) => {
                self.brands.insert(id.clone(), Some(row));
            }
            (CatalogKey::Brand(id), _) => drop(self.brands.insert(id.clone(), None)),
            _ => {}
        }
    }
}
