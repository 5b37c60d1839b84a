//! What is stored of the nodes that serve one store together.

use super::{Result, Versioned};
use crate::domain::ids::NodeId;
use crate::domain::time::{Millis, Timestamp};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// A node, as the others know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// Where the others reach it, `host:port`. A node without one serves its store alone.
    pub address: Option<String>,
}

/// Who serves the store. Its number is the version of its partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Who serves it, by id.
    pub members: Vec<Member>,
    /// Who served it in the view before.
    pub before: Vec<NodeId>,
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// It beats.
    Up,
    /// It has left, or was found dead. It never comes back under this id.
    Gone,
}

/// A node's row. Each commit of it is a beat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRow {
    /// The node.
    pub member: Member,
    /// Whether it is there.
    pub presence: Presence,
    /// The number of the latest view that it has adopted: what it does not own there, it has handed
    /// over.
    pub handed: u64,
    /// How many users' and stock items' actors it has.
    pub residents: (u64, u64),
}

/// What a commit writes of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeWrite {
    /// The row, whole.
    pub row: NodeRow,
    /// When. It says when the row may be forgotten, and nothing else: clocks differ.
    pub at: Timestamp,
}

/// How long a node's row is kept after its last beat. Whoever finds none takes the node for gone.
pub const NODE_KEPT: Millis = Millis::days(1);

/// Reads of the nodes, all serial.
#[async_trait]
pub trait Membership: Send + Sync + 'static {
    /// Who serves the store; nobody before the first view.
    async fn view(&self) -> Result<Versioned<View>>;

    /// A node's row; `None` where there was none, or it was forgotten.
    async fn node(&self, id: NodeId) -> Result<Versioned<Option<NodeRow>>>;
}
