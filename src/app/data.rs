//! The store of a command: opened before its work, closed after it.

use super::server::Stores;
use crate::config::{ScyllaSettings, StoreSettings};
use crate::metrics::Metrics;
use crate::sources::Sources;
use crate::store::Store;
use crate::store::embedded::{self, EmbeddedStore};
use crate::store::scylla::{self, ConnectError, ScyllaStore};
use std::sync::Arc;

/// Why a store was not opened; one line each.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Embedded(#[from] embedded::OpenError),
    #[error(transparent)]
    Scylla(#[from] ConnectError),
}

/// An open store.
pub(super) enum Data {
    /// In a folder, which this process has for itself.
    Embedded(Arc<EmbeddedStore>),
    /// In a keyspace.
    Scylla(Arc<ScyllaStore>),
}

/// Opens the store for a server: waits for a keyspace's nodes.
pub(super) async fn open_to_serve(
    settings: &StoreSettings,
    sources: &Sources,
) -> Result<Data, OpenError> {
    match settings {
        StoreSettings::Embedded(_) => open(settings, sources).await,
        StoreSettings::Scylla(settings) => {
            let store = ScyllaStore::connect_patiently(&options(settings), sources).await?;
            Ok(Data::Scylla(Arc::new(store)))
        }
    }
}

/// Opens the store, or says at once why not.
pub(super) async fn open(settings: &StoreSettings, sources: &Sources) -> Result<Data, OpenError> {
    match settings {
        StoreSettings::Embedded(dir) => {
            let (dir, clock) = (dir.clone(), sources.clock.clone());
            // The file is checked whole: not on the async threads.
            let opening = tokio::task::spawn_blocking(move || {
                EmbeddedStore::open(&dir, clock, embedded::Options::default())
            });
            let opened = opening
                .await
                .map_err(|error| embedded::OpenError::Io(std::io::Error::other(error)))?;
            Ok(Data::Embedded(Arc::new(opened?)))
        }
        StoreSettings::Scylla(settings) => {
            let store = ScyllaStore::connect(&options(settings), sources).await?;
            Ok(Data::Scylla(Arc::new(store)))
        }
    }
}

impl Data {
    /// The store.
    pub(super) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Embedded(store) => store.clone(),
            Self::Scylla(store) => store.clone(),
        }
    }

    /// The store, and how to tell whether it answers.
    pub(super) fn stores(&self) -> Stores {
        let is_healthy: Arc<dyn Fn() -> bool + Send + Sync> = match self {
            Self::Embedded(store) => {
                let store = store.clone();
                Arc::new(move || store.is_healthy())
            }
            Self::Scylla(store) => {
                let store = store.clone();
                Arc::new(move || store.is_healthy())
            }
        };
        Stores {
            store: self.store(),
            is_healthy,
        }
    }

    /// Shows what the store counts of itself.
    pub(super) fn report_to(&self, metrics: &Metrics) {
        match self {
            Self::Embedded(store) => store.report_to(metrics),
            Self::Scylla(store) => store.report_to(metrics),
        }
    }

    /// Closes the store once what waits is written.
    pub(super) async fn close(self) {
        match self {
            Self::Embedded(store) => {
                let _ = tokio::task::spawn_blocking(move || store.close()).await;
            }
            Self::Scylla(_) => {}
        }
    }
}

/// How a keyspace is reached, as the store has it.
pub(super) fn options(settings: &ScyllaSettings) -> scylla::Options {
    let text = |text: &crate::config::Redacted| text.expose().to_owned();
    let credentials = settings.credentials.as_ref();
    scylla::Options {
        contacts: settings.contacts.clone(),
        keyspace: settings.keyspace.clone(),
        credentials: credentials.map(|(user, password)| (text(user), text(password))),
        tls: settings.ca.as_ref().map(|ca| scylla::Tls {
            ca: ca.clone(),
            identity: settings.identity.clone(),
        }),
        datacenter: settings.datacenter.clone(),
        writers: if settings.one_datacenter {
            scylla::Writers::OneDatacenter
        } else {
            scylla::Writers::Everywhere
        },
        unfinished: scylla::UNFINISHED,
    }
}
