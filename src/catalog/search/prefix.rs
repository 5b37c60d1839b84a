//! Products with a word that begins with a prefix, at a cost of what matches, whatever the size of
//! the catalogue.

use tantivy::postings::TermInfo;
use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{
    BitSet, DocId, DocSet, InvertedIndexReader, Score, SegmentReader, TERMINATED, TantivyError,
};

/// Sorts behind every text with the prefix: no UTF-8 holds this byte.
const LAST: u8 = u8::MAX;
/// From one match in so many on, a bit for every document is cheaper than a sorted list.
const DENSE: u64 = 64;

/// What one more term costs, in entries.
const TERM: u64 = 4;

/// How many entries, about, a segment has of words that begin with `prefix`; `None` where they are
/// more than `most`.
pub(super) fn cost(
    segment: &SegmentReader,
    field: Field,
    prefix: &str,
    most: u64,
) -> Result<Option<u64>, TantivyError> {
    let index = segment.inverted_index(field)?;
    let mut cost = 0;
    each_term(&index, prefix, |term| {
        cost += u64::from(term.doc_freq) + TERM;
        cost <= most
    })?;
    Ok((cost <= most).then_some(cost))
}

/// Shows the terms with the prefix until `visit` says that it is enough.
fn each_term(
    index: &InvertedIndexReader,
    prefix: &str,
    mut visit: impl FnMut(&TermInfo) -> bool,
) -> Result<(), TantivyError> {
    let mut end = prefix.as_bytes().to_vec();
    end.push(LAST);
    let range = index.terms().range().ge(prefix.as_bytes()).lt(&end);
    let mut terms = range.into_stream()?;
    while terms.advance() && visit(terms.value()) {}
    Ok(())
}

/// Matches whatever has a term with the prefix in the field.
#[derive(Clone, Debug)]
pub(super) struct PrefixQuery {
    field: Field,
    prefix: String,
}

impl PrefixQuery {
    pub(super) fn new(field: Field, prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        Self { field, prefix }
    }
}

impl Query for PrefixQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PrefixQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let index = reader.inverted_index(self.field)?;
        let mut terms = Vec::new();
        each_term(&index, &self.prefix, |term| {
            terms.push(term.clone());
            true
        })?;
        let entries: u64 = terms.iter().map(|term| u64::from(term.doc_freq)).sum();
        if entries.saturating_mul(DENSE) > u64::from(reader.max_doc()) {
            let mut documents = BitSet::with_max_value(reader.max_doc());
            each_document(&index, &terms, |document| {
                documents.insert(document);
            })?;
            let documents = BitSetDocSet::from(documents);
            return Ok(Box::new(ConstScorer::new(documents, boost)));
        }
        let mut documents = Vec::new();
        each_document(&index, &terms, |document| documents.push(document))?;
        documents.sort_unstable();
        documents.dedup();
        let documents = Few {
            documents,
            cursor: 0,
        };
        Ok(Box::new(ConstScorer::new(documents, boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        if self.scorer(reader, 1.0)?.seek(document) == document {
            Ok(Explanation::new("prefix", 1.0))
        } else {
            let message = "the document does not match".to_owned();
            Err(TantivyError::InvalidArgument(message))
        }
    }
}

/// Some documents in order.
struct Few {
    documents: Vec<DocId>,
    cursor: usize,
}

impl DocSet for Few {
    fn advance(&mut self) -> DocId {
        self.cursor += 1;
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = self.documents.get(self.cursor..).unwrap_or_default();
        self.cursor += rest.partition_point(|document| *document < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.documents
            .get(self.cursor)
            .copied()
            .unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.documents.len()).unwrap_or(u32::MAX)
    }
}

fn each_document(
    index: &InvertedIndexReader,
    terms: &[TermInfo],
    mut visit: impl FnMut(DocId),
) -> Result<(), TantivyError> {
    for term in terms {
        let mut postings = index.read_postings_from_terminfo(term, IndexRecordOption::Basic)?;
        let mut document = postings.doc();
        while document != TERMINATED {
            visit(document);
            document = postings.advance();
        }
    }
    Ok(())
}
