//! Full-text search over names and descriptions, in memory.
//!
//! Every word of a query must begin a word of the product's name or description. More words
//! matched in the name rank first, then more matched whole; then the order of the listing, which
//! is not in the index: it changes with each product that is added.

mod best;
mod index;
mod matches;
mod terms;
mod words;

pub(super) use index::Indexer;

use super::order::Order;
use super::slots::Slot;
use best::Best;
use matches::Matches;
use std::collections::BTreeSet;
use std::sync::Arc;
use tantivy::columnar::Column;
use tantivy::schema::Field;
use tantivy::{Searcher, SegmentReader, TantivyError};
use terms::Terms;
use words::words;

/// The longest query, in characters.
pub const MAX_KEYWORD: usize = 256;
/// The most different words of a query.
pub const MAX_WORDS: usize = 16;

/// The most entries of the index that a search may have to read and still be called selective: so
/// many take a few hundred microseconds.
const SELECTIVE: u64 = 4_096;
const IN_DESCRIPTION: u8 = 1;
/// Above what [`MAX_WORDS`] words in descriptions can add up to.
const IN_NAME: u8 = 64;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// More than [`MAX_KEYWORD`] characters.
    #[error("keyword must be at most {MAX_KEYWORD} characters")]
    TooLong,
    /// More than [`MAX_WORDS`] different words.
    #[error("keyword must have at most {MAX_WORDS} different words")]
    TooManyWords,
    /// The index failed.
    #[error("the search index failed: {0}")]
    Index(#[from] TantivyError),
}

/// What is searched for: some different words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keywords(BTreeSet<String>);

impl Keywords {
    /// The words of a text.
    ///
    /// # Errors
    /// [`SearchError::TooLong`], [`SearchError::TooManyWords`].
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        if text.chars().nth(MAX_KEYWORD).is_some() {
            return Err(SearchError::TooLong);
        }
        let words: BTreeSet<String> = words(text).collect();
        if words.len() > MAX_WORDS {
            return Err(SearchError::TooManyWords);
        }
        Ok(Self(words))
    }
}

/// What is found where in the index.
#[derive(Clone, Copy, Debug)]
struct Fields {
    name: Field,
    description: Field,
    slot: Field,
}

/// The index as of one commit.
#[derive(Clone)]
pub(super) struct Search {
    searcher: Searcher,
    fields: Fields,
    /// The slots of each segment's documents.
    slots: Arc<[Column<u64>]>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

impl Search {
    fn new(searcher: Searcher, fields: Fields) -> Result<Self, TantivyError> {
        let segments = searcher.segment_readers().iter();
        let slots = segments.map(|segment| segment.fast_fields().u64(index::SLOT));
        Ok(Self {
            slots: slots.collect::<Result<_, _>>()?,
            searcher,
            fields,
        })
    }

    /// The slots of at most `limit` products that match, after the first `offset`, best first; and
    /// how many match in all, exactly. Nothing matches no word.
    pub(super) fn find(
        &self,
        keywords: &Keywords,
        order: &Order,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<Slot>, usize), SearchError> {
        let found = self.find_within(keywords, order, (offset, limit), u64::MAX)?;
        Ok(found.unwrap_or_default())
    }

    /// The same, or `None` where so many products match that finding them takes milliseconds. That
    /// is judged by the sizes of what has to be read, and no more of those than it takes: some tens
    /// of microseconds.
    pub(super) fn find_selective(
        &self,
        keywords: &Keywords,
        order: &Order,
        offset: usize,
        limit: usize,
    ) -> Result<Option<(Vec<Slot>, usize)>, SearchError> {
        self.find_within(keywords, order, (offset, limit), SELECTIVE)
    }

    /// `None` where more than `budget` entries have to be read.
    fn find_within(
        &self,
        keywords: &Keywords,
        order: &Order,
        (offset, limit): (usize, usize),
        mut budget: u64,
    ) -> Result<Option<(Vec<Slot>, usize)>, SearchError> {
        let mut segments = Vec::new();
        for segment in self.searcher.segment_readers() {
            let Some(words) = self.terms(keywords, segment, &mut budget)? else {
                return Ok(None);
            };
            segments.push((segment, words));
        }
        let most = order.slots.len();
        let is_beyond = limit == 0 || offset >= most;
        // Memory grows with it, so it is kept within what there is.
        let wanted = offset.saturating_add(limit).min(most);
        let mut best = Best::of(if is_beyond { 1 } else { wanted }, &order.ranks);
        for ((segment, words), slots) in segments.into_iter().zip(&*self.slots) {
            let words = words
                .iter()
                .map(|terms| Matches::of(terms, segment.max_doc()));
            let words = words.collect::<Result<Vec<_>, _>>()?;
            matches::each_common(words, |document, score| {
                if !segment.is_deleted(document) {
                    let slot = || slots.first(document).and_then(|slot| slot.try_into().ok());
                    best.collect(score, slot);
                }
            });
        }
        let (ranks, total) = best.ranks();
        let page = ranks.skip(offset).take(limit).filter_map(|rank| {
            let place = usize::try_from(rank).ok()?;
            order.slots.get(place).copied()
        });
        Ok(Some((page.collect(), total)))
    }

    /// For each word what begins with it in names and in descriptions.
    fn terms(
        &self,
        keywords: &Keywords,
        segment: &SegmentReader,
        budget: &mut u64,
    ) -> Result<Option<Vec<[Terms; 2]>>, TantivyError> {
        let mut words = Vec::with_capacity(keywords.0.len());
        for word in &keywords.0 {
            let (name, description) = (self.fields.name, self.fields.description);
            let named = Terms::find(segment, (name, IN_NAME), word, budget)?;
            let described = Terms::find(segment, (description, IN_DESCRIPTION), word, budget)?;
            let (Some(named), Some(described)) = (named, described) else {
                return Ok(None);
            };
            words.push([named, described]);
        }
        Ok(Some(words))
    }
}

#[cfg(test)]
mod tests;
