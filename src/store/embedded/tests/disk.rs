//! A disk that fails as it is told.

use redb::StorageBackend;
use redb::backends::FileBackend;
use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A disk that can be full, unreadable or stuck.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// How many more changes succeed; none where it is negative.
    pub(super) space: AtomicI64,
    pub(super) unreadable: AtomicBool,
    stuck: Mutex<Stuck>,
    changed: Condvar,
    /// What a loss of power leaves of each file that is open, in the order of their opening.
    pub(super) synced: Mutex<Vec<Synced>>,
}

pub(super) type Synced = Arc<Mutex<Vec<u8>>>;

#[derive(Debug, Default)]
struct Stuck {
    hold: bool,
    waiting: bool,
}

pub(super) const PLENTY: i64 = i64::MAX / 2;

impl Disk {
    fn change(&self) -> io::Result<()> {
        match self.space.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => Ok(()),
            _ => Err(ErrorKind::StorageFull.into()),
        }
    }

    pub(super) fn set_space(&self, changes: i64) {
        self.space.store(changes, Ordering::SeqCst);
    }

    fn stuck(&self) -> MutexGuard<'_, Stuck> {
        self.stuck.lock().unwrap()
    }

    /// Holds the next sync, and returns once `begin` has led to it.
    pub(super) fn hold<T>(&self, begin: impl FnOnce() -> T) -> T {
        self.stuck().hold = true;
        let begun = begin();
        let waiting = self
            .changed
            .wait_while(self.stuck(), |stuck| !stuck.waiting);
        drop(waiting.unwrap());
        begun
    }

    pub(super) fn release(&self) {
        *self.stuck() = Stuck::default();
        self.changed.notify_all();
    }

    fn pass(&self) {
        let mut stuck = self.stuck();
        if stuck.hold {
            stuck.waiting = true;
            self.changed.notify_all();
            drop(self.changed.wait_while(stuck, |stuck| stuck.hold).unwrap());
        }
    }
}

/// A file on such a disk.
pub(super) struct Failing {
    file: FileBackend,
    disk: Arc<Disk>,
    synced: Synced,
}

impl Failing {
    pub(super) fn new(file: FileBackend, disk: &Arc<Disk>) -> Self {
        let synced = Synced::default();
        disk.synced.lock().unwrap().push(synced.clone());
        let disk = disk.clone();
        Self { file, disk, synced }
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disk.fmt(f)
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if self.disk.unreadable.load(Ordering::SeqCst) {
            return Err(io::Error::other("unreadable"));
        }
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.change()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.pass();
        self.disk.change()?;
        self.file.sync_data()?;
        let mut synced = self.synced.lock().unwrap();
        synced.resize(usize::try_from(self.file.len()?).unwrap(), 0);
        self.file.read(0, &mut synced)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.change()?;
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<bool, redb::BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn unlock_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> std::result::Result<(), redb::BackendError> {
        self.file.unlock_range(start, end)
    }
}
