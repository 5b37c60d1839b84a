//! Calls over real connections.

use super::*;
use crate::auth::secret::Secret;
use crate::auth::testing;
use crate::cluster::transport::{Answer, Call, Handler, Transport, Unanswered};
use crate::domain::ids::NodeId;
use crate::store::Member;
use crate::telemetry::traces::TraceParent;
use async_trait::async_trait;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Does as the request says; counts what reaches it.
#[derive(Default)]
struct Node {
    calls: AtomicUsize,
    reached: Notify,
    go_on: Notify,
}

#[async_trait]
impl Handler for Node {
    async fn handle(&self, call: Call) -> Result<Answer, Unanswered> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.reached.notify_one();
        match &call.request[..] {
            b"hang" => std::future::pending().await,
            b"wait" => {
                self.go_on.notified().await;
                given(b"gone on")
            }
            b"large" => Ok(Answer::Given(vec![0; MAX_MESSAGE + 1])),
            b"panic" => panic!("told to"),
            b"elsewhere" => Ok(Answer::Elsewhere {
                view: call.view + 1,
            }),
            b"unreadable" => Ok(Answer::Unreadable),
            b"unplaced" => Err(Unanswered::NotSent),
            b"refuse" => Err(Unanswered::Refused),
            b"unknown" => Err(Unanswered::Unknown),
            b"describe" => {
                let left = call.deadline.saturating_duration_since(Instant::now());
                let (kind, id, secs) = (call.kind, call.request_id, left.as_secs());
                let parent = call.traceparent.map(|parent| parent.to_string());
                assert_eq!(parent.as_deref(), Some(TRACEPARENT));
                let text = format!("{kind:?} {:?} {} {id:?} {secs}", call.key, call.view);
                Ok(Answer::Given(text.into_bytes()))
            }
            bytes => Ok(Answer::Given(bytes.to_vec())),
        }
    }
}

/// A node on threads of its own, so that it can die.
struct Served {
    node: Arc<Node>,
    address: SocketAddr,
    /// There until it dies.
    runtime: Option<Runtime>,
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Served {
    async fn new(tls: Option<Tls>, limits: ServerLimits) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), tls, limits).await
    }

    async fn at(address: SocketAddr, tls: Option<Tls>, limits: ServerLimits) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let node = Arc::new(Node::default());
        let served = node.clone();
        let (told, address_of) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            // A predecessor at the address may still be on its way out.
            let listener = loop {
                match TcpListener::bind(address).await {
                    Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    bound => break bound.unwrap(),
                }
            };
            told.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, secret(), tls.as_ref(), limits, served)
                .await
                .unwrap();
        });
        let address = address_of.await.unwrap();
        Self {
            node,
            address,
            runtime: Some(runtime),
        }
    }

    async fn plain() -> Self {
        Self::new(None, ServerLimits::default()).await
    }

    fn member(&self) -> Member {
        member(self.address)
    }

    fn calls(&self) -> usize {
        self.node.calls.load(Ordering::Relaxed)
    }
}

fn secret() -> ClusterSecret {
    ClusterSecret::new(&testing::secret())
}

fn member(address: SocketAddr) -> Member {
    Member {
        id: NodeId(Uuid::from_u128(address.port().into())),
        name: "node".to_owned(),
        address: Some(address.to_string()),
    }
}

fn client() -> GrpcTransport {
    GrpcTransport::new(secret(), None, ClientLimits::default())
}

fn call(request: &[u8], time: Duration) -> Call {
    Call {
        kind: Kind::Stock,
        key: vec![1, 2],
        request: request.to_vec(),
        request_id: Some("r-1".into()),
        traceparent: TraceParent::parse(TRACEPARENT),
        view: 7,
        deadline: Instant::now() + time,
    }
}

/// As whoever calls does: waits until the deadline and no longer.
async fn ask_for(
    client: &GrpcTransport,
    to: &Member,
    request: &[u8],
    time: Duration,
) -> Result<Answer, Unanswered> {
    let call = call(request, time);
    let answer = timeout_at(call.deadline, client.call(to, call)).await;
    answer.unwrap_or(Err(Unanswered::Unknown))
}

async fn ask(client: &GrpcTransport, to: &Member, request: &[u8]) -> Result<Answer, Unanswered> {
    ask_for(client, to, request, Duration::from_secs(20)).await
}

fn given(text: &[u8]) -> Result<Answer, Unanswered> {
    Ok(Answer::Given(text.to_vec()))
}

#[tokio::test]
async fn whatever_a_node_answers_arrives() {
    let (served, client) = (Served::plain().await, client());
    let to = served.member();
    let ask = async |request| ask(&client, &to, request).await;
    assert_eq!(ask(b"hello").await, given(b"hello"));
    assert_eq!(ask(b"").await, given(b""));
    assert_eq!(ask(b"elsewhere").await, Ok(Answer::Elsewhere { view: 8 }));
    assert_eq!(ask(b"unreadable").await, Ok(Answer::Unreadable));
    assert_eq!(ask(b"unplaced").await, Err(Unanswered::NotSent));
    assert_eq!(ask(b"refuse").await, Err(Unanswered::Refused));
    assert_eq!(ask(b"unknown").await, Err(Unanswered::Unknown));
    assert_eq!(ask(b"panic").await, Err(Unanswered::Unknown));
    assert_eq!(ask(b"hello").await, given(b"hello"));
}

#[tokio::test]
async fn what_goes_along_with_a_call_arrives() {
    let (served, client) = (Served::plain().await, client());
    let answer = ask_for(
        &client,
        &served.member(),
        b"describe",
        Duration::from_secs(3_000),
    )
    .await;
    let Ok(Answer::Given(text)) = answer else {
        panic!("{answer:?}");
    };
    // However long the caller would wait, the node does not work longer than a minute.
    insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"Stock [1, 2] 7 Some("r-1") 59"#);
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_refused_before_anything_is_done() {
    let served = Served::plain().await;
    let other = Secret::parse("V1J2dGhhdHdhc3JhbmRvbWVub3VnaD8hKys=").unwrap();
    let stranger = GrpcTransport::new(ClusterSecret::new(&other), None, ClientLimits::default());
    let refused = ask(&stranger, &served.member(), b"hello").await;
    assert_eq!((refused, served.calls()), (Err(Unanswered::Refused), 0));
}

#[tokio::test]
async fn a_node_that_hangs_costs_its_own_callers_their_deadline_and_nobody_else() {
    let (hangs, works) = (Served::plain().await, Served::plain().await);
    let limits = ClientLimits { calls: 2 };
    let client = Arc::new(GrpcTransport::new(secret(), None, limits));
    let hanging: Vec<_> = (0..2)
        .map(|_| {
            let (client, to) = (client.clone(), hangs.member());
            tokio::spawn(
                async move { ask_for(&client, &to, b"hang", Duration::from_secs(2)).await },
            )
        })
        .collect();
    while hangs.calls() < 2 {
        hangs.node.reached.notified().await;
    }
    // What comes beyond is refused at once, and does not wait with the others.
    let beyond = ask(&client, &hangs.member(), b"hello").await;
    assert_eq!((beyond, hangs.calls()), (Err(Unanswered::Refused), 2));
    for _ in 0..100 {
        assert_eq!(
            ask(&client, &works.member(), b"hello").await,
            given(b"hello")
        );
    }
    for hanging in hanging {
        assert_eq!(hanging.await.unwrap(), Err(Unanswered::Unknown));
    }
    // They have made room.
    assert_eq!(
        ask(&client, &hangs.member(), b"hello").await,
        given(b"hello")
    );
}

#[tokio::test]
async fn who_takes_connections_and_never_speaks_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (to, client) = (member(listener.local_addr().unwrap()), client());
    let answer = ask_for(&client, &to, b"hello", Duration::from_secs(1)).await;
    assert_eq!(answer, Err(Unanswered::Unknown));
}

#[tokio::test]
async fn a_call_to_a_node_that_dies_meanwhile_may_have_been_done() {
    let (served, client) = (Served::plain().await, Arc::new(client()));
    let (to, address) = (served.member(), served.address);
    let hanging = tokio::spawn({
        let (client, to) = (client.clone(), to.clone());
        async move { ask(&client, &to, b"hang").await }
    });
    served.node.reached.notified().await;
    drop(served);
    assert_eq!(hanging.await.unwrap(), Err(Unanswered::Unknown));
    // Its successor at the same address is found.
    let _successor = Served::at(address, None, ServerLimits::default()).await;
    loop {
        match ask(&client, &to, b"hello").await {
            // The lost connection may be found out by this call.
            Err(_) => tokio::task::yield_now().await,
            answer => break assert_eq!(answer, given(b"hello")),
        }
    }
}

#[tokio::test]
async fn a_call_to_nobody_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut to, client) = (member(listener.local_addr().unwrap()), client());
    drop(listener);
    for _ in 0..3 {
        assert_eq!(ask(&client, &to, b"hello").await, Err(Unanswered::NotSent));
    }
    to.id = NodeId(Uuid::nil());
    for address in [None, Some("no address".to_owned())] {
        to.address = address;
        assert_eq!(ask(&client, &to, b"hello").await, Err(Unanswered::NotSent));
    }
}

#[tokio::test]
async fn a_node_with_too_many_calls_refuses_more_and_then_takes_them_again() {
    let limits = ServerLimits {
        calls: 1,
        ..ServerLimits::default()
    };
    let served = Served::new(None, limits).await;
    let (to, client) = (served.member(), Arc::new(client()));
    let hanging = tokio::spawn({
        let (client, to) = (client.clone(), to.clone());
        async move { ask(&client, &to, b"hang").await }
    });
    served.node.reached.notified().await;
    let refused = ask(&client, &to, b"hello").await;
    assert_eq!((refused, served.calls()), (Err(Unanswered::Refused), 1));
    // Its caller has gone: the place is free as soon as the node has learned of it.
    hanging.abort();
    while ask(&client, &to, b"hello").await != given(b"hello") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn connections_are_bounded_and_one_that_ends_makes_room() {
    let limits = ServerLimits {
        connections: 1,
        ..ServerLimits::default()
    };
    let (served, first, second) = (Served::new(None, limits).await, client(), client());
    let to = served.member();
    assert_eq!(ask(&first, &to, b"hello").await, given(b"hello"));
    let waits = ask_for(&second, &to, b"hello", Duration::from_millis(300)).await;
    assert!(waits.is_err() && served.calls() == 1);
    drop(first);
    while ask(&second, &to, b"hello").await != given(b"hello") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_harms_nobody_else() {
    let (served, client) = (Served::plain().await, Arc::new(client()));
    let (to, large) = (served.member(), vec![b'x'; MAX_MESSAGE + 1]);
    let waiting = tokio::spawn({
        let (client, to) = (client.clone(), to.clone());
        async move { ask(&client, &to, b"wait").await }
    });
    served.node.reached.notified().await;
    assert_eq!(ask(&client, &to, &large).await, Err(Unanswered::Refused));
    assert_eq!(served.calls(), 1);
    // Nor does an answer.
    assert_eq!(ask(&client, &to, b"large").await, Err(Unanswered::Unknown));
    let fits = vec![b'x'; MAX_MESSAGE / 2];
    assert_eq!(ask(&client, &to, &fits).await, given(&fits));
    served.node.go_on.notify_one();
    assert_eq!(waiting.await.unwrap(), given(b"gone on"));
}

#[tokio::test]
async fn the_ways_to_nodes_that_have_left_are_closed() {
    let (one, two, client) = (Served::plain().await, Served::plain().await, client());
    for served in [&one, &two] {
        ask(&client, &served.member(), b"hello").await.unwrap();
    }
    client.keep(&[two.member()]);
    assert_eq!(client.open_links(), 1);
    assert_eq!(ask(&client, &two.member(), b"hello").await, given(b"hello"));
}

struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), certificate)
    }

    /// For a node at this host that trusts `trusted`.
    fn tls(&self, host: &str, trusted: &Self) -> Tls {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        let key = key.serialize_pem();
        Tls::from_pem(trusted.1.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap()
    }
}

#[tokio::test]
async fn by_tls_both_ends_must_be_of_the_cluster() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let host = "127.0.0.1";
    let served = Served::new(Some(ours.tls(host, &ours)), ServerLimits::default()).await;
    let to = served.member();
    let client = |tls| GrpcTransport::new(secret(), tls, ClientLimits::default());
    let friend = client(Some(ours.tls(host, &ours)));
    assert_eq!(ask(&friend, &to, b"hello").await, given(b"hello"));
    // Who trusts another authority does not send anything.
    let suspicious = client(Some(ours.tls(host, &theirs)));
    assert_eq!(
        ask(&suspicious, &to, b"hello").await,
        Err(Unanswered::NotSent)
    );
    // Who is of another authority, or speaks in the open, is not heard.
    let stranger = client(Some(theirs.tls(host, &ours)));
    assert!(ask(&stranger, &to, b"hello").await.is_err());
    assert!(ask(&client(None), &to, b"hello").await.is_err());
    // Nor is a node asked whose certificate is another host's.
    let served_elsewhere =
        Served::new(Some(ours.tls("10.0.0.1", &ours)), ServerLimits::default()).await;
    let to = served_elsewhere.member();
    assert_eq!(ask(&friend, &to, b"hello").await, Err(Unanswered::NotSent));
    assert_eq!((served.calls(), served_elsewhere.calls()), (1, 0));
}

#[test]
fn files_that_are_no_certificates_are_refused() {
    let refused = Tls::from_pem(b"no", b"no", b"no").unwrap_err();
    insta::assert_snapshot!(refused, @"the cluster's TLS files must be PEM: the authority's certificate, the node's, and its key");
}
