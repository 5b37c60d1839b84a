//! Requests at a fixed rate, whatever becomes of them: each has its time, from which its latency
//! counts, so that a server which is behind cannot hide it by keeping its clients waiting.

use crate::Failure;
use crate::cores::{Core, apart};
use crate::wire::{Connection, Meanwhile, Request};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

/// How long after its end an offer is still worked off; what was not sent by then never is.
const OVERTIME: Duration = Duration::from_secs(1);

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It looks at the catalogue.
    Read,
    /// It changes a cart.
    Change,
    /// It orders what is in one.
    Order,
}

/// One client's way through the shop: the request at each step of it.
pub(crate) type Way = Arc<dyn Fn(usize) -> (Kind, Request) + Send + Sync>;

/// Clients with a connection each, and how far each of them is on its way.
#[derive(Clone)]
pub(crate) struct Offer {
    address: SocketAddr,
    clients: Arc<[(Way, AtomicUsize)]>,
    /// How many of them take part.
    connections: usize,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With an answer of this status.
    Answered(u16),
    /// With no connection: the system refused it.
    Refused,
    /// With no answer: a new connection was reset, as the server never took it.
    Reset,
    /// With no answer: the connection broke.
    Broken,
}

/// What became of one request.
pub(crate) struct Ended {
    pub(crate) kind: Kind,
    pub(crate) end: End,
    /// From when it should have been sent.
    pub(crate) took: Duration,
}

/// What became of an offer.
pub(crate) struct Load {
    pub(crate) ended: Vec<Ended>,
    /// Requests for which no connection was free in time.
    pub(crate) unsent: u64,
    /// Until the last answer.
    time: Duration,
}

impl Offer {
    pub(crate) fn new(address: SocketAddr, ways: Vec<Way>) -> Self {
        let connections = ways.len();
        let clients = ways.into_iter().map(|way| (way, AtomicUsize::new(0)));
        Self {
            address,
            clients: clients.collect(),
            connections,
        }
    }

    /// The same with so many of the clients.
    pub(crate) fn with(&self, connections: usize) -> Self {
        Self {
            connections,
            ..self.clone()
        }
    }

    /// Sends `rate` requests a second for so long, each by whichever client has been free for
    /// longest.
    pub(crate) async fn run(&self, rate: f64, time: Duration) -> Result<Load, Failure> {
        let offer = self.clone();
        apart(Some(Core::Clients), move || offer.send(rate, time)).await
    }

    async fn send(self, rate: f64, time: Duration) -> Result<Load, Failure> {
        let mut connections = Vec::new();
        for _ in 0..self.connections {
            connections.push(match Connection::open(self.address).await {
                Ok(connection) => Some(connection),
                // It comes again when it has something to ask.
                Err(error) if end_of(&error, true).is_some_and(End::is_refusal) => None,
                Err(error) => return Err(error.into()),
            });
        }
        let schedule = Arc::new(Mutex::new(Schedule::new(rate, time)));
        let mut sending = JoinSet::new();
        for (client, connection) in connections.into_iter().enumerate() {
            let (clients, schedule) = (self.clients.clone(), schedule.clone());
            sending.spawn(async move {
                let (way, step) = &clients[client];
                client_of(self.address, connection, way, step, &schedule).await
            });
        }
        let (mut ended, began) = (Vec::new(), Instant::now());
        loop {
            match sending.try_join_next() {
                Some(client) => ended.extend(client??),
                None if sending.is_empty() => break,
                None => Meanwhile::Doze.pass().await,
            }
        }
        let unsent = schedule.lock().await.left();
        Ok(Load {
            ended,
            unsent,
            time: began.elapsed(),
        })
    }
}

async fn client_of(
    address: SocketAddr,
    mut connection: Option<Connection>,
    way: &Way,
    step: &AtomicUsize,
    schedule: &Mutex<Schedule>,
) -> Result<Vec<Ended>, Failure> {
    let mut ended = Vec::new();
    loop {
        let Some(due) = schedule.lock().await.next().await else {
            return Ok(ended);
        };
        let (kind, request) = way(step.load(Ordering::Relaxed));
        let end = ask(address, &mut connection, &request).await?;
        // Whoever is told to come again does.
        if !end.is_refusal() {
            step.fetch_add(1, Ordering::Relaxed);
        }
        ended.push(Ended {
            kind,
            end,
            took: due.elapsed(),
        });
    }
}

/// Asks on the connection that there is, or on a new one, which is kept as long as it lasts.
async fn ask(
    address: SocketAddr,
    kept: &mut Option<Connection>,
    request: &Request,
) -> Result<End, Failure> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => match Connection::open(address).await {
            Ok(connection) => connection,
            Err(error) => return end_of(&error, true).ok_or_else(|| error.into()),
        },
    };
    match connection.ask(request).await {
        Ok((status, _)) => {
            if !connection.is_over {
                *kept = Some(connection);
            }
            Ok(End::Answered(status))
        }
        Err(failure) => {
            let end = failure
                .downcast_ref()
                .and_then(|error| end_of(error, connection.is_new));
            end.ok_or(failure)
        }
    }
}

/// What a client makes of a connection that fails; none, if that is the client's own failure.
fn end_of(error: &std::io::Error, is_new: bool) -> Option<End> {
    match error.kind() {
        ErrorKind::ConnectionRefused => Some(End::Refused),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe if is_new => Some(End::Reset),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            Some(End::Broken)
        }
        _ => None,
    }
}

/// When each request is due.
struct Schedule {
    began: Instant,
    pause: Duration,
    next: u32,
    all: u32,
    given_up: Instant,
}

impl Schedule {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no offer has so many requests"
    )]
    fn new(rate: f64, time: Duration) -> Self {
        let began = Instant::now();
        Self {
            began,
            pause: Duration::from_secs_f64(1.0 / rate),
            next: 0,
            all: (rate * time.as_secs_f64()) as u32,
            given_up: began + time + OVERTIME,
        }
    }

    /// When the next request is due, once it is; `None` after the last.
    async fn next(&mut self) -> Option<Instant> {
        if self.next >= self.all || Instant::now() >= self.given_up {
            return None;
        }
        let due = self.began + self.pause * self.next;
        self.next += 1;
        while Instant::now() < due {
            yield_now().await;
        }
        Some(due)
    }

    fn left(&self) -> u64 {
        u64::from(self.all - self.next)
    }
}

impl Load {
    /// How long those took that were done, shortest first.
    pub(crate) fn done(&self, is_meant: impl Fn(Kind) -> bool) -> Vec<Duration> {
        self.times(|ended| ended.end.is_done() && is_meant(ended.kind))
    }

    /// How long those took that were refused for want of room, shortest first.
    pub(crate) fn refused(&self) -> Vec<Duration> {
        self.times(|ended| ended.end.is_refusal())
    }

    /// How many ended so.
    pub(crate) fn count(&self, is_meant: impl Fn(End) -> bool) -> usize {
        self.ended
            .iter()
            .filter(|ended| is_meant(ended.end))
            .count()
    }

    /// How many were neither done nor refused for want of room.
    pub(crate) fn failed(&self) -> usize {
        self.count(|end| !end.is_done() && !end.is_refusal())
    }

    /// How many were done in a second.
    pub(crate) fn goodput(&self) -> f64 {
        per_second(self.count(End::is_done), self.time)
    }

    fn times(&self, of: impl Fn(&Ended) -> bool) -> Vec<Duration> {
        let those = self.ended.iter().filter(|ended| of(ended));
        let mut times: Vec<_> = those.map(|ended| ended.took).collect();
        times.sort_unstable();
        times
    }
}

impl End {
    fn is_done(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    /// Whether the client was told to come again.
    fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Answered(429 | 503) | Self::Refused | Self::Reset
        )
    }
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers every request of one connection in turn with these statuses, and closes it after 500;
    /// accepts no further one.
    async fn server(statuses: &'static [u16]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            drop(listener);
            let mut read = [0; 1_024];
            for status in statuses.iter().cycle() {
                if stream.read(&mut read).await.unwrap() == 0 {
                    break;
                }
                let close = if *status == 500 {
                    "connection: close\r\n"
                } else {
                    ""
                };
                let answer = format!("HTTP/1.1 {status} Told\r\n{close}content-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_that_is_refused_comes_again_with_the_same() {
        let address = server(&[200, 503, 201, 400]).await;
        let steps = Arc::new(std::sync::Mutex::new(Vec::new()));
        let told = steps.clone();
        let way: Way = Arc::new(move |step| {
            told.lock().unwrap().push(step);
            (Kind::Read, get("/", None))
        });
        let offer = Offer::new(address, vec![way]);
        let load = offer.run(80.0, Duration::from_millis(100)).await.unwrap();
        assert_eq!(*steps.lock().unwrap(), [0, 1, 1, 2, 3, 4, 4, 5]);
        let counts = (
            load.done(|_| true).len(),
            load.refused().len(),
            load.failed(),
        );
        assert_eq!((counts, load.unsent), ((4, 2, 2), 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_gets_no_connection_is_refused() {
        let address = server(&[200, 500]).await;
        let way: Way = Arc::new(|_| (Kind::Read, get("/", None)));
        let offer = Offer::new(address, vec![way]);
        let load = offer.run(80.0, Duration::from_millis(100)).await.unwrap();
        let refused = load.count(|end| end == End::Refused);
        let counts = (load.done(|_| true).len(), refused, load.failed());
        assert_eq!((counts, load.unsent), ((1, 6, 1), 0));
    }
}
