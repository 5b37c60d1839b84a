//! Full-text search over names and descriptions, in memory, rebuilt from a snapshot.
//!
//! Every word of a query must begin a word of the product's name or description. More words
//! matched in the name rank first, then more matched whole; then the order of the listing.

mod words;

use super::snapshot::Snapshot;
use std::collections::BTreeSet;
use tantivy::collector::sort_key::{SortBySimilarityScore, SortByStaticFastValue};
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, FuzzyTermQuery, Occur, Query, TermQuery,
};
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{
    Index, IndexReader, IndexWriter, Order, ReloadPolicy, TantivyDocument, TantivyError, Term,
};
use words::{Words, words};

/// The longest query, in characters.
pub const MAX_KEYWORD: usize = 256;
/// The most different words of a query.
pub const MAX_WORDS: usize = 16;

const TOKENIZER: &str = "words";
const RANK: &str = "rank";
/// What a whole word counts more than a prefix.
const WHOLE: f32 = 1.0;
const IN_DESCRIPTION: f32 = 1.0;
/// Above what [`MAX_WORDS`] words in descriptions can add up to.
const IN_NAME: f32 = 64.0;
/// Of the memory in which the index is built; the least that each thread takes.
const BUFFER_PER_THREAD: usize = 16 << 20;
/// Below this many products a second thread costs more than it brings.
const PRODUCTS_PER_THREAD: usize = 20_000;
const MAX_THREADS: usize = 4;

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

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Places in the snapshot's listing ([`Snapshot::at`]), best match first.
    pub places: Vec<u32>,
    /// How many products match in all, exactly.
    pub total: usize,
}

/// The index over one snapshot.
pub struct Search {
    reader: IndexReader,
    name: Field,
    description: Field,
    products: usize,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search")
            .field("products", &self.products)
            .finish_non_exhaustive()
    }
}

impl Search {
    /// Indexes a snapshot. Takes the time that it takes (seconds for a million products): not for
    /// async threads.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn build(snapshot: &Snapshot) -> Result<Self, SearchError> {
        let threads = snapshot.listing().total() / PRODUCTS_PER_THREAD;
        Self::build_with(snapshot, threads.clamp(1, MAX_THREADS))
    }

    /// Each thread makes at least one segment of what it is given.
    fn build_with(snapshot: &Snapshot, threads: usize) -> Result<Self, SearchError> {
        let mut schema = Schema::builder();
        let text = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(TOKENIZER)
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false),
        );
        let name = schema.add_text_field("name", text.clone());
        let description = schema.add_text_field("description", text);
        let rank = schema.add_u64_field(RANK, FAST);
        let index = Index::create_in_ram(schema.build());
        index.tokenizers().register(TOKENIZER, Words);

        let mut writer: IndexWriter =
            index.writer_with_num_threads(threads, threads * BUFFER_PER_THREAD)?;
        for (place, product) in (0u64..).zip(snapshot.listing().page(0, usize::MAX)) {
            let mut document = TantivyDocument::default();
            document.add_text(name, &product.name);
            document.add_text(description, &product.description);
            document.add_u64(rank, place);
            writer.add_document(document)?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            reader,
            name,
            description,
            products: snapshot.listing().total(),
        })
    }

    /// At most `limit` products that match `keyword`, after the first `offset`. Without any word
    /// in it nothing matches.
    ///
    /// Computes for up to some milliseconds with a million products.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn find(&self, keyword: &str, offset: usize, limit: usize) -> Result<Found, SearchError> {
        if keyword.chars().nth(MAX_KEYWORD).is_some() {
            return Err(SearchError::TooLong);
        }
        let words: BTreeSet<String> = words(keyword).collect();
        if words.len() > MAX_WORDS {
            return Err(SearchError::TooManyWords);
        }
        if words.is_empty() {
            return Ok(Found::default());
        }
        let clauses = words.iter().map(|word| (Occur::Must, self.matching(word)));
        let query = BooleanQuery::new(clauses.collect());
        let searcher = self.reader.searcher();
        // The collector's memory grows with the offset, so that is kept within what there is.
        let limit = limit.min(self.products.saturating_sub(offset));
        if limit == 0 {
            let total = searcher.search(&query, &Count)?;
            return Ok(Found {
                places: Vec::new(),
                total,
            });
        }
        let best = TopDocs::with_limit(limit).and_offset(offset).order_by((
            (SortBySimilarityScore, Order::Desc),
            (SortByStaticFastValue::<u64>::for_field(RANK), Order::Asc),
        ));
        let (hits, total) = searcher.search(&query, &(best, Count))?;
        let places = hits
            .into_iter()
            .filter_map(|((_, rank), _)| rank.and_then(|rank| u32::try_from(rank).ok()))
            .collect();
        Ok(Found { places, total })
    }

    /// Matches products with a word that begins with `word`, scored by the best such place.
    fn matching(&self, word: &str) -> Box<dyn Query> {
        let fields = [(self.name, IN_NAME), (self.description, IN_DESCRIPTION)];
        let ways = fields.into_iter().flat_map(|(field, score)| {
            let term = Term::from_field_text(field, word);
            let whole = TermQuery::new(term.clone(), IndexRecordOption::Basic);
            let prefix = FuzzyTermQuery::new_prefix(term, 0, true);
            [
                scored(Box::new(whole), score + WHOLE),
                scored(Box::new(prefix), score),
            ]
        });
        Box::new(DisjunctionMaxQuery::new(ways.collect()))
    }
}

fn scored(query: Box<dyn Query>, score: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, score))
}

#[cfg(test)]
mod tests;
