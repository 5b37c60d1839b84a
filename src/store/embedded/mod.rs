//! The embedded store: a database and its journal, one process, one writer thread.
//!
//! Waiting writes are folded into one durable transaction; reads see the last durable one. After
//! an IO error nothing is acknowledged until the files were reopened. What rows there are is not
//! decided here but in `kv`.

mod journal;
mod metrics;
mod open;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use open::OpenError;

use super::kv::{Effort, Engine, Read, Write};
use super::{Error, Result};
use crate::sources::Clock;
use metrics::Folds;
use open::{Opened, Opener};
use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use view::ReadView;
use writer::{Request, Writer};

/// How the store is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How much of the file is kept in memory, in bytes.
    pub cache_bytes: usize,
    /// How many writes may wait; further ones are refused at once.
    pub queue: usize,
    /// How long the journal is: how much is written to it, in bytes, before the database is
    /// committed durably.
    pub journal_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            queue: 4_096,
            journal_bytes: 4 << 20,
        }
    }
}

/// A store in a file of its own. Dropped, it finishes what waits and closes the file.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl EmbeddedStore {
    /// Opens the store in `dir`, which is made when missing, for its owner alone. The whole file is
    /// checked. `clock` tells what has expired.
    ///
    /// # Errors
    /// [`OpenError`] tells what is wrong with the directory or the file.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> std::result::Result<Self, OpenError> {
        Self::open_on(dir, clock, options, |file| file)
    }

    /// Opens the store on a wrapper around its file.
    fn open_on<B: StorageBackend>(
        dir: &Path,
        clock: Arc<dyn Clock>,
        options: Options,
        wrap: impl Fn(FileBackend) -> B + Send + Sync + 'static,
    ) -> std::result::Result<Self, OpenError> {
        let opener = Opener::new(dir, options, wrap)?;
        let Opened { database, journal } = opener.open()?;
        let (queue, requests) = sync_channel(options.queue);
        let shared = Arc::new(Shared {
            database: RwLock::new(Some(database)),
            queue: RwLock::new(Some(queue)),
            suspect: AtomicBool::new(false),
            transactions: AtomicU64::new(0),
            folds: Folds::default(),
        });
        let writer = Writer::new(Arc::clone(&shared), requests, clock, opener, journal);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(OpenError::Io)?;
        Ok(Self {
            shared,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Whether it answers; `false` from an IO error until the file was reopened, and once closed.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.shared.suspect.load(Ordering::Acquire) && self.shared.with_database(|_| ()).is_ok()
    }

    /// How many transactions were made durable; fewer than the writes that they carried.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.shared.transactions.load(Ordering::Relaxed)
    }

    /// Finishes the writes that wait, closes the file and refuses everything from then on. Blocks
    /// meanwhile.
    pub fn close(&self) {
        let queue = self.shared.queue.write();
        drop(queue.unwrap_or_else(PoisonError::into_inner).take());
        let writer = self.writer.lock().map(|mut writer| writer.take());
        if let Ok(Some(writer)) = writer
            && writer.join().is_err()
        {
            tracing::error!("store.writer.panicked");
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Engine for EmbeddedStore {
    async fn write(&self, write: Write) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        self.shared.send(Request { write, answer })?;
        answered
            .await
            .unwrap_or_else(|_| Err(Error::Unknown("the writer has ended".to_owned())))
    }

    async fn read<T: Send + 'static>(
        &self,
        effort: Effort,
        read: impl FnOnce(&mut dyn Read) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match effort {
            Effort::Point => self.shared.read(read),
            Effort::Page => {
                let shared = Arc::clone(&self.shared);
                tokio::task::spawn_blocking(move || shared.read(read))
                    .await
                    .unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
            }
        }
    }

    async fn forget(&self) {
        let shared = Arc::clone(&self.shared);
        // It ends early only where the runtime does.
        let _ = tokio::task::spawn_blocking(move || shared.forget()).await;
    }
}

/// What callers and the writer have in common.
struct Shared {
    /// `None` while it is reopened, and once closed. Locked only to begin a transaction, and for
    /// [`Self::forget`].
    database: RwLock<Option<Database>>,
    /// `None` once closed.
    queue: RwLock<Option<SyncSender<Request>>>,
    /// A read failed: the file has to be reopened.
    suspect: AtomicBool,
    transactions: AtomicU64,
    folds: Folds,
}

impl Shared {
    fn with_database<T>(&self, use_it: impl FnOnce(&Database) -> T) -> Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database
            .as_ref()
            .ok_or_else(|| Error::Unavailable("the database file is not open".to_owned()))?;
        Ok(use_it(database))
    }

    fn set_database(&self, database: Option<Database>) {
        let place = self.database.write();
        let previous = std::mem::replace(
            &mut *place.unwrap_or_else(PoisonError::into_inner),
            database,
        );
        // Closing takes a while; nobody who wants to read waits for it.
        drop(previous);
    }

    fn begin_write(&self) -> Result<WriteTransaction> {
        self.with_database(Database::begin_write)?
            .map_err(|error| view::failure(error.into()))
    }

    fn begin_read(&self) -> Result<ReadTransaction> {
        self.with_database(ReadableDatabase::begin_read)?
            .map_err(|error| view::failure(error.into()))
    }

    fn send(&self, request: Request) -> Result<()> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let queue = queue
            .as_ref()
            .ok_or_else(|| Error::Unavailable("the store is closed".to_owned()))?;
        queue.try_send(request).map_err(|refused| {
            Error::Unavailable(match refused {
                TrySendError::Full(_) => "too many writes are waiting".to_owned(),
                TrySendError::Disconnected(_) => "the store is closed".to_owned(),
            })
        })
    }

    /// Reads from a snapshot. A damaged page makes redb panic: that is told as damage.
    fn read<T>(&self, read: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let transaction = self.begin_read()?;
            read(&mut ReadView::new(&transaction))
        }));
        match result {
            Ok(Err(error @ Error::Unavailable(_))) => {
                self.suspect();
                Err(error)
            }
            Ok(result) => result,
            Err(_) => Err(Error::Corrupt("reading the file panicked".to_owned())),
        }
    }

    /// Empties the cache, which redb does only as it checks the file, and not once something was
    /// written. Nothing is read meanwhile, and where something is being read or written, nothing
    /// is done.
    fn forget(&self) {
        let place = self.database.write();
        let mut place = place.unwrap_or_else(PoisonError::into_inner);
        let Some(database) = place.as_mut() else {
            return;
        };
        let checked = catch_unwind(AssertUnwindSafe(|| database.check_integrity()));
        drop(place);
        match checked {
            // It says `false` also of a sound file, where that was written since it was opened.
            Ok(Ok(_) | Err(DatabaseError::TransactionInProgress)) => {}
            Ok(Err(_)) | Err(_) => self.suspect(),
        }
    }

    /// Has the writer reopen the file, if it is open.
    fn suspect(&self) {
        if self.with_database(|_| ()).is_ok() && !self.suspect.swap(true, Ordering::AcqRel) {
            let (answer, _) = oneshot::channel();
            let write = Write::nothing();
            // A full queue wakes the writer as well.
            drop(self.send(Request { write, answer }));
        }
    }
}
