//! The way to one node: a stream that all calls to it share, opened when first needed, and again
//! whenever it broke.

use super::message::{self, ask};
use super::proto::calls_request::Step;
use super::proto::cluster_client::ClusterClient;
use super::proto::{Ask, CallsRequest, CallsResponse, Cancel};
use super::{ClusterSecret, MAX_MESSAGE, OPEN_TIME, WIRE_MESSAGE};
use crate::cluster::transport::{Answer, Call, Unanswered};
use crate::domain::ids::NodeId;
use futures::future::{BoxFuture, FutureExt, Shared};
use futures::stream;
use prost::Message;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

/// To one node.
pub(super) struct Link {
    to: NodeId,
    client: ClusterClient<Channel>,
    secret: ClusterSecret,
    most: usize,
    places: Semaphore,
    opening: Mutex<Option<Opening>>,
}

/// All who need the stream wait for one attempt to open it.
type Opening = Shared<BoxFuture<'static, Result<Arc<Calls>, Unanswered>>>;

/// A stream of calls.
struct Calls {
    asks: mpsc::Sender<CallsRequest>,
    waiting: Arc<Waiting>,
    reader: AbortHandle,
}

/// Who waits for an answer, by the number of the call; nobody any more once the stream has ended.
struct Waiting(Mutex<Option<Callers>>);

#[derive(Default)]
struct Callers {
    last: u64,
    by_call: HashMap<u64, oneshot::Sender<Result<Answer, Unanswered>>>,
}

/// A call under way. Dropped before it is answered, the node is told that nobody waits.
struct Pending<'a> {
    calls: &'a Calls,
    call: u64,
}

impl Link {
    /// With at most so many calls under way.
    pub(super) fn new(
        to: NodeId,
        client: ClusterClient<Channel>,
        secret: ClusterSecret,
        most: usize,
    ) -> Self {
        Self {
            to,
            client: client
                .max_decoding_message_size(WIRE_MESSAGE)
                .max_encoding_message_size(WIRE_MESSAGE),
            secret,
            most,
            places: Semaphore::new(most),
            opening: Mutex::new(None),
        }
    }

    /// Has the node handle a call.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(super) async fn call(&self, call: Call) -> Result<Answer, Unanswered> {
        let _place = self.places.try_acquire().map_err(|_| Unanswered::Refused)?;
        let calls = self.opened().await?;
        // Judged here: at the other end it would break the stream for all who share it.
        let ask = ask(call);
        if ask.encoded_len() > MAX_MESSAGE {
            tracing::error!(node.id = %self.to, bytes = ask.encoded_len(), "cluster.call.too_large");
            return Err(Unanswered::Refused);
        }
        calls.call(ask).await
    }

    fn opened(&self) -> Opening {
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        match &*opening {
            Some(opening) if is_of_use(opening) => opening.clone(),
            _ => opening.insert(self.open()).clone(),
        }
    }

    fn open(&self) -> Opening {
        let (to, mut client) = (self.to, self.client.clone());
        // Each call sends two messages at most.
        let (asks, queue) = mpsc::channel(2 * self.most);
        let queue = stream::unfold(queue, async |mut queue| {
            let next = queue.recv().await?;
            Some((next, queue))
        });
        let mut request = Request::new(queue);
        self.secret.prove(request.metadata_mut());
        let open = async move {
            match timeout(OPEN_TIME, client.calls(request)).await {
                Ok(Ok(answers)) => Ok(Arc::new(Calls::new(asks, answers.into_inner()))),
                Ok(Err(status)) => Err(unopened(to, &status)),
                Err(_) => Err(Unanswered::NotSent),
            }
        };
        open.boxed().shared()
    }
}

/// Whether it is under way still, or came to a stream that has not ended.
fn is_of_use(opening: &Opening) -> bool {
    match opening.peek() {
        None => true,
        Some(Ok(calls)) => calls.waiting.lock().is_some(),
        Some(Err(_)) => false,
    }
}

/// Without a stream nothing was sent.
fn unopened(to: NodeId, status: &Status) -> Unanswered {
    match status.code() {
        Code::Unauthenticated => {
            tracing::error!(node.id = %to, "cluster.secret.refused");
            Unanswered::Refused
        }
        Code::Unimplemented => {
            tracing::error!(node.id = %to, "cluster.call.not_understood");
            Unanswered::Refused
        }
        code => {
            tracing::debug!(node.id = %to, ?code, "cluster.connect.failed");
            Unanswered::NotSent
        }
    }
}

impl Calls {
    fn new(asks: mpsc::Sender<CallsRequest>, answers: Streaming<CallsResponse>) -> Self {
        let waiting = Arc::new(Waiting(Mutex::new(Some(Callers::default()))));
        let reader = tokio::spawn(read(answers, waiting.clone())).abort_handle();
        Self {
            asks,
            waiting,
            reader,
        }
    }

    async fn call(&self, ask: Ask) -> Result<Answer, Unanswered> {
        let (tell, told) = oneshot::channel();
        let call = self.waiting.add(tell).ok_or(Unanswered::NotSent)?;
        let _pending = Pending { calls: self, call };
        self.asks
            .try_send(step(call, Step::Ask(ask)))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Unanswered::Refused,
                mpsc::error::TrySendError::Closed(_) => Unanswered::NotSent,
            })?;
        told.await.unwrap_or(Err(Unanswered::Unknown))
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.calls.waiting.take(self.call).is_some() {
            // Where there is no room, the node works until the deadline of the call.
            let cancel = Step::Cancel(Cancel {});
            let _ = self.calls.asks.try_send(step(self.call, cancel));
        }
    }
}

const fn step(call: u64, step: Step) -> CallsRequest {
    CallsRequest {
        call,
        step: Some(step),
    }
}

/// Passes answers on until the stream ends.
async fn read(mut answers: Streaming<CallsResponse>, waiting: Arc<Waiting>) {
    loop {
        match answers.message().await {
            Ok(Some(response)) => {
                // Who has stopped waiting is not there.
                if let Some(caller) = waiting.take(response.call) {
                    let _ = caller.send(message::answer(response));
                }
            }
            Ok(None) => break,
            Err(status) => {
                tracing::debug!(code = ?status.code(), "cluster.calls.lost");
                break;
            }
        }
    }
    // Whoever waits still is told by this that nothing is known.
    drop(waiting.lock().take());
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Option<Callers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a caller wait, and numbers its call; `None` if the stream has ended.
    fn add(&self, caller: oneshot::Sender<Result<Answer, Unanswered>>) -> Option<u64> {
        let mut callers = self.lock();
        let callers = callers.as_mut()?;
        callers.last += 1;
        callers.by_call.insert(callers.last, caller);
        Some(callers.last)
    }

    fn take(&self, call: u64) -> Option<oneshot::Sender<Result<Answer, Unanswered>>> {
        self.lock().as_mut()?.by_call.remove(&call)
    }
}
