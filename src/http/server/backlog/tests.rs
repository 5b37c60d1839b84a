use super::*;
use futures::FutureExt;
use std::future::Pending;
use std::ops::Range;
use tokio::time::advance;

/// How long a turn takes, unless it is said otherwise.
const TURN: Duration = Duration::from_millis(1);
/// So many turns.
const PATIENCE: Duration = Duration::from_millis(1_024);
const FEW: usize = super::FEW.unsigned_abs();
const WORKERS: usize = 2;
/// As many as may wait without a line.
const TOLD: usize = super::TOLD * WORKERS;

struct Waiting {
    backlog: Arc<Backlog>,
    connections: Vec<(InTurn<Pending<()>>, Arc<Turn>)>,
}

fn waiting(count: usize) -> Waiting {
    let backlog = Arc::new(Backlog::new(PATIENCE, WORKERS));
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

    /// Polls these, one after the other, as each turn takes so long.
    async fn see_to(&mut self, numbers: Range<usize>, turn: Duration) {
        for number in numbers {
            advance(turn).await;
            self.is_late(number);
        }
    }

    /// Has so many ask and sees to them, time and again.
    async fn rounds(&mut self, rounds: usize, count: usize, turn: Duration) {
        for _ in 0..rounds {
            self.ask(0..count);
            self.see_to(0..count, turn).await;
        }
    }

    fn ask(&self, numbers: Range<usize>) {
        for (_, turn) in &self.connections[numbers] {
            turn.wait();
        }
    }

    fn is_behind(&self) -> bool {
        self.backlog.is_behind()
    }

    fn is_crowded(&self) -> bool {
        self.connections[0].1.is_last()
    }
}

/// Asserts that the line is empty, and everybody counted was counted off.
fn nobody_waits(backlog: &Backlog) {
    assert_eq!(backlog.waiting.load(Ordering::Relaxed), 0);
    let line = backlog.line();
    assert!(line.turns.is_empty());
    assert_eq!(line.ahead, 0);
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
    let count = |waiting: &Waiting| {
        waiting
            .backlog
            .waiting
            .load(Ordering::Relaxed)
            .unsigned_abs()
    };
    assert_eq!(count(&waiting), 2 * FEW);
    assert!(!waiting.is_late(0));
    assert_eq!(count(&waiting), 2 * FEW - 1);
    advance(PATIENCE * 10).await;
    let waker = Waker::from(waiting.connections[0].1.clone());
    waker.wake_by_ref();
    waker.wake_by_ref();
    assert_eq!(count(&waiting), 2 * FEW);
    advance(PATIENCE).await;
    // All who came before have a turn, and ask again.
    for number in 1..2 * FEW {
        waiting.is_late(number);
        waiting.connections[number].1.wait();
    }
    waker.wake_by_ref();
    assert!(waiting.is_late(0));
    waiting.connections.clear();
    assert_eq!(count(&waiting), 0);
    waker.wake_by_ref();
    assert_eq!(count(&waiting), 0);
}

#[tokio::test(start_paused = true)]
async fn many_have_their_turns_in_the_order_in_which_they_came() {
    let many = 4 * TOLD;
    let mut crowd = waiting(many);
    let told = |crowd: &Waiting, number: usize| {
        let turn = &crowd.connections[number].1;
        !turn.is_in_line.load(Ordering::Relaxed)
    };
    for number in TOLD..many {
        assert!(!told(&crowd, number));
        // Whoever is new is polled at once, and has no turn by it.
        crowd.is_late(number);
        assert!(!told(&crowd, number));
        crowd.is_late(number - TOLD);
        assert!(told(&crowd, number));
        // To ask again is to stand at the end.
        crowd.ask(number - TOLD..number - TOLD + 1);
        assert!(!told(&crowd, number - TOLD));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_leaves_its_place_to_the_others() {
    let mut crowd = waiting(4 * FEW);
    crowd.connections.drain(2 * FEW..3 * FEW);
    crowd.see_to(0..3 * FEW, TURN).await;
    crowd.ask(0..3 * FEW);
    crowd.see_to(0..3 * FEW, TURN).await;
    nobody_waits(&crowd.backlog);
}

/// Many tasks on several threads, woken by others, all of whom have as many turns as it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_is_forgotten_in_the_line() {
    let backlog = Arc::new(Backlog::new(PATIENCE, WORKERS));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 * FEW {
        let backlog = backlog.clone();
        tasks.spawn(InTurn::new(backlog, |_| async {
            for _ in 0..50 {
                tokio::spawn(tokio::task::yield_now()).await.unwrap();
            }
        }));
    }
    let all = tokio::time::timeout(Duration::from_secs(60), tasks.join_all());
    all.await.expect("a task that was woken has no turn");
    nobody_waits(&backlog);
}

#[tokio::test(start_paused = true)]
async fn the_more_wait_the_more_are_kept_out() {
    let mut crowd = waiting(1_024);
    // Nobody knows yet how fast it goes.
    assert!(!crowd.is_behind() && !crowd.is_crowded());
    crowd.see_to(0..400, TURN).await;
    assert!(crowd.is_behind() && crowd.is_crowded());
    crowd.see_to(400..800, TURN).await;
    assert!(crowd.is_behind() && !crowd.is_crowded());
    let backlog = crowd.backlog.clone();
    let mut caught_up = Box::pin(backlog.caught_up());
    crowd.see_to(800..900, TURN).await;
    assert!(!crowd.is_behind());
    assert!(futures::poll!(&mut caught_up).is_pending());
    crowd.see_to(900..980, TURN).await;
    caught_up.await;
}

#[tokio::test(start_paused = true)]
async fn who_is_before_more_than_can_be_seen_to_in_time_is_late_at_once() {
    let mut crowd = waiting(4_096);
    advance(TURN).await;
    // Nobody knows yet how fast it goes.
    assert!(!crowd.is_late(0));
    crowd.see_to(1..2 * FEW, TURN).await;
    advance(TURN).await;
    assert!(crowd.is_late(2 * FEW));
    // As fast as those are refused, there is time for the others.
    crowd.see_to(2 * FEW + 1..2_048, TURN / 10).await;
    assert!(!crowd.is_late(2_048));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_connected_and_asks_nothing_keeps_nobody_out() {
    let mut idle = waiting(1_024);
    idle.see_to(0..1_024, TURN).await;
    idle.ask(0..100);
    assert!(!idle.is_behind());
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_not_taken_for_the_pace() {
    let mut crowd = waiting(100);
    crowd.see_to(0..100, TURN).await;
    crowd.ask(0..100);
    advance(PATIENCE / 4).await;
    crowd.see_to(0..100, TURN).await;
    crowd.ask(0..100);
    assert!(!crowd.is_behind());
}

#[tokio::test(start_paused = true)]
async fn pauses_without_end_are_the_pace() {
    let mut crowd = waiting(100);
    for _ in 0..10 {
        crowd.ask(0..100);
        for first in (0..100).step_by(20) {
            advance(PATIENCE / 20).await;
            crowd.see_to(first..first + 20, TURN / 10).await;
        }
    }
    crowd.ask(0..100);
    assert!(crowd.is_behind());
}

#[tokio::test(start_paused = true)]
async fn what_was_long_ago_keeps_nobody_out() {
    let mut crowd = waiting(1_024);
    crowd.see_to(0..1_024, TURN).await;
    advance(2 * PATIENCE).await;
    crowd.ask(0..1_024);
    assert!(!crowd.is_late(0));
    assert!(!crowd.is_behind());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_becomes_slower_or_faster_is_seen_to_be() {
    let mut crowd = waiting(100);
    crowd.rounds(1, 100, TURN).await;
    crowd.ask(0..100);
    assert!(!crowd.is_behind());
    crowd.rounds(10, 100, 10 * TURN).await;
    crowd.ask(0..100);
    assert!(crowd.is_behind());
    crowd.rounds(50, 100, TURN).await;
    crowd.ask(0..100);
    assert!(!crowd.is_behind());
}
