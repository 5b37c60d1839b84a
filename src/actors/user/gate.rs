//! The output gate: while one commit is in flight, further requests are decided and their answers
//! held; the next commit carries what all of them change. No answer leaves before everything that
//! it rests on is durable.

use super::Reply;
use super::checkout::Placing;
use super::resident::Asked;
use crate::actors::Failure;
use crate::domain::account::KeyUse;
use crate::domain::order::Order;
use crate::domain::user::{Event, State};
use crate::store::UserWrite;
use crate::telemetry::caller::Caller;
use std::sync::Arc;

/// A request that was decided, and its answer.
pub(super) struct Decided {
    /// What was asked: decided again, should the state that it rests on not come to be.
    pub(super) asked: Asked,
    /// What is answered.
    pub(super) reply: Result<Reply, Failure>,
    /// The attempt that ends with this commit.
    pub(super) placing: Option<Placing>,
}

/// What one commit carries.
#[derive(Default)]
pub(super) struct Batch {
    account: bool,
    cart: bool,
    fence: bool,
    orders: Vec<Arc<Order>>,
    keys: Vec<(String, KeyUse)>,
    decided: Vec<Decided>,
}

impl Batch {
    /// Notes what an event changes.
    pub(super) fn record(&mut self, event: &Event) {
        match event {
            Event::LineAdded { .. }
            | Event::LineChanged { .. }
            | Event::LineRemoved { .. }
            | Event::CartCleared { .. } => self.cart = true,
            Event::OrderPlaced { order, .. } => {
                (self.cart, self.account) = (true, true);
                self.orders.push(order.clone());
            }
            Event::KeyUsed { key, used } => {
                self.account = true;
                self.keys.push((key.clone(), used.clone()));
            }
            Event::Fenced => self.fence = true,
            _ => self.account = true,
        }
    }

    pub(super) fn hold(&mut self, decided: Decided) {
        self.decided.push(decided);
    }

    /// Whether there is something to commit.
    pub(super) fn writes(&self) -> bool {
        self.account || self.cart || self.fence
    }

    /// What is committed: the parts of the state that changed.
    pub(super) fn write(&self, state: &State) -> UserWrite {
        UserWrite {
            account: state.account.as_ref().filter(|_| self.account).cloned(),
            cart: self.cart.then(|| state.cart.clone()),
            orders: self
                .orders
                .iter()
                .map(|order| Order::clone(order))
                .collect(),
            keys: self.keys.clone(),
        }
    }

    pub(super) fn into_decided(self) -> Vec<Decided> {
        self.decided
    }
}

/// The batches of one actor.
#[derive(Default)]
pub(super) struct Gate {
    in_flight: Option<Batch>,
    gathering: Batch,
}

impl Gate {
    /// Whether nothing waits for a commit.
    pub(super) fn is_clear(&self) -> bool {
        self.in_flight.is_none() && !self.gathering.writes()
    }

    pub(super) fn is_committing(&self) -> bool {
        self.in_flight.is_some()
    }

    /// How many requests wait for the commit in flight to change something, or to be told.
    pub(super) fn in_flight(&self) -> usize {
        let batch = self.in_flight.as_ref();
        batch.map_or(0, |batch| batch.decided.len())
    }

    pub(super) fn record(&mut self, event: &Event) {
        self.gathering.record(event);
    }

    /// Answers once everything decided so far is durable: now, where it is.
    pub(super) fn pass(&mut self, decided: Decided) {
        if self.gathering.writes() {
            self.gathering.hold(decided);
        } else if let Some(batch) = &mut self.in_flight {
            batch.hold(decided);
        } else {
            decided.asked.port.answer(decided.reply);
        }
    }

    /// The write to commit next, if there is one and none is in flight.
    pub(super) fn begin(&mut self, state: &State) -> Option<UserWrite> {
        if self.in_flight.is_some() || !self.gathering.writes() {
            return None;
        }
        let batch = std::mem::take(&mut self.gathering);
        let write = batch.write(state);
        self.in_flight = Some(batch);
        Some(write)
    }

    /// Those who wait for the commit in flight.
    pub(super) fn askers(&self) -> impl Iterator<Item = &Caller> + Clone {
        let decided = self.in_flight.iter().flat_map(|batch| &batch.decided);
        decided.map(|decided| &decided.asked.port.caller)
    }

    /// The batch whose commit has ended.
    pub(super) fn end(&mut self) -> Vec<Decided> {
        self.in_flight
            .take()
            .map(Batch::into_decided)
            .unwrap_or_default()
    }

    /// What was decided on a state that did not come to be, and not sent.
    pub(super) fn abandon(&mut self) -> Vec<Decided> {
        std::mem::take(&mut self.gathering).into_decided()
    }
}
