//! How nodes ask each other. What is asked is bytes here; whoever asks and whoever answers agree on
//! them.

use crate::store::Member;
use crate::telemetry::traces::TraceParent;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use tokio::time::Instant;

/// What kind of actor a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user's.
    User,
    /// A stock item's.
    Stock,
}

/// A request to an actor on another node.
#[derive(Clone)]
pub struct Call {
    /// The kind of actor.
    pub kind: Kind,
    /// Which actor.
    pub key: Vec<u8>,
    /// What it is asked.
    pub request: Vec<u8>,
    /// The id of the client's request on whose behalf it is.
    pub request_id: Option<Arc<str>>,
    /// What the call is part of, where it is traced.
    pub traceparent: Option<TraceParent>,
    /// The number of the view by which the asker chose the node.
    pub view: u64,
    /// When the asker stops waiting.
    pub deadline: Instant,
}

/// What is asked stays out of logs: it may hold credentials.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("kind", &self.kind)
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

/// What a node answers to a call.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the actor answered.
    Given(Vec<u8>),
    /// The actor is not this node's, in the view of this number. Nothing was done.
    Elsewhere {
        /// The view.
        view: u64,
    },
    /// The node cannot read the call: it is of another version. Nothing was done.
    Unreadable,
}

/// What was answered stays out of logs.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::Elsewhere { view } => write!(f, "Elsewhere({view})"),
            Self::Unreadable => f.write_str("Unreadable"),
        }
    }
}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The node never got it, and never will: it may be asked again, or another node.
    #[error("the node cannot be reached")]
    NotSent,
    /// It was not done, and asking again at once is of no use: the node, or the way to it, has too
    /// much already, or the node does not take calls from this one.
    #[error("the node refused the call")]
    Refused,
    /// It may have been done.
    #[error("the node did not answer")]
    Unknown,
}

/// Carries calls to other nodes.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Has `to` handle the call. Whoever calls stops waiting at the call's deadline.
    ///
    /// # Errors
    /// [`Unanswered`].
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered>;

    /// These are the nodes that there are now: ways to others may be closed.
    fn keep(&self, _members: &[Member]) {}
}

/// Answers the calls of other nodes.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Has the actor answer, if it is this node's.
    ///
    /// # Errors
    /// [`Unanswered`], as the caller shall see it.
    async fn handle(&self, call: Call) -> Result<Answer, Unanswered>;
}
