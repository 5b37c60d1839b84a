//! Collects the best matches, ties in the order of the listing, and counts all of them.

use crate::catalog::slots::{Slot, index};
use std::cmp::Reverse;

/// A match: its score and its rank in the listing. The lesser one is the better one.
type Hit = (Reverse<u32>, u32);

/// The best matches so far.
pub(super) struct Best<'a> {
    /// At least 1.
    limit: usize,
    /// The rank of each slot.
    ranks: &'a [u32],
    /// Those that may be among the best: at most twice as many as are asked for.
    hits: Vec<Hit>,
    /// Better than the worst of the best so far; whatever is not, is not among them.
    bound: Option<Hit>,
    total: usize,
}

impl<'a> Best<'a> {
    /// The best `limit`, at least 1, of slots with these ranks.
    pub(super) fn of(limit: usize, ranks: &'a [u32]) -> Self {
        Self {
            limit: limit.max(1),
            ranks,
            hits: Vec::new(),
            bound: None,
            total: 0,
        }
    }

    /// One more match; its slot is asked for where it may be among the best.
    pub(super) fn collect(&mut self, score: u32, slot: impl FnOnce() -> Option<Slot>) {
        self.total += 1;
        let score = Reverse(score);
        if self.bound.is_some_and(|bound| score > bound.0) {
            return;
        }
        let Some(rank) = slot().and_then(|slot| self.ranks.get(index(slot))) else {
            return;
        };
        let hit = (score, *rank);
        if self.bound.is_none_or(|bound| hit < bound) {
            self.hits.push(hit);
            if self.hits.len() >= self.limit.saturating_mul(2) {
                self.cut();
            }
        }
    }

    /// The ranks of the best, best first, and how many matched.
    pub(super) fn ranks(mut self) -> (impl Iterator<Item = u32>, usize) {
        self.hits.sort_unstable();
        self.hits.truncate(self.limit);
        (self.hits.into_iter().map(|(_, rank)| rank), self.total)
    }

    /// Keeps the best.
    fn cut(&mut self) {
        if self.hits.len() > self.limit {
            let (_, worst, _) = self.hits.select_nth_unstable(self.limit - 1);
            self.bound = Some(*worst);
            self.hits.truncate(self.limit);
        }
    }
}
