//! Clients over HTTP that cost little themselves: each has one connection, and sends the next
//! request when it has read the answer to the last.

use crate::Failure;
use crate::cores::{Core, apart};
use crate::measure::Sample;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Headers that an answer may have.
const HEADERS: usize = 32;

/// A request, as it is sent.
pub(crate) type Request = Arc<[u8]>;

/// Writes a request without a body.
pub(crate) fn get(path: &str, token: Option<&str>) -> Request {
    request("GET", path, token, "")
}

/// Writes a request with a JSON body, unless that is empty.
pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: &str) -> Request {
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let content = (!body.is_empty()).then(|| {
        let length = body.len();
        format!("content-type: application/json\r\ncontent-length: {length}\r\n")
    });
    let head = [authorization, content].map(Option::unwrap_or_default);
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\n{}\r\n{body}",
        head.concat()
    );
    text.into_bytes().into()
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// Whether nothing was answered on it yet.
    pub(crate) is_new: bool,
    /// Whether the server said that it closes it.
    pub(crate) is_over: bool,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(64 * 1024),
            is_new: true,
            is_over: false,
        })
    }

    /// Sends a request and reads the whole answer; returns its body, which must come with 2xx.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<&[u8], Failure> {
        match self.ask(request).await? {
            (200..=299, body) => Ok(body),
            (status, body) => {
                let text = String::from_utf8_lossy(body);
                Err(format!("an answer that was not asked for: {status} {text}").into())
            }
        }
    }

    /// Sends a request and reads the whole answer; returns its status and its body. A connection
    /// that breaks is an [`io::Error`].
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Result<(u16, &[u8]), Failure> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if let Some(measured) = measured(&self.read)?
                && self.read.len() >= measured.head + measured.length
            {
                self.is_new = false;
                self.is_over = measured.is_last;
                let body = &self.read[measured.head..measured.head + measured.length];
                return Ok((measured.status, body));
            }
        }
    }
}

/// What an answer's head says.
#[derive(Debug, PartialEq, Eq)]
struct Measured {
    status: u16,
    /// Bytes of the head.
    head: usize,
    /// Bytes of the body.
    length: usize,
    /// Whether the connection is closed after it.
    is_last: bool,
}

/// What an answer's head says, once it is there.
fn measured(answer: &[u8]) -> Result<Option<Measured>, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(answer)? else {
        return Ok(None);
    };
    let status = parsed.code.ok_or("an answer without a status")?;
    let of = |name: &str| {
        let mut headers = parsed.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value)
    };
    Ok(Some(Measured {
        status,
        head,
        length: match of("content-length") {
            Some(length) => std::str::from_utf8(length)?.parse()?,
            None => 0,
        },
        is_last: of("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close")),
    }))
}

/// What one client asks for: its first request, its second, and so on without end.
pub(crate) type Script = Arc<dyn Fn(usize) -> Request + Send + Sync>;

/// The script of a client that sends the same requests over and over, in turn.
pub(crate) fn cycle(requests: Vec<Request>) -> Script {
    Arc::new(move |number| Arc::clone(&requests[number % requests.len()]))
}

/// Clients on a thread of their own.
pub(crate) struct Clients {
    pub(crate) address: SocketAddr,
    /// One for each.
    pub(crate) scripts: Vec<Script>,
    pub(crate) meanwhile: Meanwhile,
}

/// What a thread of clients does while none of them has anything to do. Waking it costs the server,
/// the more the slower it is, and clients elsewhere cost it nothing of the kind: so most look again
/// and again.
#[derive(Clone, Copy)]
pub(crate) enum Meanwhile {
    /// It waits to be woken, where there are more servers than other cores: whoever looked would
    /// have them wait for its core.
    Sleep,
    /// It looks again at once, where the server needs the other core only.
    Look,
    /// It leaves the core for a moment to whoever needs it beside the server: the store's writer.
    Doze,
}

/// By the clock, about twice this with what the system adds.
const MOMENT: Duration = Duration::from_micros(50);

impl Meanwhile {
    /// Where the clients are: on the core that no server has, if there is one.
    fn core(self) -> Option<Core> {
        match self {
            Self::Sleep => None,
            Self::Look | Self::Doze => Some(Core::Clients),
        }
    }

    pub(crate) async fn pass(self) {
        match self {
            Self::Sleep => return std::future::pending().await,
            Self::Doze => std::thread::sleep(MOMENT),
            Self::Look => {}
        }
        tokio::task::yield_now().await;
    }
}

impl Clients {
    /// Has all of them ask until `end`.
    pub(crate) async fn run(&self, end: Instant) -> Result<Sample, Failure> {
        let (address, scripts) = (self.address, self.scripts.clone());
        let meanwhile = self.meanwhile;
        let all = move || ask_all(address, scripts, meanwhile, end);
        Ok(Sample::Times(apart(meanwhile.core(), all).await?))
    }
}

async fn ask_all(
    address: SocketAddr,
    scripts: Vec<Script>,
    meanwhile: Meanwhile,
    end: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut clients = JoinSet::new();
    for script in scripts {
        let mut connection = Connection::open(address).await?;
        clients.spawn(async move {
            let mut times = Vec::new();
            for number in 0.. {
                let request = script(number);
                let sent = Instant::now();
                if sent >= end {
                    break;
                }
                connection.exchange(&request).await?;
                times.push(sent.elapsed());
            }
            Ok::<_, Failure>(times)
        });
    }
    let mut all = Vec::new();
    loop {
        tokio::select! {
            biased;
            ended = clients.join_next() => match ended {
                Some(times) => all.extend(times??),
                None => return Ok(all),
            },
            () = meanwhile.pass() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_measured_once_its_head_is_there() {
        let of = |answer: &[u8]| {
            let measured = measured(answer).map_err(|error| error.to_string())?;
            Ok::<_, String>(measured.map(|it| (it.status, it.head, it.length, it.is_last)))
        };
        assert_eq!(of(b"HTTP/1.1 200 OK\r\ncontent-le"), Ok(None));
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(of(whole), Ok(Some((200, 38, 2, false))));
        let refused = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n";
        assert_eq!(of(refused), Ok(Some((503, 55, 0, true))));
        assert!(of(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }
}
