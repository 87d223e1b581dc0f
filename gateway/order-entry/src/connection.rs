//! The shell around one session: a task that reads its socket and a task that writes it.
//!
//!   socket --(reader)--> SessionCore --(Gateway::drive)--> inbox, replay, verify      SessionCore --(writer)--> socket
//!
//! Invariants: one read and one write under way at a time; the session's cell is never borrowed across an await; the
//! connection is forgotten when both tasks have ended, which a shutdown of the socket brings about.
//! Owning thread: order-entry.

use std::cell::{Cell, RefCell};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use tokio::sync::Notify;

use crate::gateway::Gateway;
use crate::ingress::ConnectionId;
use crate::session::{READ_LEN_BYTES, SessionCore};
use crate::socket::Socket;

/// See the module.
pub(crate) struct Connection<S> {
    pub(crate) id: ConnectionId,
    pub(crate) peer: SocketAddr,
    pub(crate) core: RefCell<SessionCore>,
    pub(crate) socket: S,
    /// There may be room to read.
    pub(crate) reader_wake: Notify,
    /// There may be something to write, or nothing more will be.
    pub(crate) writer_wake: Notify,
    /// A write is done: the replay may go on.
    pub(crate) written: Notify,
    /// The pump has something for it in this round.
    pub(crate) touched: Cell<bool>,
    ended: Cell<bool>,
}

impl<S: Socket> Connection<S> {
    pub(crate) fn new(id: ConnectionId, peer: SocketAddr, socket: S, core: SessionCore) -> Rc<Self> {
        Rc::new(Self {
            id,
            peer,
            core: RefCell::new(core),
            socket,
            reader_wake: Notify::new(),
            writer_wake: Notify::new(),
            written: Notify::new(),
            touched: Cell::new(false),
            ended: Cell::new(false),
        })
    }

    /// Makes whatever is under way on the socket end.
    pub(crate) fn abort(&self) {
        self.ended.set(true);
        // An error means that the socket is down already.
        let _ = self.socket.shutdown(Shutdown::Both);
        self.reader_wake.notify_one();
        self.writer_wake.notify_one();
        self.written.notify_one();
    }
}

/// Runs a connection to its end.
pub(crate) async fn run<S: Socket>(gateway: Rc<Gateway<S>>, connection: Rc<Connection<S>>) {
    gateway.drive(&connection);
    let writer = tokio::task::spawn_local(write(Rc::clone(&gateway), Rc::clone(&connection)));
    read(&gateway, &connection).await;
    // The writer says goodbye first; `on_tick` aborts the socket where the peer does not take it.
    if let Err(error) = writer.await {
        tracing::error!(%error, "a writer task failed");
    }
    gateway.forget(&connection);
}

async fn read<S: Socket>(gateway: &Rc<Gateway<S>>, connection: &Rc<Connection<S>>) {
    let mut buffer = Vec::new();
    loop {
        if connection.ended.get() {
            return;
        }
        let (max, closed) = {
            let core = connection.core.borrow();
            (core.read_max(), core.is_closed())
        };
        // After the goodbye, what still comes is read and dropped: closing a socket with unread bytes would reset the
        // connection, and the goodbye could be lost with it.
        let max = if closed { READ_LEN_BYTES } else { max };
        if max == 0 {
            connection.reader_wake.notified().await;
            continue;
        }
        if buffer.len() < max {
            buffer.resize(max, 0);
        }
        let (result, returned) = connection.socket.read(buffer, max).await;
        buffer = returned;
        match result {
            Ok(count) if count > 0 => connection.core.borrow_mut().on_bytes(&buffer[..count], gateway.now()),
            ended => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %connection.peer, %error, "a connection failed");
                }
                connection.core.borrow_mut().on_disconnected(gateway.now());
                gateway.drive(connection);
                connection.abort();
                return;
            }
        }
        gateway.drive(connection);
    }
}

async fn write<S: Socket>(gateway: Rc<Gateway<S>>, connection: Rc<Connection<S>>) {
    let mut spare = Vec::new();
    loop {
        if connection.ended.get() {
            return;
        }
        let (taken, closed) = {
            let mut core = connection.core.borrow_mut();
            (core.take_output(spare, gateway.now()), core.is_closed())
        };
        match taken {
            Ok(bytes) => {
                let (result, returned) = connection.socket.write_all(bytes).await;
                if result.is_err() {
                    connection.core.borrow_mut().on_disconnected(gateway.now());
                    gateway.drive(&connection);
                    connection.abort();
                    return;
                }
                spare = returned;
                connection.core.borrow_mut().on_written();
                connection.written.notify_one();
                gateway.drive(&connection);
            }
            Err(returned) if closed => {
                drop(returned);
                // The peer reads to the end and closes; `on_tick` aborts where it does not.
                let _ = connection.socket.shutdown(Shutdown::Write);
                return;
            }
            Err(returned) => {
                spare = returned;
                connection.writer_wake.notified().await;
            }
        }
    }
}
