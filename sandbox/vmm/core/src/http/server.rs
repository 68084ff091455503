//! The API server: a listener and its connections on one thread, asleep while nothing happens.

use super::{Connection, Request, Response};
use std::io::{self, Read, Write};
use std::os::unix::io::{AsRawFd, FromRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Instant;

const MAX_CONNECTIONS: usize = 10;
const FULL: &[u8] = b"HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\n\
Content-Length: 40\r\n\r\n{ \"error\": \"Too many open connections\" }";

/// What becomes of a request.
pub enum Reply {
    /// Answer and go on.
    Send(Response),
    /// Answer, then leave the loop: the process ends with this exit code.
    Exit(Response, i32),
    /// Leave the loop without an answer: another process image goes on with this connection.
    Handoff,
}

/// Why the loop was left.
pub enum Left {
    Exit(i32),
    /// The index of the connection that still waits for its answer.
    Handoff(usize),
}

/// Answers requests.
pub trait Handler {
    /// Handles one request.
    fn handle(&mut self, request: &Request) -> Reply;
    /// A further descriptor to wait for, and what to do when it is readable.
    fn extra(&self) -> Option<RawFd> {
        None
    }
    fn on_extra(&mut self) {}
    /// When there is something to do though nobody asks.
    fn due(&self) -> Option<Instant> {
        None
    }
    fn on_due(&mut self) {}
}

/// One connected client.
pub struct Client {
    pub stream: UnixStream,
    pub connection: Connection,
}

/// The listener and all clients.
pub struct Server {
    pub listener: Option<UnixListener>,
    pub clients: Vec<Client>,
    /// The largest request body in bytes.
    pub limit: usize,
}

impl Server {
    /// Serves until a reply says otherwise.
    pub fn run(&mut self, handler: &mut dyn Handler) -> Left {
        loop {
            if handler.due().map_or(false, |due| due <= Instant::now()) {
                handler.on_due();
            }
            for index in 0..self.clients.len() {
                if let Some(left) = self.answer(index, handler) {
                    return left;
                }
            }
            self.clients.retain_mut(|client| client.flush().is_ok());
            if let Err(error) = self.wait(handler) {
                if error.kind() != io::ErrorKind::Interrupted {
                    crate::log::error("fc_api", &format!("API Server error: {error}"));
                }
            }
        }
    }

    /// Queues and writes the answer of a connection that was handed over.
    pub fn respond(&mut self, index: usize, response: &Response) {
        if let Some(client) = self.clients.get_mut(index) {
            client.connection.queue(response);
            let _ = client.flush();
        }
    }

    fn answer(&mut self, index: usize, handler: &mut dyn Handler) -> Option<Left> {
        while let Some(request) = self.clients[index].connection.ready.pop_front() {
            match handler.handle(&request) {
                Reply::Send(response) => self.respond(index, &response),
                Reply::Exit(response, code) => {
                    self.respond(index, &response);
                    return Some(Left::Exit(code));
                }
                Reply::Handoff => return Some(Left::Handoff(index)),
            }
        }
        None
    }

    fn wait(&mut self, handler: &mut dyn Handler) -> io::Result<()> {
        let entry = |fd, events| libc::pollfd { fd, events, revents: 0 };
        let listener = self.listener.as_ref().map_or(-1, |l| l.as_raw_fd());
        let mut fds = vec![entry(listener, libc::POLLIN), entry(handler.extra().unwrap_or(-1), libc::POLLIN)];
        for client in &self.clients {
            let writing = !client.connection.outgoing.is_empty();
            let events = if writing { libc::POLLOUT } else { libc::POLLIN };
            fds.push(entry(client.stream.as_raw_fd(), events));
        }
        let left = |due: Instant| due.saturating_duration_since(Instant::now()).as_millis() as i32 + 1;
        let timeout = handler.due().map_or(-1, left);
        // SAFETY: `fds` is a valid array of that many entries.
        if unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) } < 0 {
            return Err(io::Error::last_os_error());
        }
        if fds[1].revents != 0 {
            handler.on_extra();
        }
        let mut seen = fds[2..].iter();
        self.clients.retain_mut(|client| {
            let revents = seen.next().map_or(0, |fd| fd.revents);
            revents & (libc::POLLIN | libc::POLLHUP | libc::POLLERR) == 0 || client.read()
        });
        if fds[0].revents != 0 {
            self.accept()?;
        }
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let listener = match &self.listener {
            Some(listener) => listener,
            None => return Ok(()),
        };
        let (mut stream, _) = listener.accept()?;
        if self.clients.len() >= MAX_CONNECTIONS {
            let _ = stream.write(FULL);
            return Ok(());
        }
        stream.set_nonblocking(true)?;
        let connection = Connection::new(self.limit);
        self.clients.push(Client { stream, connection });
        Ok(())
    }
}

impl Client {
    /// A client that another process image accepted.
    ///
    /// # Safety
    /// `fd` must be an open stream socket that nobody else closes.
    pub unsafe fn from_fd(fd: RawFd, connection: Connection) -> Self {
        let stream = UnixStream::from_raw_fd(fd);
        Self { stream, connection }
    }

    /// Reads once. False when the client has gone.
    fn read(&mut self) -> bool {
        let mut buffer = [0u8; super::connection::BUFFER_SIZE];
        let room = self.connection.room();
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => false,
            Ok(count) => {
                self.connection.feed(&buffer[..count]);
                true
            }
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.connection.outgoing.is_empty() {
            match self.stream.write(&self.connection.outgoing) {
                Ok(count) => drop(self.connection.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
