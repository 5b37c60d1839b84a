//! The one writer: folds the writes that wait into one durable transaction, decides each of them
//! by itself, and answers all of them once it is durable.

use super::super::kv::{self, Write};
use super::super::{Error, Result};
use super::Shared;
use super::open::Opener;
use super::view::WriteView;
use crate::sources::Clock;
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
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        requests: Receiver<Request>,
        clock: Arc<dyn Clock>,
        opener: Opener,
    ) -> Self {
        Self {
            shared,
            requests,
            clock,
            opener,
        }
    }

    /// Works until the queue is closed and empty, then closes the file.
    pub(super) fn run(self) {
        let mut batch = Vec::with_capacity(FOLD);
        while let Ok(first) = self.requests.recv() {
            batch.push(first);
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
        self.shared.set_database(None);
    }

    /// The result of each write, all durable; or what to answer to all of them.
    fn transact(&self, batch: &[Request]) -> Result<Vec<Result<()>>> {
        let transacted = catch_unwind(AssertUnwindSafe(|| self.try_transact(batch)));
        transacted.unwrap_or_else(|_| Err(Error::Unknown("writing panicked".to_owned())))
    }

    fn try_transact(&self, batch: &[Request]) -> Result<Vec<Result<()>>> {
        if self.shared.suspect.load(Ordering::Acquire) {
            return Err(Error::Unavailable("a read of the file failed".to_owned()));
        }
        let begun = Instant::now();
        let mut transaction = self.shared.begin_write()?;
        // So that damage to what was acknowledged is told from a commit that a crash cut short. The
        // state of the allocator is not saved, as opening checks the whole file, and finds it.
        transaction.set_two_phase_commit(true);
        let results = self.apply(&mut WriteView::new(&transaction), batch)?;
        // Refusals alone change nothing, and rest on what is durable.
        if results.iter().any(Result::is_ok) {
            transaction
                .commit()
                .map_err(|error| Error::Unknown(error.to_string()))?;
            self.shared.transactions.fetch_add(1, Ordering::Relaxed);
            self.shared.folds.folded(batch.len(), begun.elapsed());
        }
        Ok(results)
    }

    fn apply(&self, view: &mut WriteView<'_>, batch: &[Request]) -> Result<Vec<Result<()>>> {
        let mut results = Vec::with_capacity(batch.len());
        for request in batch {
            results.push(match kv::apply(view, &request.write) {
                Err(error @ (Error::Unavailable(_) | Error::Unknown(_))) => return Err(error),
                result => result,
            });
        }
        kv::sweep(view, self.clock.now())?;
        Ok(results)
    }

    /// Opens the file again, as often as it takes; refuses meanwhile.
    fn reopen(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.opener.open() {
                Ok(database) => {
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
