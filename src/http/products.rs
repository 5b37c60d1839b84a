//! Products as they are shown. The JSON of those that are shown again is kept for as long as they stay
//! as they are, and pages are put together from that. Bounded in bytes; whatever is not kept is
//! written anew, to the same bytes.

use super::asked::Asked;
use super::error::ApiError;
use super::format::{MoneyView, Rfc3339};
use super::json;
use super::query::Meta;
use super::rendered::Answer;
use crate::domain::catalog::{Attributes, Product, Status, Variant};
use crate::domain::ids::{BrandId, CategoryId, ProductId, Sku, VariantId};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;
use std::hint::black_box;
use std::sync::{Arc, Weak};
use twox_hash::XxHash3_64;

/// Bytes of all that is kept.
const CAPACITY: u64 = 32 * 1024 * 1024;
/// Products that this is likely to be.
const LIKELY: usize = 32 * 1024;
/// What a product takes beside its JSON, in bytes, about; of the product itself memory stays until
/// what was written of it goes.
const OVERHEAD: usize = 128 + size_of::<Product>();
/// What the JSON of a product takes, in bytes, about.
const LIKELY_LENGTH: usize = 1024;

/// Products that were written, by their addresses.
pub(super) struct WrittenProducts {
    kept: Cache<usize, Arc<Written>, Bytewise>,
    asked: Asked,
}

/// A product's JSON.
struct Written {
    /// Keeps the address from being another product's.
    of: Weak<Product>,
    json: Box<[u8]>,
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<usize, Arc<Written>> for Bytewise {
    fn weight(&self, _: &usize, written: &Arc<Written>) -> u64 {
        u64::try_from(written.json.len() + OVERHEAD).unwrap_or(u64::MAX)
    }
}

impl Default for WrittenProducts {
    fn default() -> Self {
        Self {
            kept: Cache::with_weighter(LIKELY, CAPACITY, Bytewise),
            asked: Asked::default(),
        }
    }
}

impl WrittenProducts {
    /// A page of products: what [`Paged`](super::query::Paged) of their [`ProductView`]s would be.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn page<'a>(
        &self,
        products: impl IntoIterator<Item = &'a Arc<Product>>,
        meta: &Meta,
    ) -> Result<Answer, ApiError> {
        let products = products.into_iter();
        let products = products.map(|product| (product, self.find(product)));
        let products: Vec<_> = products.collect();
        let unwritten = products.iter().filter(|(_, written)| written.is_none());
        fetch(unwritten.map(|(product, _)| &***product));
        let mut body = Vec::with_capacity((products.len() + 1) * LIKELY_LENGTH);
        body.extend_from_slice(br#"{"data":["#);
        for (place, (product, written)) in products.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            match written {
                Some(written) => body.extend_from_slice(&written.json),
                None => self.append(&mut body, product)?,
            }
        }
        body.extend_from_slice(br#"],"meta":"#);
        json::append(&mut body, meta)?;
        body.push(b'}');
        Ok(Answer::written(body))
    }

    fn find(&self, product: &Arc<Product>) -> Option<Arc<Written>> {
        let written = self.kept.get(&address(product))?;
        debug_assert!(std::ptr::eq(written.of.as_ptr(), Arc::as_ptr(product)));
        Some(written)
    }

    /// Appends a product's JSON, and keeps it if it was asked for before.
    fn append(&self, body: &mut Vec<u8>, product: &Arc<Product>) -> Result<(), ApiError> {
        let start = body.len();
        json::append(body, &ProductView::from(&**product))?;
        let address = address(product);
        if self
            .asked
            .again(XxHash3_64::oneshot(&address.to_ne_bytes()))
        {
            let written = Written {
                of: Arc::downgrade(product),
                json: body[start..].into(),
            };
            self.kept.insert(address, Arc::new(written));
        }
        Ok(())
    }
}

fn address(product: &Arc<Product>) -> usize {
    Arc::as_ptr(product).addr()
}

/// Reads of each product where its texts are, and then a byte of each of their cache lines. In a
/// large catalogue all of that comes from main memory. The processor waits for many such reads at
/// once, as none needs another's result; to write one product after the other is to wait for each.
fn fetch<'a>(products: impl Iterator<Item = &'a Product> + Clone) {
    const LINE: usize = 64;
    let texts = |product: &'a Product| {
        let Product {
            id,
            sku,
            name,
            description,
            ..
        } = product;
        [id.as_str(), sku.as_str(), name, description].map(str::as_bytes)
    };
    let lengths = products.clone().flat_map(texts).map(<[u8]>::len);
    black_box(lengths.fold(0, usize::wrapping_add));
    let lines = |text: &'a [u8]| text.iter().step_by(LINE).chain(text.last());
    let bytes = products.flat_map(texts).flat_map(lines);
    black_box(bytes.fold(0, |all, byte| all ^ byte));
}

/// A product, to the letter of the API.
#[derive(Serialize)]
pub(super) struct ProductView<'a> {
    id: &'a ProductId,
    sku: &'a Sku,
    name: &'a str,
    description: &'a str,
    base_price: MoneyView,
    #[serde(rename = "SalePrice")]
    sale_price: Option<MoneyView>,
    status: &'static str,
    brand_id: Option<&'a BrandId>,
    category_id: Option<&'a CategoryId>,
    images: &'a [String],
    attributes: &'a Attributes,
    variants: Vec<VariantView<'a>>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

#[derive(Serialize)]
struct VariantView<'a> {
    id: &'a VariantId,
    sku: &'a Sku,
    name: &'a str,
    price: MoneyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_price: Option<MoneyView>,
    attributes: &'a Attributes,
}

impl<'a> From<&'a Product> for ProductView<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: &product.id,
            sku: &product.sku,
            name: &product.name,
            description: &product.description,
            base_price: product.base_price.into(),
            sale_price: product.sale_price.map(MoneyView::from),
            status: match product.status {
                Status::Active => "active",
                Status::Draft => "draft",
                Status::Archived => "archived",
            },
            brand_id: product.brand_id.as_ref(),
            category_id: product.category_id.as_ref(),
            images: &product.images,
            attributes: &product.attributes,
            variants: product.variants.iter().map(VariantView::from).collect(),
            created_at: Rfc3339(product.created_at),
            updated_at: Rfc3339(product.updated_at),
        }
    }
}

impl<'a> From<&'a Variant> for VariantView<'a> {
    fn from(variant: &'a Variant) -> Self {
        Self {
            id: &variant.id,
            sku: &variant.sku,
            name: &variant.name,
            price: variant.price.into(),
            sale_price: variant.sale_price.map(MoneyView::from),
            attributes: &variant.attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture;
    use crate::domain::time::Timestamp;
    use crate::http::query::{Page, Paged};

    fn product(number: usize, name: &str) -> Arc<Product> {
        let description = "with \"quotes\", \u{e9} and \n";
        let product = fixture::product(&format!("p-{number}"), name, description);
        Arc::new(Product {
            updated_at: Timestamp(1),
            ..product
        })
    }

    fn meta(products: &[Arc<Product>]) -> Meta {
        let total = u64::try_from(products.len()).unwrap();
        Page::parse("").unwrap().meta(total)
    }

    fn expected(products: &[Arc<Product>]) -> Answer {
        let data = products.iter().map(|product| ProductView::from(&**product));
        Answer::of(&Paged {
            data: data.collect(),
            meta: meta(products),
        })
        .unwrap()
    }

    #[test]
    fn a_page_is_put_together_to_what_it_would_be_written_as() {
        let written = WrittenProducts::default();
        let all: Vec<_> = (0..3).map(|number| product(number, "name")).collect();
        for page in [&all[..], &all[1..], &all[..1], &all[..0], &all[..]] {
            assert_eq!(written.page(page, &meta(page)).unwrap(), expected(page));
        }
        assert_eq!(written.kept.len(), 3);
    }

    #[test]
    fn a_product_that_came_in_the_place_of_another_is_written_anew() {
        let written = WrittenProducts::default();
        for number in 0..1_000 {
            let one = [product(number, &format!("name {number}"))];
            assert_eq!(written.page(&one, &meta(&one)).unwrap(), expected(&one));
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let written = WrittenProducts::default();
        let name = "x".repeat(64 * 1024);
        for number in 0..1_000 {
            let product = product(number, &name);
            for _ in 0..2 {
                written.append(&mut Vec::new(), &product).unwrap();
            }
        }
        assert!(!written.kept.is_empty() && written.kept.weight() <= CAPACITY);
    }
}
