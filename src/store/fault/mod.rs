//! A store that fails: a wrapper for tests and simulations.
//!
//! Faults come from a script, else from a seed; operations can also be held until released. With
//! the in-memory store under a paused clock, one seed gives one run. It injects only what the
//! traits permit: a failure that it reports as certain is certain.

mod serve;

use super::{Bucket, CatalogRow, Commit, Error, Result, Store};
use crate::domain::ids::OrderId;
use crate::domain::order::Attempt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// An operation that a script or a pause may match.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the call that it names")]
pub enum Op<'a> {
    Commit(&'a Commit),
    PutAttempt(&'a Attempt),
    RemoveAttempt(Bucket, OrderId),
    RaiseLowWater(Bucket),
    PutCatalog(&'a [CatalogRow]),
    /// Any read, by the name of its method.
    Read(&'static str),
}

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not done: [`Error::Unavailable`].
    Refused,
    /// A write is not done: [`Error::Unknown`]. A read is refused.
    LostBefore,
    /// A write is done: [`Error::Unknown`]. A read is refused.
    LostAfter,
    /// A write is answered with [`Error::Unknown`] now and done so much later. A read is refused.
    Late(Duration),
    /// Done after so long.
    Slow(Duration),
}

/// How often an operation without a script fails.
#[derive(Clone, Copy, Debug)]
pub struct FaultPlan {
    /// Whatever happens follows from it and the order of the operations.
    pub seed: u64,
    /// How many of a hundred writes fail, or are slow.
    pub writes_percent: u8,
    /// How many of a hundred reads fail, or are slow.
    pub reads_percent: u8,
    /// The longest delay of a late or slow operation.
    pub longest_delay: Duration,
}

impl FaultPlan {
    /// No faults but those of a script.
    pub const NONE: Self = Self {
        seed: 0,
        writes_percent: 0,
        reads_percent: 0,
        longest_delay: Duration::from_millis(1),
    };

    /// Faults of every kind.
    #[must_use]
    pub const fn seeded(seed: u64, percent: u8) -> Self {
        Self {
            seed,
            writes_percent: percent,
            reads_percent: percent,
            longest_delay: Duration::from_secs(2),
        }
    }
}

type Script = Box<dyn FnMut(&Op<'_>) -> Option<Fault> + Send>;
type Matcher = Box<dyn Fn(&Op<'_>) -> bool + Send>;

/// A store around `S` that fails as it is told; clones share everything.
pub struct FaultyStore<S> {
    store: Arc<S>,
    shared: Arc<Shared>,
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            shared: Arc::clone(&self.shared),
        }
    }
}

struct Shared {
    plan: FaultPlan,
    state: Mutex<State>,
    injected: AtomicU64,
}

struct State {
    random: StdRng,
    script: Option<Script>,
    gates: Vec<(Matcher, Arc<Gate>)>,
}

struct Gate {
    released: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

/// Holds matching operations until released or dropped.
#[must_use = "dropped, it lets everything pass"]
pub struct Pause(Arc<Gate>);

impl Pause {
    /// Waits until so many operations have come to wait here.
    pub async fn reached(&self, count: usize) {
        let mut arrived = self.0.arrived.subscribe();
        // The sender lives in `self`, so this cannot fail.
        drop(arrived.wait_for(|here| *here >= count).await);
    }

    /// Lets those that wait, and all later ones, pass.
    pub fn release(&self) {
        self.0.released.send_replace(true);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.release();
    }
}

impl<S: Store> FaultyStore<S> {
    /// Wraps `store`. The seed is logged.
    #[must_use]
    pub fn new(store: S, plan: FaultPlan) -> Self {
        Self::around(Arc::new(store), plan)
    }

    fn around(store: Arc<S>, plan: FaultPlan) -> Self {
        tracing::info!(seed = plan.seed, "store.faults.planned");
        let state = State {
            random: StdRng::seed_from_u64(plan.seed),
            script: None,
            gates: Vec::new(),
        };
        Self {
            store,
            shared: Arc::new(Shared {
                plan,
                state: Mutex::new(state),
                injected: AtomicU64::new(0),
            }),
        }
    }

    /// The seed, to print where a run fails.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.shared.plan.seed
    }

    /// Another wrapper around the same store, whose faults are its own.
    #[must_use]
    pub fn beside(&self, plan: FaultPlan) -> Self {
        Self::around(Arc::clone(&self.store), plan)
    }

    /// The store within, which does not fail.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.store
    }

    /// How many operations failed or were slow.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.shared.injected.load(Ordering::Relaxed)
    }

    /// Asks `script` about every operation from now on; where it says nothing, the plan decides.
    pub fn script(&self, script: impl FnMut(&Op<'_>) -> Option<Fault> + Send + 'static) {
        self.state().script = Some(Box::new(script));
    }

    /// Holds the operations that match, from now until the answer is released or dropped.
    pub fn pause(&self, matches: impl Fn(&Op<'_>) -> bool + Send + 'static) -> Pause {
        let gate = Arc::new(Gate {
            released: watch::channel(false).0,
            arrived: watch::channel(0).0,
        });
        let mut state = self.state();
        state.gates.retain(|(_, gate)| !*gate.released.borrow());
        state.gates.push((Box::new(matches), Arc::clone(&gate)));
        Pause(gate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits where it is told to, then says what goes wrong.
    async fn fault(&self, op: Op<'_>) -> Option<Fault> {
        let (fault, gates) = {
            let mut state = self.state();
            let gates = state.gates.iter().filter(|(matches, _)| matches(&op));
            let gates: Vec<_> = gates.map(|(_, gate)| Arc::clone(gate)).collect();
            let scripted = state.script.as_mut().and_then(|script| script(&op));
            let is_read = matches!(op, Op::Read(_));
            let drawn = || draw(&mut state.random, &self.shared.plan, is_read);
            (scripted.or_else(drawn), gates)
        };
        for gate in gates {
            gate.arrived.send_modify(|here| *here += 1);
            let mut released = gate.released.subscribe();
            drop(released.wait_for(|released| *released).await);
        }
        if let Some(fault) = fault {
            self.shared.injected.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(?fault, "store.fault.injected");
        }
        fault
    }

    async fn write<F>(&self, op: Op<'_>, write: impl FnOnce(Arc<S>) -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let fault = self.fault(op).await;
        let write = write(Arc::clone(&self.store));
        let unknown = |cause: &str| Err(Error::Unknown(cause.to_owned()));
        match fault {
            None => write.await,
            Some(Fault::Refused) => refused(),
            Some(Fault::LostBefore) => unknown("injected: lost before it was applied"),
            Some(Fault::LostAfter) => match write.await {
                Ok(()) => unknown("injected: timed out after it was applied"),
                Err(_) => unknown("injected: timed out"),
            },
            Some(Fault::Late(delay)) => {
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let result = write.await;
                    tracing::debug!(?result, "store.fault.late");
                });
                unknown("injected: timed out before it was applied")
            }
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                write.await
            }
        }
    }

    async fn read<T>(
        &self,
        name: &'static str,
        read: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        match self.fault(Op::Read(name)).await {
            None => read.await,
            Some(Fault::Slow(delay)) => {
                tokio::time::sleep(delay).await;
                read.await
            }
            Some(_) => refused(),
        }
    }
}

fn refused<T>() -> Result<T> {
    Err(Error::Unavailable("injected: refused".to_owned()))
}

/// Draws the same number of times whatever comes of it, so that one operation's luck does not
/// change another's.
fn draw(random: &mut StdRng, plan: &FaultPlan, is_read: bool) -> Option<Fault> {
    let percent = if is_read {
        plan.reads_percent
    } else {
        plan.writes_percent
    };
    let (luck, kind, share) = (
        random.random_range(0..100),
        random.random_range(0..5),
        random.random_range(0.0..1.0),
    );
    let delay = plan.longest_delay.mul_f64(share);
    (luck < percent).then_some(match kind {
        0 => Fault::Refused,
        1 => Fault::LostBefore,
        2 => Fault::LostAfter,
        3 => Fault::Late(delay),
        _ => Fault::Slow(delay),
    })
}
