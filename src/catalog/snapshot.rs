//! The stored catalogue in memory, immutable, in the orders in which it is listed.
//!
//! Each product has a slot; every list is made of slots, `u32`, in the order of the listing: newest
//! first, ties by id. So a product costs little beyond itself, and the next state of the catalogue
//! shares all that did not change.

use super::order::Order;
use super::slots::{Finder, Slot, Slots};
use super::tree::{self, Categories, Lists};
use crate::domain::catalog::{Brand, Catalog, Category, Product, Status};
use crate::domain::ids::{BrandId, CategoryId, ProductId};
use crate::domain::shop::Shop;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is public of the catalogue, and the shop's data, as they were at one time. Clones share it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) slots: Slots,
    /// Slots without a product.
    pub(super) free: Arc<Vec<Slot>>,
    pub(super) finder: Finder,
    pub(super) order: Order,
    pub(super) by_category: Lists,
    pub(super) all_categories: Arc<Categories>,
    pub(super) all_brands: Arc<BTreeMap<BrandId, Brand>>,
    categories: Arc<Vec<Category>>,
    brands: Arc<Vec<Brand>>,
    pub(super) shop: Arc<Shop>,
}

/// A list of products in order: all of them, or those of a category.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    slots: &'a Slots,
    list: &'a [Slot],
}

impl Snapshot {
    /// Of records in any order. Products that are not active are left out, as are categories and
    /// brands that are not.
    #[must_use]
    pub fn new(
        products: Vec<Product>,
        categories: Vec<Category>,
        brands: Vec<Brand>,
        shop: Shop,
    ) -> Self {
        let mut snapshot = Self::without_products(categories, brands);
        for product in products {
            snapshot.push(product);
        }
        snapshot.complete(shop)
    }

    /// To be filled by [`Self::push`] and then [`Self::complete`]d.
    pub(super) fn without_products(categories: Vec<Category>, brands: Vec<Brand>) -> Self {
        let categories = categories.into_iter().map(|one| (one.id.clone(), one));
        let brands = brands.into_iter().map(|one| (one.id.clone(), one));
        Self {
            slots: Slots::default(),
            free: Arc::default(),
            finder: Finder::default(),
            order: Order::default(),
            by_category: Lists::default(),
            all_categories: Arc::new(categories.collect()),
            all_brands: Arc::new(brands.collect()),
            categories: Arc::default(),
            brands: Arc::default(),
            shop: Arc::default(),
        }
    }

    /// Adds a product if it is active. It must not be there yet.
    pub(super) fn push(&mut self, product: Product) {
        if product.status == Status::Active {
            let product = self.interned(product);
            self.slots.push(Arc::new(product));
        }
    }

    /// Adds a product that another snapshot holds.
    pub(super) fn push_shared(&mut self, product: &Arc<Product>) {
        self.slots.push(Arc::clone(product));
    }

    /// Makes the lists. Takes about a second for a million products.
    pub(super) fn complete(mut self, shop: Shop) -> Self {
        self.shop = Arc::new(shop);
        self.order = Order::new(&self.slots);
        self.finder = Finder::new(&self.slots, &self.order.slots);
        self.by_category = tree::lists(&self.slots, &self.order, &self.all_categories);
        self.show();
        self
    }

    /// The product with the ids of brand and category that all their products share.
    pub(super) fn interned(&self, mut product: Product) -> Product {
        fn shared<K: Ord + Clone, V>(map: &BTreeMap<K, V>, id: Option<K>) -> Option<K> {
            let known = id.as_ref().and_then(|id| map.get_key_value(id));
            known.map(|(known, _)| known.clone()).or(id)
        }
        product.brand_id = shared(&self.all_brands, product.brand_id);
        product.category_id = shared(&self.all_categories, product.category_id);
        product
    }

    /// Lists the categories and brands that are shown.
    pub(super) fn show(&mut self) {
        let shown = self.all_categories.values().filter(|one| one.active);
        let mut categories: Vec<_> = shown.cloned().collect();
        categories.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        let shown = self.all_brands.values().filter(|one| one.active);
        let mut brands: Vec<_> = shown.cloned().collect();
        brands.sort_unstable_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        self.categories = Arc::new(categories);
        self.brands = Arc::new(brands);
    }

    /// All products, newest first, ties by id.
    #[must_use]
    pub fn listing(&self) -> Listing<'_> {
        Listing {
            slots: &self.slots,
            list: &self.order.slots,
        }
    }

    /// The products of a category and of its descendants, in the same order. `None` where there is
    /// no such category, or it is not shown. A descendant that is not shown still counts.
    #[must_use]
    pub fn category(&self, id: &CategoryId) -> Option<Listing<'_>> {
        self.by_category.get(id).map(|list| Listing {
            slots: &self.slots,
            list,
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

    /// A product, as it is shared.
    pub(super) fn find(&self, id: &ProductId) -> Option<&Arc<Product>> {
        let slot = self.finder.find(&self.slots, id)?;
        self.slots.get(slot)
    }
}

impl Catalog for Snapshot {
    fn product(&self, id: &ProductId) -> Option<&Product> {
        self.find(id).map(|product| &**product)
    }
}

impl<'a> Listing<'a> {
    /// How many products there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.list.len()
    }

    /// At most `limit` products after the first `offset`, at a cost of `limit`.
    pub fn page(self, offset: usize, limit: usize) -> impl Iterator<Item = &'a Arc<Product>> {
        let start = offset.min(self.total());
        let end = start.saturating_add(limit).min(self.total());
        let page = self.list[start..end].iter();
        page.filter_map(|slot| self.slots.get(*slot))
    }
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
