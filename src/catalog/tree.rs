//! The categories as a tree, and which products stand in each, descendants' included.

use super::order::Order;
use super::slots::{Slot, Slots};
use crate::domain::catalog::Category;
use crate::domain::ids::CategoryId;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// All categories, those that are not shown included.
pub(super) type Categories = BTreeMap<CategoryId, Category>;

/// The lists of the categories that are shown.
pub(super) type Lists = HashMap<CategoryId, Arc<Vec<Slot>>>;

/// A category and its ancestors, each once: parents may be missing, or go round in a circle.
pub(super) fn line<'a>(id: &'a CategoryId, categories: &'a Categories) -> Vec<&'a CategoryId> {
    let mut met = HashSet::new();
    let mut line = Vec::new();
    let mut next = Some(id);
    while let Some(category) = next.and_then(|id| categories.get(id)) {
        if !met.insert(&category.id) {
            break;
        }
        line.push(&category.id);
        next = category.parent_id.as_ref();
    }
    line
}

/// Whether they make the same tree, and show the same of it.
pub(super) fn same_tree(a: &Categories, b: &Categories) -> bool {
    fn shape(category: &Category) -> (&CategoryId, &Option<CategoryId>, bool) {
        (&category.id, &category.parent_id, category.active)
    }
    a.values().map(shape).eq(b.values().map(shape))
}

/// The lists of all categories that are shown.
pub(super) fn lists(slots: &Slots, order: &Order, categories: &Categories) -> Lists {
    let lines: HashMap<&CategoryId, Vec<&CategoryId>> = categories
        .keys()
        .map(|id| (id, line(id, categories)))
        .collect();
    let mut lists: HashMap<CategoryId, Vec<Slot>> = categories
        .values()
        .filter(|category| category.active)
        .map(|category| (category.id.clone(), Vec::new()))
        .collect();
    for slot in order.slots.iter() {
        let category = slots.get(*slot).and_then(|one| one.category_id.as_ref());
        for id in category.and_then(|id| lines.get(id)).into_iter().flatten() {
            if let Some(list) = lists.get_mut(*id) {
                list.push(*slot);
            }
        }
    }
    let shrunk = lists.into_iter().map(|(id, mut list)| {
        list.shrink_to_fit();
        (id, Arc::new(list))
    });
    shrunk.collect()
}
