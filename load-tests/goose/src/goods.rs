//! What is bought: the products of an import file that have stock.

use crate::Failure;
use serde::Deserialize;
use std::path::Path;

/// The SKU that everybody wants in a flash sale.
const FLASH: &str = "LOAD-FLASH";

/// A product without variants.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Item {
    #[serde(rename = "id")]
    pub(crate) product_id: String,
    pub(crate) sku: String,
    /// Units received.
    #[serde(rename = "stock")]
    pub(crate) received: u64,
}

/// Everything that is bought.
pub(crate) struct Goods {
    /// What is bought on an ordinary day; at least one.
    pub(crate) ordinary: Vec<Item>,
    pub(crate) flash: Item,
}

impl Goods {
    /// Those of an NDJSON file, as `cartwright import` takes it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        Self::parse(&std::fs::read_to_string(path)?)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let items = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let (mut flash, ordinary): (Vec<Item>, Vec<_>) = items.partition(is_flash);
        match flash.pop() {
            Some(flash) if !ordinary.is_empty() => Ok(Self { ordinary, flash }),
            _ => Err(Failure::Goods(FLASH)),
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Item> {
        self.ordinary.iter().chain([&self.flash])
    }
}

fn is_flash(item: &Item) -> bool {
    item.sku == FLASH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_are_what_has_stock_and_one_is_for_the_flash_sale() {
        let goods = Goods::parse(include_str!("../../goods.ndjson")).unwrap();
        assert_eq!((goods.ordinary.len(), goods.flash.received), (20, 500));
        let first = goods.all().next().unwrap();
        assert_eq!(
            (&*first.product_id, &*first.sku, first.received),
            ("load-1", "LOAD-1", 20_000)
        );
        assert!(Goods::parse(r#"{"type":"product","id":"a","sku":"A","stock":1}"#).is_err());
    }
}
