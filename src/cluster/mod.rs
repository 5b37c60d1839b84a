//! Which node has which actor: who serves the store together, who of them owns a key, and how they
//! ask each other.
//!
//! The nodes agree by rows of the store alone. A node answers from memory while it owns the key and
//! its lease is fresh, both judged at the moment of the answer ([`Ticket::holds`]). Nothing here
//! knows what is asked; and that two nodes which both believe to own a key do no harm is not up to
//! this module but to the condition of every commit.

mod fixed;
pub mod grpc;
mod hash;
mod keeper;
mod metrics;
mod residents;
mod standing;
mod status;
mod timing;
mod transport;

pub use hash::{KeyHash, owner_in};
pub use keeper::{JoinError, Joining, Membership, Options};
pub use residents::Residents;
pub use status::{Footing, NodeStatus, Status};
pub use timing::Timing;
pub use transport::{Answer, Call, Handler, Kind, Transport, Unanswered};

use crate::domain::ids::NodeId;
use crate::sources::BootClock;
use crate::store::{Member, Store};
use arc_swap::ArcSwap;
use standing::{Spot, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

/// This node among those that serve the store. Cheap to clone.
#[derive(Clone)]
pub struct Cluster(Option<Arc<Node>>);

/// What a node knows and holds.
struct Node {
    standing: ArcSwap<Standing>,
    /// Sent to whenever the standing has changed.
    changed: watch::Sender<()>,
    /// Wakes the task that looks at the others.
    wake: Notify,
    clock: Arc<dyn BootClock>,
    /// Until when the node may answer from memory, in nanoseconds since boot.
    lease_until: AtomicU64,
    transport: Arc<dyn Transport>,
    store: Arc<dyn Store>,
}

/// Where a key is answered.
pub enum Place {
    /// Here, as long as the ticket holds.
    Here(Ticket),
    /// At another node.
    There(Peer),
}

/// The right to answer for a key. Cheap to clone.
#[derive(Clone)]
pub struct Ticket(Option<Held>);

#[derive(Clone)]
struct Held {
    node: Arc<Node>,
    /// As whom the node has it.
    me: NodeId,
    key: KeyHash,
    /// The view by which the key was found here.
    number: u64,
}

/// Another node, and the view by which a key was found there.
pub struct Peer {
    node: Arc<Node>,
    member: Member,
    number: u64,
}

/// The key could not be placed in time, or this node must not answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody can answer for it now")]
pub struct Unplaced;

impl Cluster {
    /// A node that has its store for itself: everything is here, for good.
    #[must_use]
    pub const fn alone() -> Self {
        Self(None)
    }

    /// Where the key is answered. While it is on its way here, waits until `deadline`.
    ///
    /// # Errors
    /// [`Unplaced`].
    pub async fn place(&self, key: KeyHash, deadline: Instant) -> Result<Place, Unplaced> {
        let Some(node) = &self.0 else {
            return Ok(Place::Here(Ticket::alone()));
        };
        if let Some(place) = node.look(key)? {
            return Ok(place);
        }
        let mut changes = node.changed.subscribe();
        loop {
            // Again after subscribing, so that no change is missed.
            if let Some(place) = node.look(key)? {
                return Ok(place);
            }
            let changed = timeout_at(deadline, changes.changed()).await;
            changed.map_err(|_| Unplaced)?.map_err(|_| Unplaced)?;
        }
    }

    /// Who had the key before the latest view, and has not handed it over as far as is known here.
    /// It may answer until it does; whoever has the key now waits for that.
    #[must_use]
    pub fn former(&self, key: KeyHash) -> Option<Place> {
        let node = self.0.as_ref()?;
        let standing = node.standing.load();
        let (me, number) = (standing.me, standing.number);
        let former = standing.former(key)?;
        if former == me {
            let number = number - 1;
            let node = node.clone();
            let held = Held {
                node,
                me,
                key,
                number,
            };
            return held
                .node
                .is_leased()
                .then(|| Place::Here(Ticket(Some(held))));
        }
        let mut members = standing.view.members.iter();
        let member = members.find(|member| member.id == former)?.clone();
        let node = node.clone();
        Some(Place::There(Peer {
            node,
            member,
            number,
        }))
    }

    /// Waits until this node knows a view of at least this number.
    ///
    /// # Errors
    /// [`Unplaced`] at the deadline.
    pub async fn learns(&self, number: u64, deadline: Instant) -> Result<(), Unplaced> {
        let Some(node) = &self.0 else {
            return Ok(());
        };
        let knows = || node.standing.load().number >= number;
        if knows() {
            return Ok(());
        }
        let mut changes = node.changed.subscribe();
        while !knows() {
            node.wake.notify_one();
            let changed = timeout_at(deadline, changes.changed()).await;
            changed.map_err(|_| Unplaced)?.map_err(|_| Unplaced)?;
        }
        Ok(())
    }

    /// Whether the key is answered here now.
    #[must_use]
    pub fn has(&self, key: KeyHash) -> bool {
        self.0
            .as_ref()
            .is_none_or(|node| node.is_leased() && node.standing.load().spot(key) == Spot::Here)
    }

    /// What the node is called that owns the key in the latest view; `None` for a node alone, and
    /// where there is no node.
    #[must_use]
    pub fn owner(&self, key: KeyHash) -> Option<String> {
        let standing = self.0.as_ref()?.standing.load();
        standing.owner(key).map(|owner| owner.name.clone())
    }

    /// The number of the latest view that is known; 0 for a node alone.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |node| node.standing.load().number)
    }
}

impl Ticket {
    /// That of a node alone, which holds for good.
    #[must_use]
    pub const fn alone() -> Self {
        Self(None)
    }

    /// Whether this node may still answer: to be asked when the answer is there, before it is given.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|held| {
            let standing = held.node.standing.load();
            let is_mine = standing.handed <= held.number
                || (standing.handed == held.number + 1
                    && standing.handed == standing.number
                    && standing.keeps(held.key));
            is_mine && standing.me == held.me && held.node.is_leased()
        })
    }
}

impl Peer {
    /// Which node it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.member.id
    }

    /// The number of the view by which the key was found there.
    #[must_use]
    pub fn view(&self) -> u64 {
        self.number
    }

    /// Has the other node handle a call, at most until the call's deadline.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn call(&self, call: Call) -> Result<Answer, Unanswered> {
        let deadline = call.deadline;
        let called = self.node.transport.call(&self.member, call);
        timeout_at(deadline, called)
            .await
            .unwrap_or(Err(Unanswered::Unknown))
    }
}

impl Node {
    /// Where the key is answered now; `None` while it is on its way here.
    ///
    /// # Errors
    /// [`Unplaced`] where it is here, and this node must not answer.
    fn look(self: &Arc<Self>, key: KeyHash) -> Result<Option<Place>, Unplaced> {
        let standing = self.standing.load();
        let (me, number, node) = (standing.me, standing.number, self.clone());
        match standing.spot(key) {
            Spot::Here if !node.is_leased() => Err(Unplaced),
            Spot::Here => Ok(Some(Place::Here(Ticket(Some(Held {
                node,
                me,
                key,
                number,
            }))))),
            Spot::There(member) => Ok(Some(Place::There(Peer {
                node,
                member,
                number,
            }))),
            Spot::Nowhere => Ok(None),
        }
    }

    fn is_leased(&self) -> bool {
        !self.lease_left().is_zero()
    }

    /// How much longer the node may answer from memory.
    fn lease_left(&self) -> Duration {
        let until = Duration::from_nanos(self.lease_until.load(Ordering::Acquire));
        until.saturating_sub(self.clock.since_boot())
    }
}

#[cfg(test)]
mod tests;
