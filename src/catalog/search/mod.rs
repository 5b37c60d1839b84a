//! Full-text search over names and descriptions, in memory.
//!
//! Every word of a query must begin a word of the product's name or description. More words
//! matched in the name rank first, then more matched whole; then the order of the listing, which
//! is not in the index: it changes with each product that is added.

mod best;
mod index;
mod prefix;
mod words;

pub(super) use index::Indexer;

use super::order::Order;
use super::slots::Slot;
use best::Best;
use prefix::PrefixQuery;
use std::collections::BTreeSet;
use tantivy::collector::Count;
use tantivy::query::{BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, TantivyError, Term};
use words::words;

/// The longest query, in characters.
pub const MAX_KEYWORD: usize = 256;
/// The most different words of a query.
pub const MAX_WORDS: usize = 16;

/// The most entries of the index that a search may have to read and still be called selective: so
/// many take a few hundred microseconds.
const SELECTIVE: u64 = 4_096;
/// What a whole word counts more than a prefix.
const WHOLE: f32 = 1.0;
const IN_DESCRIPTION: f32 = 1.0;
/// Above what [`MAX_WORDS`] words in descriptions can add up to.
const IN_NAME: f32 = 64.0;

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
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").finish_non_exhaustive()
    }
}

impl Search {
    /// Whether so many products match that finding them takes milliseconds. Judged by the sizes of
    /// what has to be read, and no more of those than it takes: some tens of microseconds.
    pub(super) fn is_broad(&self, keywords: &Keywords) -> Result<bool, SearchError> {
        let mut budget = SELECTIVE;
        for word in &keywords.0 {
            for field in [self.fields.name, self.fields.description] {
                for segment in self.searcher.segment_readers() {
                    match prefix::cost(segment, field, word, budget)? {
                        Some(cost) => budget -= cost,
                        None => return Ok(true),
                    }
                }
            }
        }
        Ok(false)
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
        if keywords.0.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let clauses = keywords.0.iter();
        let clauses = clauses.map(|word| (Occur::Must, self.matching(word)));
        let query = BooleanQuery::new(clauses.collect());
        let most = order.slots.len();
        if limit == 0 || offset >= most {
            return Ok((Vec::new(), self.searcher.search(&query, &Count)?));
        }
        let best = Best {
            // The collector's memory grows with it, so it is kept within what there is.
            limit: offset.saturating_add(limit).min(most),
            ranks: order.ranks.clone(),
        };
        let (ranks, total) = self.searcher.search(&query, &best)?;
        let page = ranks.into_iter().skip(offset).filter_map(|rank| {
            let place = usize::try_from(rank).ok()?;
            order.slots.get(place).copied()
        });
        Ok((page.collect(), total))
    }

    /// Matches products with a word that begins with `word`, scored by the best such place.
    fn matching(&self, word: &str) -> Box<dyn tantivy::query::Query> {
        let fields = [
            (self.fields.name, IN_NAME),
            (self.fields.description, IN_DESCRIPTION),
        ];
        let ways = fields.into_iter().flat_map(|(field, score)| {
            let term = Term::from_field_text(field, word);
            let whole = TermQuery::new(term, IndexRecordOption::Basic);
            let prefix = PrefixQuery::new(field, word);
            [
                scored(Box::new(whole), score + WHOLE),
                scored(Box::new(prefix), score),
            ]
        });
        Box::new(DisjunctionMaxQuery::new(ways.collect()))
    }
}

fn scored(query: Box<dyn tantivy::query::Query>, score: f32) -> Box<dyn tantivy::query::Query> {
    Box::new(ConstScoreQuery::new(query, score))
}

#[cfg(test)]
mod tests;
