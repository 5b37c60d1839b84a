//! Commits: what gathered is sent, and what becomes of it is told to those who wait.

use super::super::actor::Message;
use super::super::gate::Decided;
use super::super::resident::Phase;
use super::Turn;
use crate::actors::Failure;
use crate::actors::beside::beside;
use crate::actors::metrics::Ended;
use crate::store::resolve::{self, Failure as CommitFailure};
use crate::store::{Change, Commit, WriteId};
use crate::telemetry::caller::Caller;
use crate::telemetry::traces::traced;
use tokio::time::Instant;

impl Turn<'_> {
    pub(in crate::actors::user) fn commit_next(&mut self) {
        if self.resident.phase != Phase::Ready || self.resident.must_reload {
            return;
        }
        let Some(write) = self.resident.gate.begin(&self.resident.state) else {
            return;
        };
        let commit = Commit {
            expected: self.resident.version,
            write: WriteId(self.means.sources.entropy.uuid()),
            change: Change::User(self.id, write),
        };
        let (id, expected) = (self.id, commit.expected);
        let caller = Caller::all(
            self.resident.gate.askers(),
            |first| traced!(first, "user.commit", user.id = %id, partition.version = expected),
        );
        let (store, time) = (self.means.store.clone(), self.means.commit_time);
        let (metrics, commands) = (self.means.metrics.clone(), self.resident.gate.in_flight());
        let lost = Message::Committed(Err(CommitFailure::Undecided));
        beside(self.myself, lost, async move {
            let deadline = Instant::now() + time;
            let committing = caller.on_behalf(resolve::commit(&*store, commit, deadline));
            Message::Committed(metrics.committing(commands, committing).await)
        });
    }

    pub(super) fn committed(&mut self, outcome: Result<(), CommitFailure>) {
        let batch = self.resident.gate.end();
        match outcome {
            Ok(()) => {
                self.resident.version += 1;
                self.resident.has_committed = true;
                for decided in batch {
                    self.release(decided);
                }
                if self.resident.must_reload {
                    self.load();
                    self.redo_gathered();
                }
            }
            Err(CommitFailure::Conflict) => {
                tracing::info!(user.id = %self.id, version = self.resident.version, "user.conflict");
                self.load();
                self.redo(batch);
                self.redo_gathered();
            }
            Err(CommitFailure::Unavailable(error)) => {
                tracing::warn!(user.id = %self.id, %error, "user.commit.failed");
                self.load();
                for Decided { asked, placing, .. } in batch {
                    asked.port.answer(Err(Failure::Unavailable));
                    placing
                        .into_iter()
                        .for_each(|placing| self.give_up(placing, Ended::Failed));
                }
                self.redo_gathered();
            }
            Err(CommitFailure::Undecided) => self.end_undecided(&batch),
        }
    }

    /// What the batch carried is durable: answer, and settle the order that it placed.
    fn release(&mut self, decided: Decided) {
        if let Some(placing) = decided.placing {
            self.sell(placing);
        }
        decided.asked.port.answer(decided.reply);
    }

    /// Nobody can tell what became of the commit: whoever asks next loads what the store has. The
    /// attempt, if there is one, is left to recovery, which can tell.
    fn end_undecided(&mut self, batch: &[Decided]) {
        tracing::error!(user.id = %self.id, version = self.resident.version, "user.commit.undecided");
        if batch.iter().any(|decided| decided.placing.is_some()) {
            self.means.checkouts.ended(Ended::Undecided);
        }
        self.resident.phase = Phase::Ending;
        let waiting = self
            .resident
            .gate
            .abandon()
            .into_iter()
            .map(|decided| decided.asked);
        for asked in waiting.chain(self.resident.queued_orders.drain(..)) {
            asked.port.answer(Err(Failure::Unavailable));
        }
    }

    /// The state may be half changed: nothing more is decided on it.
    pub(super) fn distrust(&mut self) {
        self.resident.must_reload = true;
        self.resident.phase = Phase::Loading;
        if !self.resident.gate.is_committing() {
            self.load();
            self.redo_gathered();
        }
    }

    fn redo_gathered(&mut self) {
        let gathered = self.resident.gate.abandon();
        self.redo(gathered);
    }

    /// Has requests decided again once loaded, which must have begun. An attempt at an order ends
    /// with its commit: its id may have been at one version only.
    fn redo(&mut self, batch: Vec<Decided>) {
        for Decided { asked, placing, .. } in batch {
            self.means.metrics.redone.inc();
            if let Some(placing) = placing {
                self.give_up(placing, Ended::Superseded);
            }
            self.resident.parked.push_back(asked);
        }
    }
}
