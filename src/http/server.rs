//! Connections: accepted up to a limit, with time-outs on all that a client sends, and drained at
//! the end. Knows nothing of what is answered.

mod stall;

use super::Api;
use super::front::Front;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use stall::Stalling;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use warp::http::Request;
use warp::reply::Response;

/// The largest head of a request, in bytes. The number of its headers is bounded by hyper (100).
const MAX_HEAD: usize = 32 * 1024;
/// What is buffered of a connection, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long nothing is accepted after the system refused (no file descriptors left, say).
const BACK_OFF: Duration = Duration::from_millis(100);

/// What connections may take of the node.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Open connections; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request's head may take to arrive, a connection may stay idle, and a client may
    /// read nothing of its answer.
    pub header_timeout: Duration,
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

/// Serves `api` on `listener` until `shutdown` ends, then drains.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let front = Front::new(api);
    run(listener, |peer| front.connection(peer), limits, shutdown).await
}

/// Serves what `service` makes for each peer.
pub(super) async fn run<S>(
    listener: impl Borrow<TcpListener>,
    service: impl Fn(SocketAddr) -> S,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()>,
) -> Drained
where
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    let mut server = Server::new(limits);
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = server.accept(listener.borrow()) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => server.spawn(stream, service(peer), permit),
            Err(error) => {
                tracing::warn!(%error, "http.accept.failed");
                sleep(BACK_OFF).await;
            }
        }
    }
    drop(listener);
    server.drain().await
}

struct Server {
    builder: http1::Builder,
    limits: ConnectionLimits,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    connections: JoinSet<()>,
}

impl Server {
    fn new(limits: ConnectionLimits) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER);
        Self {
            builder,
            places: Arc::new(Semaphore::new(
                limits.connections.min(Semaphore::MAX_PERMITS),
            )),
            limits,
            graceful: GracefulShutdown::new(),
            connections: JoinSet::new(),
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(
        &mut self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        while self.connections.try_join_next().is_some() {}
        let permit = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    stream.set_nodelay(true)?;
                    return Ok((stream, peer, permit));
                }
                // The client has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn spawn<S>(&mut self, stream: TcpStream, service: S, permit: OwnedSemaphorePermit)
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Send + 'static,
        S::Future: Send,
    {
        let builder = self.builder.clone();
        let watcher = self.graceful.watcher();
        let stream = Stalling::new(stream, self.limits.header_timeout);
        self.connections.spawn(async move {
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "http.connection.failed");
            }
            drop(permit);
        });
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
