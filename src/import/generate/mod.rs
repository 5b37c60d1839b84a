//! Catalogues of any size for tests and measurements: a seed and a size in, a stream of records
//! out, always the same. It invents data and nothing else: it neither reads nor writes a store.
//!
//! Words follow Zipf's law, as in texts that people write: few are everywhere, most are rare. Beside
//! them stand words whose number of matches is known at any size: [`Generator::rare_word`] and
//! [`Generator::half_word`].

mod ndjson;
mod words;

use crate::domain::catalog::{Attributes, Brand, Category, Product, Status};
use crate::domain::ids::{BrandId, CategoryId, InvalidId, ProductId, Sku};
use crate::domain::money::{Currency, Money};
use crate::domain::time::Timestamp;
use crate::store::CatalogRow;
use words::{Draws, Vocabulary};

/// How many products share each [`Generator::rare_word`].
pub const RARE: u64 = 20;

/// One record of a generated catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// A category, a brand or a product. Products are dated by their number, in milliseconds since
    /// 1970, in an order of its own; an import dates them anew.
    pub row: CatalogRow,
    /// Units received in all of what the product is sold as; `None` for other records.
    pub stock: Option<u64>,
}

/// Makes the records of one catalogue. The same seed and size make the same records, in every
/// version and on every machine; each record depends on seed, size and number alone.
#[derive(Clone, Debug)]
pub struct Generator {
    seed: u64,
    products: u64,
    vocabulary: Vocabulary,
}

impl Generator {
    /// For so many products.
    #[must_use]
    pub fn new(seed: u64, products: u64) -> Self {
        Self {
            seed,
            products,
            vocabulary: Vocabulary::new(),
        }
    }

    /// How many products there are.
    #[must_use]
    pub fn products(&self) -> u64 {
        self.products
    }

    /// A word that exactly [`RARE`] products match, a different one for each `block`; `None` where
    /// there are not so many blocks of products.
    #[must_use]
    pub fn rare_word(&self, block: u64) -> Option<String> {
        (block < self.products / RARE).then(|| rare(block))
    }

    /// A word that every second product matches, and how many those are.
    #[must_use]
    pub fn half_word(&self) -> (&'static str, u64) {
        (words::HALF, self.products.div_ceil(2))
    }

    /// All records: categories, parents first, then brands, then products.
    ///
    /// # Errors
    /// None of the ids that it makes is refused, unless the limits of ids change.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, InvalidId>> + '_ {
        let categories = (0..self.categories()).map(|number| self.category(number));
        let brands = (0..self.brands()).map(|number| self.brand(number));
        let products = (0..self.products).map(|number| self.product(number));
        categories.chain(brands).chain(products)
    }

    fn categories(&self) -> u64 {
        (self.products / 500).clamp(4, 1_000)
    }

    fn brands(&self) -> u64 {
        (self.products / 500).clamp(2, 2_000)
    }

    /// Eight categories below each, so that a large catalogue has a tree of four levels.
    fn category(&self, number: u64) -> Result<Record, InvalidId> {
        let parent = number.checked_sub(1).map(|before| before / 8);
        let mut draws = Draws::of(self.seed, "category", number);
        let name = self.vocabulary.title(&mut draws, 2);
        Ok(Record {
            row: CatalogRow::Category(Category {
                id: category_id(number)?,
                slug: format!("category-{number}"),
                description: self.vocabulary.sentence(&mut draws, 8),
                name,
                parent_id: parent.map(category_id).transpose()?,
                image_url: String::new(),
                active: true,
                created_at: Timestamp(0),
                updated_at: Timestamp(0),
            }),
            stock: None,
        })
    }

    fn brand(&self, number: u64) -> Result<Record, InvalidId> {
        let mut draws = Draws::of(self.seed, "brand", number);
        Ok(Record {
            row: CatalogRow::Brand(Brand {
                id: brand_id(number)?,
                name: self.vocabulary.title(&mut draws, 1),
                slug: format!("brand-{number}"),
                description: self.vocabulary.sentence(&mut draws, 8),
                logo_url: String::new(),
                active: true,
                created_at: Timestamp(0),
                updated_at: Timestamp(0),
            }),
            stock: None,
        })
    }

    /// The product with a number; also of one beyond the size, to add to the catalogue.
    ///
    /// # Errors
    /// As for [`Self::records`].
    pub fn product(&self, number: u64) -> Result<Record, InvalidId> {
        let mut draws = Draws::of(self.seed, "product", number);
        let name = self.vocabulary.title(&mut draws, 4);
        let mut description = self.vocabulary.sentence(&mut draws, 18);
        description.push_str(" Lot ");
        description.push_str(&rare(number / RARE));
        if number.is_multiple_of(2) {
            description.push_str(", ");
            description.push_str(words::HALF);
        }
        description.push('.');
        let price = 100 + draws.below(50_000);
        let sale = (draws.below(10) == 0).then_some(price * 4 / 5);
        let created_at = Timestamp(i64::try_from(draws.below(1 << 40)).unwrap_or(0));
        let product = Product {
            id: ProductId::parse(&format!("gen-{number:07}"))?,
            sku: Sku::parse(&format!("SKU-{number:07}"))?,
            name,
            description,
            base_price: usd(price),
            sale_price: sale.map(usd),
            status: Status::Active,
            brand_id: Some(brand_id(draws.skewed(self.brands()))?),
            category_id: Some(category_id(draws.below(self.categories()))?),
            images: Vec::new(),
            attributes: Attributes::new(),
            variants: Vec::new(),
            created_at,
            updated_at: created_at,
        };
        Ok(Record {
            row: CatalogRow::Product(Box::new(product)),
            stock: Some(1 + draws.below(1_000)),
        })
    }
}

/// Of one width, and with digits, so that none begins another word.
fn rare(block: u64) -> String {
    format!("lot{block:08}")
}

fn category_id(number: u64) -> Result<CategoryId, InvalidId> {
    CategoryId::parse(&format!("gen-cat-{number}"))
}

fn brand_id(number: u64) -> Result<BrandId, InvalidId> {
    BrandId::parse(&format!("gen-brand-{number}"))
}

fn usd(cents: u64) -> Money {
    Money {
        amount: i64::try_from(cents).unwrap_or(0),
        currency: Currency::USD,
    }
}

#[cfg(test)]
mod tests;
