//! The beats of a node: each is a commit of its row, and lets it answer from memory for a while.
//!
//! Only the node itself writes that it is up, and only others, or its own leaving, that it is gone.
//! So whatever became of a beat, the row tells.

use super::{Keeper, Residents};
use crate::domain::ids::NodeId;
use crate::store::{Change, Commit, Error, NodeRow, NodeWrite, Presence, Version};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The row of a node, as it was last seen.
struct Own {
    id: NodeId,
    version: Version,
    /// When the first beat at this version was sent, of which any may be the one that takes effect.
    sent: Option<Duration>,
}

impl Own {
    fn moves_to(&mut self, version: Version) {
        if version != self.version {
            (self.version, self.sent) = (version, None);
        }
    }
}

/// What became of a beat.
enum Beaten {
    Done,
    /// The node counts as dead.
    Dead,
    /// To be tried again.
    Failed(Error),
}

pub(super) async fn run(keeper: Arc<Keeper>, residents: Arc<dyn Residents>) {
    let fresh = |id| Own {
        id,
        version: 0,
        sent: None,
    };
    let mut own = fresh(keeper.node.standing.load().me);
    loop {
        let pause = match beat(&keeper, &*residents, &mut own).await {
            Beaten::Done if *keeper.has_left.borrow() => return,
            Beaten::Done => keeper.timing.beat,
            Beaten::Dead if keeper.is_leaving() => {
                keeper.node.lease_until.store(0, Ordering::Release);
                keeper.has_left.send_replace(true);
                return;
            }
            Beaten::Dead => {
                own = fresh(begin_anew(&keeper, &*residents).await);
                Duration::ZERO
            }
            Beaten::Failed(error) => {
                tracing::warn!(%error, "cluster.beat.failed");
                keeper.timing.hurry
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = keeper.beat.notified() => {}
        }
    }
}

async fn beat(keeper: &Keeper, residents: &dyn Residents, own: &mut Own) -> Beaten {
    let now = keeper.node.clock.since_boot();
    let sent = *own.sent.get_or_insert(now);
    let standing = keeper.node.standing.load_full();
    // A node that leaves is gone once it has nothing more.
    let is_last = keeper.is_leaving() && standing.has_nothing();
    let row = NodeRow {
        member: keeper.member(own.id),
        presence: if is_last {
            Presence::Gone
        } else {
            Presence::Up
        },
        handed: standing.handed,
        residents: residents.count(),
    };
    let write = NodeWrite {
        row,
        at: keeper.sources.clock.now(),
    };
    let commit = Commit {
        expected: own.version,
        write: keeper.write_id(),
        change: Change::Node(own.id, write),
    };
    match keeper.in_time(keeper.node.store.commit(commit)).await {
        Ok(()) => own.moves_to(own.version + 1),
        Err(error) => match look(keeper, own, is_last).await {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return Beaten::Failed(error),
            Ok(None) => return Beaten::Dead,
            Err(error) => return Beaten::Failed(error),
        },
    }
    if is_last {
        keeper.node.lease_until.store(0, Ordering::Release);
        keeper.has_left.send_replace(true);
    } else {
        let until = (sent + keeper.timing.lease).as_nanos();
        let until = u64::try_from(until).unwrap_or(u64::MAX);
        keeper.node.lease_until.store(until, Ordering::Release);
    }
    Beaten::Done
}

/// Whether a beat whose outcome is unknown took effect; `None` where the node counts as dead.
async fn look(keeper: &Keeper, own: &mut Own, is_last: bool) -> Result<Option<bool>, Error> {
    let found = keeper.in_time(keeper.node.store.node(own.id)).await?;
    let before = own.version;
    own.moves_to(found.version);
    match found.value {
        Some(row) if row.presence == Presence::Up => Ok(Some(found.version > before && !is_last)),
        // Whoever is not there yet is not dead.
        None if before == 0 => Ok(Some(false)),
        _ => Ok(None),
    }
}

/// The others have taken over, or will: what this node has in memory is void. It goes on as another.
async fn begin_anew(keeper: &Keeper, residents: &dyn Residents) -> NodeId {
    keeper.node.lease_until.store(0, Ordering::Release);
    let id = NodeId(keeper.sources.entropy.uuid());
    let dead = keeper.node.standing.load().me;
    tracing::warn!(node.id = %dead, node.successor = %id, "cluster.node.found_dead");
    keeper.learn(|standing| standing.begin_anew(id));
    let deadline = tokio::time::Instant::now() + keeper.timing.hand_over;
    residents.hand_over(&|_| false, deadline).await;
    id
}
