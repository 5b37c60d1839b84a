//! Connections: accepted up to a limit, with time-outs on all that a client sends, refused while the
//! node is behind, and drained at the end. Knows nothing of what is answered.

mod apart;
pub(super) mod backlog;
mod door;
mod head_timer;
mod stall;

use super::Api;
use super::front::{Connection, Front};
use apart::apart;
use backlog::{Backlog, InTurn, Turn};
pub(super) use door::Door;
pub use door::listen;
use head_timer::HeadTimer;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use stall::Stalling;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use warp::http::Request;
use warp::reply::Response;

/// The largest head of a request, in bytes. The number of its headers is bounded by hyper (100).
const MAX_HEAD: usize = 32 * 1024;
/// What is buffered of a connection, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long nothing is accepted after the system refused (no file descriptors left, say).
const BACK_OFF: Duration = Duration::from_millis(100);

/// The pause between two lines of the log that say the same.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// What connections may take of the node.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Open connections; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request's head may take to arrive, a connection may stay idle, and a client may
    /// read nothing of its answer.
    pub header_timeout: Duration,
    /// How long a request may wait unread where many do: beyond, or if the last of them would have
    /// to, it is refused, and connections are as soon as others would wait for an eighth of it.
    pub queue_timeout: Duration,
    /// How long answers under way are waited for at the end.
    pub drain_timeout: Duration,
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every answer under way was given.
    Clean,
    /// So many connections were cut off: they were not done in time.
    Cut(usize),
}

/// Serves `api` on `listener` until `shutdown` ends, then drains. Whoever accepts has a thread of its
/// own: it must not wait among those whom it is to refuse.
///
/// # Errors
/// The operating system's: there is no such thread.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Drained> {
    let listener = listener.into_std()?;
    let pauses = api.measures().pauses.clone();
    let service = service(api);
    let (stop, stopped) = oneshot::channel();
    let workers = Handle::current();
    let mut serving = pin!(apart("door", async move {
        let door = Door::new(TcpListener::from_std(listener)?, pauses);
        let stopped = async { drop::<Result<(), _>>(stopped.await) };
        Ok(run(door, service, limits, &workers, stopped).await)
    })?);
    tokio::select! {
        ended = &mut serving => return ended.and_then(|drained| drained),
        () = shutdown => drop(stop),
    }
    serving.await?
}

/// Serves `api` on `listener`, which is never shut, and without end.
pub async fn serve_operations(listener: TcpListener, api: Api, limits: ConnectionLimits) {
    let (door, workers) = (Door::lent(&listener), Handle::current());
    run(door, service(api), limits, &workers, std::future::pending()).await;
}

fn service(api: Api) -> impl Fn(SocketAddr, Arc<Turn>) -> Connection {
    let front = Front::new(api);
    move |peer, turn| front.connection(peer, turn)
}

/// Serves what `service` makes for each peer and its connection's turns, as tasks of `workers`.
pub(super) async fn run<S>(
    mut door: Door<'_>,
    service: impl Fn(SocketAddr, Arc<Turn>) -> S,
    limits: ConnectionLimits,
    workers: &Handle,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    let mut server = Server::new(limits, workers);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = server.accept(&mut door) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                server.spawn(stream, |turn| service(peer, turn), permit);
            }
            Err(error) => {
                tracing::warn!(%error, "http.accept.failed");
                sleep(BACK_OFF).await;
            }
        }
    }
    drop(door);
    server.drain().await
}

struct Server<'w> {
    builder: http1::Builder,
    limits: ConnectionLimits,
    workers: &'w Handle,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
    backlog: Arc<Backlog>,
    /// When the log was told that the node is behind.
    told: Option<Instant>,
}

impl<'w> Server<'w> {
    fn new(limits: ConnectionLimits, workers: &'w Handle) -> Self {
        let backlog = Backlog::new(limits.queue_timeout, workers.metrics().num_workers());
        let mut builder = http1::Builder::new();
        builder
            .header_read_timeout(limits.header_timeout)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER);
        Self {
            builder,
            places: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            backlog: Arc::new(backlog),
            limits,
            workers,
            graceful: GracefulShutdown::new(),
            connections: JoinSet::new(),
            told: None,
        }
    }

    /// The next connection, once there is a place for it, and the node is not behind.
    async fn accept(
        &mut self,
        door: &mut Door<'_>,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        while self.connections.try_join_next().is_some() {}
        if self.backlog.is_behind() {
            self.tell();
            door.shut()?;
            self.backlog.caught_up().await;
        }
        door.open()?;
        let permit = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, peer) = door.accept().await?;
        stream.set_nodelay(true)?;
        Ok((self.handed(stream)?, peer, permit))
    }

    /// A connection whose events wake its worker, and not whoever accepted it.
    fn handed(&self, stream: TcpStream) -> io::Result<TcpStream> {
        let stream = stream.into_std()?;
        let _inside = self.workers.enter();
        TcpStream::from_std(stream)
    }

    fn tell(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= SAID_AGAIN) {
            self.told = Some(Instant::now());
            let connections = self.connections.len();
            tracing::warn!(http.connections = connections, "http.connections.refused");
        }
    }

    fn spawn<S>(
        &mut self,
        stream: TcpStream,
        service: impl FnOnce(Arc<Turn>) -> S,
        permit: OwnedSemaphorePermit,
    ) where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
        S::Future: Send,
    {
        let stream = Stalling::new(stream, self.limits.header_timeout);
        let served = InTurn::new(self.backlog.clone(), |turn| {
            let mut builder = self.builder.clone();
            let connection = builder
                .timer(HeadTimer::default())
                .serve_connection(TokioIo::new(stream), service(turn));
            self.graceful.watch(connection)
        });
        let served = async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "http.connection.failed");
            }
            drop(permit);
        };
        self.connections.spawn_on(served, self.workers);
    }

    async fn drain(mut self) -> Drained {
        let graceful = self.graceful.shutdown();
        if timeout(self.limits.drain_timeout, graceful).await.is_ok() {
            return Drained::Clean;
        }
        while self.connections.try_join_next().is_some() {}
        let cut = self.connections.len();
        self.connections.shutdown().await;
        tracing::warn!(http.connections = cut, "http.drain.cut");
        Drained::Cut(cut)
    }
}

#[cfg(test)]
mod tests;
