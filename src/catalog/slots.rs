//! Products in numbered slots, shared between states of the catalogue: a copy costs a pointer for
//! each thousand products, a change copies the thousand pointers around it. A product keeps its
//! slot as long as it is listed, whatever comes before it in any order.

use crate::domain::catalog::Product;
use crate::domain::ids::ProductId;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Where a product stands.
pub(super) type Slot = u32;

const CHUNK: usize = 1_024;

#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    chunks: Vec<Arc<Vec<Option<Arc<Product>>>>>,
}

/// A slot as an index of a list.
pub(super) fn index(slot: Slot) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}

impl Slots {
    /// How many slots there are, free ones included.
    pub(super) fn len(&self) -> usize {
        let last = self.chunks.last().map_or(0, |chunk| chunk.len());
        self.chunks.len().saturating_sub(1) * CHUNK + last
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Arc<Product>> {
        let place = index(slot);
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)?.as_ref()
    }

    /// Puts a product into a slot, or frees it. Other copies keep what they have.
    pub(super) fn set(&mut self, slot: Slot, product: Option<Arc<Product>>) {
        let place = index(slot);
        if let Some(chunk) = self.chunks.get_mut(place / CHUNK)
            && let Some(held) = Arc::make_mut(chunk).get_mut(place % CHUNK)
        {
            *held = product;
        }
    }

    /// Puts a product into a new slot.
    pub(super) fn push(&mut self, product: Arc<Product>) -> Slot {
        let slot = self.len();
        if slot.is_multiple_of(CHUNK) {
            self.chunks.push(Arc::new(Vec::with_capacity(CHUNK)));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            Arc::make_mut(chunk).push(Some(product));
        }
        Slot::try_from(slot).unwrap_or(Slot::MAX)
    }
}

/// Finds slots by product id: pairs of hash and slot in order, eight bytes a product, where a map
/// would take fifty.
#[derive(Clone, Debug, Default)]
pub(super) struct Finder(Arc<Vec<(u32, Slot)>>);

fn hash(id: &ProductId) -> u32 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    // The low half of a good hash is one.
    (hasher.finish() & u64::from(u32::MAX)) as u32
}

impl Finder {
    /// Of slots in any order.
    pub(super) fn new(slots: &Slots, listed: &[Slot]) -> Self {
        let mut pairs: Vec<_> = pairs(slots, listed);
        pairs.shrink_to_fit();
        Self(Arc::new(pairs))
    }

    pub(super) fn find(&self, slots: &Slots, id: &ProductId) -> Option<Slot> {
        let hash = hash(id);
        let first = self.0.partition_point(|(other, _)| *other < hash);
        let alike = self.0.get(first..).unwrap_or_default().iter();
        alike
            .take_while(|(other, _)| *other == hash)
            .map(|(_, slot)| *slot)
            .find(|slot| slots.get(*slot).is_some_and(|product| product.id == *id))
    }

    /// Without the slots in `gone`, then with those in `new`.
    pub(super) fn changed(&self, slots: &Slots, gone: &[bool], new: &[Slot]) -> Self {
        let new = pairs(slots, new);
        Self(Arc::new(super::order::spliced(
            &self.0,
            |(_, slot)| gone[index(*slot)],
            &new,
            |kept, pair| kept.partition_point(|other| other < pair),
        )))
    }
}

fn pairs(slots: &Slots, listed: &[Slot]) -> Vec<(u32, Slot)> {
    let pairs = listed
        .iter()
        .filter_map(|slot| slots.get(*slot).map(|product| (hash(&product.id), *slot)));
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs
}
