//! What surrounds every request, whatever it asks for: its id, its trace and log line, the answer
//! to a panic, and the headers that all answers carry.

use super::endpoints::Target;
use super::error::{ApiError, Refused};
use super::filters::{Arrival, Route, unmatched};
use super::server::backlog::Turn;
use super::{Api, MAX_BODY, routes};
use crate::actors::Failure;
use crate::sources::Entropy;
use crate::telemetry::caller::Caller;
use crate::telemetry::traces::{self, TRACEPARENT, TraceParent};
use bytes::Buf;
use futures::FutureExt;
use hyper::body::Body;
use hyper::service::Service;
use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use warp::http::header::{
    CACHE_CONTROL, CONNECTION, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{HeaderMap, Request, StatusCode};
use warp::reply::Response;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What the node is called that has the user who asked: a proxy may send the user's next requests
/// there, which then take no call of another node.
const NODE: HeaderName = HeaderName::from_static("cartwright-node");
/// The longest request id that is taken from a client, in characters.
const MAX_REQUEST_ID: usize = 128;

/// The API before any connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Front {
    api: Api,
    routes: Arc<[Route]>,
}

/// The API as the service of one connection.
#[derive(Clone)]
pub(super) struct Connection {
    front: Front,
    peer: SocketAddr,
    turn: Arc<Turn>,
}

impl Front {
    /// What answers for `api`.
    #[must_use]
    pub(super) fn new(api: Api) -> Self {
        Self {
            routes: routes(&api).into(),
            api,
        }
    }

    /// The service of a connection from `peer`.
    #[must_use]
    pub(super) fn connection(&self, peer: SocketAddr, turn: Arc<Turn>) -> Connection {
        Connection {
            front: self.clone(),
            peer,
            turn,
        }
    }

    /// The answer of the route that the request takes. A panic is the failure of this request alone.
    async fn pass<B>(
        &self,
        route: Option<&Route>,
        arrival: &Arc<Arrival>,
        mut request: Request<B>,
    ) -> Response
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let Some(route) = route else {
            return unmatched(&self.api, arrival);
        };
        request.extensions_mut().insert(Arc::clone(arrival));
        // As a service of tower: hyper's would hold the request in a future of its own at first.
        let mut filters = warp::service(route.filter.clone());
        let answered = tower_service::Service::call(&mut filters, request);
        match AssertUnwindSafe(answered).catch_unwind().await {
            Ok(Ok(response)) => response,
            Err(_panic) => {
                tracing::error!("http.request.panicked");
                ApiError::Failed(Failure::Internal).into_response()
            }
        }
    }

    fn count(&self, route: Option<&Route>, response: &Response, took: Duration) {
        let measures = self.api.measures();
        let of_route = route.map_or(&measures.unmatched, |route| &route.measures);
        of_route.answered(response.status(), took);
        if let Some(refused) = response.extensions().get::<Refused>() {
            measures.refused(*refused);
        }
    }

    fn route(&self, target: &Target) -> Option<&Route> {
        let Target::Endpoint(asked) = target else {
            return None;
        };
        let mut routes = self.routes.iter();
        routes.find(|route| std::ptr::eq(route.endpoint, *asked))
    }
}

impl Connection {
    async fn answer<B>(self, mut request: Request<B>) -> Response
    where
        B: Body + Send + Sync + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let api = &self.front.api;
        let target = api.target(request.method(), request.uri().path());
        if self.turn.was_late() && is_refusable(&target) {
            return Box::pin(self.refuse(&target, request, started)).await;
        }
        let id = request_id(request.headers(), &*api.sources.entropy);
        let origin = api.cors.origin(request.headers());
        let uri = mem::take(request.uri_mut());
        let headers = mem::take(request.headers_mut());
        let (method, path) = (request.method().clone(), uri.path());
        let preflight = api.cors.preflight(&method, path, &headers);
        let arrival = Arc::new(Arrival {
            at: started,
            client: api.limiter.client(self.peer.ip(), &headers),
            target,
            uri,
            headers,
            user: OnceLock::new(),
        });
        let traceparent = || {
            let header = arrival.headers.get(TRACEPARENT)?;
            TraceParent::parse(header.to_str().ok()?)
        };
        let (id_text, at) = (id.to_str().unwrap_or_default(), arrival.target.route());
        let span = traces::entered(traceparent, || {
            traces::begun!(
                traces::REQUEST,
                request_id = id_text,
                http.request.method = %method,
                http.route = at,
            )
        });
        let caller = Caller::client(id_text.into(), method, at, span);
        let route = self.front.route(&arrival.target);
        let mut response = match preflight {
            Some(answer) => answer,
            None => {
                let passed = self.front.pass(route, &arrival, request);
                caller.clone().on_behalf(passed).await
            }
        };
        api.cors.mark(origin, response.headers_mut());
        let headers = response.headers_mut();
        finish(headers, id);
        if let Some(node) = self.node_of(&arrival) {
            headers.insert(NODE, node);
        }
        if api.is_draining.load(Ordering::Relaxed) || self.turn.is_last() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let (took, status) = (started.elapsed(), response.status());
        self.front.count(route, &response, took);
        traces::answered(caller.span(), status.as_u16());
        caller.in_scope(|| log(&arrival, status, took));
        response
    }
}

impl Connection {
    /// Who has the user whose request it is, where a trusted proxy asks: how many nodes there are,
    /// and which, is nobody else's business.
    fn node_of(&self, arrival: &Arrival) -> Option<HeaderValue> {
        let api = &self.front.api;
        let user = *arrival.user.get()?;
        if !api.limiter.trusts(self.peer.ip()) {
            return None;
        }
        HeaderValue::try_from(api.users.node_of(user)?).ok()
    }

    /// Answers that there is no time, for as little as it can be done, and has the connection
    /// closed. There is no trace, and no line in the log: the server tells that it is behind.
    async fn refuse<B>(&self, target: &Target, request: Request<B>, started: Instant) -> Response
    where
        B: Body,
    {
        let api = &self.front.api;
        let headers = request.headers();
        let id = request_id(headers, &*api.sources.entropy);
        let origin = api.cors.origin(headers);
        let mut response = ApiError::Overloaded.into_response();
        // Else the client, who is still sending, would lose the answer.
        let _ = timeout(api.limits.body_timeout, discarded(request.into_body())).await;
        api.cors.mark(origin, response.headers_mut());
        finish(response.headers_mut(), id);
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let route = self.front.route(target);
        self.front.count(route, &response, started.elapsed());
        response
    }
}

/// Whether a request may be refused for want of time: not what tells how the node is.
fn is_refusable(target: &Target) -> bool {
    match target {
        Target::Endpoint(endpoint) => endpoint.admitted,
        Target::WrongMethod(_) | Target::Unknown => true,
    }
}

/// Reads what is left of a body, unless it is too large.
async fn discarded<B: Body>(body: B) {
    let mut body = pin!(body);
    let mut received = 0;
    while received <= MAX_BODY && !body.is_end_stream() {
        match poll_fn(|context| body.as_mut().poll_frame(context)).await {
            Some(Ok(frame)) => received += frame.data_ref().map_or(0, Buf::remaining),
            _ => break,
        }
    }
}

impl<B> Service<Request<B>> for Connection
where
    B: Body + Send + Sync + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request).map(Ok))
    }
}

/// The client's id of the request, if it is fit to be logged, or a new one.
fn request_id(headers: &HeaderMap, entropy: &dyn Entropy) -> HeaderValue {
    let given = headers.get(REQUEST_ID);
    let fit = given.filter(|id| super::conditional::is_visible(id.as_bytes(), MAX_REQUEST_ID));
    fit.cloned().unwrap_or_else(|| {
        let mut buffer = uuid::Uuid::encode_buffer();
        let id = entropy.uuid().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(id).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}

fn finish(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

fn log(arrival: &Arrival, status: StatusCode, took: Duration) {
    let http_status = status.as_u16();
    let duration_ms = took.as_secs_f64() * 1_000.0;
    if status.is_server_error() {
        tracing::info!(client = %arrival.client, http_status, duration_ms, "http.request");
    } else {
        tracing::debug!(client = %arrival.client, http_status, duration_ms, "http.request");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::SystemEntropy;

    #[test]
    fn an_id_that_cannot_be_logged_is_replaced() {
        let of = |id: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(id).unwrap());
            request_id(&headers, &SystemEntropy)
        };
        assert_eq!(of(b"abc-1"), "abc-1");
        assert_eq!(of(&[b'x'; 128]), "x".repeat(128));
        for unfit in [&b""[..], b"a b", b"\xff", &[b'x'; 129]] {
            let made = of(unfit);
            assert!(uuid::Uuid::try_parse(made.to_str().unwrap()).is_ok());
        }
    }
}
