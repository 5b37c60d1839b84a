//! A line to a server that freezes: what is sent over it is stuck until it thaws.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line, and which way of it is stuck.
pub struct Line {
    /// `host:port` of the near end.
    pub address: String,
    pub requests: watch::Sender<bool>,
    pub answers: watch::Sender<bool>,
}

impl Line {
    /// One that leads there.
    pub async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Self {
            address: listener.local_addr().unwrap().to_string(),
            requests: watch::channel(false).0,
            answers: watch::channel(false).0,
        };
        let (requests, answers) = (line.requests.subscribe(), line.answers.subscribe());
        tokio::spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                let there = TcpStream::connect(&server).await.unwrap();
                let (from_here, to_here) = here.into_split();
                let (from_there, to_there) = there.into_split();
                tokio::spawn(carry(from_here, to_there, requests.clone()));
                tokio::spawn(carry(from_there, to_here, answers.clone()));
            }
        });
        line
    }

    /// Has nothing pass any more, or everything.
    pub fn freeze(&self, is_frozen: bool) {
        self.requests.send_replace(is_frozen);
        self.answers.send_replace(is_frozen);
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut is_frozen: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if is_frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
