//! Collects the best matches, ties in the order of the listing, and counts all of them.

use super::index::SLOT;
use crate::catalog::slots::index;
use std::cmp::Reverse;
use std::sync::Arc;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

/// A match: its score and its rank in the listing. The lesser one is the better one.
type Hit = (Reverse<u32>, u32);

/// The ranks of the best `limit` matches, best first, and how many match.
pub(super) struct Best {
    /// At least 1.
    pub(super) limit: usize,
    /// The rank of each slot.
    pub(super) ranks: Arc<Vec<u32>>,
}

pub(super) struct BestOfSegment {
    limit: usize,
    ranks: Arc<Vec<u32>>,
    slots: Column<u64>,
    /// Those that may be among the best: at most twice as many as are asked for.
    hits: Vec<Hit>,
    /// Better than the worst of the best so far; whatever is not, is not among them.
    bound: Option<Hit>,
    total: usize,
}

impl Collector for Best {
    type Fruit = (Vec<u32>, usize);
    type Child = BestOfSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<BestOfSegment> {
        Ok(BestOfSegment {
            limit: self.limit,
            ranks: Arc::clone(&self.ranks),
            slots: segment.fast_fields().u64(SLOT)?,
            hits: Vec::new(),
            bound: None,
            total: 0,
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<(Vec<Hit>, usize)>) -> tantivy::Result<Self::Fruit> {
        let total = segments.iter().map(|(_, total)| total).sum();
        let mut hits: Vec<Hit> = segments.into_iter().flat_map(|(hits, _)| hits).collect();
        hits.sort_unstable();
        hits.truncate(self.limit);
        Ok((hits.into_iter().map(|(_, rank)| rank).collect(), total))
    }
}

impl SegmentCollector for BestOfSegment {
    type Fruit = (Vec<Hit>, usize);

    fn collect(&mut self, document: DocId, score: Score) {
        self.total += 1;
        // Scores are small whole numbers.
        let score = Reverse(score as u32);
        if self.bound.is_some_and(|bound| score > bound.0) {
            return;
        }
        let slot = self.slots.first(document);
        let slot = slot.and_then(|slot| u32::try_from(slot).ok());
        let Some(rank) = slot.and_then(|slot| self.ranks.get(index(slot))) else {
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

    fn harvest(mut self) -> Self::Fruit {
        self.cut();
        (self.hits, self.total)
    }
}

impl BestOfSegment {
    /// Keeps the best.
    fn cut(&mut self) {
        if self.hits.len() > self.limit {
            let (_, worst, _) = self.hits.select_nth_unstable(self.limit - 1);
            self.bound = Some(*worst);
            self.hits.truncate(self.limit);
        }
    }
}
