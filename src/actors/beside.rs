//! Work beside an actor, so that its mailbox never waits.

use futures::FutureExt;
use ractor::ActorRef;
use std::future::Future;
use std::panic::AssertUnwindSafe;

/// Runs `work` as a task and sends its message to the actor; `lost` where it panicked, so that the
/// actor never waits for ever.
pub(crate) fn beside<M: ractor::Message>(
    actor: &ActorRef<M>,
    lost: M,
    work: impl Future<Output = M> + Send + 'static,
) {
    let actor = actor.clone();
    // Boxed, as a task is copied several times on its way to the heap.
    let work = Box::pin(AssertUnwindSafe(work).catch_unwind());
    tokio::spawn(async move {
        let message = work.await.unwrap_or_else(|_| {
            tracing::error!("actor.task.panicked");
            lost
        });
        let _ = actor.send_message(message);
    });
}
