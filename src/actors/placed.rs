//! Requests find the node that has the actor: this one, or another by a call.
//!
//! Whoever is asked by another node answers or says that the actor is elsewhere; it never passes
//! the request on. An answer is given only while this node may give it, judged once it is there.

use super::Failure;
use super::directory::{Directory, Entity, Unread};
use super::wire::{Wire, decode, encode};
use crate::cluster::{
    Answer, Call, Cluster, KeyHash, Kind, Peer, Place, Ticket, Unanswered, Unplaced,
};
use crate::telemetry::caller::{self, Caller};
use crate::telemetry::traces::{self, TraceParent, traced};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span};

/// How often other nodes may say that the actor is elsewhere: once while a view changes, and some
/// more where changes follow each other closely.
const MAX_MOVES: u32 = 4;
/// The pause before a node is asked again that could not be reached: the view may change meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// How many requests may wait until a node can be reached, or a key is here: others need the places
/// of requests in flight too.
const MAX_WAITING: usize = 256;

/// A kind of actor that has its place among the nodes.
pub(crate) trait Routed: Entity<Key: Wire, Request: Wire, Reply: Wire> {
    /// What other nodes call it.
    const KIND: Kind;

    /// What decides its place.
    fn hash(key: &Self::Key) -> KeyHash;
}

/// The actors of one kind, wherever they are. Cheap to clone.
pub(crate) struct Placed<E: Entity> {
    directory: Directory<E>,
    cluster: Cluster,
    waiting: Arc<Semaphore>,
    /// Whether actors that leave are asked where they are until their kind is handed over.
    lingers: bool,
    /// The number of the latest view for which the kind is being handed over, or was.
    handing: Arc<AtomicU64>,
}

impl<E: Entity> Clone for Placed<E> {
    fn clone(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            cluster: self.cluster.clone(),
            waiting: self.waiting.clone(),
            lingers: self.lingers,
            handing: self.handing.clone(),
        }
    }
}

/// What became of a call.
enum Called<E: Entity> {
    Answered(Result<E::Reply, Failure>),
    /// Nothing was done: the actor is elsewhere, in the view of this number.
    Moved(u64),
    /// Nothing was done: the node cannot be reached.
    Unreached,
}

impl<E: Routed> Placed<E> {
    pub(crate) fn new(directory: Directory<E>, cluster: Cluster) -> Self {
        Self {
            directory,
            cluster,
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            lingers: false,
            handing: Arc::default(),
        }
    }

    /// Of a kind that others need in order to be handed over themselves: such actors are asked where
    /// they are until their own turn has come. Otherwise two nodes could each wait for the other.
    #[must_use]
    pub(crate) fn lingering(self) -> Self {
        Self {
            lingers: true,
            ..self
        }
    }

    /// Asks the actor of `key`, wherever it is, and waits for its answer until `deadline`.
    ///
    /// # Errors
    /// As [`Directory::offer`].
    pub(crate) async fn ask(
        &self,
        key: &E::Key,
        mut request: E::Request,
        deadline: Instant,
    ) -> Result<E::Reply, Failure> {
        let (mut moves, mut turn) = (0, None);
        let mut former = self.former(key);
        loop {
            let place = match former.take() {
                Some(place) => place,
                None => self.place(key, deadline, &mut turn).await?,
            };
            match place {
                Place::Here(ticket) => match self.here(key, request, ticket, deadline).await {
                    Ok(reply) => return reply,
                    Err(Unread(again)) => request = again,
                },
                Place::There(peer) => match self.call(&peer, key, &request, deadline).await? {
                    Called::Answered(reply) => return reply,
                    Called::Moved(_) if moves == MAX_MOVES => {
                        tracing::warn!(%key, moves, "cluster.call.lost");
                        return Err(Failure::Unavailable);
                    }
                    Called::Moved(view) => {
                        moves += 1;
                        self.take_turn(&mut turn)?;
                        let learned = self.cluster.learns(view, deadline).await;
                        learned.map_err(|Unplaced| Failure::Unavailable)?;
                    }
                    Called::Unreached => {
                        self.take_turn(&mut turn)?;
                        pause(deadline).await?;
                    }
                },
            }
        }
    }

    async fn place<'a>(
        &'a self,
        key: &E::Key,
        deadline: Instant,
        turn: &mut Option<SemaphorePermit<'a>>,
    ) -> Result<Place, Failure> {
        let hash = E::hash(key);
        if let Ok(place) = self.cluster.place(hash, Instant::now()).await {
            return Ok(place);
        }
        self.take_turn(turn)?;
        let place = self.cluster.place(hash, deadline).await;
        place.map_err(|Unplaced| Failure::Unavailable)
    }

    /// Who has the actor still, although the key is another node's by now.
    fn former(&self, key: &E::Key) -> Option<Place> {
        if !self.lingers {
            return None;
        }
        let former = self.cluster.former(E::hash(key))?;
        let is_leaving = || self.handing.load(Ordering::Acquire) >= self.cluster.number();
        match former {
            Place::Here(_) if is_leaving() => None,
            former => Some(former),
        }
    }

    /// Is one of those who wait, from now on until its request ends.
    fn take_turn<'a>(&'a self, turn: &mut Option<SemaphorePermit<'a>>) -> Result<(), Failure> {
        if turn.is_none() {
            let place = self.waiting.try_acquire();
            *turn = Some(place.map_err(|_| Failure::Unavailable)?);
        }
        Ok(())
    }

    /// Has the actor here answer, while that is this node's to do.
    async fn here(
        &self,
        key: &E::Key,
        request: E::Request,
        ticket: Ticket,
        deadline: Instant,
    ) -> Result<Result<E::Reply, Failure>, Unread<E::Request>> {
        let _visit = Visit {
            directory: &self.directory,
            key,
            ticket: ticket.clone(),
        };
        self.directory.offer(key, request, ticket, deadline).await
    }

    async fn call(
        &self,
        peer: &Peer,
        key: &E::Key,
        request: &E::Request,
        deadline: Instant,
    ) -> Result<Called<E>, Failure> {
        let hop = traced!(&Span::current(), "cluster.hop", node.id = %peer.id());
        let call = Call {
            kind: E::KIND,
            key: encode(key),
            request: encode(request),
            request_id: caller::request_id(),
            traceparent: TraceParent::of(&hop),
            view: peer.view(),
            deadline,
        };
        let metrics = self.directory.metrics();
        match metrics.calling(peer.call(call)).instrument(hop).await {
            Ok(Answer::Given(bytes)) => decode(&bytes).map(Called::Answered).map_err(|error| {
                tracing::error!(node.id = %peer.id(), %error, "cluster.answer.unreadable");
                Failure::Unavailable
            }),
            Ok(Answer::Elsewhere { view }) => Ok(Called::Moved(view)),
            Ok(Answer::Unreadable) => {
                tracing::error!(node.id = %peer.id(), "cluster.call.not_understood");
                Err(Failure::Unavailable)
            }
            Err(Unanswered::NotSent) => Ok(Called::Unreached),
            Err(error @ (Unanswered::Refused | Unanswered::Unknown)) => {
                tracing::warn!(node.id = %peer.id(), %error, "cluster.call.failed");
                Err(Failure::Unavailable)
            }
        }
    }

    /// Answers the call of another node, if the actor is here.
    ///
    /// # Errors
    /// [`Unanswered::NotSent`] where this node cannot tell in time whose the actor is, or must not
    /// answer for it now.
    pub(crate) async fn answer(&self, call: Call) -> Result<Answer, Unanswered> {
        let span = traces::continued(call.traceparent.as_ref(), || {
            traces::begun!("cluster.call", request_id = call.request_id.as_deref())
        });
        let caller = Caller::node(call.request_id.clone(), span);
        let answered = caller.on_behalf(self.answer_unless_elsewhere(call)).await;
        self.directory.metrics().served(&answered);
        answered
    }

    async fn answer_unless_elsewhere(&self, call: Call) -> Result<Answer, Unanswered> {
        let read = decode::<E::Key>(&call.key).and_then(|key| Ok((key, decode(&call.request)?)));
        let (key, mut request) = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(kind = ?call.kind, %error, "cluster.call.unreadable");
                return Ok(Answer::Unreadable);
            }
        };
        // The asker may know of a change before this node does.
        let learned = self.cluster.learns(call.view, call.deadline).await;
        learned.map_err(|Unplaced| Unanswered::NotSent)?;
        loop {
            let place = match self.former(&key) {
                Some(Place::Here(ticket)) => Ok(Place::Here(ticket)),
                _ => self.cluster.place(E::hash(&key), call.deadline).await,
            };
            let ticket = match place.map_err(|Unplaced| Unanswered::NotSent)? {
                Place::Here(ticket) => ticket,
                Place::There(peer) => return Ok(Answer::Elsewhere { view: peer.view() }),
            };
            match self.here(&key, request, ticket, call.deadline).await {
                Ok(reply) => return Ok(Answer::Given(encode(&reply))),
                Err(Unread(again)) => request = again,
            }
        }
    }

    /// Whether the actor of `key` is this node's now.
    pub(crate) fn is_here(&self, key: &E::Key) -> bool {
        self.cluster.has(E::hash(key))
    }

    /// What the node is called that has the actor of `key`, where there are several.
    pub(crate) fn owner(&self, key: &E::Key) -> Option<String> {
        self.cluster.owner(E::hash(key))
    }

    /// Has the actors of all keys that are not to be kept finish what they have, and end.
    pub(crate) async fn hand_over(&self, keeps: impl Fn(KeyHash) -> bool, deadline: Instant) {
        self.handing.store(self.cluster.number(), Ordering::Release);
        let leaves = |key: &E::Key| !keeps(E::hash(key));
        self.directory.quiesce_where(leaves, deadline).await;
    }

    /// How many requests wait until a node can be reached, or a key is here.
    pub(crate) fn waiting(&self) -> usize {
        MAX_WAITING - self.waiting.available_permits()
    }

    pub(crate) fn directory(&self) -> &Directory<E> {
        &self.directory
    }
}

/// A pause, after which there is still time.
async fn pause(deadline: Instant) -> Result<(), Failure> {
    sleep_until(deadline.min(Instant::now() + PAUSE)).await;
    if Instant::now() < deadline {
        Ok(())
    } else {
        Err(Failure::Unavailable)
    }
}

/// A request at an actor here. However it ends: if the key has left this node meanwhile, so does
/// the actor, which the request may have made after all others had left.
struct Visit<'a, E: Entity> {
    directory: &'a Directory<E>,
    key: &'a E::Key,
    ticket: Ticket,
}

impl<E: Entity> Drop for Visit<'_, E> {
    fn drop(&mut self) {
        if !self.ticket.holds() {
            self.directory.quiesce(self.key);
        }
    }
}

#[cfg(test)]
mod tests;
