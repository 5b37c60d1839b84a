//! Opening the database and its journal: making them, checking them, having the database take in
//! what only the journal holds, and telling what is wrong with them.

use super::super::kv::{self, Table, Tx};
use super::Options;
use super::journal::{self, Entry, Journal, Unreadable};
use super::view::{self, WriteView};
use crate::store::Error;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError, TableError};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE: &str = "cartwright.redb";
const JOURNAL: &str = "cartwright.journal";
/// Which tables there are and what their keys mean. The database holds everything.
const WHOLE: u32 = 1;
/// The same, but that what was written last may be in the journal only.
const WITH_JOURNAL: u32 = 2;
const FORMAT_KEY: &[u8] = b"format";
/// The number of the first record of the journal that the database is without.
const NEXT_KEY: &[u8] = b"journal";

/// Why the store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has it.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// What is in the file was not written by this store, or was altered since.
    #[error("the database file {} is damaged: {cause}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// A later version wrote it.
    #[error(
        "the database file {} has format {found}; this version knows formats up to {WITH_JOURNAL}",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// No space is left.
    #[error("the disk that holds the data directory is full")]
    Full,
    /// The file system refuses.
    #[error("the data directory cannot be used: {0}")]
    Io(#[source] io::Error),
}

type OpenDatabase = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;
type OpenJournal = Box<dyn Fn(&Path) -> io::Result<Box<dyn StorageBackend>> + Send>;

/// Opens database and journal, as often as it takes.
pub(super) struct Opener {
    path: PathBuf,
    journal_path: PathBuf,
    journal_bytes: usize,
    open_database: OpenDatabase,
    open_journal: OpenJournal,
}

/// What was open before ends first.
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) journal: Journal,
}

impl Opener {
    /// For the files in `dir`, which is made when missing.
    pub(super) fn new<B: StorageBackend>(
        dir: &Path,
        options: Options,
        wrap: impl Fn(FileBackend) -> B + Send + Sync + 'static,
    ) -> Result<Self, OpenError> {
        make(dir).map_err(|error| from_io(error, dir))?;
        let wrap = Arc::new(wrap);
        let wrap_journal = Arc::clone(&wrap);
        Ok(Self {
            path: dir.join(FILE),
            journal_path: dir.join(JOURNAL),
            journal_bytes: options.journal_bytes,
            open_database: Box::new(move |path| {
                let file = FileBackend::new(open_file(path)?)?;
                Database::builder()
                    .set_cache_size(options.cache_bytes)
                    .set_check_integrity_on_open(true)
                    .create_with_backend(wrap(file))
            }),
            open_journal: Box::new(move |path| {
                let file = FileBackend::new(open_file(path)?).map_err(io::Error::other)?;
                Ok(Box::new(wrap_journal(file)))
            }),
        })
    }

    /// Opens and checks them. The database then holds everything, untouched since it was checked,
    /// and the journal nothing.
    pub(super) fn open(&self) -> Result<Opened, OpenError> {
        // Some damage makes redb panic rather than fail.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let mut database = self.database()?;
            if self.needs_journal(&database)? {
                self.take_in(&database)?;
                drop(database);
                database = self.database()?;
            }
            let journal = (self.open_journal)(&self.journal_path)
                .and_then(|file| Journal::create(file, self.journal_bytes))
                .map_err(|error| from_io(error, &self.journal_path))?;
            Ok(Opened { database, journal })
        }));
        opened.unwrap_or_else(|_| Err(self.damaged("checking it panicked".to_owned())))
    }

    fn database(&self) -> Result<Database, OpenError> {
        (self.open_database)(&self.path).map_err(|error| self.refused(error))
    }

    /// Whether the journal may hold more. Refuses formats of later versions, and lays out a new
    /// database.
    fn needs_journal(&self, database: &Database) -> Result<bool, OpenError> {
        let format = stored(database, FORMAT_KEY).map_err(|error| self.failed(error))?;
        match format.map(u32::from_be_bytes) {
            Some(WHOLE) => Ok(false),
            Some(WITH_JOURNAL) => Ok(true),
            Some(found) if found > WITH_JOURNAL => Err(OpenError::Newer {
                path: self.path.clone(),
                found,
            }),
            Some(found) => Err(self.damaged(format!("format {found} was never written"))),
            None => {
                lay_out(database).map_err(|error| self.failed(error))?;
                Ok(false)
            }
        }
    }

    /// Has the database take in what it is without.
    fn take_in(&self, database: &Database) -> Result<(), OpenError> {
        let next = stored(database, NEXT_KEY).map_err(|error| self.failed(error))?;
        let next = next.map(u64::from_be_bytes);
        let next = next.ok_or_else(|| self.damaged("it does not tell its record".to_owned()))?;
        let entries = self.entries(next)?;
        take_in(database, &entries).map_err(|error| match error {
            TakeIn::Failed(error) => self.failed(error),
            TakeIn::Refused(Error::Unavailable(cause)) => OpenError::Io(io::Error::other(cause)),
            TakeIn::Refused(error) => self.damaged(format!("the journal does not fit: {error}")),
        })?;
        tracing::info!(transactions = entries.len(), "store.journal.taken_in");
        Ok(())
    }

    fn entries(&self, first: u64) -> Result<Vec<Entry>, OpenError> {
        let damaged = |cause: String| OpenError::Damaged {
            path: self.journal_path.clone(),
            cause,
        };
        if !self.journal_path.exists() {
            return Err(damaged("it is missing".to_owned()));
        }
        let file = (self.open_journal)(&self.journal_path);
        let entries = file.map_err(Unreadable::Io);
        let entries = entries.and_then(|file| journal::entries(&*file, first));
        entries.map_err(|error| match error {
            Unreadable::Io(error) => from_io(error, &self.journal_path),
            Unreadable::Damaged(_) => damaged(error.to_string()),
        })
    }

    fn damaged(&self, cause: String) -> OpenError {
        OpenError::Damaged {
            path: self.path.clone(),
            cause,
        }
    }

    fn refused(&self, error: DatabaseError) -> OpenError {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                OpenError::InUse(self.path.parent().unwrap_or(&self.path).to_owned())
            }
            DatabaseError::Storage(StorageError::Io(error)) => from_io(error, &self.path),
            other => self.damaged(other.to_string()),
        }
    }

    fn failed(&self, error: redb::Error) -> OpenError {
        match error {
            redb::Error::Io(error) => from_io(error, &self.path),
            other => self.damaged(other.to_string()),
        }
    }
}

fn from_io(error: io::Error, path: &Path) -> OpenError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::Full,
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => OpenError::Damaged {
            path: path.to_owned(),
            cause: error.to_string(),
        },
        _ => OpenError::Io(error),
    }
}

fn make(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn open_file(path: &Path) -> io::Result<File> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if let Some(dir) = path.parent().filter(|_| is_new) {
        // A new file survives a loss of power only once its directory was written.
        File::open(dir)?.sync_all()?;
    }
    Ok(file)
}

/// What a database says of itself under this key; nothing, if it is new.
fn stored<const LENGTH: usize>(
    database: &Database,
    key: &[u8],
) -> Result<Option<[u8; LENGTH]>, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = match transaction.open_table(view::definition(Table::Meta)) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    let stored = meta.get(key)?;
    Ok(stored.map(|bytes| bytes.value().try_into().unwrap_or([0; LENGTH])))
}

fn lay_out(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        let mut table_open = transaction.open_table(view::definition(table))?;
        if table == Table::Meta {
            table_open.insert(FORMAT_KEY, WHOLE.to_be_bytes().as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}

enum TakeIn {
    Failed(redb::Error),
    /// What was accepted before is not now: one of the files is not the other's.
    Refused(Error),
}

impl<E: Into<redb::Error>> From<E> for TakeIn {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Writes what the entries say.
fn take_in(database: &Database, entries: &[Entry]) -> Result<(), TakeIn> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    let mut view = WriteView::new(&transaction);
    let written = entries.iter().try_for_each(|entry| {
        let mut writes = entry.writes.iter();
        writes.try_for_each(|write| kv::apply(&mut view, write))?;
        kv::sweep(&mut view, entry.now)
    });
    let written = written.and_then(|()| put_whole(&mut view));
    written.map_err(TakeIn::Refused)?;
    drop(view);
    Ok(transaction.commit()?)
}

/// Says that the database holds everything.
pub(super) fn put_whole(tx: &mut dyn Tx) -> Result<(), Error> {
    tx.put(Table::Meta, FORMAT_KEY, &WHOLE.to_be_bytes())
}

/// Says that the journal goes on from the record with this number.
pub(super) fn put_next(tx: &mut dyn Tx, next: u64) -> Result<(), Error> {
    tx.put(Table::Meta, NEXT_KEY, &next.to_be_bytes())
}

/// Says that there is a journal, which goes on from the record with this number.
pub(super) fn put_journal(tx: &mut dyn Tx, next: u64) -> Result<(), Error> {
    put_next(tx, next)?;
    tx.put(Table::Meta, FORMAT_KEY, &WITH_JOURNAL.to_be_bytes())
}
