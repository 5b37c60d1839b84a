//! What the shop offers: products with variants, categories, brands.

use super::ids::{BrandId, CategoryId, ProductId, Sku, VariantId};
use super::money::Money;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names and values that describe a product, a variant or a cart line.
pub type Attributes = BTreeMap<String, String>;

/// Whether a product is for sale. Only active ones are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// For sale and listed.
    Active,
    /// Not yet for sale.
    Draft,
    /// No longer for sale.
    Archived,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Its id, unique in the shop.
    pub id: ProductId,
    /// What is counted where there are no variants.
    pub sku: Sku,
    /// Its name; searched.
    pub name: String,
    /// Its description; searched.
    pub description: String,
    /// The regular price.
    pub base_price: Money,
    /// The reduced price, when there is one.
    pub sale_price: Option<Money>,
    /// Whether it is for sale.
    pub status: Status,
    /// Its brand.
    pub brand_id: Option<BrandId>,
    /// Its category.
    pub category_id: Option<CategoryId>,
    /// Addresses of pictures.
    pub images: Vec<String>,
    /// What describes it.
    pub attributes: Attributes,
    /// Its variants. Where there are any, only their prices and stock count.
    pub variants: Vec<Variant>,
    /// First imported.
    pub created_at: Timestamp,
    /// Last changed by an import.
    pub updated_at: Timestamp,
}

impl Product {
    /// The SKUs under which it is sold: its variants', or its own where it has none.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        let own = self.variants.is_empty().then_some(&self.sku);
        let of_variants = self.variants.iter().map(|variant| &variant.sku);
        own.into_iter().chain(of_variants)
    }
}

/// One of several forms of a product, with its own stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its id, unique within the product.
    pub id: VariantId,
    /// What is counted.
    pub sku: Sku,
    /// Its name, `Small`.
    pub name: String,
    /// The regular price.
    pub price: Money,
    /// The reduced price, when there is one.
    pub sale_price: Option<Money>,
    /// What tells it from its siblings.
    pub attributes: Attributes,
}

/// A category; categories form a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// Its name.
    pub name: String,
    /// Its name in an address.
    pub slug: String,
    /// Its description.
    pub description: String,
    /// The category that it belongs to.
    pub parent_id: Option<CategoryId>,
    /// The address of a picture, or empty.
    pub image_url: String,
    /// Whether it is shown.
    pub active: bool,
    /// First imported.
    pub created_at: Timestamp,
    /// Last changed by an import.
    pub updated_at: Timestamp,
}

/// A brand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    /// Its id.
    pub id: BrandId,
    /// Its name.
    pub name: String,
    /// Its name in an address.
    pub slug: String,
    /// Its description.
    pub description: String,
    /// The address of a picture, or empty.
    pub logo_url: String,
    /// Whether it is shown.
    pub active: bool,
    /// First imported.
    pub created_at: Timestamp,
    /// Last changed by an import.
    pub updated_at: Timestamp,
}

/// Where decisions find what is for sale now. Holds active products alone.
pub trait Catalog: Send + Sync {
    /// The product, if it is for sale.
    fn product(&self, id: &ProductId) -> Option<&Product>;
}

/// What one unit of a product or variant is today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// What is counted.
    pub sku: &'a Sku,
    /// The product's name.
    pub name: &'a str,
    /// What it costs: the sale price when there is one.
    pub price: Money,
}

/// Why a product and variant name nothing that is for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoOffer {
    /// No such product, or not for sale.
    UnknownProduct,
    /// The product has no such variant.
    UnknownVariant,
    /// The product has variants and none was named.
    VariantRequired,
}

/// What `variant` of `product` is sold as.
///
/// # Errors
/// [`NoOffer`] when it is not for sale.
pub fn offer<'a>(
    catalog: &'a dyn Catalog,
    product: &ProductId,
    variant: Option<&VariantId>,
) -> Result<Offer<'a>, NoOffer> {
    let product = catalog.product(product).ok_or(NoOffer::UnknownProduct)?;
    match variant {
        None if product.variants.is_empty() => Ok(Offer {
            sku: &product.sku,
            name: &product.name,
            price: product.sale_price.unwrap_or(product.base_price),
        }),
        None => Err(NoOffer::VariantRequired),
        Some(id) => {
            let variant = product
                .variants
                .iter()
                .find(|variant| variant.id == *id)
                .ok_or(NoOffer::UnknownVariant)?;
            Ok(Offer {
                sku: &variant.sku,
                name: &product.name,
                price: variant.sale_price.unwrap_or(variant.price),
            })
        }
    }
}
