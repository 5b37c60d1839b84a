//! The order of the listing, newest first, ties by id, as a list of slots, and each slot's rank in
//! it. Lists of categories keep the same order.

use super::slots::{Slot, Slots, index};
use crate::domain::catalog::Product;
use crate::domain::ids::ProductId;
use crate::domain::time::Timestamp;
use std::cmp::Reverse;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// Slots, newest first.
    pub(super) slots: Arc<Vec<Slot>>,
    /// The place in `slots` of each slot that is there.
    pub(super) ranks: Arc<Vec<u32>>,
}

fn key(product: &Product) -> (Reverse<Timestamp>, &ProductId) {
    (Reverse(product.created_at), &product.id)
}

impl Order {
    /// Of all that stands in `slots`.
    pub(super) fn new(slots: &Slots) -> Self {
        let all = (0..).take(slots.len());
        let mut order: Vec<Slot> = all.filter(|slot| slots.get(*slot).is_some()).collect();
        sort(slots, &mut order);
        order.shrink_to_fit();
        Self::of(order, slots.len())
    }

    fn of(slots: Vec<Slot>, all: usize) -> Self {
        let mut ranks = vec![0; all];
        for (rank, slot) in (0..).zip(&slots) {
            ranks[index(*slot)] = rank;
        }
        Self {
            slots: Arc::new(slots),
            ranks: Arc::new(ranks),
        }
    }

    /// Without the slots in `gone`, then with those in `new`.
    pub(super) fn changed(&self, slots: &Slots, gone: &[bool], mut new: Vec<Slot>) -> Self {
        sort(slots, &mut new);
        let changed = spliced(
            &self.slots,
            |slot| gone[index(*slot)],
            &new,
            |kept, new| {
                let new = slots.get(*new).map(|product| key(product));
                kept.partition_point(|slot| slots.get(*slot).map(|product| key(product)) < new)
            },
        );
        Self::of(changed, slots.len())
    }

    pub(super) fn rank(&self, slot: Slot) -> u32 {
        self.ranks.get(index(slot)).copied().unwrap_or(u32::MAX)
    }

    /// A list in this order, without the slots in `gone`, then with those in `new`.
    pub(super) fn list(&self, list: &[Slot], gone: &[bool], mut new: Vec<Slot>) -> Vec<Slot> {
        new.sort_unstable_by_key(|slot| self.rank(*slot));
        spliced(
            list,
            |slot| gone[index(*slot)],
            &new,
            |kept, new| kept.partition_point(|slot| self.rank(*slot) < self.rank(*new)),
        )
    }
}

fn sort(slots: &Slots, list: &mut [Slot]) {
    list.sort_unstable_by(|a, b| {
        let key = |slot: &Slot| slots.get(*slot).map(|product| key(product));
        key(a).cmp(&key(b))
    });
}

/// `list` without what is `gone`, and with `new`, sorted alike, where `place` says that it belongs:
/// one pass, and a search for each that is new.
pub(super) fn spliced<T: Copy>(
    list: &[T],
    gone: impl Fn(&T) -> bool,
    new: &[T],
    place: impl Fn(&[T], &T) -> usize,
) -> Vec<T> {
    let kept: Vec<T> = list.iter().filter(|item| !gone(item)).copied().collect();
    let mut spliced = Vec::with_capacity(kept.len() + new.len());
    let mut rest = &kept[..];
    for item in new {
        let (before, after) = rest.split_at(place(rest, item));
        spliced.extend_from_slice(before);
        spliced.push(*item);
        rest = after;
    }
    spliced.extend_from_slice(rest);
    spliced
}
