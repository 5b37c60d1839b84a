//! Products as they are shown. The JSON of those that are shown again is kept for as long as they stay
//! as they are, and pages are put together from that. Bounded in bytes; whatever is not kept is
//! written anew, to the same bytes.

use super::asked::Asked;
use super::error::ApiError;
use super::format::{MoneyView, Rfc3339};
use super::json;
use super::query::Meta;
use super::rendered::Answer;
use crate::domain::catalog::{Product, Status, Variant};
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
    /// A page of products.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn page<'a>(
        &self,
        products: impl IntoIterator<Item = &'a Arc<Product>>,
        meta: &Meta,
    ) -> Result<Answer, ApiError> {
        let products = products.into_iter();
        let products: Vec<_> = products.map(|it| (it, self.find(it))).collect();
        let unwritten = products
            .iter()
            .filter(|(_, found)| !matches!(found, Found::Written(_)));
        fetch(unwritten.map(|(product, _)| &***product));
        let mut body = Vec::with_capacity((products.len() + 1) * LIKELY_LENGTH);
        body.extend_from_slice(br#"{"data":["#);
        for (place, (product, found)) in products.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            let start = body.len();
            match found {
                Found::Written(written) => body.extend_from_slice(&written.json),
                Found::AskedAgain => {
                    write(&mut body, product)?;
                    self.keep(product, &body[start..]);
                }
                Found::New => write(&mut body, product)?,
            }
        }
        body.extend_from_slice(br#"],"meta":"#);
        json::append(&mut body, meta)?;
        body.push(b'}');
        Ok(Answer::written(body))
    }

    /// Asked for all products of a page before any is written: what is looked up is not in the
    /// processor's cache, and this way it waits for all of it at once.
    fn find(&self, product: &Arc<Product>) -> Found {
        let address = address(product);
        if let Some(written) = self.kept.get(&address) {
            debug_assert!(std::ptr::eq(written.of.as_ptr(), Arc::as_ptr(product)));
            return Found::Written(written);
        }
        match self
            .asked
            .again(XxHash3_64::oneshot(&address.to_ne_bytes()))
        {
            true => Found::AskedAgain,
            false => Found::New,
        }
    }

    fn keep(&self, product: &Arc<Product>, json: &[u8]) {
        let written = Written {
            of: Arc::downgrade(product),
            json: json.into(),
        };
        self.kept.insert(address(product), Arc::new(written));
    }
}

/// What is known of a product that is asked for.
enum Found {
    Written(Arc<Written>),
    /// It is to be kept, once written.
    AskedAgain,
    New,
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

/// A product by itself.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn one(product: &Product) -> Result<Answer, ApiError> {
    let mut body = Vec::with_capacity(LIKELY_LENGTH);
    body.extend_from_slice(br#"{"data":"#);
    write(&mut body, product)?;
    body.push(b'}');
    Ok(Answer::written(body))
}

/// A product, to the letter of the API: what serde would write of its fields. Their names are
/// written as they stand here; serde looks through each for what has to be escaped, every time.
fn write(body: &mut Vec<u8>, product: &Product) -> Result<(), ApiError> {
    let status = match product.status {
        Status::Active => "active",
        Status::Draft => "draft",
        Status::Archived => "archived",
    };
    Fields(body)
        .field(r#"{"id":"#, &product.id)?
        .field(r#","sku":"#, &product.sku)?
        .field(r#","name":"#, &product.name)?
        .field(r#","description":"#, &product.description)?
        .field(r#","base_price":"#, &MoneyView::from(product.base_price))?
        .field(r#","SalePrice":"#, &product.sale_price.map(MoneyView::from))?
        .field(r#","status":"#, &status)?
        .field(r#","brand_id":"#, &product.brand_id)?
        .field(r#","category_id":"#, &product.category_id)?
        .field(r#","images":"#, &product.images)?
        .field(r#","attributes":"#, &product.attributes)?;
    body.extend_from_slice(br#","variants":["#);
    for (place, variant) in product.variants.iter().enumerate() {
        if place > 0 {
            body.push(b',');
        }
        write_variant(body, variant)?;
    }
    Fields(body)
        .field(r#"],"created_at":"#, &Rfc3339(product.created_at))?
        .field(r#","updated_at":"#, &Rfc3339(product.updated_at))?;
    body.push(b'}');
    Ok(())
}

fn write_variant(body: &mut Vec<u8>, variant: &Variant) -> Result<(), ApiError> {
    let fields = Fields(body)
        .field(r#"{"id":"#, &variant.id)?
        .field(r#","sku":"#, &variant.sku)?
        .field(r#","name":"#, &variant.name)?
        .field(r#","price":"#, &MoneyView::from(variant.price))?;
    let fields = match variant.sale_price {
        Some(price) => fields.field(r#","sale_price":"#, &MoneyView::from(price))?,
        None => fields,
    };
    fields.field(r#","attributes":"#, &variant.attributes)?;
    body.push(b'}');
    Ok(())
}

/// The fields of an object, one behind the other.
struct Fields<'a>(&'a mut Vec<u8>);

impl Fields<'_> {
    /// `name` is all that stands before the value.
    fn field(self, name: &'static str, value: &impl Serialize) -> Result<Self, ApiError> {
        self.0.extend_from_slice(name.as_bytes());
        json::append(self.0, value)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture;
    use crate::domain::catalog::Attributes;
    use crate::domain::ids::{BrandId, CategoryId, ProductId, Sku, VariantId};
    use crate::domain::money::{Currency, Money};
    use crate::domain::time::Timestamp;
    use crate::http::query::{Page, Paged};

    /// What serde writes of a product.
    #[derive(Serialize)]
    struct ProductView<'a> {
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

    const ODD: &str = "with \"quotes\", \u{e9}, \u{1} and \n";

    fn attributes(number: usize) -> Attributes {
        let attribute = |number: usize| (format!("{number} {ODD}"), ODD.to_owned());
        (0..number).map(attribute).collect()
    }

    /// The higher the number, the more there is of everything.
    fn product(number: usize, name: &str) -> Arc<Product> {
        let product = fixture::product(&format!("p-{number}"), name, ODD);
        let money = |amount| Money {
            amount,
            currency: Currency::USD,
        };
        let variant = |place: usize| Variant {
            id: VariantId::parse(&format!("v-{place}")).unwrap(),
            sku: product.sku.clone(),
            name: ODD.to_owned(),
            price: money(i64::MAX),
            sale_price: (place > 0).then(|| money(-1)),
            attributes: attributes(place),
        };
        Arc::new(Product {
            base_price: money(99_999),
            sale_price: (number > 0).then(|| money(1)),
            status: [Status::Active, Status::Draft, Status::Archived][number % 3],
            brand_id: (number > 0).then(|| BrandId::parse("b").unwrap()),
            category_id: (number > 1).then(|| CategoryId::parse("c").unwrap()),
            images: vec![ODD.to_owned(); number % 4],
            attributes: attributes(number % 4),
            variants: (0..number % 4).map(variant).collect(),
            updated_at: Timestamp(1),
            ..product.clone()
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
    fn a_product_is_written_as_serde_would_write_it() {
        for number in 0..8 {
            let product = product(number, ODD);
            let view = ProductView::from(&*product);
            let expected = Answer::of(&json::Data { data: view }).unwrap();
            assert_eq!(one(&product).unwrap(), expected);
        }
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
                written.page([&product], &meta(&[])).unwrap();
            }
        }
        assert!(!written.kept.is_empty() && written.kept.weight() <= CAPACITY);
    }
}
