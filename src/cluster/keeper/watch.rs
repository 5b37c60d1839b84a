//! What a node does about the others: follows the views, finds the dead, and makes the next view
//! where somebody comes or goes.

use super::{JoinError, Keeper, Residents};
use crate::cluster::Standing;
use crate::domain::ids::NodeId;
use crate::store::{
    Change, Commit, Error, Member, NodeRow, NodeWrite, Presence, Result, Version, Versioned, View,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many of its neighbours a node watches: so many who die at once are found by somebody else.
const NEIGHBOURS: usize = 3;

/// What a node has seen of the others.
struct Watch {
    keeper: Arc<Keeper>,
    residents: Arc<dyn Residents>,
    /// The version of a row, and when it was first seen there.
    seen: BTreeMap<NodeId, (Version, Duration)>,
    /// Members of the latest view who are gone.
    gone: BTreeSet<NodeId>,
}

pub(super) async fn run(keeper: Arc<Keeper>, residents: Arc<dyn Residents>) {
    let mut watch = Watch {
        keeper: keeper.clone(),
        residents,
        seen: BTreeMap::new(),
        gone: BTreeSet::new(),
    };
    loop {
        if let Err(error) = watch.look().await {
            tracing::warn!(%error, "cluster.look.failed");
        }
        let pause = match keeper.node.standing.load().is_settled() && watch.wants().is_none() {
            true => keeper.timing.look,
            false => keeper.timing.hurry,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = keeper.node.wake.notified() => {}
        }
    }
}

impl Watch {
    fn standing(&self) -> Arc<Standing> {
        self.keeper.node.standing.load_full()
    }

    async fn look(&mut self) -> Result<()> {
        let keeper = self.keeper.clone();
        let found = keeper.in_time(keeper.node.store.view()).await?;
        if found.version > self.standing().number {
            self.adopt(found).await;
        }
        for id in self.watched() {
            let row = keeper.in_time(keeper.node.store.node(id)).await?;
            self.judge(id, row).await;
        }
        if self.standing().is_settled() {
            self.propose().await?;
        }
        Ok(())
    }

    /// Goes over to the next view: hands over what is another's now, and says so.
    async fn adopt(&mut self, found: Versioned<View>) {
        let keeper = &self.keeper;
        let (number, view) = (found.version, found.value);
        tracing::info!(
            cluster.view = number,
            cluster.members = view.members.len(),
            "cluster.view.learned"
        );
        self.gone.clear();
        keeper.learn(|standing| standing.advance(number, view.clone()));
        keeper.node.transport.keep(&view.members);
        let standing = self.standing();
        let deadline = Instant::now() + keeper.timing.hand_over;
        let keeps = |key| standing.keeps(key);
        self.residents.hand_over(&keeps, deadline).await;
        let me = standing.me;
        keeper.learn(|standing| {
            // The node may have begun anew meanwhile.
            if standing.me == me {
                standing.handed = number;
                standing.adopted.insert(me);
            }
        });
        keeper.beat.notify_one();
        if self.standing().is_settled() {
            self.residents.taken_over();
        }
    }

    /// Whose rows are read: of whom it is not known that they have adopted the view, and the
    /// neighbours.
    fn watched(&self) -> BTreeSet<NodeId> {
        let standing = self.standing();
        let mut watched: BTreeSet<_> = standing.unsettled().collect();
        let ids: Vec<_> = standing.view.members.iter().map(|one| one.id).collect();
        // Whoever comes must know who is dead: nobody else may be left to find out.
        let count = match standing.is_member() {
            true => NEIGHBOURS,
            false => ids.len(),
        };
        // Members are in order of their ids, and the last is followed by the first.
        let after = ids.partition_point(|id| *id <= standing.me);
        let neighbours = ids.iter().cycle().skip(after).take(ids.len());
        watched.extend(neighbours.take(count));
        watched.remove(&standing.me);
        watched
    }

    /// Notes what a node's row says, and that the node is dead if it has said so for too long.
    async fn judge(&mut self, id: NodeId, found: Versioned<Option<NodeRow>>) {
        let keeper = &self.keeper;
        let row = match found.value {
            Some(row) if row.presence == Presence::Up => row,
            _ => return self.note_gone(id),
        };
        let number = self.standing().number;
        if row.handed >= number && !self.standing().adopted.contains(&id) {
            keeper.learn(|standing| {
                if standing.number == number {
                    standing.adopted.insert(id);
                }
            });
            self.tell_if_settled();
        }
        let now = keeper.node.clock.since_boot();
        let seen = self.seen.entry(id).or_insert((found.version, now));
        if seen.0 != found.version {
            *seen = (found.version, now);
        } else if now.saturating_sub(seen.1) >= keeper.timing.detection {
            self.evict(row, found.version).await;
        }
    }

    fn note_gone(&mut self, id: NodeId) {
        self.seen.remove(&id);
        let standing = self.standing();
        if standing.view.members.iter().any(|member| member.id == id) {
            self.gone.insert(id);
        }
        if !standing.adopted.contains(&id) {
            self.keeper.learn(|standing| {
                standing.adopted.insert(id);
            });
            self.tell_if_settled();
        }
    }

    fn tell_if_settled(&self) {
        if self.standing().is_settled() {
            self.residents.taken_over();
        }
    }

    /// Declares a node dead, unless it has beaten since.
    async fn evict(&self, row: NodeRow, version: Version) {
        let keeper = &self.keeper;
        let id = row.member.id;
        let row = NodeRow {
            presence: Presence::Gone,
            ..row
        };
        tracing::warn!(node.id = %id, node.name = row.member.name, "cluster.node.evicted");
        let write = NodeWrite {
            row,
            at: keeper.sources.clock.now(),
        };
        let commit = Commit {
            expected: version,
            write: keeper.write_id(),
            change: Change::Node(id, write),
        };
        // Whatever became of it, the row tells at the next look.
        if let Err(error) = keeper.in_time(keeper.node.store.commit(commit)).await {
            tracing::debug!(%error, node.id = %id, "cluster.evict.failed");
        }
        keeper.node.wake.notify_one();
    }

    /// The members of the view that this node would have follow; `None` where the latest is right.
    fn wants(&self) -> Option<Vec<Member>> {
        let standing = self.standing();
        let keeper = &self.keeper;
        let stays = |member: &&Member| {
            let leaves = member.id == standing.me && keeper.is_leaving();
            !leaves && !self.gone.contains(&member.id)
        };
        let members = standing.view.members.iter();
        let mut next: Vec<Member> = members.filter(stays).cloned().collect();
        if !standing.is_member() && !keeper.is_leaving() {
            next.push(keeper.member(standing.me));
            next.sort_by_key(|member| member.id);
        }
        (next != standing.view.members).then_some(next)
    }

    /// Makes the next view, where one is wanted. Another node may be faster, which the next look
    /// shows.
    async fn propose(&mut self) -> Result<()> {
        let Some(members) = self.wants() else {
            return Ok(());
        };
        let keeper = &self.keeper;
        let obstacle = obstacle(&keeper.address, self.standing().me, &members);
        let is_obstructed = obstacle.is_some();
        keeper.obstacle.send_replace(obstacle);
        if is_obstructed {
            return Ok(());
        }
        let standing = self.standing();
        let before = standing.view.members.iter().map(|member| member.id);
        let view = View {
            members,
            before: before.collect(),
        };
        let commit = Commit {
            expected: standing.number,
            write: keeper.write_id(),
            change: Change::View(view),
        };
        match keeper.in_time(keeper.node.store.commit(commit)).await {
            Ok(()) | Err(Error::Conflict) => keeper.node.wake.notify_one(),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Why this node cannot be with these.
fn obstacle(address: &Option<String>, me: NodeId, members: &[Member]) -> Option<JoinError> {
    let others = || members.iter().filter(|member| member.id != me);
    let is_member = members.iter().any(|member| member.id == me);
    if !is_member || others().next().is_none() {
        return None;
    }
    if address.is_none() || others().any(|other| other.address.is_none()) {
        let holders: Vec<_> = others().map(|other| other.name.clone()).collect();
        return Some(JoinError::Held {
            holders: holders.join(", "),
        });
    }
    let same = others().find(|other| other.address == *address)?;
    Some(JoinError::SameAddress {
        holder: same.name.clone(),
        address: address.clone()?,
    })
}
