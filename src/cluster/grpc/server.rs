//! Answers the calls of other nodes.

use super::connections::connections;
use super::proto::cluster_server::{Cluster, ClusterServer};
use super::proto::{self, AskRequest, AskResponse, Undone, ask_response::Outcome};
use super::{ClusterSecret, MAX_MESSAGE, PING_PAUSE, PING_TIME, REFUSED, REQUEST_ID, Tls, WINDOW};
use crate::cluster::transport::{Answer, Call, Handler, Kind, Unanswered};
use crate::telemetry::traces::{TRACEPARENT, TraceParent};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// How long a call is handled at most, whatever its caller says.
const MAX_TIME: Duration = Duration::from_secs(60);
/// The longest request id, in bytes.
const MAX_REQUEST_ID: usize = 128;

/// How much is done for other nodes at once.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections; more are left to wait until one has ended.
    pub connections: usize,
    /// Calls under way in all; what comes beyond is refused before it is read.
    pub calls: usize,
    /// Calls under way in one connection; what comes beyond waits at the caller.
    pub calls_per_connection: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            calls: 4_096,
            calls_per_connection: 512,
        }
    }
}

/// Calls of other nodes cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("calls of other nodes cannot be served: {0}")]
pub struct ServeError(#[from] tonic::transport::Error);

/// Answers calls that come to `listener`, until `shutdown` ends and those under way are answered.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    secret: ClusterSecret,
    tls: Option<&Tls>,
    limits: ServerLimits,
    handler: Arc<dyn Handler>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let mut server = Server::builder();
    if let Some(tls) = tls {
        server = server.tls_config(tls.server())?;
    }
    let service = ClusterServer::new(Service(handler))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let calls = Arc::new(Semaphore::new(limits.calls));
    let admitted = InterceptedService::new(service, move |call| admit(call, &secret, &calls));
    server
        .max_concurrent_streams(limits.calls_per_connection)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keepalive_interval(Some(PING_PAUSE))
        .http2_keepalive_timeout(Some(PING_TIME))
        .timeout(MAX_TIME)
        .add_service(admitted)
        .serve_with_incoming_shutdown(connections(listener, limits.connections), shutdown)
        .await?;
    Ok(())
}

/// One of the calls under way; goes with the call.
#[derive(Clone)]
struct Place(#[expect(dead_code, reason = "held")] Arc<OwnedSemaphorePermit>);

/// Judges a call by its metadata, before anything of it is read.
fn admit(
    mut call: Request<()>,
    secret: &ClusterSecret,
    calls: &Arc<Semaphore>,
) -> Result<Request<()>, Status> {
    if !secret.admits(call.metadata()) {
        tracing::warn!(peer = ?call.remote_addr(), "cluster.call.unauthenticated");
        return Err(Status::unauthenticated("the cluster's secret is another"));
    }
    let Ok(place) = calls.clone().try_acquire_owned() else {
        let mut refused = Status::resource_exhausted("too many calls are under way");
        let mark = MetadataValue::from_static("1");
        refused.metadata_mut().insert(REFUSED, mark);
        return Err(refused);
    };
    call.extensions_mut().insert(Place(Arc::new(place)));
    Ok(call)
}

struct Service(Arc<dyn Handler>);

#[async_trait]
impl Cluster for Service {
    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskResponse>, Status> {
        let deadline = Instant::now() + time(request.metadata());
        let request_id = request_id(request.metadata());
        let traceparent = traceparent(request.metadata());
        let (_, extensions, asked) = request.into_parts();
        let _place = extensions.get::<Place>();
        let kind = proto::Kind::try_from(asked.kind).ok();
        let Some(kind) = kind.and_then(|kind| Kind::try_from(kind).ok()) else {
            return Ok(undone(Undone::Unreadable));
        };
        let call = Call {
            kind,
            key: asked.key,
            request: asked.request,
            request_id,
            traceparent,
            view: asked.view,
            deadline,
        };
        match self.0.handle(call).await {
            Ok(Answer::Given(bytes)) => Ok(response(Outcome::Given(bytes))),
            Ok(Answer::Elsewhere { view }) => Ok(response(Outcome::Elsewhere(view))),
            Ok(Answer::Unreadable) => Ok(undone(Undone::Unreadable)),
            Err(Unanswered::NotSent) => Ok(undone(Undone::Unplaced)),
            Err(Unanswered::Refused) => Ok(undone(Undone::Refused)),
            Err(Unanswered::Unknown) => Err(Status::unknown("it may have been done")),
        }
    }
}

fn undone(reason: Undone) -> Response<AskResponse> {
    response(Outcome::Undone(reason.into()))
}

fn response(outcome: Outcome) -> Response<AskResponse> {
    let outcome = Some(outcome);
    Response::new(AskResponse { outcome })
}

/// How long the caller waits.
fn time(metadata: &MetadataMap) -> Duration {
    let text = metadata
        .get("grpc-timeout")
        .and_then(|value| value.to_str().ok());
    text.and_then(parse_timeout)
        .unwrap_or(MAX_TIME)
        .min(MAX_TIME)
}

/// At most eight digits and a unit, as gRPC has it.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_count = digits.len() <= 8 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let count: u64 = is_count.then(|| digits.parse().ok())??;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The id of the client's request, if it is fit to be logged.
fn request_id(metadata: &MetadataMap) -> Option<Arc<str>> {
    let id = metadata.get(REQUEST_ID)?.to_str().ok()?;
    let is_visible = |byte: u8| byte.is_ascii_graphic();
    let fits = (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(is_visible);
    fits.then(|| id.into())
}

/// What the call is part of. Other nodes are believed that it is traced.
fn traceparent(metadata: &MetadataMap) -> Option<TraceParent> {
    TraceParent::parse(metadata.get(TRACEPARENT)?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_grpc_writes_it() {
        for (text, time) in [
            ("5S", Some(Duration::from_secs(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("4999999u", Some(Duration::from_micros(4_999_999))),
            ("30m", Some(Duration::from_millis(30))),
            ("2M", Some(Duration::from_secs(120))),
            ("1H", Some(Duration::from_secs(3_600))),
            ("", None),
            ("S", None),
            ("5", None),
            ("-5S", None),
            ("123456789n", None),
            ("5µ", None),
        ] {
            assert_eq!(parse_timeout(text), time, "{text}");
        }
        let mut metadata = MetadataMap::new();
        assert_eq!(super::time(&metadata), MAX_TIME);
        metadata.insert("grpc-timeout", MetadataValue::from_static("9H"));
        assert_eq!(super::time(&metadata), MAX_TIME);
    }

    #[test]
    fn an_id_that_cannot_be_logged_is_dropped() {
        let of = |id: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert(REQUEST_ID, id.parse().unwrap());
            request_id(&metadata)
        };
        assert_eq!(of("r-1").as_deref(), Some("r-1"));
        assert_eq!(of(&"x".repeat(129)), None);
        assert_eq!(of("a b"), None);
        assert_eq!(of(""), None);
    }
}
