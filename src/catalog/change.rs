//! The next state of the catalogue, made of the last one and what changed. It costs some passes
//! over lists of numbers; what did not change is shared.

use super::slots::{Slot, index};
use super::snapshot::Snapshot;
use super::tree::{self, line};
use crate::domain::catalog::{Brand, Category, Product, Status};
use crate::domain::ids::{BrandId, CategoryId, ProductId};
use crate::domain::shop::Shop;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The records that may have changed, as they are now; `None`: not there.
#[derive(Debug, Default)]
pub(super) struct Delta {
    pub(super) products: BTreeMap<ProductId, Option<Product>>,
    pub(super) categories: BTreeMap<CategoryId, Option<Category>>,
    pub(super) brands: BTreeMap<BrandId, Option<Brand>>,
    pub(super) shop: Option<Shop>,
}

/// A slot whose words changed, and the product that stands there now.
pub(super) type Reworded = (Slot, Option<Arc<Product>>);

/// What became of the products.
struct Moves {
    /// By slot: it left the order.
    out: Vec<bool>,
    /// By slot: its id is found there no more.
    removed: Vec<bool>,
    /// By slot: it left the lists of its category.
    unlisted: Vec<bool>,
    /// Entered the order.
    into: Vec<Slot>,
    /// Ids that are new.
    added: Vec<Slot>,
    /// For each category whose list changes, what enters it.
    entering: HashMap<CategoryId, Vec<Slot>>,
    reworded: Vec<Reworded>,
}

impl Snapshot {
    /// The state after `delta`, and what has to be indexed anew.
    pub(super) fn changed(&self, delta: Delta) -> (Self, Vec<Reworded>) {
        let mut next = self.clone();
        if !delta.categories.is_empty() || !delta.brands.is_empty() {
            apply(Arc::make_mut(&mut next.all_categories), delta.categories);
            apply(Arc::make_mut(&mut next.all_brands), delta.brands);
            next.show();
        }
        if let Some(shop) = delta.shop {
            next.shop = Arc::new(shop);
        }
        let moves = self.move_products(&mut next, delta.products);
        if moves.added.len() + moves.removed.iter().filter(|gone| **gone).count() > 0 {
            next.finder = self
                .finder
                .changed(&next.slots, &moves.removed, &moves.added);
        }
        if !moves.into.is_empty() || moves.out.contains(&true) {
            let into = moves.into;
            next.order = self.order.changed(&next.slots, &moves.out, into);
        }
        if tree::same_tree(&self.all_categories, &next.all_categories) {
            for (id, entering) in moves.entering {
                if let Some(list) = next.by_category.get_mut(&id) {
                    *list = Arc::new(next.order.list(list, &moves.unlisted, entering));
                }
            }
        } else {
            next.by_category = tree::lists(&next.slots, &next.order, &next.all_categories);
        }
        (next, moves.reworded)
    }

    /// Puts the products into the slots of `next` and notes which lists that concerns.
    fn move_products(
        &self,
        next: &mut Self,
        products: BTreeMap<ProductId, Option<Product>>,
    ) -> Moves {
        let most = self.slots.len() + products.len();
        let mut moves = Moves {
            out: vec![false; most],
            removed: vec![false; most],
            unlisted: vec![false; most],
            into: Vec::new(),
            added: Vec::new(),
            entering: HashMap::new(),
            reworded: Vec::new(),
        };
        let mut free = (*self.free).clone();
        for (id, now) in products {
            let now = now.filter(|product| product.status == Status::Active);
            let now = now.map(|product| Arc::new(next.interned(product)));
            let slot = self.finder.find(&self.slots, &id);
            let old = slot.and_then(|slot| self.slots.get(slot));
            match (slot, old, now) {
                (Some(slot), Some(old), Some(now)) => moves.replace(next, slot, old, now),
                (Some(slot), Some(old), None) => {
                    moves.leave(next, slot, old);
                    moves.removed[index(slot)] = true;
                    moves.out[index(slot)] = true;
                    moves.reworded.push((slot, None));
                    next.slots.set(slot, None);
                    free.push(slot);
                }
                (_, _, Some(now)) => {
                    let slot = match free.pop() {
                        Some(slot) => {
                            next.slots.set(slot, Some(now.clone()));
                            slot
                        }
                        None => next.slots.push(now.clone()),
                    };
                    moves.added.push(slot);
                    moves.into.push(slot);
                    moves.enter(next, slot, &now);
                    moves.reworded.push((slot, Some(now)));
                }
                (_, _, None) => {}
            }
        }
        next.free = Arc::new(free);
        moves
    }
}

impl Moves {
    fn replace(&mut self, next: &mut Snapshot, slot: Slot, old: &Arc<Product>, now: Arc<Product>) {
        if *old == now {
            return;
        }
        let redated = old.created_at != now.created_at;
        if redated {
            self.out[index(slot)] = true;
            self.into.push(slot);
        }
        if redated || old.category_id != now.category_id {
            self.leave(next, slot, old);
            self.enter(next, slot, &now);
        }
        if (&old.name, &old.description) != (&now.name, &now.description) {
            self.reworded.push((slot, Some(now.clone())));
        }
        next.slots.set(slot, Some(now));
    }

    fn leave(&mut self, next: &Snapshot, slot: Slot, old: &Product) {
        self.unlisted[index(slot)] = true;
        for id in lists_of(next, old) {
            self.entering.entry(id).or_default();
        }
    }

    fn enter(&mut self, next: &Snapshot, slot: Slot, now: &Product) {
        for id in lists_of(next, now) {
            self.entering.entry(id).or_default().push(slot);
        }
    }
}

/// The categories in whose lists the product stands.
fn lists_of(snapshot: &Snapshot, product: &Product) -> Vec<CategoryId> {
    let own = product.category_id.as_ref();
    let lines = own.map(|id| line(id, &snapshot.all_categories));
    lines.into_iter().flatten().cloned().collect()
}

fn apply<K: Ord, V>(all: &mut BTreeMap<K, V>, changes: BTreeMap<K, Option<V>>) {
    for (key, value) in changes {
        match value {
            Some(value) => drop(all.insert(key, value)),
            None => drop(all.remove(&key)),
        }
    }
}
