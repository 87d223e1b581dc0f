//! The driver over io_uring: one accept and one receive per socket that go on by themselves, receive buffers that the
//! kernel picks from a ring of them, and one system call per round for everything that was asked for.
//!
//! ```text
//!   accept, multishot --------------+
//!   receive, multishot, per session +--> completion ring --poll--> Happened
//!   receive, once, before the logon +        ^
//!   send ---- submission ring --enter once per poll
//! ```
//!
//! Work of the kernel for this ring waits until the thread enters it (`DEFER_TASKRUN`), so a busy thread is not
//! interrupted, and a poll that finds neither a request of ours nor the kernel's flag costs no system call.
//!
//! A socket whose bytes are not wanted has its receive cancelled; what was received by then still comes. When the buffers
//! run out, the kernel ends receives; they begin again with the next poll, when the buffers are back.
//!
//! Invariants: memory that the kernel works on is freed only after the operation's completion: a socket's entry stays
//! until the last one is in, and dropping the driver waits for them. At most one accept is not cancelled: what an earlier one
//! still brings is a connection like any other, but says nothing about the one that goes on.
//! Owning thread: whoever polls; the ring refuses any other after the first poll.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::types::{BufRingEntry, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use crate::epoll::gone;
use crate::{BUFFER_LEN_BYTES, Bell, Driver, Happened, Piece, Table, Token, Want, set_nonblocking, shutdown};

/// Requests between two entries; more of them enter earlier.
const ENTRIES: u32 = 1_024;
/// Completions that may wait; the kernel keeps more of them elsewhere.
const COMPLETIONS: u32 = 8_192;
/// The one group of receive buffers.
const GROUP: u16 = 0;
/// Longest wait for the kernel to end what is under way when the driver is dropped.
const DROP_ROUNDS_MAX: usize = 500;
const PAGE_LEN_BYTES: usize = 4_096;

/// What a completion is about: the upper byte of its number; below it 24 bits of slot and 32 of generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Bell = 1,
    Accept = 2,
    Receive = 3,
    Send = 4,
    Cancel = 5,
}

const fn number(kind: Kind, token: Token) -> u64 {
    (kind as u64) << 56 | (token.slot as u64) << 32 | token.generation as u64
}

const NOBODY: Token = Token { slot: 0, generation: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiving {
    No,
    Once,
    /// `cancelled`: its end was asked for.
    Stream {
        cancelled: bool,
    },
}

struct Socket {
    fd: OwnedFd,
    want: Want,
    receiving: Receiving,
    /// A send under way and how much of it is done.
    sending: Option<(Vec<u8>, usize)>,
    /// Its end was told.
    ended: bool,
    /// Its owner has forgotten it; the entry stays until nothing is under way.
    closed: bool,
}

impl Socket {
    fn is_quiet(&self) -> bool {
        self.receiving == Receiving::No && self.sending.is_none()
    }
}

/// See the module.
pub struct Uring {
    ring: IoUring,
    enabled: bool,
    bell: Arc<Bell>,
    listener: Option<TcpListener>,
    accept: Accept,
    /// Accepts that were begun: the generation of the last one.
    accepts: u32,
    sockets: Table<Socket>,
    /// Sockets whose receive is not as it is wanted.
    to_arm: Vec<Token>,
    buffers: Buffers,
    found: Vec<(u64, i32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accept {
    Off,
    /// To be asked for.
    Wanted,
    On,
}

impl Uring {
    /// Puts a request into the submission ring, entering the kernel first where that is full.
    fn push(&mut self, entry: &squeue::Entry) -> io::Result<()> {
        loop {
            // SAFETY: what the entry points at is owned by `self` until its completion: see the module.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return Ok(());
            }
            self.enter(false)?;
        }
    }

    /// One system call: submits, and lets the kernel do what it has put off for this ring.
    fn enter(&mut self, wait: bool) -> io::Result<()> {
        let queued = self.ring.submission().len() as u32;
        const GETEVENTS: u32 = 1;
        // SAFETY: no signal mask is given; entries that are submitted are covered by `push`.
        let entered =
            unsafe { self.ring.submitter().enter::<libc::sigset_t>(queued, u32::from(wait), GETEVENTS, None) };
        match entered {
            Ok(_) => Ok(()),
            Err(error) if passing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn enable(&mut self) -> io::Result<()> {
        // Makes the calling thread the ring's only one.
        self.ring.submitter().register_enable_rings()?;
        self.enabled = true;
        self.watch_bell()
    }

    fn watch_bell(&mut self) -> io::Result<()> {
        let poll = opcode::PollAdd::new(Fd(self.bell.0.as_raw_fd()), libc::POLLIN as u32).multi(true).build();
        self.push(&poll.user_data(number(Kind::Bell, NOBODY)))
    }

    fn begin_accept(&mut self) -> io::Result<()> {
        if self.accept == Accept::Wanted
            && let Some(listener) = &self.listener
        {
            let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC).build();
            self.accept = Accept::On;
            self.accepts = self.accepts.wrapping_add(1);
            let number = self.accept_number();
            self.push(&accept.user_data(number))?;
        }
        Ok(())
    }

    /// The number of the accept that was begun last.
    const fn accept_number(&self) -> u64 {
        number(Kind::Accept, Token { slot: 0, generation: self.accepts })
    }

    /// Makes a socket's receive what is wanted of it.
    fn arm(&mut self, token: Token) -> io::Result<()> {
        let Some(socket) = self.sockets.get(token) else { return Ok(()) };
        if socket.ended || socket.closed {
            return Ok(());
        }
        let fd = Fd(socket.fd.as_raw_fd());
        let entry = match (socket.receiving, socket.want) {
            (Receiving::No, Want::Once(max)) => {
                socket.receiving = Receiving::Once;
                let max = max.min(BUFFER_LEN_BYTES) as u32;
                let receive = opcode::Recv::new(fd, std::ptr::null_mut(), max).buf_group(GROUP).build();
                receive.flags(squeue::Flags::BUFFER_SELECT).user_data(number(Kind::Receive, token))
            }
            (Receiving::No, Want::Stream) => {
                socket.receiving = Receiving::Stream { cancelled: false };
                opcode::RecvMulti::new(fd, GROUP).build().user_data(number(Kind::Receive, token))
            }
            (Receiving::Stream { cancelled: false }, Want::Nothing | Want::Once(_)) => {
                socket.receiving = Receiving::Stream { cancelled: true };
                let cancel = opcode::AsyncCancel::new(number(Kind::Receive, token)).build();
                cancel.user_data(number(Kind::Cancel, token))
            }
            _ => return Ok(()),
        };
        self.push(&entry)
    }

    fn push_send(&mut self, token: Token) -> io::Result<()> {
        let Some(socket) = self.sockets.get(token) else { return Ok(()) };
        let Some((bytes, done)) = &socket.sending else { return Ok(()) };
        let rest = &bytes[*done..];
        let send = opcode::Send::new(Fd(socket.fd.as_raw_fd()), rest.as_ptr(), rest.len() as u32)
            .flags(libc::MSG_NOSIGNAL | libc::MSG_WAITALL)
            .build();
        self.push(&send.user_data(number(Kind::Send, token)))
    }

    fn on_accept(&mut self, number: u64, result: i32, flags: u32, out: &mut Vec<Happened>) {
        if result >= 0 {
            // SAFETY: the kernel opened it for us, and nobody else has it.
            out.push(Happened::Accepted(unsafe { OwnedFd::from_raw_fd(result) }));
        }
        if cqueue::more(flags) || self.accept != Accept::On || number != self.accept_number() {
            return;
        }
        self.accept = Accept::Wanted;
        if result < 0 {
            let error = io::Error::from_raw_os_error(-result);
            if !gone(&error) {
                self.accept = Accept::Off;
                out.push(Happened::AcceptFailed(error));
            }
        }
    }

    fn on_receive(&mut self, token: Token, result: i32, flags: u32, out: &mut Vec<Happened>) {
        let buffer = cqueue::buffer_select(flags);
        let socket = self.sockets.get(token).expect("an entry stays until its last completion");
        if !cqueue::more(flags) {
            socket.receiving = Receiving::No;
            self.to_arm.push(token);
        }
        if let (Want::Once(_), true) = (socket.want, result > 0) {
            socket.want = Want::Nothing;
        }
        let heard = !socket.ended && !socket.closed;
        match (buffer, result) {
            (Some(buffer), 1..) if heard => {
                out.push(Happened::Received(token, Piece { buffer, len: result as u32 }));
            }
            (Some(buffer), _) => self.buffers.give_back(buffer),
            (None, _) => {}
        }
        if result <= 0 && heard && !cqueue::more(flags) {
            let error = io::Error::from_raw_os_error(-result);
            match -result {
                libc::ENOBUFS | libc::ECANCELED | libc::EINTR | libc::EAGAIN => {}
                code => self.end(token, (code != 0).then_some(error), out),
            }
        }
        self.tidy(token);
    }

    fn on_send(&mut self, token: Token, result: i32, out: &mut Vec<Happened>) -> io::Result<()> {
        let socket = self.sockets.get(token).expect("an entry stays until its last completion");
        let (bytes, done) = socket.sending.as_mut().expect("a send was under way");
        let heard = !socket.ended && !socket.closed;
        match -result {
            ..=0 => *done += result as usize,
            libc::EINTR | libc::EAGAIN => {}
            code => {
                socket.sending = None;
                if heard {
                    self.end(token, Some(io::Error::from_raw_os_error(code)), out);
                }
                self.tidy(token);
                return Ok(());
            }
        }
        if !heard {
            socket.sending = None;
        } else if *done < bytes.len() {
            return self.push_send(token);
        } else if let Some((bytes, _)) = socket.sending.take() {
            out.push(Happened::Sent(token, bytes));
        }
        self.tidy(token);
        Ok(())
    }

    fn end(&mut self, token: Token, error: Option<io::Error>, out: &mut Vec<Happened>) {
        if let Some(socket) = self.sockets.get(token)
            && !socket.ended
        {
            socket.ended = true;
            out.push(Happened::Ended(token, error));
        }
    }

    /// Frees a closed socket's entry once nothing is under way.
    fn tidy(&mut self, token: Token) {
        if self.sockets.get(token).is_some_and(|socket| socket.closed && socket.is_quiet()) {
            self.sockets.remove(token);
        }
    }

    fn take_completions(&mut self, out: &mut Vec<Happened>) -> io::Result<()> {
        let mut found = std::mem::take(&mut self.found);
        found.extend(self.ring.completion().map(|entry| (entry.user_data(), entry.result(), entry.flags())));
        for (number, result, flags) in found.drain(..) {
            let token = Token { slot: (number >> 32) as u32 & 0x00ff_ffff, generation: number as u32 };
            match number >> 56 {
                kind if kind == Kind::Receive as u64 => self.on_receive(token, result, flags, out),
                kind if kind == Kind::Send as u64 => self.on_send(token, result, out)?,
                kind if kind == Kind::Accept as u64 => self.on_accept(number, result, flags, out),
                kind if kind == Kind::Bell as u64 => {
                    self.bell.hush();
                    if !cqueue::more(flags) {
                        self.watch_bell()?;
                    }
                }
                // A cancellation itself says nothing: the cancelled operation does.
                _ => {}
            }
        }
        self.found = found;
        Ok(())
    }
}

fn make_ring(buffers: &Buffers) -> io::Result<IoUring> {
    let ring = IoUring::builder()
        .setup_cqsize(COMPLETIONS)
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        // Until the thread that is to own it enables it.
        .setup_r_disabled()
        .build(ENTRIES)?;
    let address = buffers.ring.as_ptr() as u64;
    // SAFETY: the ring of buffers is page-aligned, holds as many entries as are said, and is freed after the ring.
    unsafe { ring.submitter().register_buf_ring_with_flags(address, buffers.count, GROUP, 0)? };
    Ok(ring)
}

/// An error of `enter` that says "not now".
fn passing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY | libc::EAGAIN | libc::ETIME))
}

impl Driver for Uring {
    const NAME: &'static str = "io_uring";

    fn open(receive_buffers: usize, bell: &Arc<Bell>) -> io::Result<Self> {
        let buffers = Buffers::new(receive_buffers);
        // When a ring is closed, the kernel interrupts whatever system call its maker is in. So a thread makes it that ends.
        let made = std::thread::scope(|scope| scope.spawn(|| make_ring(&buffers)).join());
        let ring = made.expect("making a ring does not panic")?;
        Ok(Self {
            ring,
            enabled: false,
            bell: Arc::clone(bell),
            listener: None,
            accept: Accept::Off,
            accepts: 0,
            sockets: Table::new(),
            to_arm: Vec::new(),
            buffers,
            found: Vec::with_capacity(COMPLETIONS as usize),
        })
    }

    fn listen(&mut self, listener: TcpListener) -> io::Result<()> {
        // A non-blocking one would complete with EAGAIN instead of waiting in the ring.
        listener.set_nonblocking(false)?;
        self.listener = Some(listener);
        self.accept = Accept::Wanted;
        Ok(())
    }

    fn accept_again(&mut self) {
        if self.listener.is_some() && self.accept == Accept::Off {
            self.accept = Accept::Wanted;
        }
    }

    fn stop_accepting(&mut self) {
        if self.accept == Accept::On && self.enabled {
            let cancel = opcode::AsyncCancel::new(self.accept_number()).build();
            // An error would come again with the next poll, which tells it.
            let _ = self.push(&cancel.user_data(number(Kind::Cancel, NOBODY)));
        }
        self.accept = Accept::Off;
    }

    fn add(&mut self, socket: OwnedFd) -> io::Result<Token> {
        set_nonblocking(socket.as_raw_fd(), false)?;
        let (want, receiving) = (Want::Nothing, Receiving::No);
        let token =
            self.sockets.insert(Socket { fd: socket, want, receiving, sending: None, ended: false, closed: false });
        assert!(token.slot < 1 << 24, "fewer sockets than the numbers of completions can name");
        Ok(token)
    }

    fn receive(&mut self, token: Token, want: Want) {
        if let Some(socket) = self.sockets.get(token)
            && socket.want != want
        {
            socket.want = want;
            self.to_arm.push(token);
        }
    }

    fn send(&mut self, token: Token, bytes: Vec<u8>) {
        let Some(socket) = self.sockets.get(token).filter(|socket| !socket.ended && !socket.closed) else { return };
        assert!(socket.sending.is_none(), "one send at a time");
        socket.sending = Some((bytes, 0));
        if let Err(error) = self.push_send(token) {
            // Only when the kernel refuses to be entered, which the next poll tells.
            tracing::error!(%error, "a send could not be submitted");
        }
    }

    fn shutdown_write(&mut self, token: Token) {
        if let Some(socket) = self.sockets.get(token) {
            shutdown(socket.fd.as_raw_fd(), libc::SHUT_WR);
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(socket) = self.sockets.get(token) {
            // Ends whatever is under way, soon.
            shutdown(socket.fd.as_raw_fd(), libc::SHUT_RDWR);
            socket.closed = true;
            self.tidy(token);
        }
    }

    fn release(&mut self, token: Token) -> OwnedFd {
        let socket = self.sockets.remove(token).expect("a socket that is given away is here");
        assert!(socket.is_quiet(), "nothing is under way on it");
        socket.fd
    }

    fn poll(&mut self, out: &mut Vec<Happened>) -> io::Result<()> {
        if !self.enabled {
            self.enable()?;
        }
        self.begin_accept()?;
        while let Some(token) = self.to_arm.pop() {
            self.arm(token)?;
        }
        let must_enter = {
            let submission = self.ring.submission();
            !submission.is_empty() || submission.taskrun() || submission.cq_overflow()
        };
        if must_enter {
            self.enter(false)?;
        }
        self.take_completions(out)
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        self.buffers.bytes(piece)
    }

    fn give_back(&mut self, piece: Piece) {
        self.buffers.give_back(piece.buffer);
    }

    fn sleep(&mut self, max: Duration) -> io::Result<()> {
        if !self.to_arm.is_empty() || !self.ring.completion().is_empty() {
            return Ok(());
        }
        let timeout = Timespec::from(max);
        match self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&timeout)) {
            Ok(_) => Ok(()),
            Err(error) if passing(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        if !self.enabled {
            return;
        }
        for slot in 0..self.sockets.slots.len() {
            let token = Token { slot: slot as u32, generation: self.sockets.slots[slot].0 };
            self.close(token);
        }
        self.stop_accepting();
        let mut dropped = Vec::new();
        for _ in 0..DROP_ROUNDS_MAX {
            if self.sockets.slots.iter().all(|(_, socket)| socket.is_none()) {
                return;
            }
            let over = self.sleep(Duration::from_millis(2)).and_then(|()| self.take_completions(&mut dropped));
            if over.is_err() {
                break;
            }
            dropped.clear();
        }
        // The kernel may still write into what it was given: better kept for ever than used by somebody else.
        tracing::error!("the kernel did not end what was under way on some sockets");
        std::mem::forget(std::mem::replace(&mut self.sockets, Table::new()));
        self.buffers.kept = true;
    }
}

/// The receive buffers and the ring through which the kernel gets them.
///
/// ```text
///   ring: entries { address, length, id } x n, the tail in the first one       memory: n x BUFFER_LEN_BYTES
/// ```
struct Buffers {
    ring: NonNull<BufRingEntry>,
    ring_layout: Layout,
    memory: NonNull<u8>,
    memory_layout: Layout,
    count: u16,
    tail: u16,
    /// The kernel may still write into them: never freed.
    kept: bool,
}

// SAFETY: it owns its memory, which no thread is bound to.
unsafe impl Send for Buffers {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Buffers {}

impl Buffers {
    fn new(count: usize) -> Self {
        assert!(count.is_power_of_two() && count <= 32_768, "checked with the configuration");
        let aligned = |len| Layout::from_size_align(len, PAGE_LEN_BYTES).expect("a multiple of a page");
        let (ring_layout, memory_layout) =
            (aligned(count * size_of::<BufRingEntry>()), aligned(count * BUFFER_LEN_BYTES));
        // SAFETY: neither layout is empty.
        let (ring, memory) = unsafe { (alloc_zeroed(ring_layout), alloc_zeroed(memory_layout)) };
        let ring = NonNull::new(ring.cast()).unwrap_or_else(|| handle_alloc_error(ring_layout));
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(memory_layout));
        let mut buffers = Self { ring, ring_layout, memory, memory_layout, count: count as u16, tail: 0, kept: false };
        (0..buffers.count).for_each(|id| buffers.give_back(id));
        buffers
    }

    fn at(&self, id: u16) -> NonNull<u8> {
        assert!(id < self.count, "the kernel names buffers that it was given");
        // SAFETY: inside `memory`, by the assertion.
        unsafe { self.memory.add(usize::from(id) * BUFFER_LEN_BYTES) }
    }

    fn bytes(&self, piece: &Piece) -> &[u8] {
        let len = piece.len as usize;
        assert!(len <= BUFFER_LEN_BYTES, "the kernel writes no more than the buffer holds");
        // SAFETY: `len` bytes of a buffer that the kernel has finished with and gets back by `give_back` only.
        unsafe { std::slice::from_raw_parts(self.at(piece.buffer).as_ptr(), len) }
    }

    fn give_back(&mut self, id: u16) {
        let address = self.at(id);
        let slot = usize::from(self.tail % self.count);
        // SAFETY: `slot` is inside the ring; the kernel reads the entry only after the tail has passed it, and the tail's
        // place in the first entry is not among the fields that are written here.
        unsafe {
            let entry = &mut *self.ring.add(slot).as_ptr();
            entry.set_addr(address.as_ptr() as u64);
            entry.set_len(BUFFER_LEN_BYTES as u32);
            entry.set_bid(id);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.ring.as_ptr()).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // SAFETY: allocated with these layouts in `new`; the ring that knew them is closed: it is declared before.
        unsafe {
            dealloc(self.ring.as_ptr().cast(), self.ring_layout);
            dealloc(self.memory.as_ptr(), self.memory_layout);
        }
    }
}
