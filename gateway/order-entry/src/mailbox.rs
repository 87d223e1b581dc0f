//! What other threads have to say to a gateway: verdicts, connections handed over, room in the inbox, orders to stop.
//!
//!   any thread --flag or mail, then wake--> [Mailbox] --take, once per round--> gateway
//!
//! Invariants: whatever was said before [`Mailbox::take`] is seen by it; nobody waits here, and a round without news costs
//! one load.
//! Owning thread: none; the gateway reads it.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::Sender;

use tidegate_domain::{KeyId, SessionId};
use tidegate_pipeline::Waker;

use crate::directory::Maintenance;
use crate::session::{SessionCore, Submission};
use crate::session_list::SessionLine;
use tidegate_sockets::Token;

/// What the owner of the server wants of its gateways; each includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Wanted {
    /// To serve.
    Run = 0,
    /// No further connection, no further request.
    StopReading = 1,
    /// Farewell, and the end.
    Stop = 2,
}

/// A session that was verified on the accepting thread and belongs to another.
pub(crate) struct HandedOver {
    pub(crate) socket: OwnedFd,
    pub(crate) peer: SocketAddr,
    pub(crate) core: SessionCore,
    pub(crate) key: KeyId,
    pub(crate) session: SessionId,
    /// Asks the engine to open it.
    pub(crate) submission: Submission,
}

/// See the module.
pub(crate) enum Mail {
    /// A signature was looked at.
    Verdict { token: Token, valid: bool },
    /// A connection that came in by another door: a connected stream socket, and whose it is.
    Admit { socket: OwnedFd, peer: SocketAddr },
    /// See [`HandedOver`].
    HandedOver(Box<HandedOver>),
    /// Clients are to be told that the node will be stopped; none: not any more, later ones are not told.
    Maintenance(Option<Maintenance>),
    /// Somebody wants a list of the sessions.
    Sessions(Sender<Vec<SessionLine>>),
}

/// See the module.
pub(crate) struct Mailbox {
    waker: Waker,
    wanted: AtomicU8,
    space: AtomicBool,
    serving: AtomicBool,
    has_mail: AtomicBool,
    mail: Mutex<Vec<Mail>>,
}

impl Mailbox {
    pub(crate) fn new(waker: Waker) -> Self {
        let flag = || AtomicBool::new(false);
        Self {
            waker,
            wanted: AtomicU8::new(Wanted::Run as u8),
            space: flag(),
            serving: flag(),
            has_mail: flag(),
            mail: Mutex::default(),
        }
    }

    pub(crate) fn put(&self, mail: Mail) {
        self.mail.lock().expect("no holder of this lock panics").push(mail);
        self.say(&self.has_mail);
    }

    pub(crate) fn want(&self, what: Wanted) {
        self.wanted.fetch_max(what as u8, Ordering::SeqCst);
        self.waker.wake();
    }

    pub(crate) fn say_space(&self) {
        self.say(&self.space);
    }

    pub(crate) fn say_serving(&self) {
        self.say(&self.serving);
    }

    fn say(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(crate) fn wanted(&self) -> Wanted {
        match self.wanted.load(Ordering::Acquire) {
            0 => Wanted::Run,
            1 => Wanted::StopReading,
            _ => Wanted::Stop,
        }
    }

    /// Whether the inbox has room again, told once.
    pub(crate) fn take_space(&self) -> bool {
        take(&self.space)
    }

    /// Whether the serving state changed, told once.
    pub(crate) fn take_serving(&self) -> bool {
        take(&self.serving)
    }

    /// The mail.
    pub(crate) fn take(&self, into: &mut Vec<Mail>) {
        if take(&self.has_mail) {
            into.append(&mut self.mail.lock().expect("no holder of this lock panics"));
        }
    }
}

fn take(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed) && flag.swap(false, Ordering::AcqRel)
}
