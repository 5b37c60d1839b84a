//! Opening the file: making it, checking it, and telling what is wrong with it.

use super::super::kv::Table;
use super::view;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend, StorageError, TableError};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const FILE: &str = "cartwright.redb";
/// The format that this version writes: which tables there are and what their keys mean.
const FORMAT: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";

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
        "the database file {} has format {found}; this version knows formats up to {FORMAT}",
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

type Open = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

/// Opens the file, as often as it takes.
pub(super) struct Opener {
    path: PathBuf,
    open: Open,
}

impl Opener {
    /// For the file in `dir`, which is made when missing.
    pub(super) fn new<B: StorageBackend>(
        dir: &Path,
        cache_bytes: usize,
        wrap: impl Fn(FileBackend) -> B + Send + 'static,
    ) -> Result<Self, OpenError> {
        make(dir).map_err(|error| from_io(error, dir))?;
        let open = move |path: &Path| {
            let backend = wrap(FileBackend::new(open_file(path)?)?);
            Database::builder()
                .set_cache_size(cache_bytes)
                .set_check_integrity_on_open(true)
                .create_with_backend(backend)
        };
        Ok(Self {
            path: dir.join(FILE),
            open: Box::new(open),
        })
    }

    /// Opens and checks it.
    pub(super) fn open(&self) -> Result<Database, OpenError> {
        // Some damage makes redb panic rather than fail.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let database = (self.open)(&self.path).map_err(|error| self.refused(error))?;
            self.check_format(&database)?;
            Ok(database)
        }));
        opened.unwrap_or_else(|_| Err(self.damaged("checking it panicked".to_owned())))
    }

    /// Refuses formats of later versions, and lays out a new file.
    fn check_format(&self, database: &Database) -> Result<(), OpenError> {
        match stored_format(database).map_err(|error| self.failed(error))? {
            Some(FORMAT) => Ok(()),
            Some(found) if found > FORMAT => Err(OpenError::Newer {
                path: self.path.clone(),
                found,
            }),
            Some(found) => Err(self.damaged(format!("format {found} was never written"))),
            None => lay_out(database).map_err(|error| self.failed(error)),
        }
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

fn stored_format(database: &Database) -> Result<Option<u32>, redb::Error> {
    let transaction = database.begin_read()?;
    let meta = match transaction.open_table(view::definition(Table::Meta)) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        meta => meta?,
    };
    let stored = meta.get(FORMAT_KEY)?;
    Ok(stored.map(|bytes| bytes.value().try_into().map_or(0, u32::from_be_bytes)))
}

fn lay_out(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for table in Table::ALL {
        let mut table_open = transaction.open_table(view::definition(table))?;
        if table == Table::Meta {
            table_open.insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice())?;
        }
    }
    transaction.commit()?;
    Ok(())
}
