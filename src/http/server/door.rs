//! The address that clients connect to: open, or shut, which has the system refuse whoever connects
//! at once and at no cost to the node. Knows nothing of when it is shut.

use crate::metrics::Counter;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted, as far as the system permits (`somaxconn`). Where there
/// are more, the system says nothing, and clients try again after a second.
const BACKLOG: u32 = 4_096;

/// A listener that can be shut for a while.
pub(in crate::http) struct Door<'l> {
    state: State<'l>,
    /// How often it was shut.
    pauses: Counter,
}

enum State<'l> {
    /// Another's listener, which is never shut.
    Lent(&'l TcpListener),
    /// It lets in.
    Open(TcpListener),
    /// It refuses. A socket that does not listen keeps the port, where the system gave one.
    Shut(SocketAddr, Option<TcpSocket>),
}

impl<'l> Door<'l> {
    /// Counts in `pauses` how often it is shut.
    pub(in crate::http) fn new(listener: TcpListener, pauses: Counter) -> Self {
        Self {
            state: State::Open(listener),
            pauses,
        }
    }

    /// One that stays open.
    pub(in crate::http) fn lent(listener: &'l TcpListener) -> Self {
        Self {
            state: State::Lent(listener),
            pauses: Counter::default(),
        }
    }

    /// The next connection; none while it is shut.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let listener = match &self.state {
            State::Lent(listener) => listener,
            State::Open(listener) => listener,
            State::Shut(..) => return std::future::pending().await,
        };
        loop {
            match listener.accept().await {
                // The client has gone already.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                accepted => return accepted,
            }
        }
    }

    /// Shuts it, if it can be shut. Connections stay that were accepted.
    ///
    /// # Errors
    /// The operating system's; it is open still.
    pub(super) fn shut(&mut self) -> io::Result<()> {
        if let State::Open(listener) = &self.state {
            let address = listener.local_addr()?;
            // Listening is ended before the port is taken again: the system refuses two at once.
            self.state = State::Shut(address, None);
            self.state = State::Shut(address, bound(address).ok());
            self.pauses.inc();
        }
        Ok(())
    }

    /// Opens it, if it is shut.
    ///
    /// # Errors
    /// The operating system's; it is shut still.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if let State::Shut(address, socket) = &mut self.state {
            let socket = match socket.take() {
                Some(socket) => socket,
                None => bound(*address)?,
            };
            self.state = State::Open(socket.listen(BACKLOG)?);
        }
        Ok(())
    }
}

/// A listener at `address`.
///
/// # Errors
/// The operating system's.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address)?.listen(BACKLOG)
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Accepted connections have the port as well.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shut_door_refuses_at_once_and_keeps_its_port_and_its_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pauses = Counter::default();
        let mut door = Door::new(listener, pauses.clone());
        let early = TcpStream::connect(address).await.unwrap();
        let (accepted, peer) = door.accept().await.unwrap();
        assert_eq!(peer, early.local_addr().unwrap());
        for _ in 0..3 {
            door.shut().unwrap();
            let refused = TcpStream::connect(address).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            door.open().unwrap();
            let late = TcpStream::connect(address).await.unwrap();
            let (_, peer) = door.accept().await.unwrap();
            assert_eq!(peer, late.local_addr().unwrap());
        }
        assert_eq!(pauses.get(), 3);
        early.writable().await.unwrap();
        assert_eq!(early.try_write(b"still here").unwrap(), 10);
        accepted.readable().await.unwrap();
        assert_eq!(accepted.try_read(&mut [0; 16]).unwrap(), 10);
    }

    #[tokio::test]
    async fn a_lent_door_stays_open() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Door::lent(&listener);
        door.shut().unwrap();
        TcpStream::connect(address).await.unwrap();
        door.accept().await.unwrap();
    }
}
