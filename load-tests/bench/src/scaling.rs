//! What several nodes cost: the processor time of all of them for a request, of one node, of three
//! and of six, each behind HAProxy as it is delivered, and behind one that asks nodes in turn.
//!
//! All fleets are asked in the same seconds, at the same rate for each of their nodes. So what is
//! compared are nodes that do as much as the others, on a machine that is as busy: a node that is
//! asked alone has the caches for itself, and one that is asked more does more at a time whenever it
//! wakes, and neither is a matter of how many there are. The rate is fixed, whatever becomes of the
//! requests. Whatever else nodes do, such as giving signs of life, is in it; what that comes to is
//! told too.

mod fleet;

use crate::measure::{Effort, Spread, Target, spread};
use crate::{Failure, Table};
use fleet::{Asked, Balancing, Fleet};
use futures::future::try_join_all;
use std::fmt::Write;
use std::time::Duration;

/// How many nodes the fleets have: each is compared with the one before.
const NODES: [usize; 3] = [1, 3, 6];
/// By how much a request may cost more at six nodes than at three.
const FLAT: Target = Target::AtMost(1.1);

/// What is asked for.
struct Scenario {
    name: &'static str,
    asked: Asked,
    balancing: Balancing,
    /// Requests a second, for each node.
    rate: u32,
    /// Three nodes to one.
    target: Target,
}

/// Ten nodes, HAProxy, the store and the clients share the machine: these leave all of them room on
/// two cores.
const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "a product",
        asked: Asked::Product,
        balancing: Balancing::Delivered,
        rate: 500,
        target: Target::AtMost(1.05),
    },
    Scenario {
        name: "a cart",
        asked: Asked::Cart,
        balancing: Balancing::Delivered,
        rate: 500,
        target: Target::AtMost(1.8),
    },
    Scenario {
        name: "a cart, nodes in turn",
        asked: Asked::Cart,
        balancing: Balancing::InTurn,
        rate: 500,
        target: Target::AtMost(1.8),
    },
    Scenario {
        name: "a change of a cart",
        asked: Asked::Change,
        balancing: Balancing::Delivered,
        rate: 100,
        target: Target::AtMost(1.4),
    },
    Scenario {
        name: "a change of a cart, nodes in turn",
        asked: Asked::Change,
        balancing: Balancing::InTurn,
        rate: 100,
        target: Target::AtMost(1.4),
    },
];

/// Figures in microseconds, one a round, of each fleet.
type Figures = [Vec<f64>; NODES.len()];

/// Measures on a CQL server.
pub(crate) async fn measure(server: &str, effort: Effort) -> Result<Table, Failure> {
    let mut fleets = Vec::new();
    for count in NODES {
        fleets.push(Fleet::start(server, count).await?);
    }
    let (mut idle, mut asked) = (Figures::default(), SCENARIOS.map(|_| Figures::default()));
    for round in 0..=effort.rounds {
        let seen = fleets.iter().map(|fleet| unasked(fleet, effort.time));
        note(&mut idle, round, "nothing", try_join_all(seen).await?);
        for (scenario, figures) in SCENARIOS.iter().zip(&mut asked) {
            let seen = fleets.iter().map(|one| cost(one, scenario, effort.time));
            note(figures, round, scenario.name, try_join_all(seen).await?);
        }
    }
    for fleet in fleets {
        fleet.end().await?;
    }
    Ok(table(&idle, &asked))
}

/// The first round does not count.
fn note(figures: &mut Figures, round: u64, what: &str, seen: Vec<f64>) {
    if round > 0 {
        eprintln!("  {round}: {what}, us at {NODES:?} nodes: {seen:.1?}");
        for (figures, figure) in figures.iter_mut().zip(seen) {
            figures.push(figure);
        }
    }
}

/// What a node costs for each second in which nobody asks.
async fn unasked(fleet: &Fleet, time: Duration) -> Result<f64, Failure> {
    let before = fleet.cpu_time()?;
    tokio::time::sleep(time).await;
    let used = fleet.cpu_time()?.since(&before);
    let nodes = f64::from(u32::try_from(fleet.count())?);
    Ok(used.as_secs_f64() * 1e6 / nodes / time.as_secs_f64())
}

/// What a request costs.
async fn cost(fleet: &Fleet, scenario: &Scenario, time: Duration) -> Result<f64, Failure> {
    let rate = f64::from(scenario.rate) * f64::from(u32::try_from(fleet.count())?);
    let before = fleet.cpu_time()?;
    let offer = fleet.offer(scenario.asked, scenario.balancing);
    let load = offer.run(rate, time).await?;
    let used = fleet.cpu_time()?.since(&before);
    let done = load.done(|_| true).len();
    if done != load.ended.len() || load.unsent > 0 {
        let nodes = fleet.count();
        return Err(format!("{nodes} nodes did not bear {rate} requests/s").into());
    }
    Ok(used.as_secs_f64() * 1e6 / f64::from(u32::try_from(done)?))
}

/// Markdown, a line for each scenario.
fn table(idle: &Figures, asked: &[Figures; SCENARIOS.len()]) -> Table {
    let mut text = String::from(
        "| processor time of all nodes for | 1 node | 3 nodes | 6 nodes | 3 to 1 (min..max) | target \
         | 6 to 3 (min..max) | target |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut misses = false;
    let nothing = ("nothing, a second and node", [Target::None; 2], idle);
    let scenarios = SCENARIOS.iter().zip(asked);
    let lines = scenarios.map(|(one, figures)| (one.name, [one.target, FLAT], figures));
    for (name, targets, figures) in lines.chain([nothing]) {
        let [one, three, six] = figures.each_ref().map(|all| spread(all.clone()).median);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "| {name} | {one:.1} us | {three:.1} us | {six:.1} us |"
        );
        for (target, pair) in targets.into_iter().zip(figures.windows(2)) {
            let ratio = ratios(&pair[0], &pair[1]);
            misses |= target.is_missed(ratio.median);
            let _ = write!(text, " {ratio} | {} |", target.verdict(ratio.median));
        }
        text.push('\n');
    }
    let rates = SCENARIOS
        .iter()
        .map(|one| format!("{} for {}", one.rate, one.name));
    let rates: Vec<_> = rates.collect();
    let _ = writeln!(text, "\nRequests a second and node: {}.", rates.join(", "));
    (text, misses)
}

/// Round by round.
fn ratios(baseline: &[f64], subject: &[f64]) -> Spread {
    let pairs = baseline.iter().zip(subject);
    spread(
        pairs
            .map(|(baseline, subject)| subject / baseline)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_costs_more_than_it_may_is_missed() {
        let figures = |of: [f64; 3]| of.map(|figure| vec![figure; 5]);
        let flat = figures([10.0, 10.0, 10.0]);
        let (text, misses) = table(&flat, &SCENARIOS.map(|_| flat.clone()));
        assert!(!misses, "{text}");
        for of in [[10.0, 19.0, 19.0], [10.0, 10.0, 11.5]] {
            let mut dear = SCENARIOS.map(|_| flat.clone());
            dear[1] = figures(of);
            let (text, misses) = table(&flat, &dear);
            assert!(misses, "{text}");
        }
    }
}
