//! What customers asked for and were told, recorded while servers fail, and the judgement of it.
//!
//! Each line of a cart has a name that no other has, and an order carries its own in its notes: so
//! what is there afterwards tells of each change whether it took effect, and how often. [`check`]
//! knows nothing of servers: histories of one that is killed, or of many, are judged alike.

mod answer;
mod cart;
mod check;
mod verdict;

#[cfg(test)]
mod tests;

pub use answer::{Asked, lines_of, name_of};
pub use check::check;
pub use verdict::{Verdict, events_of};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Units of lines, by their names: a cart, or what an order took.
pub type Lines = BTreeMap<String, u64>;

/// What a customer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// A line that is new.
    Add { line: String, quantity: u64 },
    /// Another quantity of a line: one that it has not had.
    Set { line: String, quantity: u64 },
    /// A line to be gone.
    Remove { line: String },
    /// An order of everything in the cart.
    Order { name: String },
    /// The cart.
    Read,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took effect. With what the answer showed: the cart right after it, or what the order
    /// took. Nothing, where the answer shows a later cart: record that as a [`Call::Read`].
    Done(Option<Lines>),
    /// It has no effect and never will, for this reason.
    Refused(String),
    /// It may have had its effect, may have it later, or never.
    Unknown,
}

/// A request, with all its repetitions.
#[derive(Clone, Debug)]
pub struct Event {
    pub customer: String,
    pub call: Call,
    /// Since the history began, when it was sent first.
    pub sent: Duration,
    /// When the last answer came, or was given up.
    pub answered: Duration,
    pub outcome: Outcome,
    /// When it was told to come again.
    pub put_off: Vec<Duration>,
}

/// Everything that was asked for, in no order.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub events: Vec<Event>,
    /// What was done to the servers, and when.
    pub phases: Vec<(Duration, String)>,
}

/// An order as it is listed in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub name: String,
    pub lines: Lines,
}

/// What there is in the end, when nothing is under way any more.
#[derive(Clone, Debug, Default)]
pub struct Final {
    pub carts: BTreeMap<String, Lines>,
    pub orders: BTreeMap<String, Vec<Order>>,
    pub stock: Stock,
}

/// Units of the one SKU that everybody buys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    pub received: u64,
    pub available: u64,
    pub held: u64,
    pub sold: u64,
}

/// Takes a history down. Clones write the same one.
#[derive(Clone)]
pub struct Recorder {
    began: Instant,
    history: Arc<Mutex<History>>,
}

impl Recorder {
    pub fn new(phase: &str) -> Self {
        let recorder = Self {
            began: Instant::now(),
            history: Arc::default(),
        };
        recorder.phase(phase);
        recorder
    }

    /// What happens from now on.
    pub fn phase(&self, name: &str) {
        let at = self.now();
        println!("{:8.3} s  {name}", at.as_secs_f64());
        self.history
            .lock()
            .unwrap()
            .phases
            .push((at, name.to_owned()));
    }

    /// Since the history began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn record(&self, event: Event) {
        self.history.lock().unwrap().events.push(event);
    }

    /// What was recorded by now.
    pub fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { line, quantity } => write!(f, "add {line}: {quantity}"),
            Self::Set { line, quantity } => write!(f, "set {line}: {quantity}"),
            Self::Remove { line } => write!(f, "remove {line}"),
            Self::Order { name } => write!(f, "order {name}"),
            Self::Read => write!(f, "read"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, answered) = (self.sent.as_secs_f64(), self.answered.as_secs_f64());
        write!(
            f,
            "{sent:8.3}..{answered:8.3} {} {}: ",
            self.customer, self.call
        )?;
        match &self.outcome {
            Outcome::Done(Some(lines)) => write!(f, "done, {}", Shown(lines))?,
            Outcome::Done(None) => write!(f, "done before")?,
            Outcome::Refused(reason) => write!(f, "refused, {reason}")?,
            Outcome::Unknown => write!(f, "unknown")?,
        }
        match self.put_off.len() {
            0 => Ok(()),
            times => write!(f, ", put off {times} times"),
        }
    }
}

/// Lines on one line.
pub struct Shown<'a>(pub &'a Lines);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .0
            .iter()
            .map(|(line, units)| format!("{line}: {units}"));
        write!(f, "{{{}}}", lines.collect::<Vec<_>>().join(", "))
    }
}
