//! A user's cart: lines of products with quantities, and the limits that it keeps.

use super::catalog::Attributes;
use super::ids::{LineId, ProductId, Sku, VariantId};
use super::money::Money;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The largest quantity of a line.
pub const MAX_QUANTITY: u32 = 999;
/// The most lines of a cart.
pub const MAX_LINES: usize = 100;
/// The most attributes of a line.
pub const MAX_ATTRIBUTES: usize = 20;
/// The longest attribute name, in bytes.
pub const MAX_ATTRIBUTE_NAME: usize = 64;
/// The longest attribute value, in bytes.
pub const MAX_ATTRIBUTE_VALUE: usize = 256;
/// The longest part of a product's name that a line keeps, in bytes.
pub const MAX_KNOWN_NAME: usize = 120;
/// The largest cart as stored, in bytes.
pub const MAX_BYTES: usize = 32 * 1024;

/// The lines in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Counts changes of the cart, and of nothing else; the ETag.
    pub revision: u64,
    /// The lines.
    pub lines: Vec<Line>,
    /// The first and the latest change; `None` before any.
    pub changed: Option<Changed>,
}

/// When a cart changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// First.
    pub first: Timestamp,
    /// Last.
    pub last: Timestamp,
}

/// A product or variant in the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id, and that of the order's line later.
    pub id: LineId,
    /// The product.
    pub product_id: ProductId,
    /// The variant, where the product has any.
    pub variant_id: Option<VariantId>,
    /// What is counted.
    pub sku: Sku,
    /// The name when the line last changed, cut to [`MAX_KNOWN_NAME`]; shown once the product is
    /// no longer sold.
    pub name: String,
    /// The price when the line last changed; shown once the product is no longer sold.
    pub price: Money,
    /// 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
    /// What the customer chose. Lines that differ only here stay apart.
    pub attributes: Attributes,
}

impl Cart {
    /// The line with this id.
    #[must_use]
    pub fn line(&self, id: LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    /// The line that the same choice would merge into.
    #[must_use]
    pub fn same_choice(
        &self,
        product: &ProductId,
        variant: Option<&VariantId>,
        attributes: &Attributes,
    ) -> Option<&Line> {
        self.lines.iter().find(|line| {
            line.product_id == *product
                && line.variant_id.as_ref() == variant
                && line.attributes == *attributes
        })
    }

    /// Units of `sku` over all lines.
    #[must_use]
    pub fn quantity_of(&self, sku: &Sku) -> u64 {
        let of_sku = self.lines.iter().filter(|line| line.sku == *sku);
        of_sku.map(|line| u64::from(line.quantity)).sum()
    }
}
