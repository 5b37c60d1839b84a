//! Connections that are ready, and wait until a thread of the runtime gets to them: in which order it
//! does, how many there are, how long each waited, and how long one more would. Decides what is too
//! long and who are too many, and refuses nothing itself.
//!
//! The runtime keeps to no order: what a worker's queue does not hold waits in another, and of many
//! those who came first would wait for longest. So it is told of few at a time, and the others stand
//! in a line.
//!
//! Whoever may have to wait too long is kept out in three steps, each dearer than the one before: the
//! system refuses new connections, at no cost; those that are there end with their answers, and cost
//! a new one later; and who did wait too long, or stands before more than can be seen to in that time,
//! is refused, which costs about what it would to answer. So each begins at a longer wait than the one
//! before, and the last is an exception.

use futures::task::AtomicWaker;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So many may wait for however long: whoever waits long among few does not wait for the others,
/// but for a process that stands, and is not helped by their refusal.
const FEW: isize = 64;
/// So many for each of its workers the runtime is told of: enough to keep them busy, and not so many
/// that it matters in which order they have their turns. Whoever is told of in the turn of another
/// comes before most of them: a worker does first what it was woken for last.
const TOLD: usize = 8;
/// The part of what one may wait that a single pause is counted for at most. One alone must not be
/// taken for the pace; a node with a share of a core does little else than pause.
const PAUSE: f64 = 16.0;
/// So many turns have to be seen, for as many to outweigh that nobody knows how fast it goes.
const SEEN: f64 = 256.0;
/// The part of what one may wait from which on others are kept out.
const BEHIND: u32 = 8;
/// The part of it at which they are let in again: were it the same, the door would be shut again
/// after every few, and those who had come meanwhile would be turned away.
const CAUGHT_UP: u32 = 16;
/// The part of it from which on those who are in are too many, though nobody else comes.
const CROWDED: u32 = 4;
/// The pause between two looks whether others are to be kept out still.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// In the place of a time: the connection is gone. Whoever wakes it later, as wakers outlive what they
/// wake, must not count one that nobody will come to.
const GONE: u64 = u64::MAX;

/// The connections that wait.
pub(super) struct Backlog {
    /// Those of whom the runtime was told, and those who stand in line. For a moment it may be fewer
    /// than there are, and so fewer than none.
    waiting: AtomicIsize,
    line: Mutex<Line>,
    /// So many may wait without a line.
    told: isize,
    /// How long one may wait.
    patience: Duration,
    began: Instant,
    /// When the latest turn came.
    latest: AtomicU64,
    turns: Mutex<Turns>,
}

/// Those of whom the runtime is to be told, first come, first served. Whoever makes them more than may
/// wait without a line adds one, and whoever leaves while there are more takes one, be it of a
/// connection that is gone: so the line ends with the excess.
#[derive(Default)]
struct Line {
    turns: VecDeque<Arc<Turn>>,
    /// So many were taken before they had come: they are counted a moment earlier.
    ahead: usize,
}

/// The turns of the last while in which many waited, and how long they took, in seconds. Both fade, so
/// that their ratio is the mean of that while: over a shorter one a pause would be taken for the
/// pace. How long somebody waited behind how many is not the pace: who is told of comes in no order.
struct Turns {
    count: f64,
    time: f64,
    /// When the latest of them came.
    until: u64,
}

impl Backlog {
    /// Nobody waits. One may for `patience`, for one of so many workers.
    pub(super) fn new(patience: Duration, workers: usize) -> Self {
        Self {
            waiting: AtomicIsize::new(0),
            line: Mutex::default(),
            told: isize::try_from(workers * TOLD).unwrap_or(isize::MAX),
            patience,
            began: Instant::now(),
            latest: AtomicU64::new(0),
            turns: Mutex::new(Turns::UNKNOWN),
        }
    }

    /// Whether more connections would have to wait for a good part of what they may. It is a
    /// forecast: when the first of those too many had waited, many more would have come.
    pub(super) fn is_behind(&self) -> bool {
        self.has_to_wait(self.patience / BEHIND)
    }

    /// Whether those who are in have so much to ask that to refuse others is not enough.
    fn is_crowded(&self) -> bool {
        self.has_to_wait(self.patience / CROWDED)
    }

    /// Waits until others may come again.
    pub(super) async fn caught_up(&self) {
        while self.has_to_wait(self.patience / CAUGHT_UP) {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether one more would have to wait for so long, among many.
    fn has_to_wait(&self, time: Duration) -> bool {
        let others = self.waiting.load(Ordering::Relaxed);
        others >= FEW && self.turns().time_of(others) >= time.as_secs_f64()
    }

    /// Somebody's turn came, who had waited since then; returns whether there is no time for it: that
    /// was too long, or would be for the last of those who wait still.
    fn turned(&self, since: u64) -> bool {
        let now = self.now();
        let before = self.latest.swap(now, Ordering::Relaxed);
        if !self.are_many() {
            return false;
        }
        let elapsed = |since| Duration::from_nanos(now.saturating_sub(since));
        // What was before it began to wait was not for want of a turn.
        let took = elapsed(before.max(since));
        self.turns().add(took, now, self.patience);
        elapsed(since) >= self.patience || self.has_to_wait(self.patience)
    }

    /// One more waits. The runtime is told of it now, or when it is the next in line.
    fn join(&self, turn: &Arc<Turn>) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.told || self.line().pass(turn) {
            turn.task.wake();
        }
    }

    /// One less waits.
    fn leave(&self) {
        if self.waiting.fetch_sub(1, Ordering::Relaxed) > self.told {
            let next = self.line().next();
            if let Some(next) = next {
                next.task.wake();
            }
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn are_many(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= FEW
    }

    /// Nanoseconds from the beginning, which itself is 1.
    fn now(&self) -> u64 {
        let elapsed = self.began.elapsed() + Duration::from_nanos(1);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }

    /// As if so many waited, and nobody came to them.
    #[cfg(test)]
    pub(super) fn fall_behind(&self, by: isize) {
        self.waiting.fetch_add(by, Ordering::Relaxed);
        // They stand in nobody's way.
        self.line().ahead += by.unsigned_abs();
        *self.turns() = Turns {
            count: 1.0,
            time: f64::MAX,
            until: u64::MAX,
        };
    }

    /// As if they had been seen to.
    #[cfg(test)]
    pub(super) fn catch_up(&self, by: isize) {
        self.waiting.fetch_sub(by, Ordering::Relaxed);
        self.line().ahead -= by.unsigned_abs();
    }
}

impl Line {
    /// Whether its turn has come already. It stands in line from now on, if not.
    fn pass(&mut self, turn: &Arc<Turn>) -> bool {
        let passes = self.ahead > 0;
        if passes {
            self.ahead -= 1;
        } else {
            turn.is_in_line.store(true, Ordering::Release);
            self.turns.push_back(turn.clone());
        }
        passes
    }

    /// Whose turn comes: maybe that of one who is still to come.
    fn next(&mut self) -> Option<Arc<Turn>> {
        let next = self.turns.pop_front();
        match &next {
            Some(turn) => turn.is_in_line.store(false, Ordering::Release),
            None => self.ahead += 1,
        }
        next
    }
}

impl Turns {
    /// Nobody knows how fast it goes: fast, until enough was seen.
    const UNKNOWN: Self = Self {
        count: SEEN,
        time: 0.0,
        until: 0,
    };

    /// One more took `time`, until `now`; what was longer ago than `memory` fades, and is forgotten
    /// if there was nothing since.
    fn add(&mut self, time: Duration, now: u64, memory: Duration) {
        if Duration::from_nanos(now.saturating_sub(self.until)) > memory {
            *self = Self::UNKNOWN;
        }
        self.until = self.until.max(now);
        let memory = memory.as_secs_f64();
        let time = time.as_secs_f64().min(memory / PAUSE);
        let kept = 1.0 - time / memory;
        self.count = self.count * kept + 1.0;
        self.time = self.time * kept + time;
    }

    /// How long so many more will take, in seconds.
    fn time_of(&self, turns: isize) -> f64 {
        number(turns) * self.time / self.count
    }
}

#[expect(clippy::cast_precision_loss, reason = "connections are not so many")]
const fn number(connections: isize) -> f64 {
    connections as f64
}

/// The turn of one connection: what is known of the latest wait for it.
pub(in crate::http) struct Turn {
    backlog: Arc<Backlog>,
    task: AtomicWaker,
    /// When it began to wait; 0 if it does not, [`GONE`] if it never will again.
    since: AtomicU64,
    /// Whether it waits for the runtime to be told of it.
    is_in_line: AtomicBool,
    was_late: AtomicBool,
}

impl Turn {
    /// Waits from now on.
    fn new(backlog: Arc<Backlog>) -> Arc<Self> {
        let turn = Arc::new(Self {
            backlog,
            task: AtomicWaker::new(),
            since: AtomicU64::new(0),
            is_in_line: AtomicBool::new(false),
            was_late: AtomicBool::new(false),
        });
        turn.wait();
        turn
    }

    /// Whether what is done in this turn was waited for too long.
    pub(in crate::http) fn was_late(&self) -> bool {
        self.was_late.load(Ordering::Relaxed)
    }

    /// Whether the connection had better end with this turn's answer.
    pub(in crate::http) fn is_last(&self) -> bool {
        self.backlog.is_crowded()
    }

    fn wait(self: &Arc<Self>) {
        let now = self.backlog.now();
        let began = self
            .since
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        if began.is_ok() {
            self.backlog.join(self);
        } else {
            // Its turn may have begun just now, and too early to see what this wake is about.
            self.task.wake();
        }
    }

    fn begin(&self) {
        let since = self.end_wait(0);
        let late = since.is_some_and(|since| self.backlog.turned(since));
        self.was_late.store(late, Ordering::Relaxed);
    }

    /// Since when it waited, if it did; `since` is what holds from now on.
    fn end_wait(&self, since: u64) -> Option<u64> {
        match self.since.swap(since, Ordering::Relaxed) {
            0 | GONE => None,
            since => {
                self.backlog.leave();
                Some(since)
            }
        }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wait();
    }
}

/// A connection whose turns are taken note of. Waits until it is first polled, too.
pub(super) struct InTurn<F> {
    connection: Pin<Box<F>>,
    turn: Arc<Turn>,
    waker: Waker,
}

impl<F> InTurn<F> {
    /// What `connection` makes, which is told its turn.
    pub(super) fn new(backlog: Arc<Backlog>, connection: impl FnOnce(Arc<Turn>) -> F) -> Self {
        let turn = Turn::new(backlog);
        Self {
            connection: Box::pin(connection(turn.clone())),
            waker: turn.clone().into(),
            turn,
        }
    }
}

impl<F: Future> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        this.turn.task.register(context.waker());
        // It is woken again when its turn comes.
        if this.turn.is_in_line.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        this.turn.begin();
        let mut context = Context::from_waker(&this.waker);
        this.connection.as_mut().poll(&mut context)
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        self.turn.end_wait(GONE);
    }
}

#[cfg(test)]
mod tests;
