//! The driver over epoll: every socket is watched for what it is wanted for; reads and writes are calls of their own.
//!
//! Invariants: level-triggered, so nothing is lost between two polls; a socket that nobody wants bytes of is not looked
//! at, but for its failure.
//! Owning thread: whoever polls.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use crate::{BUFFER_LEN_BYTES, Bell, Driver, Happened, Piece, Table, Token, Want, set_nonblocking, shutdown};

/// Events per poll.
const EVENTS: usize = 256;
/// Connections accepted per poll.
const ACCEPTS: usize = 64;
/// What the kernel gives back for the bell and the listener; tokens have smaller slots.
const BELL: u64 = u64::MAX;
const LISTENER: u64 = u64::MAX - 1;

struct Socket {
    fd: OwnedFd,
    want: Want,
    /// What epoll watches it for now.
    watched: u32,
    /// A send under way and how much of it is done.
    sending: Option<(Vec<u8>, usize)>,
    /// Its end was told: it is watched no more.
    ended: bool,
}

/// See the module.
pub struct Epoll {
    epoll: OwnedFd,
    bell: Arc<Bell>,
    listener: Option<TcpListener>,
    accepting: bool,
    sockets: Table<Socket>,
    /// Sends to be done.
    to_send: Vec<Token>,
    buffers: Box<[u8]>,
    buffers_free: Vec<u16>,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    fn control(&self, operation: libc::c_int, fd: RawFd, watched: u32, data: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: watched, u64: data };
        // SAFETY: `event` lives through the call; both descriptors are open.
        let result = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, fd, &mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Watches a socket for what it is wanted for.
    fn watch(&mut self, token: Token) {
        let Some(socket) = self.sockets.get(token) else { return };
        let read = if socket.want == Want::Nothing { 0 } else { libc::EPOLLIN };
        let write = if socket.sending.is_some() { libc::EPOLLOUT } else { 0 };
        let wanted = (read | write) as u32;
        if !socket.ended && socket.watched != wanted {
            socket.watched = wanted;
            let fd = socket.fd.as_raw_fd();
            self.control(libc::EPOLL_CTL_MOD, fd, wanted, data(token)).expect("a watched descriptor is open");
        }
    }

    fn wait(&mut self, timeout: libc::c_int) -> io::Result<usize> {
        // SAFETY: the kernel writes at most `EVENTS` entries, for which there is room; what it wrote is initialised.
        unsafe {
            let room = self.events.as_mut_ptr();
            let count = libc::epoll_wait(self.epoll.as_raw_fd(), room, EVENTS as libc::c_int, timeout);
            self.events.set_len(usize::try_from(count).unwrap_or(0));
            if count >= 0 {
                return Ok(count as usize);
            }
        }
        let error = io::Error::last_os_error();
        if error.kind() == io::ErrorKind::Interrupted { Ok(0) } else { Err(error) }
    }

    fn accept(&mut self, out: &mut Vec<Happened>) {
        let Some(listener) = self.listener.as_ref().filter(|_| self.accepting) else { return };
        for _ in 0..ACCEPTS {
            match listener.accept() {
                Ok((stream, _)) => out.push(Happened::Accepted(stream.into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if gone(&error) => {}
                Err(error) => {
                    self.stop_accepting();
                    return out.push(Happened::AcceptFailed(error));
                }
            }
        }
    }

    fn read(&mut self, token: Token, events: u32, out: &mut Vec<Happened>) {
        let Some(socket) = self.sockets.get(token) else { return };
        let max = match socket.want {
            Want::Nothing => {
                // Not wanted, but nothing will ever come: looking away would be told again and again.
                if events & (libc::EPOLLERR | libc::EPOLLHUP) as u32 != 0 {
                    self.end(token, None, out);
                }
                return;
            }
            Want::Once(max) => max.min(BUFFER_LEN_BYTES),
            Want::Stream => BUFFER_LEN_BYTES,
        };
        let fd = socket.fd.as_raw_fd();
        // Without one it stays readable until the next poll.
        let Some(buffer) = self.buffers_free.pop() else { return };
        let start = usize::from(buffer) * BUFFER_LEN_BYTES;
        let room = &mut self.buffers[start..start + max];
        // SAFETY: `room` lives through the call and is `max` bytes.
        let count = unsafe { libc::recv(fd, room.as_mut_ptr().cast(), max, libc::MSG_DONTWAIT) };
        if count > 0 {
            if let Want::Once(_) = self.sockets.get(token).expect("looked at just above").want {
                self.receive(token, Want::Nothing);
            }
            return out.push(Happened::Received(token, Piece { buffer, len: count as u32 }));
        }
        let error = (count < 0).then(io::Error::last_os_error);
        self.buffers_free.push(buffer);
        match error {
            Some(error) if passing(&error) => {}
            error => self.end(token, error, out),
        }
    }

    /// Nothing more is to be heard of this socket; its owner closes it.
    fn end(&mut self, token: Token, error: Option<io::Error>, out: &mut Vec<Happened>) {
        if let Some(socket) = self.sockets.get(token).filter(|socket| !socket.ended) {
            let fd = socket.fd.as_raw_fd();
            socket.want = Want::Nothing;
            socket.sending = None;
            socket.ended = true;
            self.control(libc::EPOLL_CTL_DEL, fd, 0, 0).expect("a watched descriptor is open");
            out.push(Happened::Ended(token, error));
        }
    }

    fn write(&mut self, token: Token, out: &mut Vec<Happened>) {
        let Some(socket) = self.sockets.get(token) else { return };
        let Some((bytes, done)) = &mut socket.sending else { return };
        while *done < bytes.len() {
            let rest = &bytes[*done..];
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: `rest` lives through the call.
            let count = unsafe { libc::send(socket.fd.as_raw_fd(), rest.as_ptr().cast(), rest.len(), flags) };
            if count >= 0 {
                *done += count as usize;
                continue;
            }
            let error = io::Error::last_os_error();
            if !passing(&error) {
                return self.end(token, Some(error), out);
            }
            if error.kind() == io::ErrorKind::WouldBlock {
                return self.watch(token);
            }
        }
        let (bytes, _) = socket.sending.take().expect("looked at just above");
        out.push(Happened::Sent(token, bytes));
        self.watch(token);
    }
}

const fn data(token: Token) -> u64 {
    (token.generation as u64) << 32 | token.slot as u64
}

/// An error that says "not now".
fn passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// An error of accept that is about one connection only.
pub(crate) fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

impl Driver for Epoll {
    const NAME: &'static str = "epoll";

    fn open(receive_buffers: usize, bell: &Arc<Bell>) -> io::Result<Self> {
        // SAFETY: a system call without memory.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let driver = Self {
            // SAFETY: just opened, and nobody else has it.
            epoll: unsafe { OwnedFd::from_raw_fd(fd) },
            bell: Arc::clone(bell),
            listener: None,
            accepting: false,
            sockets: Table::new(),
            to_send: Vec::new(),
            buffers: vec![0; receive_buffers * BUFFER_LEN_BYTES].into(),
            buffers_free: (0..receive_buffers).map(|n| n as u16).collect(),
            events: Vec::with_capacity(EVENTS),
        };
        driver.control(libc::EPOLL_CTL_ADD, bell.0.as_raw_fd(), libc::EPOLLIN as u32, BELL)?;
        Ok(driver)
    }

    fn listen(&mut self, listener: TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        self.control(libc::EPOLL_CTL_ADD, listener.as_raw_fd(), libc::EPOLLIN as u32, LISTENER)?;
        self.listener = Some(listener);
        self.accepting = true;
        Ok(())
    }

    fn accept_again(&mut self) {
        if let Some(listener) = self.listener.as_ref().filter(|_| !self.accepting) {
            let fd = listener.as_raw_fd();
            self.control(libc::EPOLL_CTL_MOD, fd, libc::EPOLLIN as u32, LISTENER).expect("the listener is open");
            self.accepting = true;
        }
    }

    fn stop_accepting(&mut self) {
        if let Some(listener) = self.listener.as_ref().filter(|_| self.accepting) {
            self.control(libc::EPOLL_CTL_MOD, listener.as_raw_fd(), 0, LISTENER).expect("the listener is open");
            self.accepting = false;
        }
    }

    fn add(&mut self, socket: OwnedFd) -> io::Result<Token> {
        let fd = socket.as_raw_fd();
        set_nonblocking(fd, true)?;
        let token =
            self.sockets.insert(Socket { fd: socket, want: Want::Nothing, watched: 0, sending: None, ended: false });
        if let Err(error) = self.control(libc::EPOLL_CTL_ADD, fd, 0, data(token)) {
            self.sockets.remove(token);
            return Err(error);
        }
        Ok(token)
    }

    fn receive(&mut self, token: Token, want: Want) {
        if let Some(socket) = self.sockets.get(token) {
            socket.want = want;
            self.watch(token);
        }
    }

    fn send(&mut self, token: Token, bytes: Vec<u8>) {
        let Some(socket) = self.sockets.get(token).filter(|socket| !socket.ended) else { return };
        assert!(socket.sending.is_none(), "one send at a time");
        socket.sending = Some((bytes, 0));
        self.to_send.push(token);
    }

    fn shutdown_write(&mut self, token: Token) {
        if let Some(socket) = self.sockets.get(token) {
            shutdown(socket.fd.as_raw_fd(), libc::SHUT_WR);
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(socket) = self.sockets.remove(token) {
            shutdown(socket.fd.as_raw_fd(), libc::SHUT_RDWR);
        }
    }

    fn release(&mut self, token: Token) -> OwnedFd {
        let socket = self.sockets.remove(token).expect("a socket that is given away is here");
        assert!(socket.sending.is_none(), "nothing is under way on it");
        self.control(libc::EPOLL_CTL_DEL, socket.fd.as_raw_fd(), 0, 0).expect("a watched descriptor is open");
        socket.fd
    }

    fn poll(&mut self, out: &mut Vec<Happened>) -> io::Result<()> {
        let mut to_send = std::mem::take(&mut self.to_send);
        for token in to_send.drain(..) {
            self.write(token, out);
        }
        self.to_send = to_send;
        for index in 0..self.wait(0)? {
            let (events, data) = (self.events[index].events, self.events[index].u64);
            match data {
                BELL => self.bell.hush(),
                LISTENER => self.accept(out),
                _ => {
                    let token = Token { slot: data as u32, generation: (data >> 32) as u32 };
                    if events & libc::EPOLLOUT as u32 != 0 {
                        self.write(token, out);
                    }
                    if events & !(libc::EPOLLOUT as u32) != 0 {
                        self.read(token, events, out);
                    }
                }
            }
        }
        Ok(())
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        let start = usize::from(piece.buffer) * BUFFER_LEN_BYTES;
        &self.buffers[start..start + piece.len as usize]
    }

    fn give_back(&mut self, piece: Piece) {
        self.buffers_free.push(piece.buffer);
    }

    fn sleep(&mut self, max: Duration) -> io::Result<()> {
        let millis = max.as_millis().clamp(1, 1_000) as libc::c_int;
        // What is found is level-triggered: the next poll finds it again.
        self.wait(millis).map(|_| ())
    }
}
