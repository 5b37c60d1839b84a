//! What is answered before there is anything to answer from: the process is there, and not ready.

use super::error::ApiError;
use super::health::alive;
use super::server::{ConnectionLimits, Door, run};
use hyper::service::service_fn;
use std::convert::Infallible;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use warp::http::Request;

/// Answers on the listeners while `waiting`, whose result it returns: `/health` as ever, everything
/// else with 503. Connections are closed at the end; the listeners stay.
pub async fn hold<T>(
    listeners: impl IntoIterator<Item = &TcpListener>,
    limits: &ConnectionLimits,
    waiting: impl Future<Output = T>,
) -> T {
    let service = |_, _| {
        service_fn(|request: Request<_>| async move {
            Ok::<_, Infallible>(match request.uri().path() {
                "/health" => alive(),
                _ => ApiError::NotReady("the server has not started yet").into_response(),
            })
        })
    };
    let workers = Handle::current();
    let held = listeners.into_iter().map(|listener| {
        let door = Door::lent(listener);
        run(
            door,
            service,
            limits.clone(),
            &workers,
            std::future::pending(),
        )
    });
    tokio::select! {
        done = waiting => done,
        _ = futures::future::join_all(held) => std::future::pending().await,
    }
}
