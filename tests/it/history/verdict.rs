//! What the judgement says, to print.

use super::{Event, Final, History, Outcome};
use std::fmt::{self, Write};
use std::time::Duration;

/// What was asked for in one phase.
#[derive(Default)]
struct Tally {
    sent: usize,
    done: usize,
    refused: usize,
    unknown: usize,
    put_off: usize,
    slowest: Duration,
}

/// The judgement of a history. As text it counts what happened, phase by phase, and names what was
/// violated, with everything that the customer concerned asked for.
pub struct Verdict {
    pub violations: Vec<String>,
    summary: String,
    concerned: String,
}

impl Verdict {
    pub(super) fn new(history: &History, end: &Final, violations: Vec<String>) -> Self {
        let concerned = violations.first().and_then(|first| first.split_once(": "));
        let concerned = concerned.map_or("", |(customer, _)| customer);
        Self {
            summary: summary(history, end),
            concerned: events_of(history, |event| event.customer == concerned),
            violations,
        }
    }

    /// # Panics
    /// Where anything was violated.
    pub fn assert_holds(&self) {
        assert!(self.violations.is_empty(), "{self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary)?;
        if self.violations.is_empty() {
            return writeln!(
                f,
                "verdict: every acknowledged change is there once, every unknown one at most once, \
                 and every cart that was shown is explained"
            );
        }
        writeln!(f, "verdict: VIOLATED")?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        writeln!(f, "the customer of the first:\n{}", self.concerned)
    }
}

/// The events that are wanted, one a line, by the time at which they were sent.
pub fn events_of(history: &History, is_wanted: impl Fn(&Event) -> bool) -> String {
    let mut events: Vec<&Event> = history.events.iter().filter(|it| is_wanted(it)).collect();
    events.sort_by_key(|event| event.sent);
    events.iter().map(|event| format!("  {event}\n")).collect()
}

fn summary(history: &History, end: &Final) -> String {
    let mut tallies: Vec<Tally> = history.phases.iter().map(|_| Tally::default()).collect();
    let phase = |at: Duration| history.phases.partition_point(|(begin, _)| *begin <= at) - 1;
    for event in &history.events {
        let tally = &mut tallies[phase(event.sent)];
        tally.sent += 1;
        match event.outcome {
            Outcome::Done(_) => tally.done += 1,
            Outcome::Refused(_) => tally.refused += 1,
            Outcome::Unknown => tally.unknown += 1,
        }
        tally.slowest = tally.slowest.max(event.answered - event.sent);
        for at in &event.put_off {
            tallies[phase(*at)].put_off += 1;
        }
    }
    let mut text = String::from("   sent   done refused unknown     503  slowest  phase\n");
    for (tally, (_, name)) in tallies.iter().zip(&history.phases) {
        let Tally {
            sent,
            done,
            refused,
            unknown,
            put_off,
            slowest,
        } = tally;
        let slowest = slowest.as_secs_f64();
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{sent:>7}{done:>7}{refused:>8}{unknown:>8}{put_off:>8}{slowest:>7.2} s  {name}"
        );
    }
    let orders: usize = end.orders.values().map(Vec::len).sum();
    let customers = end.carts.len();
    let _ = writeln!(
        text,
        "{customers} customers, {orders} orders, {:?}",
        end.stock
    );
    text
}
