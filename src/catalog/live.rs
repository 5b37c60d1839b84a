//! The current view of the catalogue: it follows the store's log, and is replaced whole while
//! readers keep the one that they took.

mod metrics;

use super::load::{self, News};
use super::search::{Indexer, Keywords, Search, SearchError};
use super::slots::Slot;
use super::snapshot::Snapshot;
use crate::domain::catalog::Product;
use crate::store::{self, Catalogs, LogPosition};
use arc_swap::ArcSwap;
use metrics::LiveMetrics;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

/// The most threads that index at the start, when nothing else is to be done.
const MOST_THREADS: usize = 4;

/// One state of the catalogue: a snapshot, and the index over exactly that.
#[derive(Debug)]
pub struct View {
    /// What is for sale, and the shop's data.
    pub snapshot: Arc<Snapshot>,
    search: Search,
    /// It has every change that the log tells up to here.
    position: LogPosition,
}

/// A page of what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The products, best match first.
    pub products: Vec<Arc<Product>>,
    /// How many match in all, exactly.
    pub total: usize,
}

/// The catalogue as far as the log was read.
pub struct Live(Arc<Inner>);

struct Inner {
    view: ArcSwap<View>,
    /// What the view's index is changed by; `None` after a change that failed half-way. Whoever
    /// holds it makes the next view.
    indexer: Arc<Mutex<Option<Indexer>>>,
    metrics: LiveMetrics,
}

/// Why the catalogue could not be loaded, or brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It could not be indexed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Indexing ended early: a panic, or the runtime shuts down.
    #[error("indexing the catalogue ended early")]
    Stopped,
}

impl View {
    /// At most `limit` products that match every one of the words, after the first `offset`. No
    /// product matches no word.
    ///
    /// Computes for up to some tens of milliseconds with a million products, where the words are
    /// broad.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn find(
        &self,
        keywords: &Keywords,
        offset: usize,
        limit: usize,
    ) -> Result<Found, SearchError> {
        let order = &self.snapshot.order;
        let (slots, total) = self.search.find(keywords, order, offset, limit)?;
        Ok(self.found(slots, total))
    }

    /// As [`Self::find`], or `None` where so many products match that finding them takes
    /// milliseconds, which async threads cannot spare. That is told within some tens of
    /// microseconds, by the sizes of what has to be read.
    ///
    /// # Errors
    /// [`SearchError::Index`].
    pub fn find_selective(
        &self,
        keywords: &Keywords,
        offset: usize,
        limit: usize,
    ) -> Result<Option<Found>, SearchError> {
        let (search, order) = (&self.search, &self.snapshot.order);
        let found = search.find_selective(keywords, order, offset, limit)?;
        Ok(found.map(|(slots, total)| self.found(slots, total)))
    }

    fn found(&self, slots: Vec<Slot>, total: usize) -> Found {
        let products = slots.into_iter();
        let products = products.filter_map(|slot| self.snapshot.slots.get(slot).cloned());
        Found {
            products: products.collect(),
            total,
        }
    }

    /// Reads all of the store and indexes it, off the async threads. What `last` holds already,
    /// equal, is shared with it.
    async fn load(
        store: &(impl Catalogs + ?Sized),
        last: Option<&Self>,
        threads: usize,
    ) -> Result<(Self, Indexer), LoadError> {
        let begun = Instant::now();
        // First, so that whatever is written from now on is told by the log after it.
        let position = store.catalog_position().await?;
        let unsorted = load::products(store, last.map(|view| &*view.snapshot)).await?;
        let shop = store.shop().await?;
        let stop = StopOnDrop::default();
        let stopped = stop.0.clone();
        let indexing = spawn_blocking(move || {
            let snapshot = unsorted.complete(shop);
            let indexer = Indexer::build(&snapshot, threads, &stopped);
            indexer.map(|indexer| (snapshot, indexer))
        });
        let (snapshot, indexer) = indexing
            .await
            .map_err(|_| LoadError::Stopped)?
            .map_err(SearchError::from)?;
        let indexer = indexer.ok_or(LoadError::Stopped)?;
        tracing::info!(
            catalog.products = snapshot.listing().total(),
            catalog.categories = snapshot.categories().len(),
            catalog.brands = snapshot.brands().len(),
            catalog.position = position,
            catalog.load_ms = begun.elapsed().as_millis(),
            "catalog.loaded"
        );
        let view = Self {
            search: indexer.search().map_err(SearchError::from)?,
            snapshot: Arc::new(snapshot),
            position,
        };
        Ok((view, indexer))
    }
}

/// Ends the work that it was made for when nobody waits for that any more.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Live {
    /// Loads the catalogue for the first time.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(store: &(impl Catalogs + ?Sized)) -> Result<Self, LoadError> {
        let begun = Instant::now();
        let threads = available_parallelism().map_or(1, NonZero::get);
        let (view, indexer) = View::load(store, None, threads.min(MOST_THREADS)).await?;
        // Not before: the index would be strewn over what becomes free, and keep it from the system.
        store.catalog_was_read().await;
        Ok(Self(Arc::new(Inner {
            view: ArcSwap::from_pointee(view),
            indexer: Arc::new(Mutex::new(Some(indexer))),
            metrics: LiveMetrics::since(begun),
        })))
    }

    /// The view to answer one request from.
    #[must_use]
    pub fn current(&self) -> Arc<View> {
        self.0.view.load_full()
    }

    /// Takes in what the log tells since the current view, which serves meanwhile: a view for some
    /// thousands of changes, or all anew where the log no longer tells. One at a time; another
    /// waits. On an error readers keep what they have.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn follow(&self, store: &(impl Catalogs + ?Sized)) -> Result<(), LoadError> {
        let begun = Instant::now();
        let followed = self.catch_up(store).await;
        self.0.metrics.followed(begun, &followed);
        followed
    }

    async fn catch_up(&self, store: &(impl Catalogs + ?Sized)) -> Result<(), LoadError> {
        let mut indexer = self.0.indexer.clone().lock_owned().await;
        loop {
            let view = self.current();
            if indexer.is_none() {
                return self.reload(store, &view, &mut indexer).await;
            }
            indexer = match load::news(store, view.position).await? {
                News::Nothing => return Ok(()),
                News::Lost => return self.reload(store, &view, &mut indexer).await,
                News::Delta(delta, position) => {
                    let inner = self.0.clone();
                    let changing =
                        spawn_blocking(move || inner.change(&view, *delta, position, indexer));
                    changing.await.map_err(|_| LoadError::Stopped)??
                }
            };
        }
    }

    /// One thread, as others have to be served meanwhile.
    async fn reload(
        &self,
        store: &(impl Catalogs + ?Sized),
        last: &View,
        indexer: &mut Option<Indexer>,
    ) -> Result<(), LoadError> {
        let (view, new) = View::load(store, Some(last), 1).await?;
        self.0.view.store(Arc::new(view));
        self.0.metrics.loaded();
        *indexer = Some(new);
        Ok(())
    }
}

impl Inner {
    /// Makes the next view. Where that fails half-way the indexer is gone, and all is read anew.
    fn change(
        &self,
        last: &View,
        delta: super::change::Delta,
        position: LogPosition,
        mut indexer: OwnedMutexGuard<Option<Indexer>>,
    ) -> Result<OwnedMutexGuard<Option<Indexer>>, SearchError> {
        let (snapshot, reworded) = last.snapshot.changed(delta);
        let mut changed = indexer.take().ok_or(tantivy::TantivyError::Poisoned)?;
        let search = changed.update(reworded)?;
        *indexer = Some(changed);
        self.view.store(Arc::new(View {
            snapshot: Arc::new(snapshot),
            search,
            position,
        }));
        self.metrics.changed();
        tracing::debug!(catalog.position = position, "catalog.changed");
        Ok(indexer)
    }
}

#[cfg(test)]
mod tests;
