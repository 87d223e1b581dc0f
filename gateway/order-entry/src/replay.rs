//! Replay: what a key's session has missed, from the event log, along the key's back-pointers.
//!
//!   newest report -> the one before -> .. -> `after`        then forwards, in chunks, as fast as the client reads
//!
//! Invariants: the cost is that of the key's own missed reports, whatever other traffic there was; each is looked up
//! twice and none is kept. A chunk is read only while the session has room for it.
//! Owning thread: order-entry.

use std::rc::Rc;

use tidegate_domain::{KeyId, LogAddress, SessionSequence};
use tidegate_journal::JournalError;

use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::socket::Socket;

/// Back-pointers followed between two turns for everybody else.
const STEPS_PER_TURN: usize = 4_096;
/// Reports per chunk.
const CHUNK: usize = 1_024;

/// Brings the session everything after `after` that is in the log now. An unreadable event log is the end of the node.
pub(crate) async fn run<S: Socket>(
    gateway: Rc<Gateway<S>>,
    connection: Rc<Connection<S>>,
    key: KeyId,
    after: SessionSequence,
) {
    if let Err(error) = replay(&gateway, &connection, key, after).await {
        panic!("order entry cannot go on: {error}");
    }
    connection.core.borrow_mut().on_replay_end();
    gateway.drive(&connection);
}

async fn replay<S: Socket>(
    gateway: &Rc<Gateway<S>>,
    connection: &Rc<Connection<S>>,
    key: KeyId,
    after: SessionSequence,
) -> Result<(), JournalError> {
    let addresses = missed::<S>(gateway, key, after).await?;
    let mut chunk = Vec::with_capacity(CHUNK.min(addresses.len()));
    for piece in addresses.rchunks(CHUNK) {
        loop {
            let (closed, room) = {
                let core = connection.core.borrow();
                (core.is_closed(), core.has_room_for_replay())
            };
            if closed {
                return Ok(());
            }
            if room {
                break;
            }
            connection.written.notified().await;
        }
        chunk.clear();
        for address in piece.iter().rev() {
            chunk.push(gateway.log.event_at(*address)?);
        }
        connection.core.borrow_mut().on_replayed(&chunk, gateway.now());
        gateway.drive(connection);
        S::turn().await;
    }
    Ok(())
}

/// Addresses of the key's reports after `after`, newest first.
async fn missed<S: Socket>(
    gateway: &Gateway<S>,
    key: KeyId,
    after: SessionSequence,
) -> Result<Vec<LogAddress>, JournalError> {
    let mut addresses = Vec::new();
    let mut next = gateway.log.last_report(key);
    while !next.is_none() {
        let record = gateway.log.event_at(next)?;
        if record.session_sequence() <= after {
            break;
        }
        addresses.push(next);
        next = record.previous_report();
        if addresses.len() % STEPS_PER_TURN == 0 {
            S::turn().await;
        }
    }
    Ok(addresses)
}
