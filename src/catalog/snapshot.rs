//! The stored catalogue in memory, immutable, in the orders in which it is listed.
//!
//! Products stand newest first, ties by id; a place in that order is a `u32`, and every other list
//! is made of such places, so that a product costs little beyond itself.

use crate::domain::catalog::{Brand, Catalog, Category, Product, Status};
use crate::domain::ids::{CategoryId, ProductId};
use crate::domain::shop::Shop;
use crate::store::{Catalogs, Error};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many records are read from the store at once.
const READ: u32 = 256;

/// What is public of the catalogue, and the shop's data, as they were when it was loaded.
#[derive(Debug)]
pub struct Snapshot {
    products: Vec<Arc<Product>>,
    places: HashMap<ProductId, u32>,
    by_category: HashMap<CategoryId, Vec<u32>>,
    categories: Vec<Category>,
    brands: Vec<Brand>,
    shop: Shop,
}

/// A list of products in order: all of them, or those of a category.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    products: &'a [Arc<Product>],
    places: Option<&'a [u32]>,
}

impl Snapshot {
    /// Reads everything from the store.
    ///
    /// # Errors
    /// The store's.
    pub async fn load(store: &(impl Catalogs + ?Sized)) -> Result<Self, Error> {
        let mut products: Vec<Product> = Vec::new();
        loop {
            let after = products.last().map(|product| product.id.clone());
            let page = store.products(after, READ).await?;
            if page.is_empty() {
                break;
            }
            products.extend(page);
        }
        let mut categories: Vec<Category> = Vec::new();
        loop {
            let after = categories.last().map(|category| category.id.clone());
            let page = store.categories(after, READ).await?;
            if page.is_empty() {
                break;
            }
            categories.extend(page);
        }
        let mut brands: Vec<Brand> = Vec::new();
        loop {
            let after = brands.last().map(|brand| brand.id.clone());
            let page = store.brands(after, READ).await?;
            if page.is_empty() {
                break;
            }
            brands.extend(page);
        }
        Ok(Self::new(products, categories, brands, store.shop().await?))
    }

    /// Of records in any order. Products that are not active are left out, as are categories and
    /// brands that are not.
    #[must_use]
    pub fn new(
        mut products: Vec<Product>,
        mut categories: Vec<Category>,
        mut brands: Vec<Brand>,
        shop: Shop,
    ) -> Self {
        products.retain(|product| product.status == Status::Active);
        products.sort_unstable_by(|a, b| {
            (Reverse(a.created_at), &a.id).cmp(&(Reverse(b.created_at), &b.id))
        });
        let products: Vec<_> = products.into_iter().map(Arc::new).collect();
        let places = (0..)
            .zip(&products)
            .map(|(place, product)| (product.id.clone(), place))
            .collect();
        let by_category = by_category(&products, &categories);
        categories.retain(|category| category.active);
        categories.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        brands.retain(|brand| brand.active);
        brands.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Self {
            products,
            places,
            by_category,
            categories,
            brands,
            shop,
        }
    }

    /// All products, newest first, ties by id.
    #[must_use]
    pub fn listing(&self) -> Listing<'_> {
        Listing {
            products: &self.products,
            places: None,
        }
    }

    /// The products of a category and of its descendants, in the same order. `None` where there is
    /// no such category, or it is not shown. A descendant that is not shown still counts.
    #[must_use]
    pub fn category(&self, id: &CategoryId) -> Option<Listing<'_>> {
        self.by_category.get(id).map(|places| Listing {
            products: &self.products,
            places: Some(places),
        })
    }

    /// The categories that are shown, by name, ties by id.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The brands that are shown, by name, ties by id.
    #[must_use]
    pub fn brands(&self) -> &[Brand] {
        &self.brands
    }

    /// Tax rates, shipping methods, promotions and the currency.
    #[must_use]
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The product at a place of the listing.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Arc<Product>> {
        usize::try_from(place)
            .ok()
            .and_then(|place| self.products.get(place))
    }
}

impl Catalog for Snapshot {
    fn product(&self, id: &ProductId) -> Option<&Product> {
        self.places
            .get(id)
            .and_then(|place| self.at(*place))
            .map(|product| &**product)
    }
}

impl<'a> Listing<'a> {
    /// How many products there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.places.map_or(self.products.len(), <[u32]>::len)
    }

    /// At most `limit` products after the first `offset`, at a cost of `limit`.
    pub fn page(self, offset: usize, limit: usize) -> impl Iterator<Item = &'a Arc<Product>> {
        let start = offset.min(self.total());
        let end = start.saturating_add(limit).min(self.total());
        (start..end).filter_map(move |index| match self.places {
            None => self.products.get(index),
            Some(places) => usize::try_from(places[index])
                .ok()
                .and_then(|place| self.products.get(place)),
        })
    }
}

/// For every category that is shown, the places of its products and of its descendants' products.
fn by_category(
    products: &[Arc<Product>],
    categories: &[Category],
) -> HashMap<CategoryId, Vec<u32>> {
    let known: HashMap<&CategoryId, &Category> = categories
        .iter()
        .map(|category| (&category.id, category))
        .collect();
    let lines: HashMap<&CategoryId, Vec<&CategoryId>> =
        known.keys().map(|id| (*id, line(id, &known))).collect();
    let mut lists: HashMap<CategoryId, Vec<u32>> = categories
        .iter()
        .filter(|category| category.active)
        .map(|category| (category.id.clone(), Vec::new()))
        .collect();
    for (place, product) in (0..).zip(products) {
        let line = product.category_id.as_ref().and_then(|id| lines.get(id));
        for id in line.into_iter().flatten() {
            if let Some(list) = lists.get_mut(*id) {
                list.push(place);
            }
        }
    }
    lists.values_mut().for_each(Vec::shrink_to_fit);
    lists
}

/// A category and its ancestors, each once: parents may be missing, or go round in a circle.
fn line<'a>(id: &'a CategoryId, known: &HashMap<&CategoryId, &'a Category>) -> Vec<&'a CategoryId> {
    let mut met = HashSet::new();
    let mut line = Vec::new();
    let mut next = Some(id);
    while let Some(category) = next.and_then(|id| known.get(id)) {
        if !met.insert(&category.id) {
            break;
        }
        line.push(&category.id);
        next = category.parent_id.as_ref();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{category, product, shop};
    use crate::domain::time::Timestamp;

    fn id(text: &str) -> CategoryId {
        CategoryId::parse(text).unwrap()
    }

    fn ids(listing: Listing<'_>, offset: usize, limit: usize) -> Vec<String> {
        let page = listing.page(offset, limit);
        page.map(|product| product.id.to_string()).collect()
    }

    fn dated(id: &str, created: i64) -> Product {
        Product {
            created_at: Timestamp(created),
            ..product(id, id, "")
        }
    }

    fn in_category(id: &str, category: &str) -> Product {
        Product {
            category_id: CategoryId::parse(category).ok(),
            ..product(id, id, "")
        }
    }

    #[test]
    fn products_stand_newest_first_and_pages_join_without_gap_or_overlap() {
        let products = vec![
            dated("c", 5),
            dated("b", 9),
            dated("a", 5),
            dated("d", 5),
            dated("e", 7),
        ];
        let snapshot = Snapshot::new(products, vec![], vec![], shop());
        let listing = snapshot.listing();
        assert_eq!(ids(listing, 0, 9), ["b", "e", "a", "c", "d"]);
        let joined: Vec<_> = (0..3).flat_map(|page| ids(listing, page * 2, 2)).collect();
        assert_eq!(joined, ids(listing, 0, 9));
        assert!(ids(listing, 5, 2).is_empty());
        assert!(ids(listing, usize::MAX, usize::MAX).is_empty());
        assert_eq!(listing.total(), 5);
    }

    #[test]
    fn only_active_products_are_public() {
        let draft = Product {
            status: Status::Draft,
            ..product("draft", "Draft", "")
        };
        let archived = Product {
            status: Status::Archived,
            ..product("archived", "Archived", "")
        };
        let products = vec![draft, product("active", "Active", ""), archived];
        let snapshot = Snapshot::new(products, vec![], vec![], shop());
        assert_eq!(ids(snapshot.listing(), 0, 9), ["active"]);
        let find = |text| snapshot.product(&ProductId::parse(text).unwrap());
        assert!(find("active").is_some());
        assert!(find("draft").is_none() && find("archived").is_none());
    }

    #[test]
    fn a_category_lists_its_descendants_each_product_once() {
        let categories = vec![
            category("root", None),
            category("child", Some("root")),
            category("leaf", Some("child")),
            category("other", Some("nowhere")),
        ];
        let products = vec![
            in_category("p1", "leaf"),
            in_category("p2", "root"),
            in_category("p3", "other"),
            in_category("p4", "unknown"),
            product("p5", "None", ""),
        ];
        let snapshot = Snapshot::new(products, categories, vec![], shop());
        let of = |text| ids(snapshot.category(&id(text)).unwrap(), 0, 9);
        assert_eq!(of("root"), ["p1", "p2"]);
        assert_eq!(of("child"), ["p1"]);
        assert_eq!(of("leaf"), ["p1"]);
        assert_eq!(of("other"), ["p3"]);
        assert!(snapshot.category(&id("unknown")).is_none());
        assert!(snapshot.category(&id("nowhere")).is_none());
        assert_eq!(snapshot.category(&id("root")).unwrap().total(), 2);
    }

    #[test]
    fn categories_in_a_circle_list_each_other_and_end() {
        let categories = vec![
            category("a", Some("b")),
            category("b", Some("c")),
            category("c", Some("b")),
            category("self", Some("self")),
        ];
        let products = vec![
            in_category("p1", "a"),
            in_category("p2", "b"),
            in_category("p3", "c"),
            in_category("p4", "self"),
        ];
        let snapshot = Snapshot::new(products, categories, vec![], shop());
        let of = |text| ids(snapshot.category(&id(text)).unwrap(), 0, 9);
        assert_eq!(of("a"), ["p1"]);
        assert_eq!(of("b"), ["p1", "p2", "p3"]);
        assert_eq!(of("c"), ["p1", "p2", "p3"]);
        assert_eq!(of("self"), ["p4"]);
    }

    #[test]
    fn hidden_categories_are_unlisted_but_pass_their_products_on() {
        let hidden = Category {
            active: false,
            ..category("hidden", Some("root"))
        };
        let categories = vec![category("zoo", None), hidden, category("root", None)];
        let products = vec![in_category("p1", "hidden")];
        let snapshot = Snapshot::new(products, categories, vec![], shop());
        assert!(snapshot.category(&id("hidden")).is_none());
        assert_eq!(ids(snapshot.category(&id("root")).unwrap(), 0, 9), ["p1"]);
        let names: Vec<_> = snapshot
            .categories()
            .iter()
            .map(|c| c.id.as_str())
            .collect();
        assert_eq!(names, ["root", "zoo"]);
    }
}
