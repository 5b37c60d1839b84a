//! What an idle user takes in memory, against an actor that has nothing: each in a process of its
//! own, over a store in memory, which is there before.

use crate::process::{Memory, Task};
use crate::seeded::Seeded;
use crate::world::{soon, system};
use crate::{Failure, Table};
use cartwright::actors::Bounds;
use cartwright::domain::user::{Command, Request};
use cartwright::sources::{Sources, SystemClock};
use cartwright::store::Store;
use cartwright::store::memory::MemoryStore;
use futures::{StreamExt, TryStreamExt, stream};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most that an idle user may take, in bytes.
const TARGET: f64 = 8.0 * 1024.0;
/// How many are made.
const COUNT: u64 = 20_000;
/// How many are asked at once: more would need memory for that.
const AT_ONCE: usize = 16;

/// What idles.
#[derive(Clone, Copy, Deserialize, Serialize)]
pub(crate) enum Idle {
    /// Actors of ractor that hold nothing.
    Actors,
    /// Users with three lines in the cart, who looked at it.
    Users,
}

/// Measures; returns the table, and whether users take more than they may.
pub(crate) fn measure() -> Result<Table, Failure> {
    let each = |what| -> Result<f64, Failure> {
        let count = COUNT;
        Task::Idle { what, count }.told()
    };
    eprintln!("measuring: memory of {COUNT} that idle");
    let (actor, user) = (each(Idle::Actors)?, each(Idle::Users)?);
    Ok(table(actor, user))
}

fn table(actor: f64, user: f64) -> Table {
    let misses = user > TARGET;
    let verdict = if misses { "missed" } else { "met" };
    let text = format!(
        "| idle in memory, {COUNT} of each | bytes each | target |\n|---|---|---|\n\
         | an actor of ractor that holds nothing | {actor:.0} | - |\n\
         | a user with three lines in the cart | {user:.0} | at most {TARGET}: {verdict} |\n"
    );
    (text, misses)
}

/// In the process: the bytes that each takes.
pub(crate) async fn idle(what: Idle, count: u64) -> Result<f64, Failure> {
    match what {
        Idle::Actors => actors(count).await,
        Idle::Users => users(count).await,
    }
}

struct Nothing;

impl Actor for Nothing {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

async fn actors(count: u64) -> Result<f64, Failure> {
    let (supervisor, _) = Actor::spawn(None, Nothing, ()).await?;
    let before = Memory::of_this()?;
    let mut made = Vec::new();
    for _ in 0..count {
        let owner = supervisor.get_cell();
        made.push(Actor::spawn_linked(None, Nothing, (), owner).await?.0);
    }
    each(before, count)
}

async fn users(count: u64) -> Result<f64, Failure> {
    let store = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
    let dir = tempfile::tempdir()?;
    Seeded::from_one(dir.path())
        .await?
        .write(&*store, count)
        .await?;
    let bounds = Bounds {
        waiting: 128,
        residents: usize::MAX,
    };
    let system = system(store as Arc<dyn Store>, &Sources::system(), bounds).await?;
    let users = system.users();
    let view = |number| {
        let (users, view) = (users.clone(), Request::of(Command::ViewCart, 0));
        async move { users.ask(Seeded::id(number), view, soon()).await.map(drop) }
    };
    let before = Memory::of_this()?;
    stream::iter(0..count)
        .map(view)
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    each(before, count)
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn each(before: Memory, count: u64) -> Result<f64, Failure> {
    let more = Memory::of_this()?.resident.saturating_sub(before.resident);
    Ok(more as f64 * 1024.0 / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_take_eight_kibibytes() {
        assert!(!table(6_000.0, 8_192.0).1);
        assert!(table(6_000.0, 8_193.0).1);
    }
}
