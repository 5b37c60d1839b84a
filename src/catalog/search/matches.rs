//! The documents of a segment that match words, each with its score.

use super::terms::Terms;
use tantivy::{DocId, TantivyError};

/// From one entry in so many documents on, a byte for every document is cheaper than a sorted list.
const DENSE: u64 = 64;

/// What matches one word. A document's score is that of the best place where it does.
pub(super) enum Matches {
    /// In order, each document once.
    Few(Vec<(DocId, u8)>),
    /// The scores of all documents; 0 where nothing matches.
    Many(Vec<u8>),
}

impl Matches {
    /// Of the terms that begin with the word, in a segment of so many documents.
    pub(super) fn of(terms: &[Terms], documents: u32) -> Result<Self, TantivyError> {
        let entries: u64 = terms.iter().map(Terms::entries).sum();
        if entries.saturating_mul(DENSE) > u64::from(documents) {
            let mut scores = vec![0; index(documents)];
            for terms in terms {
                terms.each_entry(|document, score| {
                    if let Some(best) = scores.get_mut(index(document)) {
                        *best = score.max(*best);
                    }
                })?;
            }
            return Ok(Self::Many(scores));
        }
        let mut few = Vec::with_capacity(usize::try_from(entries).unwrap_or_default());
        for terms in terms {
            terms.each_entry(|document, score| few.push((document, score)))?;
        }
        // The best first of each document, which is the one that is kept.
        few.sort_unstable_by_key(|(document, score)| (*document, u8::MAX - score));
        few.dedup_by_key(|(document, _)| *document);
        Ok(Self::Few(few))
    }

    /// The most documents that it may have.
    fn most(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(scores) => scores.len(),
        }
    }

    fn each(&self, mut visit: impl FnMut(DocId, u8)) {
        match self {
            Self::Few(few) => few
                .iter()
                .for_each(|(document, score)| visit(*document, *score)),
            Self::Many(scores) => {
                let scored = (0..).zip(scores).filter(|(_, score)| **score > 0);
                scored.for_each(|(document, score)| visit(document, *score));
            }
        }
    }

    /// Of a document that matches.
    fn score(&self, document: DocId) -> Option<u8> {
        match self {
            Self::Few(few) => {
                let place = few.binary_search_by_key(&document, |(other, _)| *other);
                place.ok().and_then(|place| few.get(place)).map(|hit| hit.1)
            }
            Self::Many(scores) => {
                let score = scores.get(index(document)).copied();
                score.filter(|score| *score > 0)
            }
        }
    }
}

/// Shows the documents that match every word, with the sum of their scores.
pub(super) fn each_common(mut words: Vec<Matches>, mut visit: impl FnMut(DocId, u32)) {
    words.sort_by_key(Matches::most);
    let Some((fewest, others)) = words.split_first() else {
        return;
    };
    fewest.each(|document, score| {
        let others = others
            .iter()
            .map(|word| word.score(document).map(u32::from));
        if let Some(rest) = others.sum::<Option<u32>>() {
            visit(document, u32::from(score) + rest);
        }
    });
}

fn index(document: DocId) -> usize {
    usize::try_from(document).unwrap_or(usize::MAX)
}
