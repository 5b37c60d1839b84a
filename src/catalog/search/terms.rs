//! The words of the index that begin with a word of a query, at a cost of what matches, whatever
//! the size of the catalogue.

use std::sync::Arc;
use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, InvertedIndexReader, SegmentReader, TERMINATED, TantivyError};

/// Sorts behind every text with the prefix: no UTF-8 holds this byte.
const LAST: u8 = u8::MAX;
/// What one more term costs, in entries.
const TERM: u64 = 4;
/// What a whole word counts more than a prefix.
const WHOLE: u8 = 1;

/// Such words in one field of a segment.
pub(super) struct Terms {
    index: Arc<InvertedIndexReader>,
    /// Each with its score.
    terms: Vec<(TermInfo, u8)>,
}

impl Terms {
    /// Those that begin with `word`, which score `score`, and [`WHOLE`] more where they are it. What
    /// they cost, in entries of the index, is taken from `budget`; `None` where it is more than that.
    pub(super) fn find(
        segment: &SegmentReader,
        (field, score): (Field, u8),
        word: &str,
        budget: &mut u64,
    ) -> Result<Option<Self>, TantivyError> {
        let index = segment.inverted_index(field)?;
        let mut terms = Vec::new();
        let mut end = word.as_bytes().to_vec();
        end.push(LAST);
        let range = index.terms().range().ge(word.as_bytes()).lt(&end);
        let mut begun = range.into_stream()?;
        while begun.advance() {
            let term = begun.value();
            let cost = u64::from(term.doc_freq) + TERM;
            let Some(rest) = budget.checked_sub(cost) else {
                return Ok(None);
            };
            *budget = rest;
            let is_whole = begun.key() == word.as_bytes();
            terms.push((term.clone(), score + u8::from(is_whole) * WHOLE));
        }
        drop(begun);
        Ok(Some(Self { index, terms }))
    }

    /// How many entries they have in all, deleted documents included.
    pub(super) fn entries(&self) -> u64 {
        let entries = self.terms.iter().map(|(term, _)| u64::from(term.doc_freq));
        entries.sum()
    }

    /// Shows the documents that hold one of them, with its score.
    pub(super) fn each_entry(&self, mut visit: impl FnMut(DocId, u8)) -> Result<(), TantivyError> {
        for (term, score) in &self.terms {
            let postings = &self.index;
            let mut postings =
                postings.read_postings_from_terminfo(term, IndexRecordOption::Basic)?;
            let mut document = postings.doc();
            while document != TERMINATED {
                visit(document, *score);
                document = postings.advance();
            }
        }
        Ok(())
    }
}
