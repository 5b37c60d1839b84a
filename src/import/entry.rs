//! What a reader makes of a file: entries to write, or what is wrong with them.

use super::report::{Kind, Place};
use crate::domain::ids::Sku;
use crate::domain::stock::StockKey;
use crate::store::CatalogRow;

/// A record of the file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where it begins.
    pub(super) line: u64,
    pub(super) kind: Kind,
    pub(super) content: Result<Content, Problem>,
}

/// What a record asks to be stored.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) row: Option<CatalogRow>,
    /// Brands and categories that a product merely names: written where they are missing.
    pub(super) named: Vec<CatalogRow>,
    pub(super) stock: Vec<Stocked>,
}

/// What was received of an item in all, and where the file says so.
#[derive(Clone, Debug)]
pub(super) struct Stocked {
    pub(super) key: StockKey,
    pub(super) received: u64,
    pub(super) line: u64,
    pub(super) place: Place,
}

/// Why an entry cannot be taken, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) line: u64,
    pub(super) place: Place,
    pub(super) message: String,
}

impl Content {
    /// The SKUs under which the record sells something.
    pub(super) fn skus(&self) -> Vec<&Sku> {
        match &self.row {
            Some(CatalogRow::Product(product)) => product.skus().collect(),
            _ => Vec::new(),
        }
    }
}
