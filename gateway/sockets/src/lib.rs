//! Sockets by the many, over one kernel interface or another: io_uring and epoll behind one small trait.
//!
//! ```text
//!   listen --Accepted--> add --> receive(want) --Received, Received, ..--> receive(nothing)
//!                                send(bytes)   --Sent-->                       close --> (gone when the kernel is done)
//! ```
//!
//! Everything that is asked for is noted and done by the next [`Driver::poll`], which never waits; [`Driver::sleep`] does.
//!
//! Invariants: what the kernel works on (a buffer, a descriptor) is owned here until it is done with it; a [`Token`] is
//! never used for two sockets; one send at a time per socket; received bytes are in a fixed number of buffers, which come
//! back before the next poll, so nothing here grows with what clients send.
//! Owning thread: whoever polls; only the [`Bell`] is anybody's.

mod address;
mod epoll;
mod uring;

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

pub use address::Address;
pub use epoll::Epoll;
pub use uring::Uring;

/// Length of a buffer that receives.
pub const BUFFER_LEN_BYTES: usize = 4_096;

/// Names a socket for the life of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// Place in tables; used again when a socket is gone.
    pub slot: u32,
    /// Tells two sockets in one slot apart.
    pub generation: u32,
}

/// What is to be received of a socket from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing: what comes stays in the kernel, which tells the peer to stop.
    Nothing,
    /// One piece of at most so many bytes.
    Once(usize),
    /// Whatever comes.
    Stream,
}

/// Received bytes, in a buffer of the driver: [`Driver::bytes`], then [`Driver::give_back`].
#[derive(Debug)]
pub struct Piece {
    buffer: u16,
    len: u32,
}

/// What a poll found.
#[derive(Debug)]
pub enum Happened {
    /// A connection came in.
    Accepted(OwnedFd),
    /// None comes in until [`Driver::accept_again`]: the system refuses, such as for want of descriptors.
    AcceptFailed(io::Error),
    /// Bytes.
    Received(Token, Piece),
    /// The peer sent its last byte, or the socket failed.
    Ended(Token, Option<io::Error>),
    /// All of a send is with the kernel; its buffer comes back.
    Sent(Token, Vec<u8>),
}

/// See the module.
pub trait Driver: Send + Sized + 'static {
    /// Its name in logs and status.
    const NAME: &'static str;

    /// Opens it, for so many receive buffers, a power of two; `bell` ends a sleep.
    ///
    /// # Errors
    /// What the kernel refuses.
    fn open(receive_buffers: usize, bell: &Arc<Bell>) -> io::Result<Self>;

    /// Accepts from now on.
    ///
    /// # Errors
    /// What the kernel says of the listener.
    fn listen(&mut self, listener: TcpListener) -> io::Result<()>;

    /// After [`Happened::AcceptFailed`].
    fn accept_again(&mut self);

    /// Accepts nothing more; one that is under way may still come.
    fn stop_accepting(&mut self);

    /// Takes over a connected stream socket; nothing is received yet.
    ///
    /// # Errors
    /// What the kernel says of the socket.
    fn add(&mut self, socket: OwnedFd) -> io::Result<Token>;

    /// What to receive from now on. What the kernel has handed out by then still comes.
    fn receive(&mut self, token: Token, want: Want);

    /// Sends all of it; `Sent` or `Ended` follows.
    ///
    /// # Panics
    /// When a send of this socket is under way.
    fn send(&mut self, token: Token, bytes: Vec<u8>);

    /// Tells the peer that nothing more comes.
    fn shutdown_write(&mut self, token: Token);

    /// Ends both directions and forgets the socket: nothing more happens with this token.
    fn close(&mut self, token: Token);

    /// Gives a socket away on which nothing is under way.
    ///
    /// # Panics
    /// When something is.
    fn release(&mut self, token: Token) -> OwnedFd;

    /// Hands to the kernel what was asked for, and takes what happened.
    ///
    /// # Errors
    /// Final: the interface itself failed, not a socket.
    fn poll(&mut self, out: &mut Vec<Happened>) -> io::Result<()>;

    /// The bytes of a piece.
    fn bytes(&self, piece: &Piece) -> &[u8];

    /// Its buffer may be used again.
    fn give_back(&mut self, piece: Piece);

    /// Waits until something happens, the bell rings or `max` is over.
    ///
    /// # Errors
    /// As [`Self::poll`].
    fn sleep(&mut self, max: Duration) -> io::Result<()>;
}

/// Ends a driver's sleep from any thread: an eventfd that the driver waits for, too.
#[derive(Debug)]
pub struct Bell(OwnedFd);

impl Bell {
    /// A bell that is silent.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a system call without memory.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        // SAFETY: just opened, and nobody else has it.
        (fd >= 0).then(|| Self(unsafe { OwnedFd::from_raw_fd(fd) })).ok_or_else(io::Error::last_os_error)
    }

    /// Rings.
    pub fn ring(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes that live through the call. It can only fail because it rings already.
        let _ = unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// Makes it silent again.
    fn hush(&self) {
        let mut count = [0_u8; 8];
        // SAFETY: eight bytes that live through the call. It can only fail because it does not ring.
        let _ = unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) };
    }
}

/// Sockets by token.
struct Table<S> {
    slots: Vec<(u32, Option<S>)>,
    free: Vec<u32>,
}

impl<S> Table<S> {
    const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }

    fn insert(&mut self, socket: S) -> Token {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.1 = Some(socket);
            return Token { slot, generation: place.0 };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer sockets than descriptors");
        self.slots.push((0, Some(socket)));
        Token { slot, generation: 0 }
    }

    fn get(&mut self, token: Token) -> Option<&mut S> {
        let (generation, socket) = self.slots.get_mut(token.slot as usize)?;
        if *generation == token.generation { socket.as_mut() } else { None }
    }

    fn remove(&mut self, token: Token) -> Option<S> {
        let (generation, socket) = self.slots.get_mut(token.slot as usize)?;
        if *generation != token.generation {
            return None;
        }
        let socket = socket.take()?;
        *generation = generation.wrapping_add(1);
        self.free.push(token.slot);
        Some(socket)
    }
}

fn set_nonblocking(fd: RawFd, on: bool) -> io::Result<()> {
    // SAFETY: plain system calls on a descriptor that the caller owns.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        let wanted = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
        if flags >= 0 && (flags == wanted || libc::fcntl(fd, libc::F_SETFL, wanted) >= 0) {
            return Ok(());
        }
    }
    Err(io::Error::last_os_error())
}

fn shutdown(fd: RawFd, how: libc::c_int) {
    // SAFETY: a system call on a descriptor that the caller owns. An error means that it is down already.
    let _ = unsafe { libc::shutdown(fd, how) };
}
