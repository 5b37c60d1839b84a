//! How nodes ask each other. What is asked is bytes here; whoever asks and whoever answers agree on
//! them.

use crate::store::Member;
use async_trait::async_trait;
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
#[derive(Clone, Debug)]
pub struct Call {
    /// The kind of actor.
    pub kind: Kind,
    /// Which actor.
    pub key: Vec<u8>,
    /// What it is asked.
    pub request: Vec<u8>,
    /// The number of the view by which the asker chose the node.
    pub view: u64,
    /// When the asker stops waiting.
    pub deadline: Instant,
}

/// What a node answers to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What the actor answered.
    Given(Vec<u8>),
    /// The actor is not this node's, in the view of this number. Nothing was done.
    Elsewhere {
        /// The view.
        view: u64,
    },
}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The node never got it, and never will: it may be asked again, or another node.
    #[error("the node cannot be reached")]
    NotSent,
    /// It may have been done.
    #[error("the node did not answer")]
    Unknown,
}

/// Carries calls to other nodes.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Has `to` handle the call. Ends at the call's deadline.
    ///
    /// # Errors
    /// [`Unanswered`].
    async fn call(&self, to: &Member, call: Call) -> Result<Answer, Unanswered>;
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
