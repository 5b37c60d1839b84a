//! What is in memory of a user, and what is under way.

use super::actor::User;
use super::gate::Gate;
use crate::actors::directory::Port;
use crate::domain::ids::{OrderId, UserId};
use crate::domain::user::{Request, State};
use crate::store::{UserRecord, Version};
use std::collections::VecDeque;

/// A request that was read.
pub(crate) struct Asked {
    pub(super) request: Request,
    pub(super) port: Port<User>,
    /// How often it was attempted, where it is an order.
    pub(super) attempts: u32,
}

/// What the actor has of its user.
pub(crate) struct Resident {
    pub(super) phase: Phase,
    pub(super) state: State,
    pub(super) version: Version,
    /// Counts loads: what was fetched under an earlier one is fetched again.
    pub(super) loads: u64,
    /// Whether this actor has committed since it loaded: if so, no commit of a predecessor can
    /// still take effect.
    pub(super) has_committed: bool,
    /// The state is not to be trusted once the commit in flight has ended.
    pub(super) must_reload: bool,
    pub(super) gate: Gate,
    /// Requests that wait for loading.
    pub(super) parked: VecDeque<Asked>,
    /// How many requests wait for what they need.
    pub(super) fetching: usize,
    /// The order in the making, if there is one, and the orders that wait for their turn.
    pub(super) placing: Option<OrderId>,
    pub(super) queued_orders: VecDeque<Asked>,
    /// How many attempts that are over have holds to settle.
    pub(super) settling: usize,
    pub(super) quiescing: bool,
}

#[derive(PartialEq, Eq)]
pub(super) enum Phase {
    Loading,
    Ready,
    /// Nothing that is in memory may be used or committed any more.
    Ending,
}

impl Resident {
    pub(super) fn new(id: UserId) -> Self {
        let empty = UserRecord::default();
        Self {
            phase: Phase::Loading,
            state: State::loaded(id, empty.account, empty.cart),
            version: 0,
            loads: 0,
            has_committed: false,
            must_reload: false,
            gate: Gate::default(),
            parked: VecDeque::new(),
            fetching: 0,
            placing: None,
            queued_orders: VecDeque::new(),
            settling: 0,
            quiescing: false,
        }
    }

    /// Whether the state was replaced, or is being replaced, since there were so many loads.
    pub(super) fn is_changed_since(&self, loads: u64) -> bool {
        self.loads != loads || self.phase != Phase::Ready
    }

    pub(super) fn may_stop(&self) -> bool {
        let idle = self.gate.is_clear()
            && self.parked.is_empty()
            && self.fetching == 0
            && self.placing.is_none()
            && self.queued_orders.is_empty()
            && self.settling == 0;
        self.phase == Phase::Ending || (self.quiescing && idle)
    }
}
