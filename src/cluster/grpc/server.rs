//! Answers the calls of other nodes.

use super::connections::connections;
use super::message::{self, call, response};
use super::proto::calls_request::Step;
use super::proto::cluster_server::{Cluster, ClusterServer};
use super::proto::{Ask, CallsRequest, CallsResponse};
use super::{ClusterSecret, PING_PAUSE, PING_TIME, Tls, WINDOW, WIRE_MESSAGE};
use crate::cluster::transport::{Answer, Handler, Unanswered};
use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout_at;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// Streams of one connection: one, and another while the first one ends.
const STREAMS: u32 = 4;

/// How much is done for other nodes at once.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections; more are left to wait until one has ended.
    pub connections: usize,
    /// Calls under way in all; what comes beyond is refused.
    pub calls: usize,
    /// Calls under way in one stream; what comes beyond is refused.
    pub calls_per_stream: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            calls: 4_096,
            calls_per_stream: 512,
        }
    }
}

/// Calls of other nodes cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("calls of other nodes cannot be served: {0}")]
pub struct ServeError(#[from] tonic::transport::Error);

/// Answers calls that come to `listener`, until it is dropped.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    secret: ClusterSecret,
    tls: Option<&Tls>,
    limits: ServerLimits,
    handler: Arc<dyn Handler>,
) -> Result<(), ServeError> {
    let mut server = Server::builder();
    if let Some(tls) = tls {
        server = server.tls_config(tls.server())?;
    }
    let service = Service {
        handler,
        places: Arc::new(Semaphore::new(limits.calls)),
        calls_per_stream: limits.calls_per_stream,
    };
    let service = ClusterServer::new(service)
        .max_decoding_message_size(WIRE_MESSAGE)
        .max_encoding_message_size(WIRE_MESSAGE);
    let admitted = InterceptedService::new(service, move |stream| admit(stream, &secret));
    server
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keepalive_interval(Some(PING_PAUSE))
        .http2_keepalive_timeout(Some(PING_TIME))
        .add_service(admitted)
        .serve_with_incoming(connections(listener, limits.connections))
        .await?;
    Ok(())
}

/// Judges a stream by its metadata, before anything of it is read.
fn admit(stream: Request<()>, secret: &ClusterSecret) -> Result<Request<()>, Status> {
    if secret.admits(stream.metadata()) {
        return Ok(stream);
    }
    tracing::warn!(peer = ?stream.remote_addr(), "cluster.call.unauthenticated");
    Err(Status::unauthenticated("the cluster's secret is another"))
}

struct Service {
    handler: Arc<dyn Handler>,
    places: Arc<Semaphore>,
    calls_per_stream: usize,
}

#[async_trait]
impl Cluster for Service {
    type CallsStream = BoxStream<'static, Result<CallsResponse, Status>>;

    async fn calls(
        &self,
        request: Request<Streaming<CallsRequest>>,
    ) -> Result<Response<Self::CallsStream>, Status> {
        let (answers, told) = mpsc::channel(self.calls_per_stream);
        let calls = Calls {
            handler: self.handler.clone(),
            places: self.places.clone(),
            most: self.calls_per_stream,
            under_way: UnderWay::default(),
            answers,
        };
        tokio::spawn(calls.read(request.into_inner()));
        let told = stream::unfold(told, async |mut told| {
            let next = told.recv().await?;
            Some((Ok(next), told))
        });
        Ok(Response::new(told.boxed()))
    }
}

/// The calls of one stream.
struct Calls {
    handler: Arc<dyn Handler>,
    places: Arc<Semaphore>,
    most: usize,
    under_way: UnderWay,
    answers: mpsc::Sender<CallsResponse>,
}

/// What ends a call before it is answered, by its number.
#[derive(Clone, Default)]
struct UnderWay(Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>);

impl Calls {
    /// Begins and cancels calls until the stream ends, and with it those that are under way.
    async fn read(self, mut steps: Streaming<CallsRequest>) {
        // An error is an end as well: the connection was lost, or the caller is of another version.
        while let Ok(Some(CallsRequest { call, step })) = steps.message().await {
            match step {
                Some(Step::Ask(ask)) => {
                    if let Err(undone) = self.begin(call, ask)
                        && self.answers.send(response(call, undone)).await.is_err()
                    {
                        break;
                    }
                }
                Some(Step::Cancel(_)) => drop(self.under_way.lock().remove(&call)),
                None => {}
            }
        }
        self.under_way.lock().clear();
    }

    /// Has a call handled; else says what is to be answered to it.
    fn begin(&self, number: u64, ask: Ask) -> Result<(), Result<Answer, Unanswered>> {
        let Some(call) = call(ask) else {
            return Err(Ok(Answer::Unreadable));
        };
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| Err(Unanswered::Refused))?;
        let (cancel, cancelled) = oneshot::channel();
        {
            let mut under_way = self.under_way.lock();
            if under_way.len() >= self.most {
                return Err(Err(Unanswered::Refused));
            }
            under_way.insert(number, cancel);
        }
        let handler = self.handler.clone();
        let handled = async move { timeout_at(call.deadline, handler.handle(call)).await };
        let (under_way, answers) = (self.under_way.clone(), self.answers.clone());
        tokio::spawn(async move {
            let _place: OwnedSemaphorePermit = place;
            tokio::select! {
                handled = AssertUnwindSafe(handled).catch_unwind() => {
                    under_way.lock().remove(&number);
                    // What has panicked, or took too long, may have been done.
                    let handled = handled.ok().and_then(Result::ok);
                    let handled = handled.unwrap_or(Err(Unanswered::Unknown));
                    // Who asked may have gone.
                    let _ = answers.send(message::response(number, handled)).await;
                }
                _ = cancelled => {}
            }
        });
        Ok(())
    }
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
