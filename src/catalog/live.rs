//! The current view of the catalogue, replaced whole while readers keep the one that they took.

use super::search::{Search, SearchError};
use super::snapshot::Snapshot;
use crate::store::{self, Catalogs};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// One state of the catalogue: a snapshot and the index over exactly that.
#[derive(Debug)]
pub struct View {
    /// What is for sale, and the shop's data.
    pub snapshot: Arc<Snapshot>,
    /// Its index.
    pub search: Search,
}

/// The catalogue as of the last load.
#[derive(Debug)]
pub struct Live(ArcSwap<View>);

/// Why the catalogue could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It could not be indexed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Indexing ended early: a panic, or the runtime shuts down.
    #[error("indexing the catalogue ended early: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl View {
    /// Reads the catalogue and indexes it, off the async threads.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(store: &(impl Catalogs + ?Sized)) -> Result<Self, LoadError> {
        let snapshot = Arc::new(Snapshot::load(store).await?);
        let indexed = Arc::clone(&snapshot);
        let search = tokio::task::spawn_blocking(move || Search::build(&indexed)).await??;
        tracing::info!(
            catalog.products = snapshot.listing().total(),
            catalog.categories = snapshot.categories().len(),
            catalog.brands = snapshot.brands().len(),
            "catalog.loaded"
        );
        Ok(Self { snapshot, search })
    }
}

impl Live {
    /// Loads the catalogue for the first time.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn load(store: &(impl Catalogs + ?Sized)) -> Result<Self, LoadError> {
        Ok(Self(ArcSwap::from_pointee(View::load(store).await?)))
    }

    /// Loads it anew. On an error readers keep what they have.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn reload(&self, store: &(impl Catalogs + ?Sized)) -> Result<(), LoadError> {
        self.0.store(Arc::new(View::load(store).await?));
        Ok(())
    }

    /// The view to answer one request from.
    #[must_use]
    pub fn current(&self) -> Arc<View> {
        self.0.load_full()
    }
}
