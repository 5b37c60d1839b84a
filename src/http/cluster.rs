//! What operators see of the nodes.

use super::endpoints::CLUSTER;
use super::error::ApiError;
use super::filters::{Call, Route, route};
use super::{Api, json};
use crate::actors::Failure;
use crate::cluster::{NodeStatus, Status};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;
use warp::http::StatusCode;
use warp::reply::Response;

/// How long reading the nodes' rows may take.
const TIME: Duration = Duration::from_secs(5);

pub(super) fn routes(api: &Api) -> Vec<Route> {
    vec![route(api, &CLUSTER, show)]
}

/// A node that has its store for itself is in no view.
#[derive(Serialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
enum Shown {
    Alone,
    Cluster(Nodes),
}

#[derive(Serialize)]
struct Nodes {
    /// Who says so.
    node_id: String,
    view: u64,
    /// Whether nothing is under way from one node to another.
    is_settled: bool,
    lease_ms: u64,
    nodes: Vec<Node>,
}

#[derive(Serialize)]
struct Node {
    id: String,
    name: Option<String>,
    address: Option<String>,
    state: State,
    /// The view that it has adopted.
    adopted: u64,
    users: u64,
    stock_items: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// A member that has adopted the view.
    Settled,
    /// Up, and still handing over.
    Moving,
    /// Gone, and still in the view.
    Gone,
}

impl Node {
    fn of(node: NodeStatus, view: u64) -> Self {
        let (users, stock_items) = node.residents;
        let (name, address) = node
            .member
            .map_or((None, None), |member| (Some(member.name), member.address));
        Self {
            id: node.id.to_string(),
            name,
            address,
            state: match (node.is_up, node.handed >= view) {
                (true, true) => State::Settled,
                (true, false) => State::Moving,
                (false, _) => State::Gone,
            },
            adopted: node.handed,
            users,
            stock_items,
        }
    }
}

impl Nodes {
    fn of(status: Status) -> Self {
        let nodes = status.nodes.into_iter();
        let nodes: Vec<_> = nodes.map(|node| Node::of(node, status.view)).collect();
        Self {
            node_id: status.me.to_string(),
            view: status.view,
            is_settled: nodes.iter().all(|node| node.state == State::Settled),
            lease_ms: u64::try_from(status.lease.as_millis()).unwrap_or(u64::MAX),
            nodes,
        }
    }
}

async fn show(call: Call) -> Result<Response, ApiError> {
    let cluster = &call.api.cluster;
    let shown = match cluster.status(Instant::now() + TIME).await {
        _ if cluster.is_alone() => Shown::Alone,
        Some(status) => Shown::Cluster(Nodes::of(status)),
        None => return Err(ApiError::Failed(Failure::Unavailable)),
    };
    Ok(json::response(StatusCode::OK, &shown))
}
