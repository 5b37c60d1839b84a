//! Keeps a node among the others: it joins, beats, watches the others, adopts views and leaves.
//!
//! Two tasks, so that looking at others never delays a beat. What they rest on is read from the
//! store and changed there by compare-and-set; durations are measured by the clock since boot.

mod beat;
mod watch;

use super::{Cluster, Node, Residents, Standing, Timing, Transport};
use crate::domain::ids::NodeId;
use crate::sources::{BootClock, Sources};
use crate::store::{Member, Store, WriteId};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;
use tokio::sync::{Notify, watch as channel};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// How long, beyond finding two deaths, a node that cannot join yet waits for others to leave.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a node takes part with.
pub struct Options {
    /// What the nodes serve together.
    pub store: Arc<dyn Store>,
    /// Ids, and the times of rows.
    pub sources: Sources,
    /// Durations.
    pub clock: Arc<dyn BootClock>,
    /// How others are asked.
    pub transport: Arc<dyn Transport>,
    /// How long what takes.
    pub timing: Timing,
    /// What people call the node.
    pub name: String,
    /// Where others reach it; without, it serves its store alone.
    pub address: Option<String>,
}

/// Why a node did not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// One of them cannot be reached by others, and so has to be alone.
    #[error(
        "the store is served by {holders}, and nodes serve one together only if each says where the others reach it"
    )]
    Held {
        /// Who serves it.
        holders: String,
    },
    /// Another node says that it is reached there.
    #[error("{holder} says that it is reached at {address}, as this node does")]
    SameAddress {
        /// The other.
        holder: String,
        /// The address.
        address: String,
    },
    /// The store did not answer, or the others did not settle.
    #[error("the nodes could not be joined in time")]
    Late,
}

/// A node that has not joined yet.
pub struct Joining {
    keeper: Arc<Keeper>,
}

/// A node that has joined. Dropped, it stops beating, which the others take for its death.
pub struct Membership {
    keeper: Arc<Keeper>,
    tasks: Vec<AbortHandle>,
}

struct Keeper {
    node: Arc<Node>,
    sources: Sources,
    timing: Timing,
    name: String,
    address: Option<String>,
    /// Wakes the task that beats.
    beat: Notify,
    is_leaving: AtomicBool,
    /// Set once the node's row says that it has left.
    has_left: channel::Sender<bool>,
    /// Why it cannot join, as long as it cannot.
    obstacle: channel::Sender<Option<JoinError>>,
}

impl Joining {
    /// A node, and the handle by which its actors are reached once it has joined.
    #[must_use]
    pub fn new(options: Options) -> (Cluster, Self) {
        let me = NodeId(options.sources.entropy.uuid());
        let node = Arc::new(Node {
            standing: ArcSwap::from_pointee(Standing::nobody(me)),
            changed: channel::channel(()).0,
            wake: Notify::new(),
            clock: options.clock,
            lease_until: AtomicU64::new(0),
            transport: options.transport,
            store: options.store,
        });
        let keeper = Keeper {
            node: node.clone(),
            sources: options.sources,
            timing: options.timing,
            name: options.name,
            address: options.address,
            beat: Notify::new(),
            is_leaving: AtomicBool::new(false),
            has_left: channel::channel(false).0,
            obstacle: channel::channel(None).0,
        };
        let keeper = Arc::new(keeper);
        (Cluster(Some(node)), Self { keeper })
    }

    /// Joins the nodes that are there, and from then on takes part until it leaves.
    ///
    /// # Errors
    /// [`JoinError`], after some time for those who have died to be found dead.
    pub async fn join(self, residents: Arc<dyn Residents>) -> Result<Membership, JoinError> {
        let keeper = self.keeper;
        let tasks = [
            tokio::spawn(beat::run(keeper.clone(), residents.clone())),
            tokio::spawn(watch::run(keeper.clone(), residents)),
        ];
        let tasks = tasks.iter().map(tokio::task::JoinHandle::abort_handle);
        let membership = Membership {
            tasks: tasks.collect(),
            keeper,
        };
        let keeper = &membership.keeper;
        let deadline = Instant::now() + 2 * keeper.timing.detection + PATIENCE;
        let mut changes = keeper.node.changed.subscribe();
        while !keeper.node.standing.load().has_adopted() {
            if timeout_at(deadline, changes.changed()).await.is_err() {
                let obstacle = keeper.obstacle.borrow().clone();
                return Err(obstacle.unwrap_or(JoinError::Late));
            }
        }
        Ok(membership)
    }
}

impl Membership {
    /// Leaves: has the others take over what this node has, and tells them that they may. From then
    /// on everything is answered by others. What has not ended by `deadline` is left to them to find
    /// out.
    pub async fn leave(&self, deadline: Instant) {
        let keeper = &self.keeper;
        keeper
            .is_leaving
            .store(true, std::sync::atomic::Ordering::Release);
        keeper.node.wake.notify_one();
        let mut left = keeper.has_left.subscribe();
        let waiting = left.wait_for(|has_left| *has_left);
        if timeout_at(deadline, waiting).await.is_err() {
            tracing::warn!("cluster.leave.late");
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Keeper {
    fn member(&self, id: NodeId) -> Member {
        Member {
            id,
            name: self.name.clone(),
            address: self.address.clone(),
        }
    }

    fn is_leaving(&self) -> bool {
        self.is_leaving.load(std::sync::atomic::Ordering::Acquire)
    }

    fn write_id(&self) -> WriteId {
        WriteId(self.sources.entropy.uuid())
    }

    /// What the store says, where it says so in time.
    async fn in_time<T>(
        &self,
        asked: impl Future<Output = crate::store::Result<T>>,
    ) -> crate::store::Result<T> {
        let limit = self.timing.lease / 2;
        match tokio::time::timeout(limit, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(crate::store::Error::Unknown("it takes too long".to_owned())),
        }
    }

    /// Changes what the node knows, and tells everybody who waits for it.
    fn learn(&self, change: impl Fn(&mut Standing)) {
        self.node.standing.rcu(|standing| {
            let mut next = Standing::clone(standing);
            change(&mut next);
            next
        });
        self.node.changed.send_replace(());
    }
}
