//! Where the actors are: one per key, made when first asked for, found without waiting.
//!
//! Admission is counted here, since ractor's mailboxes have no bound: an entry admits so many
//! requests at once and refuses the rest. An entry goes only after its actor has ended, so that one
//! node never has two actors of one key.

use super::Failure;
use super::metrics::KindMetrics;
use super::supervisor::Shards;
use crate::cluster::Ticket;
use crate::metrics::Gauge;
use crate::telemetry::caller::Caller;
use crate::telemetry::traces;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Slot;
use ractor::{Actor, ActorRef, ActorRuntime};
use std::fmt::{Debug, Display};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

/// The pause before the successor of an actor is asked.
const BREATH: Duration = Duration::from_millis(1);

/// What a kind of actor must be for a directory to keep it.
pub(crate) trait Entity: Clone + Send + Sync + 'static {
    /// What tells its actors apart.
    type Key: Clone + Debug + Display + Eq + Hash + Send + Sync + 'static;
    /// What it is asked.
    type Request: Send + Debug + 'static;
    /// What it answers.
    type Reply: Send + Debug + 'static;
    /// Its messages.
    type Message: ractor::Message;
    /// The actor. Its state holds what `start` returns; the handler itself holds the residence.
    type Handler: Actor<Msg = Self::Message>;

    /// What an actor of `key` starts with. The handler keeps `residence` as long as it lives.
    fn start(
        &self,
        key: Self::Key,
        residence: Residence<Self>,
    ) -> (Self::Handler, <Self::Handler as Actor>::Arguments);

    /// The message that carries a request.
    fn ask(envelope: Envelope<Self>) -> Self::Message;

    /// The request in a message that could not be delivered.
    fn undelivered(message: Self::Message) -> Option<Envelope<Self>>;

    /// The message after which an actor takes no more requests, finishes those that it has, and
    /// stops.
    fn quiesce() -> Self::Message;
}

/// Bounds of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Requests that may wait for one actor.
    pub waiting: usize,
    /// Actors that may be resident; the least recently asked are passivated beyond.
    pub residents: usize,
}

/// A directory of actors. Cheap to clone.
pub(crate) struct Directory<E: Entity> {
    inner: Arc<Inner<E>>,
}

impl<E: Entity> Clone for Directory<E> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<E: Entity> {
    entity: E,
    entries: DashMap<E::Key, Arc<Entry<E>>>,
    shards: Shards,
    bounds: Bounds,
    metrics: Arc<KindMetrics>,
    /// Counts requests: the time by which "least recently" is judged.
    ticks: AtomicU64,
    /// Set once everything is quiesced: from then on no actor is made.
    closed: AtomicBool,
}

struct Entry<E: Entity> {
    actor: ActorRef<E::Message>,
    admission: Arc<AtomicUsize>,
    asked: AtomicU64,
    /// Closed when the actor has ended.
    ended: Arc<Semaphore>,
}

/// Held by an actor's handler: dropping it, however the actor came to its end, frees its place.
pub(crate) struct Residence<E: Entity> {
    key: E::Key,
    directory: std::sync::Weak<Inner<E>>,
    ended: Arc<Semaphore>,
}

impl<E: Entity> Drop for Residence<E> {
    fn drop(&mut self) {
        if let Some(inner) = self.directory.upgrade() {
            let is_mine =
                |_: &E::Key, entry: &Arc<Entry<E>>| Arc::ptr_eq(&entry.ended, &self.ended);
            inner.entries.remove_if(&self.key, is_mine);
        }
        self.ended.close();
    }
}

/// A request on its way into a mailbox. Dropped unread, it gives its request back, so that nothing
/// is lost in the mailbox of an actor that ends.
pub(crate) struct Envelope<E: Entity> {
    /// Boxed: the future of an idle actor has room for the largest message, several times.
    content: Option<Box<(E::Request, Port<E>)>>,
    _unread: Counted,
}

/// Where the answer to a request goes, and until when.
pub(crate) struct Port<E: Entity> {
    answer: oneshot::Sender<Answer<E>>,
    /// When the asker stops waiting.
    pub(crate) deadline: Instant,
    /// Who asks.
    pub(crate) caller: Caller,
    ticket: Ticket,
    _admitted: Admitted,
}

enum Answer<E: Entity> {
    Given(Result<E::Reply, Failure>),
    Unread(E::Request),
}

impl<E: Entity> Envelope<E> {
    /// Reads the request: from here on it may have effects.
    pub(crate) fn open(mut self) -> Option<(E::Request, Port<E>)> {
        self.take()
    }

    fn take(&mut self) -> Option<(E::Request, Port<E>)> {
        self.content.take().map(|content| *content)
    }
}

impl<E: Entity> Drop for Envelope<E> {
    fn drop(&mut self) {
        if let Some((request, port)) = self.take() {
            let _ = port.answer.send(Answer::Unread(request));
        }
    }
}

impl<E: Entity> Debug for Envelope<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Envelope(..)")
    }
}

impl<E: Entity> Port<E> {
    /// Answers, if this node may still do so. Nobody may be waiting any more, which is no error.
    pub(crate) fn answer(self, reply: Result<E::Reply, Failure>) {
        // Judged here and not by the asker, who may be late: an actor that leaves has answered before
        // its key goes, so nobody is told 503 of what was done in time.
        let reply = match self.ticket.holds() {
            true => reply,
            false => Err(Failure::Unavailable),
        };
        traces::done(self.caller.span());
        let _ = self.answer.send(Answer::Given(reply));
    }

    /// Whether the asker has stopped waiting.
    pub(crate) fn is_late(&self) -> bool {
        self.answer.is_closed() || Instant::now() >= self.deadline
    }
}

/// A request that no actor has read: it has had no effect, and will have none.
pub(crate) struct Unread<R>(pub(crate) R);

/// One of the requests that an entry admits at once; dropping it makes room.
struct Admitted {
    admission: Arc<AtomicUsize>,
    _counted: Counted,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counted in a gauge until it is dropped.
struct Counted(Gauge);

impl Counted {
    fn by(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<E: Entity> Directory<E> {
    pub(crate) fn new(
        entity: E,
        shards: Shards,
        bounds: Bounds,
        metrics: Arc<KindMetrics>,
    ) -> Self {
        let (entries, ticks) = (DashMap::new(), AtomicU64::new(0));
        Self {
            inner: Arc::new(Inner {
                entity,
                entries,
                shards,
                bounds,
                metrics,
                ticks,
                closed: AtomicBool::new(false),
            }),
        }
    }

    /// Asks the actor of `key`, made if need be, and waits for its answer until `deadline`. The
    /// answer is [`Failure::Busy`] where too many wait for the actor, [`Failure::Unavailable`]
    /// where none came, or the ticket did not hold when it was given: it may have been done
    /// nevertheless. Else it is what the actor answers.
    ///
    /// # Errors
    /// [`Unread`] where the actor ended before it read the request: to be asked again.
    pub(crate) async fn offer(
        &self,
        key: &E::Key,
        request: E::Request,
        ticket: Ticket,
        deadline: Instant,
    ) -> Result<Result<E::Reply, Failure>, Unread<E::Request>> {
        let begun = Instant::now();
        let reply = self.send(key, request, ticket, deadline).await?;
        self.inner.metrics.commanded(begun, &reply);
        Ok(reply)
    }

    async fn send(
        &self,
        key: &E::Key,
        request: E::Request,
        ticket: Ticket,
        deadline: Instant,
    ) -> Result<Result<E::Reply, Failure>, Unread<E::Request>> {
        let (entry, admitted) = match self.entry(key).and_then(|e| Ok((self.admit(&e)?, e))) {
            Ok((admitted, entry)) => (entry, admitted),
            Err(failure) => return Ok(Err(failure)),
        };
        let (answer, answered) = oneshot::channel();
        let port = Port {
            answer,
            deadline,
            caller: Caller::current(),
            ticket,
            _admitted: admitted,
        };
        let message = E::ask(Envelope {
            content: Some(Box::new((request, port))),
            _unread: Counted::by(&self.inner.metrics.unread),
        });
        let sent = entry.actor.send_message(message);
        // A message that slips into a mailbox as it closes is dropped, and gives its request
        // back, only when nobody refers to the actor any more.
        let ended = entry.ended.clone();
        drop(entry);
        let unread = match sent {
            Ok(()) => match timeout_at(deadline, answered).await {
                Ok(Ok(Answer::Given(reply))) => return Ok(reply),
                Ok(Ok(Answer::Unread(request))) => Some(request),
                Ok(Err(_)) | Err(_) => None,
            },
            Err(ractor::MessagingErr::SendErr(message)) => {
                let envelope = E::undelivered(message).and_then(Envelope::open);
                envelope.map(|(request, _)| request)
            }
            Err(_) => None,
        };
        let Some(request) = unread else {
            return Ok(Err(Failure::Unavailable));
        };
        // The actor is on its way out; its successor must not begin before it has ended.
        if timeout_at(deadline, ended.acquire()).await.is_err() {
            return Ok(Err(Failure::Unavailable));
        }
        // Should actors end as soon as they begin, their askers must not spin.
        sleep(BREATH).await;
        Err(Unread(request))
    }

    fn admit(&self, entry: &Entry<E>) -> Result<Admitted, Failure> {
        let waiting = entry.admission.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted {
            admission: entry.admission.clone(),
            _counted: Counted::by(&self.inner.metrics.admitted),
        };
        if waiting < self.inner.bounds.waiting {
            Ok(admitted)
        } else {
            Err(Failure::Busy)
        }
    }

    fn entry(&self, key: &E::Key) -> Result<Arc<Entry<E>>, Failure> {
        let tick = self.inner.ticks.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.inner.entries.get(key) {
            entry.asked.store(tick, Ordering::Relaxed);
            return Ok(entry.clone());
        }
        match self.inner.entries.entry(key.clone()) {
            Slot::Occupied(entry) => Ok(entry.get().clone()),
            Slot::Vacant(_) if self.inner.closed.load(Ordering::Acquire) => {
                Err(Failure::Unavailable)
            }
            Slot::Vacant(vacant) => {
                let entry = Arc::new(self.spawn(key, tick)?);
                self.inner.metrics.started.inc();
                Ok(vacant.insert(entry).clone())
            }
        }
    }

    fn spawn(&self, key: &E::Key, tick: u64) -> Result<Entry<E>, Failure> {
        let ended = Arc::new(Semaphore::new(0));
        let directory = Arc::downgrade(&self.inner);
        let residence = Residence {
            key: key.clone(),
            directory,
            ended: ended.clone(),
        };
        let (handler, arguments) = self.inner.entity.start(key.clone(), residence);
        let shard = self
            .inner
            .shards
            .of(self.inner.entries.hasher().hash_one(key));
        // Unnamed: ractor frees a name before the actor has ended. The join handle is of no use:
        // the residence tells of every end, also of one before the actor was linked.
        let spawned = ActorRuntime::spawn_linked_instant(None, handler, arguments, shard);
        let (actor, _) = spawned.map_err(|_| Failure::Unavailable)?;
        let (admission, asked) = (Arc::default(), AtomicU64::new(tick));
        Ok(Entry {
            actor,
            admission,
            asked,
            ended,
        })
    }

    /// What is counted of its kind.
    pub(crate) fn metrics(&self) -> &Arc<KindMetrics> {
        &self.inner.metrics
    }

    /// How many actors are resident.
    pub(crate) fn residents(&self) -> usize {
        self.inner.entries.len()
    }

    /// Passivates the least recently asked actors, where there are more than may be: a tenth more
    /// than that, so that this is not done for every one that comes.
    pub(crate) fn passivate_excess(&self) -> usize {
        let most = self.inner.bounds.residents;
        let resident = self.residents();
        if resident <= most {
            return 0;
        }
        let entries = self.inner.entries.iter();
        let mut by_age: Vec<_> = entries
            .map(|entry| (entry.asked.load(Ordering::Relaxed), entry.actor.clone()))
            .collect();
        let excess = (resident - most + most / 10).min(by_age.len());
        if excess < by_age.len() {
            by_age.select_nth_unstable_by_key(excess, |(asked, _)| *asked);
        }
        for (_, actor) in &by_age[..excess] {
            let _ = actor.send_message(E::quiesce());
        }
        let passivated = u64::try_from(excess).unwrap_or(u64::MAX);
        self.inner.metrics.passivated.inc_by(passivated);
        excess
    }

    /// Lets the actor of `key`, if there is one, finish what it has and stop.
    pub(crate) fn quiesce(&self, key: &E::Key) {
        let actor = self.inner.entries.get(key).map(|entry| entry.actor.clone());
        if let Some(actor) = actor {
            let _ = actor.send_message(E::quiesce());
        }
    }

    /// Lets every actor of a key that `leaves` finish what it has and stop, and so on until there
    /// is none, at most until `deadline`.
    pub(crate) async fn quiesce_where(&self, leaves: impl Fn(&E::Key) -> bool, deadline: Instant) {
        loop {
            let entries = self.inner.entries.iter();
            let leaving: Vec<_> = entries
                .filter(|entry| leaves(entry.key()))
                .map(|entry| entry.value().clone())
                .collect();
            if leaving.is_empty() {
                return;
            }
            for entry in &leaving {
                let _ = entry.actor.send_message(E::quiesce());
            }
            for entry in leaving {
                if timeout_at(deadline, entry.ended.acquire()).await.is_err() {
                    tracing::warn!(residents = self.residents(), "directory.quiesce.late");
                    return;
                }
            }
        }
    }

    /// Lets every actor finish what it has and stop, waits for that until `deadline`, and makes
    /// no actor from then on.
    pub(crate) async fn quiesce_all(&self, deadline: Instant) {
        self.inner.closed.store(true, Ordering::Release);
        self.quiesce_where(|_| true, deadline).await;
    }
}

#[cfg(test)]
mod tests;
