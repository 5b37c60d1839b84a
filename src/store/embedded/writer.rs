//! The one writer: folds the writes that wait into one transaction, decides each of them by itself,
//! and answers all of them once it is durable: in the journal, and in the database whenever that is
//! full.

use super::super::kv::{self, Write};
use super::super::{Error, Result};
use super::Shared;
use super::journal::{Entry, Journal, Record};
use super::open::{self, Opened, Opener};
use super::view::WriteView;
use crate::domain::time::Timestamp;
use crate::sources::Clock;
use redb::{Durability, WriteTransaction};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The most writes of a transaction.
const FOLD: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A write that waits. Nobody may be waiting for its answer any more; it is written all the same.
pub(super) struct Request {
    pub(super) write: Write,
    pub(super) answer: oneshot::Sender<Result<()>>,
}

impl Request {
    fn answer(self, result: Result<()>) {
        // Whoever asked may have gone.
        drop(self.answer.send(result));
    }
}

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    requests: Receiver<Request>,
    clock: Arc<dyn Clock>,
    opener: Opener,
    journal: Journal,
    /// Whether the database says that there is a journal: not before it is first written, so that
    /// it stays as it was checked for as long as nobody writes.
    is_journaled: bool,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        requests: Receiver<Request>,
        clock: Arc<dyn Clock>,
        opener: Opener,
        journal: Journal,
    ) -> Self {
        Self {
            shared,
            requests,
            clock,
            opener,
            journal,
            is_journaled: false,
        }
    }

    /// Works until the queue is closed and empty, then closes the database.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(FOLD);
        while let Ok(first) = self.requests.recv() {
            batch.push(first);
            // Whoever waits for this core goes first: what they send meanwhile shares the
            // transaction. Where nobody does, this takes no time.
            std::thread::yield_now();
            batch.extend(self.requests.try_iter().take(FOLD - 1));
            match self.transact(&batch) {
                Ok(results) => {
                    for (request, result) in batch.drain(..).zip(results) {
                        request.answer(result);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, writes = batch.len(), "store.transaction.failed");
                    // Before anybody hears of it, so that nobody is answered from what may be lost.
                    self.shared.set_database(None);
                    for request in batch.drain(..) {
                        request.answer(Err(error.clone()));
                    }
                    self.reopen();
                }
            }
        }
        if let Err(error) = self.make_whole() {
            // The journal has what the database is without.
            tracing::warn!(%error, "store.closing.failed");
        }
        self.shared.set_database(None);
    }

    /// The result of each write, all durable; or what to answer to all of them.
    fn transact(&mut self, batch: &[Request]) -> Result<Vec<Result<()>>> {
        let transacted = catch_unwind(AssertUnwindSafe(|| self.try_transact(batch)));
        transacted.unwrap_or_else(|_| Err(Error::Unknown("writing panicked".to_owned())))
    }

    fn try_transact(&mut self, batch: &[Request]) -> Result<Vec<Result<()>>> {
        if self.shared.suspect.load(Ordering::Acquire) {
            return Err(Error::Unavailable("a read of the file failed".to_owned()));
        }
        let (begun, now) = (Instant::now(), self.clock.now());
        let transaction = self.shared.begin_write()?;
        let mut view = WriteView::new(&transaction);
        let results = apply(&mut view, batch, now)?;
        let accepted = batch.iter().zip(&results);
        let accepted = accepted.filter(|(_, result)| result.is_ok());
        let writes: Vec<_> = accepted.map(|(request, _)| &request.write).collect();
        // Refusals alone change nothing, and rest on what is durable.
        if !writes.is_empty() {
            match self.journaled(&mut view, Entry { now, writes })? {
                Some(record) => {
                    drop(view);
                    self.commit_by_journal(transaction, &record)?;
                }
                None => {
                    open::put_journal(&mut view, self.journal.next())?;
                    drop(view);
                    self.commit_durably(transaction)?;
                    self.is_journaled = true;
                }
            }
            self.shared.transactions.fetch_add(1, Ordering::Relaxed);
            self.shared.folds.folded(batch.len(), begun.elapsed());
        }
        Ok(results)
    }

    /// The record of a transaction, which then says what comes next; none where it has to be the
    /// database that is committed durably.
    fn journaled(
        &self,
        view: &mut WriteView<'_>,
        entry: Entry<Vec<&Write>>,
    ) -> Result<Option<Record>> {
        let record = self.is_journaled.then(|| self.journal.record(&entry));
        let record = record.flatten();
        if record.is_some() {
            open::put_next(view, self.journal.next() + 1)?;
        }
        Ok(record)
    }

    /// The record makes the transaction durable. The database then shows it.
    fn commit_by_journal(
        &mut self,
        mut transaction: WriteTransaction,
        record: &Record,
    ) -> Result<()> {
        let set = transaction.set_durability(Durability::None);
        set.map_err(|error| Error::Unavailable(error.to_string()))?;
        self.journal.append(record).map_err(unknown)?;
        transaction.commit().map_err(unknown)
    }

    /// Everything up to this transaction becomes durable in the database.
    fn commit_durably(&mut self, mut transaction: WriteTransaction) -> Result<()> {
        let begun = Instant::now();
        // So that damage to what was acknowledged is told from a commit that a crash cut short. The
        // state of the allocator is not saved, as opening checks the whole file, and finds it.
        transaction.set_two_phase_commit(true);
        transaction.commit().map_err(unknown)?;
        self.journal.begin_anew();
        self.shared.folds.made_durable(begun.elapsed());
        Ok(())
    }

    /// The journal is needed no more.
    fn make_whole(&mut self) -> Result<()> {
        if !self.is_journaled {
            return Ok(());
        }
        let transaction = self.shared.begin_write()?;
        open::put_whole(&mut WriteView::new(&transaction))?;
        self.commit_durably(transaction)
    }

    /// Opens the file again, as often as it takes; refuses meanwhile.
    fn reopen(&mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.opener.open() {
                Ok(Opened { database, journal }) => {
                    self.journal = journal;
                    self.is_journaled = false;
                    self.shared.suspect.store(false, Ordering::Release);
                    self.shared.set_database(Some(database));
                    tracing::info!("store.reopened");
                    return;
                }
                Err(error) => {
                    let retry_ms = pause.as_millis();
                    tracing::error!(%error, retry_ms, "store.reopen.failed");
                }
            }
            if !self.refuse_for(pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Refuses what comes in the meantime. `false`: the store is being closed.
    fn refuse_for(&self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.requests.recv_timeout(left) {
                Ok(request) => request.answer(Err(Error::Unavailable(
                    "the database file is being reopened".to_owned(),
                ))),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}

fn apply(view: &mut WriteView<'_>, batch: &[Request], now: Timestamp) -> Result<Vec<Result<()>>> {
    let mut results = Vec::with_capacity(batch.len());
    for request in batch {
        results.push(match kv::apply(view, &request.write) {
            Err(error @ (Error::Unavailable(_) | Error::Unknown(_))) => return Err(error),
            result => result,
        });
    }
    kv::sweep(view, now)?;
    Ok(results)
}

fn unknown(error: impl std::fmt::Display) -> Error {
    Error::Unknown(error.to_string())
}
