//! Whether the process serves, and whether it should get traffic.

use super::endpoints::{HEALTH, READY};
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::{Api, json};
use serde::Serialize;
use warp::http::StatusCode;
use warp::reply::Response;

/// Whether the node should get traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It should.
    Ready,
    /// It should not, and why.
    NotReady(&'static str),
}

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![
        route(api, &HEALTH, show_health),
        route(api, &READY, show_readiness),
    ]
}

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

/// The process serves.
pub(super) fn alive() -> Response {
    json::response(StatusCode::OK, &Status { status: "ok" })
}

async fn show_health(_: Call) -> Result<Response, ApiError> {
    Ok(alive())
}

async fn show_readiness(call: Call) -> Result<Response, ApiError> {
    match (call.api.readiness)() {
        Readiness::Ready => Ok(json::response(StatusCode::OK, &Status { status: "ready" })),
        Readiness::NotReady(reason) => Err(ApiError::NotReady(reason)),
    }
}
