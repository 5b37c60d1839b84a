//! Which operations of the store faults and pauses are for.

use cartwright::domain::ids::UserId;
use cartwright::store::fault::{Fault, Op, Pause};
use cartwright::store::{Change, Partition};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Injects these faults, in order, into the operations that match; later ones are spared.
pub fn in_order(
    matches: impl Fn(&Op<'_>) -> bool + Send + 'static,
    faults: impl IntoIterator<Item = Fault>,
) -> impl FnMut(&Op<'_>) -> Option<Fault> + Send + 'static {
    let mut faults: VecDeque<Fault> = faults.into_iter().collect();
    move |op| matches(op).then(|| faults.pop_front()).flatten()
}

/// Whether it is a commit of a user.
pub fn user_commit(op: &Op<'_>) -> bool {
    matches!(op, Op::Commit(commit) if matches!(commit.change, Change::User(..)))
}

/// Matches commits of this user.
pub fn commit_of(user: UserId) -> impl Fn(&Op<'_>) -> bool + Send + 'static {
    move |op| matches!(op, Op::Commit(commit) if commit.change.partition() == Partition::User(user))
}

/// Matches only the first operation that `matches` does.
pub fn first(
    matches: impl Fn(&Op<'_>) -> bool + Send + 'static,
) -> impl Fn(&Op<'_>) -> bool + Send + 'static {
    let seen = AtomicBool::new(false);
    move |op| matches(op) && !seen.swap(true, Ordering::Relaxed)
}

/// Waits until an operation waits at `pause`, in vain at most a minute.
pub async fn reached(pause: &Pause) {
    let arrived = tokio::time::timeout(Duration::from_secs(60), pause.reached(1)).await;
    arrived.expect("no operation came to wait");
}
