//! Which stored product is sold under which SKU, so that no two come to share their stock.

use crate::domain::catalog::Product;
use crate::domain::ids::{ProductId, Sku};
use crate::store::{self, Catalogs};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// How many products are read from the store at once.
const READ: u32 = 256;

/// The stored products by their SKUs, those by hash: some tens of bytes each.
pub(super) struct Owners {
    hasher: RandomState,
    products: HashMap<u64, ProductId>,
}

impl Owners {
    /// Reads every stored product.
    pub(super) async fn read(store: &(impl Catalogs + ?Sized)) -> store::Result<Self> {
        let mut owners = Self {
            hasher: RandomState::new(),
            products: HashMap::new(),
        };
        let mut after = None;
        loop {
            let page = store.products(after, READ).await?;
            let Some(last) = page.last() else {
                return Ok(owners);
            };
            after = Some(last.id.clone());
            for product in &page {
                owners.replace(None, product);
            }
        }
    }

    /// A SKU of `product` under which another is sold, and that other.
    pub(super) fn taken<'a>(&self, product: &'a Product) -> Option<(&'a Sku, &ProductId)> {
        product.skus().find_map(|sku| {
            let owner = self.products.get(&self.hasher.hash_one(sku))?;
            (*owner != product.id).then_some((sku, owner))
        })
    }

    /// Notes that `new` is written in place of `old`.
    pub(super) fn replace(&mut self, old: Option<&Product>, new: &Product) {
        for sku in old.into_iter().flat_map(Product::skus) {
            let sku = self.hasher.hash_one(sku);
            if self.products.get(&sku) == Some(&new.id) {
                self.products.remove(&sku);
            }
        }
        for sku in new.skus() {
            let sku = self.hasher.hash_one(sku);
            self.products.insert(sku, new.id.clone());
        }
    }
}
