//! The server against clients that speak raw bytes.

use super::*;
use crate::metrics::Counter;
use futures::FutureExt;
use hyper::service::service_fn;
use std::pin::Pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);
const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drained>,
}

fn limits() -> ConnectionLimits {
    ConnectionLimits {
        connections: 100,
        header_timeout: LONG,
        queue_timeout: LONG,
        drain_timeout: LONG,
    }
}

async fn served(
    limits: ConnectionLimits,
    answer: impl Fn() -> Answering + Clone + Send + Sync + 'static,
) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let service = move |_peer, _turn| {
        let answer = answer.clone();
        service_fn(move |_: Request<Incoming>| answer())
    };
    let serving = tokio::spawn(async move {
        let (door, workers) = (Door::new(listener, Counter::default()), Handle::current());
        let stopped = async { drop(stopped.await) };
        run(door, service, limits, &workers, stopped).await
    });
    Served {
        address,
        stop,
        serving,
    }
}

fn hello() -> Answering {
    Box::pin(async { Ok(Response::new("hello".into())) })
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// All that comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut bytes)).await;
    // A reset is an end as well.
    let _ = read.expect("the server should have closed the connection");
    String::from_utf8(bytes).unwrap()
}

async fn exchange(stream: &mut TcpStream) {
    stream.write_all(GET.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let limits = ConnectionLimits {
        header_timeout: SHORT,
        ..limits()
    };
    let served = served(limits, hello).await;
    let mut slow = served.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    assert!(!rest(&mut slow).await.contains("hello"));
    let mut idle = served.connect().await;
    exchange(&mut idle).await;
    assert_eq!(rest(&mut idle).await, "");
}

#[tokio::test]
async fn heads_are_bounded_in_number_and_size() {
    let served = served(limits(), hello).await;
    let many = "a: b\r\n".repeat(101);
    let large = format!("a: {}\r\n", "b".repeat(MAX_HEAD));
    for head in [many, large] {
        let mut stream = served.connect().await;
        let request = format!("GET / HTTP/1.1\r\n{head}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let mut stream = served.connect().await;
    let fine = format!(
        "GET / HTTP/1.1\r\n{}connection: close\r\n\r\n",
        "a: b\r\n".repeat(98)
    );
    stream.write_all(fine.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.ends_with("hello"));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_a_place() {
    let limits = ConnectionLimits {
        connections: 1,
        ..limits()
    };
    let served = served(limits, hello).await;
    let mut first = served.connect().await;
    exchange(&mut first).await;
    let mut second = served.connect().await;
    let mut waiting = pin!(exchange(&mut second));
    for _ in 0..20 {
        tokio::select! {
            biased;
            () = &mut waiting => panic!("served beyond the limit"),
            () = exchange(&mut first) => {}
        }
    }
    drop(first);
    timeout(LONG, waiting).await.unwrap();
}

#[tokio::test]
async fn draining_gives_the_answer_under_way_and_takes_nothing_new() {
    let (begun, mut beginnings) = mpsc::unbounded_channel();
    let places = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&places);
    let served = served(limits(), move || {
        let (begun, gate) = (begun.clone(), Arc::clone(&gate));
        Box::pin(async move {
            begun.send(()).unwrap();
            gate.acquire().await.unwrap().forget();
            Ok(Response::new("hello".into()))
        })
    })
    .await;
    let mut idle = served.connect().await;
    let mut busy = served.connect().await;
    busy.write_all(GET.as_bytes()).await.unwrap();
    beginnings.recv().await.unwrap();
    let (address, serving) = (served.address, served.serving);
    served.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    places.add_permits(1);
    assert!(rest(&mut busy).await.ends_with("hello"));
    assert_eq!(serving.await.unwrap(), Drained::Clean);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_is_not_done_at_the_deadline_is_cut_off() {
    let (begun, mut beginnings) = mpsc::unbounded_channel();
    let limits = ConnectionLimits {
        drain_timeout: SHORT,
        ..limits()
    };
    let served = served(limits, move || {
        begun.send(()).unwrap();
        Box::pin(std::future::pending())
    })
    .await;
    let mut stuck = served.connect().await;
    stuck.write_all(GET.as_bytes()).await.unwrap();
    beginnings.recv().await.unwrap();
    served.stop.send(()).unwrap();
    assert_eq!(served.serving.await.unwrap(), Drained::Cut(1));
    assert_eq!(rest(&mut stuck).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place() {
    let limits = ConnectionLimits {
        connections: 1,
        header_timeout: SHORT,
        ..limits()
    };
    let (begun, mut beginnings) = mpsc::unbounded_channel();
    let served = served(limits, move || {
        let first = begun.send(()).is_ok();
        Box::pin(async move {
            let length = if first { 64 << 20 } else { 0 };
            Ok(Response::new(
                [vec![b'x'; length], b"hello".into()].concat().into(),
            ))
        })
    })
    .await;
    let mut deaf = served.connect().await;
    deaf.write_all(GET.as_bytes()).await.unwrap();
    beginnings.recv().await.unwrap();
    drop(beginnings);
    let mut next = served.connect().await;
    timeout(LONG, exchange(&mut next)).await.unwrap();
}

#[tokio::test]
async fn connections_are_refused_while_it_is_behind_and_taken_again_afterwards() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let workers = Handle::current();
    let mut server = Server::new(limits(), &workers);
    let backlog = server.backlog.clone();
    let mut door = Door::new(listener, Counter::default());
    let early = TcpStream::connect(address).await.unwrap();
    let (_, peer, _) = server.accept(&mut door).await.unwrap();
    assert_eq!(peer, early.local_addr().unwrap());
    backlog.fall_behind(1_000);
    assert!(server.accept(&mut door).now_or_never().is_none());
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    backlog.catch_up(1_000);
    let accepting = timeout(LONG, server.accept(&mut door));
    let connecting = async {
        loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let (accepted, late) = tokio::join!(accepting, connecting);
    let (_, peer, _) = accepted.unwrap().unwrap();
    assert_eq!(peer, late.local_addr().unwrap());
}
