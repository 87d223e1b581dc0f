//! Follows the event log for a drop copy.
//!
//!   event log --batch--> SessionCore, those of its group        written --> the next batch
//!
//! Invariants: the log is read only while the session has room; whoever writes it never waits.
//! Owning thread: order-entry.

use std::rc::Rc;

use tidegate_journal::{EventCursor, JournalError};
use tidegate_wire::Position;

use crate::connection::Connection;
use crate::gateway::Gateway;
use crate::socket::Socket;

/// Events per batch, and between two turns for everybody else.
const BATCH: usize = 1_024;

/// Brings the session every event after a place, until its connection ends. An unreadable event log is the end of the node.
pub(crate) async fn run<S: Socket>(gateway: Rc<Gateway<S>>, connection: Rc<Connection<S>>, after: Option<Position>) {
    let cursor = match after {
        None => Ok(gateway.log.cursor_at_start()),
        Some(Position { sequence, index }) => gateway.log.cursor_after(sequence, index),
    };
    let end = match cursor {
        Ok(cursor) => follow(&gateway, &connection, cursor).await,
        Err(JournalError::AheadOfLog { .. }) => {
            gateway.with_view(|view| connection.core.borrow_mut().on_position_unknown(view));
            gateway.drive(&connection);
            Ok(())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = end {
        panic!("order entry cannot go on: {error}");
    }
}

async fn follow<S: Socket>(
    gateway: &Rc<Gateway<S>>,
    connection: &Rc<Connection<S>>,
    mut cursor: EventCursor,
) -> Result<(), JournalError> {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let (closed, wants) = {
            let core = connection.core.borrow();
            (core.is_closed(), core.wants_events())
        };
        if closed {
            return Ok(());
        }
        if !wants {
            connection.written.notified().await;
            continue;
        }
        batch.clear();
        let is_end = cursor.next_batch(BATCH, &mut batch)? == 0;
        gateway.with_view(|view| connection.core.borrow_mut().on_events(&batch, is_end, view));
        gateway.drive(connection);
        if is_end {
            tokio::select! {
                () = gateway.grown.notified() => {}
                () = connection.written.notified() => {}
            }
        } else {
            S::turn().await;
        }
    }
}
