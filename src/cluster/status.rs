//! What operators see of the nodes.

use super::{Cluster, Node};
use crate::domain::ids::NodeId;
use crate::store::{Member, NodeRow, Presence};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The nodes, as one of them knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which node says so.
    pub me: NodeId,
    /// The number of the latest view that it knows.
    pub view: u64,
    /// How much longer it may answer from memory.
    pub lease: Duration,
    /// The members of the view, and those of the one before who have not handed over yet.
    pub nodes: Vec<NodeStatus>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Which.
    pub id: NodeId,
    /// Its name and address; `None` where its row is gone.
    pub member: Option<Member>,
    /// Whether the view has it.
    pub is_member: bool,
    /// Whether it is there.
    pub is_up: bool,
    /// The latest view that it has adopted: below the view's number, actors are still moving.
    pub handed: u64,
    /// How many users' and stock items' actors it has.
    pub residents: (u64, u64),
}

/// Where a node stands, as far as it knows.
#[derive(Clone, Copy, Debug)]
pub struct Footing {
    /// The number of the latest view; 0 before the first.
    pub view: u64,
    /// How many nodes the view has.
    pub members: usize,
    /// How many nodes have not adopted it yet: above 0, actors are moving.
    pub unsettled: usize,
    /// Whether the node belongs to it.
    pub is_member: bool,
    /// How much longer the node may answer from memory.
    pub lease: Duration,
}

impl Cluster {
    /// Where the node stands, without asking anybody; `None` for a node alone.
    #[must_use]
    pub fn footing(&self) -> Option<Footing> {
        let node = self.0.as_ref()?;
        let standing = node.standing.load();
        Some(Footing {
            view: standing.number,
            members: standing.view.members.len(),
            unsettled: standing.unsettled().collect::<BTreeSet<_>>().len(),
            is_member: standing.is_member(),
            lease: node.lease_left(),
        })
    }

    /// The nodes, read from the store; `None` for a node alone, and where they cannot be read before
    /// `deadline`.
    pub async fn status(&self, deadline: Instant) -> Option<Status> {
        let node = self.0.as_ref()?;
        tokio::time::timeout_at(deadline, status(node)).await.ok()?
    }

    /// Whether the node has its store for itself, by the way it was started.
    #[must_use]
    pub const fn is_alone(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the node is a member, and may answer from memory.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|node| node.standing.load().is_member() && node.is_leased())
    }
}

async fn status(node: &Arc<Node>) -> Option<Status> {
    let standing = node.standing.load_full();
    let members = standing.view.members.iter().map(|member| member.id);
    let mut ids: Vec<_> = members.chain(standing.unsettled()).collect();
    ids.sort();
    ids.dedup();
    let mut nodes = Vec::with_capacity(ids.len());
    for id in ids {
        let row: Option<NodeRow> = node.store.node(id).await.ok()?.value;
        let mut members = standing.view.members.iter();
        let member = members.find(|member| member.id == id);
        nodes.push(NodeStatus {
            id,
            is_member: member.is_some(),
            member: row
                .as_ref()
                .map(|row| row.member.clone())
                .or(member.cloned()),
            is_up: row.as_ref().is_some_and(|row| row.presence == Presence::Up),
            handed: row.as_ref().map_or(0, |row| row.handed),
            residents: row.map_or((0, 0), |row| row.residents),
        });
    }
    Some(Status {
        me: standing.me,
        view: standing.number,
        lease: node.lease_left(),
        nodes,
    })
}
