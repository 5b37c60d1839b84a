//! What a row keeps its data in: a folder on the disk that is measured, or a keyspace.

use crate::Failure;
use crate::generated;
use crate::keyspace::Keyspace;
use cartwright::import::generate::Generator;
use cartwright::import::progress::Logged;
use cartwright::import::{self, Format, Input};
use cartwright::sources::Sources;
use cartwright::store::Store;
use cartwright::store::embedded::{self, EmbeddedStore};
use cartwright::store::scylla::ScyllaStore;
use futures::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// Products with more units than can be asked for, and one with [`FEW`].
const SHOP: &str = r#"
{"type": "product", "id": "hot", "sku": "HOT", "name": "A hot product", "stock": 4000000000, "base_price": {"amount": 100, "currency": "USD"}}
{"type": "product", "id": "plain", "sku": "PLAIN", "name": "A product of the baseline", "stock": 4000000000, "base_price": {"amount": 100, "currency": "USD"}}
{"type": "product", "id": "few", "sku": "FEW", "name": "A product that sells out", "stock": 1000, "base_price": {"amount": 100, "currency": "USD"}}
"#;
/// Products that are one customer's each: `own-0`, `own-1` and so on.
pub(crate) const OWN: u64 = 64;
/// Units of the product that sells out.
pub(crate) const FEW: u64 = 1_000;

/// Where a row keeps its data.
#[derive(Clone)]
pub(crate) enum Place {
    /// In a new folder in this one.
    Folder(PathBuf),
    /// In this keyspace, in partitions that no other row has.
    Keyspace(Arc<Keyspace>),
}

/// The data of a row.
pub(crate) enum Data {
    Disk(Disk),
    Keyspace(Arc<Keyspace>, Arc<ScyllaStore>),
}

impl Data {
    /// Holds the three products, and those of the customers.
    pub(crate) async fn open(place: &Place) -> Result<Self, Failure> {
        let data = match place {
            Place::Folder(dir) => Self::Disk(Disk::empty(dir, embedded::Options::default())?),
            Place::Keyspace(keyspace) => {
                Self::Keyspace(keyspace.clone(), Arc::new(keyspace.store().await?))
            }
        };
        import_shop(&*data.store()).await?;
        Ok(data)
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Disk(disk) => disk.store.clone(),
            Self::Keyspace(_, store) => store.clone(),
        }
    }

    /// The store for a server on a runtime of its own: connections belong to the one on which this
    /// is awaited.
    pub(crate) fn reopened(&self) -> BoxFuture<'static, Result<Arc<dyn Store>, Failure>> {
        match self {
            Self::Disk(disk) => disk.opened(),
            Self::Keyspace(keyspace, _) => {
                let keyspace = keyspace.clone();
                Box::pin(async move { Ok(Arc::new(keyspace.store().await?) as Arc<dyn Store>) })
            }
        }
    }
}

async fn import_shop(store: &dyn Store) -> Result<(), Failure> {
    let shop = shop();
    let input = Input {
        file: "shop".to_owned(),
        format: Format::Ndjson,
        data: shop.as_bytes(),
    };
    let (sources, options) = (Sources::system(), import::Options::default());
    let report = import::run(store, &sources, input, options, &mut Logged).await?;
    assert_eq!(report.total().refused, 0, "the products are imported");
    Ok(())
}

fn shop() -> String {
    let own = |number| {
        format!(
            r#"{{"type": "product", "id": "own-{number}", "sku": "OWN-{number}", "name": "A product of one customer", "stock": 4000000000, "base_price": {{"amount": 100, "currency": "USD"}}}}"#
        ) + "\n"
    };
    SHOP.trim_start().to_owned() + &(0..OWN).map(own).collect::<String>()
}

/// A store in a folder that goes with it.
pub(crate) struct Disk {
    pub(crate) store: Arc<EmbeddedStore>,
    dir: TempDir,
}

impl Disk {
    /// Holds a generated catalogue.
    pub(crate) async fn generated(dir: &Path, catalogue: &Generator) -> Result<Self, Failure> {
        let disk = Self::empty(dir, embedded::Options::default())?;
        generated::import(&disk.store, catalogue).await?;
        Ok(disk)
    }

    /// Holds the three products, and those of the customers.
    pub(crate) async fn shop(dir: &Path) -> Result<Self, Failure> {
        let disk = Self::empty(dir, embedded::Options::default())?;
        disk.import_shop().await?;
        Ok(disk)
    }

    /// Adds the three products, and those of the customers.
    pub(crate) async fn import_shop(&self) -> Result<(), Failure> {
        import_shop(&*self.store).await
    }

    pub(crate) fn empty(dir: &Path, options: embedded::Options) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(dir)?;
        let store = Self::open_with(dir.path(), options)?;
        Ok(Self { store, dir })
    }

    /// Opens the store in a folder, and reads all of it.
    pub(crate) fn open(dir: &Path) -> Result<Arc<EmbeddedStore>, Failure> {
        Self::open_with(dir, embedded::Options::default())
    }

    /// The same, other than as in production.
    pub(crate) fn open_with(
        dir: &Path,
        options: embedded::Options,
    ) -> Result<Arc<EmbeddedStore>, Failure> {
        let clock = Sources::system().clock;
        Ok(Arc::new(EmbeddedStore::open(dir, clock, options)?))
    }

    /// The store, for a server.
    pub(crate) fn opened(&self) -> BoxFuture<'static, Result<Arc<dyn Store>, Failure>> {
        let store: Arc<dyn Store> = self.store.clone();
        Box::pin(async move { Ok(store) })
    }

    /// The folder, once another process may open the store in it.
    pub(crate) async fn closed(self) -> Result<TempDir, Failure> {
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close()).await?;
        Ok(self.dir)
    }
}
