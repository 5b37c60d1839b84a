//! What a node takes of a mixed load, and how long requests take below that: an open loop, the node
//! on one core and whoever loads it on the other.

use crate::measure::{Effort, Spread, percentile, spread};
use crate::mixed;
use crate::open_loop::{Kind, Load, Offer};
use crate::served::Served;
use crate::world::CLIENTS;
use crate::{Failure, Table};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What 99 of 100 requests must stay under at capacity.
const LIMIT: Duration = Duration::from_millis(50);
/// The share of capacity at which times are taken.
const SHARE: f64 = 0.7;
/// The most that the p99 may be, in p50s.
const TARGET: f64 = 10.0;
/// Bisections of the rate between one that is borne and twice that.
const STEPS: u32 = 5;
/// By how much a rate is lowered that was borne for moments only.
const LOWERED: f64 = 0.9;

/// How capacity is sought.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    /// How long a rate is tried.
    pub(crate) probe: Duration,
    /// How long the rate that is found has to be borne.
    pub(crate) confirmed: Duration,
}

impl Search {
    pub(crate) const BRIEF: Self = Self {
        probe: Duration::from_millis(700),
        confirmed: Duration::from_secs(5),
    };
    pub(crate) const WHOLE: Self = Self {
        probe: Duration::from_secs(3),
        confirmed: Duration::from_secs(30),
    };

    /// The highest rate at which the p99 stays under [`LIMIT`] and nothing fails, in requests a
    /// second.
    pub(crate) async fn capacity(self, offer: &Offer) -> Result<f64, Failure> {
        let mut borne = 250.0;
        while is_borne(&offer.run(borne * 2.0, self.probe).await?) {
            borne *= 2.0;
        }
        let mut step = borne;
        for _ in 0..STEPS {
            step /= 2.0;
            if is_borne(&offer.run(borne + step, self.probe).await?) {
                borne += step;
            }
        }
        loop {
            let load = offer.run(borne, self.confirmed).await?;
            if is_borne(&load) {
                break;
            }
            eprintln!(
                "  {borne:.0} /s are borne for moments only: {}",
                told(&load)
            );
            borne *= LOWERED;
            if borne < 100.0 {
                return Err("no rate is borne".into());
            }
        }
        eprintln!("  {borne:.0} /s are borne");
        Ok(borne)
    }
}

fn is_borne(load: &Load) -> bool {
    let times = load.done(|_| true);
    let all_done = load.unsent == 0 && load.failed() == 0 && load.refused().is_empty();
    all_done && !times.is_empty() && percentile(&times, 99) < LIMIT
}

/// Why a load is too much.
fn told(load: &Load) -> String {
    let times = load.done(|_| true);
    let p99 = times
        .first()
        .map_or(Duration::ZERO, |_| percentile(&times, 99));
    format!(
        "p99 {} ms, {} unsent, {} refused, {} failed",
        p99.as_millis(),
        load.unsent,
        load.refused().len(),
        load.failed()
    )
}

/// Finds capacity and takes times below it; returns the table, and whether they miss the target.
pub(crate) async fn measure(dir: &Path, effort: Effort, search: Search) -> Result<Table, Failure> {
    eprintln!("measuring: times at {:.0} % of capacity", SHARE * 100.0);
    const { assert!(CLIENTS == 64, "the table says so") };
    let disk = mixed::data(dir).await?;
    let served = Served::product(disk.opened()).await?;
    let offer = mixed::offer(served.address, CLIENTS).await?;
    let capacity = search.capacity(&offer).await?;
    let mut loads = Vec::new();
    for _ in 0..effort.rounds {
        let load = offer.run(capacity * SHARE, effort.time).await?;
        if load.unsent > 0 || load.failed() > 0 || !load.refused().is_empty() {
            return Err("requests failed below capacity".into());
        }
        loads.push(load);
    }
    Ok(table(search, capacity, &loads))
}

/// Markdown: all requests, and each kind of them.
fn table(search: Search, capacity: f64, loads: &[Load]) -> Table {
    let mut text = format!(
        "Of a mixed load over HTTP, 64 connections, {capacity:.0} requests/s were borne: for {} s \
         the p99 stayed under {} ms and nothing failed. At {:.0} % of that:\n\n\
         | requests | p50 | p99 | ratio (min..max) | target |\n|---|---|---|---|---|\n",
        search.confirmed.as_secs(),
        LIMIT.as_millis(),
        SHARE * 100.0,
    );
    let kinds = [
        ("all", None),
        ("that look at the catalogue, 90 %", Some(Kind::Read)),
        ("that change a cart, 8 %", Some(Kind::Change)),
        ("that order, 2 %", Some(Kind::Order)),
    ];
    let mut misses = false;
    for (name, meant) in kinds {
        let [p50, p99, ratio] = times(loads, |kind| meant.is_none_or(|meant| meant == kind));
        let verdict = match meant {
            Some(_) => "-".to_owned(),
            None if ratio.median > TARGET => format!("at most {TARGET}: missed"),
            None => format!("at most {TARGET}: met"),
        };
        misses |= meant.is_none() && ratio.median > TARGET;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {:.0} us | {:.0} us | {ratio} | {verdict} |",
            p50.median, p99.median
        );
    }
    (text, misses)
}

/// p50 and p99 in microseconds, and their ratio, over rounds.
fn times(loads: &[Load], is_meant: impl Fn(Kind) -> bool) -> [Spread; 3] {
    let (mut p50s, mut p99s, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for load in loads {
        let times = load.done(&is_meant);
        let of = |of_100| percentile(&times, of_100).as_secs_f64() * 1e6;
        p50s.push(of(50));
        p99s.push(of(99));
        ratios.push(of(99) / of(50));
    }
    [p50s, p99s, ratios].map(spread)
}
