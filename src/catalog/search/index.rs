//! Makes the index, and the next state of it from what changed.

use super::words::Words;
use super::{Fields, Search};
use crate::catalog::change::Reworded;
use crate::catalog::slots::Slot;
use crate::catalog::snapshot::Snapshot;
use crate::domain::catalog::Product;
use std::sync::atomic::{AtomicBool, Ordering};
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::{
    FAST, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

pub(super) const SLOT: &str = "slot";
const TOKENIZER: &str = "words";
/// Of the memory in which a whole index is built; the least that each thread takes.
const BUFFER_PER_THREAD: usize = 16 << 20;
/// Below this many products a second thread costs more than it brings.
const PRODUCTS_PER_THREAD: usize = 20_000;
/// The share of deleted documents above which a segment is written anew.
const MOST_DELETED: f32 = 0.3;

/// The index and whoever writes it. What it has shown as a [`Search`] stays as it was.
pub(crate) struct Indexer {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    /// Made when the first change comes.
    writer: Option<IndexWriter>,
}

impl Indexer {
    /// Indexes a snapshot, by at most so many threads. Takes the time that it takes (seconds for a
    /// million products): not for async threads. `None` where `stop` was raised meanwhile.
    pub(crate) fn build(
        snapshot: &Snapshot,
        most_threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, TantivyError> {
        let threads = snapshot.listing().total() / PRODUCTS_PER_THREAD;
        Self::build_with(snapshot, threads.clamp(1, most_threads.max(1)), stop)
    }

    /// Each thread makes at least one segment of what it is given.
    pub(super) fn build_with(
        snapshot: &Snapshot,
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, TantivyError> {
        let (index, fields) = empty();
        let mut writer: IndexWriter =
            index.writer_with_num_threads(threads, threads * BUFFER_PER_THREAD)?;
        for slot in snapshot.order.slots.iter() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Some(product) = snapshot.slots.get(*slot) {
                writer.add_document(fields.document(*slot, product))?;
            }
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Some(Self {
            index,
            reader,
            fields,
            writer: None,
        }))
    }

    /// The index as it is now.
    pub(crate) fn search(&self) -> Result<Search, TantivyError> {
        Search::new(self.reader.searcher(), self.fields)
    }

    /// Takes in what changed. After an error the index is good for nothing.
    pub(crate) fn update(&mut self, reworded: Vec<Reworded>) -> Result<Search, TantivyError> {
        if reworded.is_empty() {
            return self.search();
        }
        let fields = self.fields;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(small_writer(&self.index)?),
        };
        for (slot, _) in &reworded {
            writer.delete_term(Term::from_field_u64(fields.slot, u64::from(*slot)));
        }
        for (slot, product) in reworded {
            if let Some(product) = product {
                writer.add_document(fields.document(slot, &product))?;
            }
        }
        writer.commit()?;
        self.reader.reload()?;
        self.search()
    }
}

fn empty() -> (Index, Fields) {
    let mut schema = Schema::builder();
    let text = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false),
    );
    let fields = Fields {
        name: schema.add_text_field("name", text.clone()),
        description: schema.add_text_field("description", text),
        slot: schema.add_u64_field(SLOT, NumericOptions::from(FAST).set_indexed()),
    };
    let index = Index::create_in_ram(schema.build());
    index.tokenizers().register(TOKENIZER, Words);
    (index, fields)
}

/// Keeps little memory while it waits; merges small segments beside the searches.
fn small_writer(index: &Index) -> Result<IndexWriter, TantivyError> {
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    let writer = index.writer_with_options(options)?;
    let mut merging = LogMergePolicy::default();
    merging.set_del_docs_ratio_before_merge(MOST_DELETED);
    writer.set_merge_policy(Box::new(merging));
    Ok(writer)
}

impl Fields {
    fn document(self, slot: Slot, product: &Product) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_text(self.name, &product.name);
        document.add_text(self.description, &product.description);
        document.add_u64(self.slot, u64::from(slot));
        document
    }
}
