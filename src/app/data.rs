//! The embedded store of a command: opened before its work, closed after it, both off the async
//! threads.

use crate::config::StoreAddress;
use crate::sources::Sources;
use crate::store::embedded::{self, EmbeddedStore, OpenError};
use std::sync::Arc;

/// Opens the embedded store of `address`, off the async threads: it is checked whole.
pub(super) async fn open(
    address: &StoreAddress,
    sources: &Sources,
) -> Result<Arc<EmbeddedStore>, OpenError> {
    let StoreAddress::Embedded(dir) = address.clone();
    let clock = sources.clock.clone();
    let opening = tokio::task::spawn_blocking(move || {
        EmbeddedStore::open(&dir, clock, embedded::Options::default())
    });
    let opened = opening
        .await
        .map_err(|error| OpenError::Io(std::io::Error::other(error)))?;
    opened.map(Arc::new)
}

/// Closes the store once what waits is written.
pub(super) async fn close(store: Arc<EmbeddedStore>) {
    let _ = tokio::task::spawn_blocking(move || store.close()).await;
}
