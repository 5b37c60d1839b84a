//! A node that is offered several times what it can do: how much of it it does, what becomes of the
//! rest, and what is left of it afterwards. The node has a share of a core, so that whoever loads it
//! can offer that much.

use crate::cpu_share::CpuShare;
use crate::measure::percentile;
use crate::open_loop::{End, Load, Offer};
use crate::process::{Memory, ServerProcess, Service};
use crate::{Failure, Table, capacity::Search, mixed};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Hundredths of a core that the node has.
const SHARE: u32 = 25;
/// What is offered, in what it can do.
const OFFERED: f64 = 5.0;
/// The share of its capacity that it still has to do.
const TARGET: f64 = 0.8;
/// The share of capacity at which times are taken before and after.
const EASY: f64 = 0.5;
/// By how much times may be longer afterwards: they vary as much from one look to the next.
const AS_BEFORE: f64 = 1.5;
/// The most that the peak of memory may be, in what it was before.
const MEMORY: f64 = 2.0;
/// How soon 99 of 100 refusals have to come.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Connections: more than there may be requests in flight.
const CONNECTIONS: u64 = 2_048;
/// Connections while nothing is too much.
const FEW: usize = 64;
/// How long after the load times have to be as before.
const REST: Duration = Duration::from_secs(5);

/// What was seen.
struct Seen {
    capacity: f64,
    loads: [Load; 3],
    memory: [Memory; 2],
}

/// Overloads a node for so long.
pub(crate) async fn measure(dir: &Path, search: Search) -> Result<Table, Failure> {
    // Dropped in reverse: the group is empty once the server has ended.
    let share = CpuShare::make(SHARE)?;
    let folder = mixed::data(dir).await?.closed().await?;
    let server = ServerProcess::start(Service::of(folder.path()))?;
    let offer = mixed::offer(server.address, CONNECTIONS).await?;
    share.hold(server.id())?;
    let seen = see(&offer, &server, search).await?;
    Ok(table(&seen))
}

async fn see(offer: &Offer, server: &ServerProcess, search: Search) -> Result<Seen, Failure> {
    let few = offer.with(FEW);
    let capacity = search.capacity(&few).await?;
    let easy = || few.run(capacity * EASY, search.confirmed);
    let (before, memory) = (easy().await?, server.memory()?);
    let over = offer.run(capacity * OFFERED, search.confirmed).await?;
    tokio::time::sleep(REST).await;
    let after = easy().await?;
    Ok(Seen {
        capacity,
        loads: [before, over, after],
        memory: [memory, server.memory()?],
    })
}

/// Markdown, a line for each thing that is asked.
fn table(seen: &Seen) -> Table {
    let [before, over, after] = &seen.loads;
    let times = |load: &Load| Times::of(&load.done(|_| true));
    let (done, refused) = (times(over), Times::of(&over.refused()));
    let (was, is) = (times(before), times(after));
    let [first, last] = seen.memory;
    let lost = over.failed() + usize::try_from(over.unsent).unwrap_or(usize::MAX);
    let answers = over.count(|end| matches!(end, End::Answered(429 | 503)));
    let resets = over.count(|end| end == End::Reset);
    let asked = [
        (
            format!("done, of a capacity of {:.0} /s", seen.capacity),
            format!("{:.0} /s", over.goodput()),
            format!("at least {:.0} /s", seen.capacity * TARGET),
            over.goodput() >= seen.capacity * TARGET,
        ),
        (
            "neither done nor refused: 503, 429, no connection".to_owned(),
            format!("{} unsent, {} failed", over.unsent, over.failed()),
            "none".to_owned(),
            lost == 0,
        ),
        (
            format!(
                "p50, p99 of {} refusals: {answers} by answers, {resets} by resets",
                over.refused().len(),
            ),
            refused.to_string(),
            format!("p99 at most {} ms", AT_ONCE.as_millis()),
            refused.p99 <= AT_ONCE,
        ),
        (
            format!("memory at most, {} MiB before", first.resident / 1024),
            format!("{} MiB", last.peak / 1024),
            format!("at most {MEMORY} times"),
            ratio(last.peak, first.resident) <= MEMORY,
        ),
        (
            format!("p50, p99 5 s after; {was} before"),
            is.to_string(),
            format!("at most {AS_BEFORE} times"),
            is.p99 <= was.p99.mul_f64(AS_BEFORE) && is.p50 <= was.p50.mul_f64(AS_BEFORE),
        ),
    ];
    let mut text = format!(
        "A mixed load over HTTP of {OFFERED} times capacity on a node with {SHARE} % of a core, \
         {CONNECTIONS} connections; what was done took {done} (p50, p99):\n\n\
         | asked | seen | target |\n|---|---|---|\n"
    );
    let mut misses = false;
    for (what, seen, target, met) in asked {
        let verdict = if met { "met" } else { "missed" };
        misses |= !met;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {seen} | {target}: {verdict} |");
    }
    (text, misses)
}

/// What half of the requests stay under, and 99 of 100.
struct Times {
    p50: Duration,
    p99: Duration,
}

impl Times {
    /// `times` must be sorted.
    fn of(times: &[Duration]) -> Self {
        let of = |of_100| match times {
            [] => Duration::ZERO,
            times => percentile(times, of_100),
        };
        Self {
            p50: of(50),
            p99: of(99),
        }
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let (p50, p99) = (milliseconds(self.p50), milliseconds(self.p99));
        write!(f, "{p50:.1}, {p99:.1} ms")
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn ratio(after: u64, before: u64) -> f64 {
    after as f64 / before as f64
}
