//! Connections that are ready, and wait until a thread of the runtime gets to them: how many there
//! are, how long each waited, and how long one more would. Decides what is too long and who are too
//! many, and refuses nothing itself.

use futures::task::AtomicWaker;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// So many may wait for however long: whoever waits long among few does not wait for the others,
/// but for a process that stands, and is not helped by their refusal.
const FEW: usize = 64;
/// The part of what one may wait that those to come may be expected to.
const PART: u32 = 2;
/// The pause between two looks whether that is over.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// In the place of a time: the connection is gone. Whoever wakes it later, as wakers outlive what they
/// wake, must not count one that nobody will come to.
const GONE: u64 = u64::MAX;
/// How much of the pace is what was seen last: one of so many.
const SMOOTHED: u64 = 8;

/// The connections that wait.
pub(super) struct Backlog {
    waiting: AtomicUsize,
    /// All that are open, whether they wait or not.
    open: AtomicUsize,
    /// How long one may wait.
    patience: Duration,
    began: Instant,
    /// How long each of those ahead kept somebody waiting of late, in nanoseconds.
    pace: AtomicU64,
}

impl Backlog {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            patience,
            began: Instant::now(),
            pace: AtomicU64::new(0),
        }
    }

    /// Whether more connections would have to wait for a good part of what they may. It is a
    /// forecast: when the first of those too many had waited, many more would have come.
    pub(super) fn is_behind(&self) -> bool {
        self.are_many() && self.wait_for(&self.waiting) >= self.patience / PART
    }

    /// Whether those who are in already would wait too long if all of them asked: to refuse others
    /// is not enough then.
    fn is_crowded(&self) -> bool {
        self.is_behind() && self.wait_for(&self.open) >= self.patience
    }

    /// How long it takes to get to so many.
    fn wait_for(&self, connections: &AtomicUsize) -> Duration {
        let pace = Duration::from_nanos(self.pace.load(Ordering::Relaxed));
        let connections = connections.load(Ordering::Relaxed);
        pace.saturating_mul(u32::try_from(connections).unwrap_or(u32::MAX))
    }

    /// Waits until that is over.
    pub(super) async fn caught_up(&self) {
        while self.is_behind() {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Somebody's turn came after so long, and so many others; returns whether that was too long.
    fn turned(&self, waited: u64, ahead: usize) -> bool {
        if ahead >= FEW {
            let seen = waited / u64::try_from(ahead).unwrap_or(u64::MAX);
            let smoothed = |pace| Some(pace - pace / SMOOTHED + seen / SMOOTHED);
            let _ = self
                .pace
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, smoothed);
        }
        Duration::from_nanos(waited) >= self.patience && self.are_many()
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
    pub(super) fn fall_behind(&self, by: usize) {
        self.waiting.fetch_add(by, Ordering::Relaxed);
        self.pace.store(u64::MAX, Ordering::Relaxed);
    }

    /// As if they had been seen to.
    #[cfg(test)]
    pub(super) fn catch_up(&self, by: usize) {
        self.waiting.fetch_sub(by, Ordering::Relaxed);
    }
}

/// The turn of one connection: what is known of the latest wait for it.
pub(in crate::http) struct Turn {
    backlog: Arc<Backlog>,
    task: AtomicWaker,
    /// When it began to wait; 0 if it does not, [`GONE`] if it never will again.
    since: AtomicU64,
    /// How many waited when it began to.
    ahead: AtomicUsize,
    was_late: AtomicBool,
}

impl Turn {
    /// Waits from now on.
    fn new(backlog: Arc<Backlog>) -> Arc<Self> {
        let turn = Arc::new(Self {
            backlog,
            task: AtomicWaker::new(),
            since: AtomicU64::new(0),
            ahead: AtomicUsize::new(0),
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

    fn wait(&self) {
        // Counted before it can be taken back: one too many for a moment is nobody's harm, and one
        // too few, where there is none, would be very many.
        let ahead = self.backlog.waiting.fetch_add(1, Ordering::Relaxed);
        let now = self.backlog.now();
        let began = self
            .since
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        match began {
            Ok(_) => self.ahead.store(ahead, Ordering::Relaxed),
            Err(_) => {
                self.backlog.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn begin(&self) {
        let late = self.end_wait(0).is_some_and(|since| {
            let waited = self.backlog.now().saturating_sub(since);
            let ahead = self.ahead.load(Ordering::Relaxed);
            self.backlog.turned(waited, ahead)
        });
        self.was_late.store(late, Ordering::Relaxed);
    }

    /// Since when it waited, if it did; `since` is what holds from now on.
    fn end_wait(&self, since: u64) -> Option<u64> {
        match self.since.swap(since, Ordering::Relaxed) {
            0 | GONE => None,
            since => {
                self.backlog.waiting.fetch_sub(1, Ordering::Relaxed);
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
        self.task.wake();
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
        backlog.open.fetch_add(1, Ordering::Relaxed);
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
        this.turn.begin();
        let mut context = Context::from_waker(&this.waker);
        this.connection.as_mut().poll(&mut context)
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        self.turn.end_wait(GONE);
        self.turn.backlog.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::future::Pending;
    use tokio::time::advance;

    const PATIENCE: Duration = Duration::from_millis(50);

    struct Waiting {
        backlog: Arc<Backlog>,
        connections: Vec<(InTurn<Pending<()>>, Arc<Turn>)>,
    }

    fn waiting(count: usize) -> Waiting {
        let backlog = Arc::new(Backlog::new(PATIENCE));
        let connection = |_| {
            let mut told = None;
            let connection = InTurn::new(backlog.clone(), |turn| {
                told = Some(turn);
                std::future::pending()
            });
            (connection, told.unwrap())
        };
        let connections = (0..count).map(connection).collect();
        Waiting {
            backlog,
            connections,
        }
    }

    impl Waiting {
        /// Polls one; whether it had waited for too long.
        fn is_late(&mut self, number: usize) -> bool {
            let (connection, turn) = &mut self.connections[number];
            assert!(connection.now_or_never().is_none());
            turn.was_late()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waited_too_long_among_many_is_late() {
        let mut waiting = waiting(2 * FEW);
        advance(PATIENCE - Duration::from_millis(1)).await;
        assert!(!waiting.is_late(0));
        advance(Duration::from_millis(1)).await;
        assert!(waiting.is_late(1));
        // It did not wait any more.
        assert!(!waiting.is_late(1));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_late_among_few() {
        let mut waiting = waiting(FEW + 1);
        advance(PATIENCE * 10).await;
        assert!(waiting.is_late(0));
        assert!(!waiting.is_late(1));
    }

    #[tokio::test(start_paused = true)]
    async fn to_wait_begins_with_the_wake_and_ends_with_the_turn_or_the_connection() {
        let mut waiting = waiting(2 * FEW);
        let count = |waiting: &Waiting| waiting.backlog.waiting.load(Ordering::Relaxed);
        assert_eq!(count(&waiting), 2 * FEW);
        assert!(!waiting.is_late(0));
        assert_eq!(count(&waiting), 2 * FEW - 1);
        advance(PATIENCE * 10).await;
        let waker = Waker::from(waiting.connections[0].1.clone());
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!(count(&waiting), 2 * FEW);
        advance(PATIENCE).await;
        waker.wake_by_ref();
        assert!(waiting.is_late(0));
        waiting.connections.clear();
        assert_eq!(count(&waiting), 0);
        waker.wake_by_ref();
        assert_eq!(count(&waiting), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_too_many_when_all_of_them_could_not_be_seen_to_in_time() {
        let seen_to = 5 * FEW / 2;
        let mut crowd = waiting(4 * FEW);
        advance(PATIENCE).await;
        for number in 0..seen_to {
            crowd.is_late(number);
        }
        // Those who wait may; but all the others are there still.
        assert!(crowd.backlog.is_crowded());
        assert!(crowd.connections[0].1.is_last());
        // Whoever is gone asks no more.
        crowd.connections.drain(..seen_to);
        assert!(crowd.backlog.is_behind());
        assert!(!crowd.backlog.is_crowded());
        // And whoever does not wait is in nobody's way.
        let mut idle = waiting(4 * FEW);
        advance(PATIENCE).await;
        for number in 0..4 * FEW {
            idle.is_late(number);
        }
        assert!(!idle.backlog.is_crowded());
    }

    #[tokio::test(start_paused = true)]
    async fn whether_a_node_is_behind_is_told_by_how_many_wait_and_how_fast_they_become_fewer() {
        let mut crowd = waiting(4 * FEW);
        let is_behind = |crowd: &Waiting| crowd.backlog.is_behind();
        // Nobody knows yet how fast it goes.
        assert!(!is_behind(&crowd));
        advance(PATIENCE).await;
        for number in 0..2 * FEW {
            crowd.is_late(number);
        }
        assert!(is_behind(&crowd));
        let caught_up = crowd.backlog.clone();
        let mut caught_up = Box::pin(caught_up.caught_up());
        assert!(futures::poll!(&mut caught_up).is_pending());
        for number in 2 * FEW..3 * FEW + 1 {
            crowd.is_late(number);
        }
        assert!(!is_behind(&crowd));
        caught_up.await;
        // As many as before wait again, and it goes fast.
        for _ in 0..10 {
            for (_, turn) in &crowd.connections {
                turn.wait();
            }
            for number in 0..3 * FEW {
                crowd.is_late(number);
            }
        }
        for (_, turn) in &crowd.connections {
            turn.wait();
        }
        assert!(!is_behind(&crowd));
    }
}
