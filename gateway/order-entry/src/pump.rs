//! The pump: follows the event log and gives every released event to the sessions that it concerns.
//!
//!   publish --append--> event log --batch--> (pump) --report--> SessionCore, many per write
//!
//! Invariants: events are dispatched once each and in order; the log is never waited for by whoever writes it. After a
//! busy stretch everybody else gets a turn, so that a flood of events cannot hold reads and writes back.
//! Owning thread: order-entry.

use std::cell::Cell;
use std::rc::Rc;

use tidegate_domain::{Event, EventHeader, EventRecord};
use tidegate_journal::{EventCursor, JournalError};

use crate::gateway::Gateway;
use crate::socket::Socket;

/// Events per batch, and between two turns for everybody else.
const BATCH: usize = 1_024;

/// Reads the log from its start to its end, for the directory only: those sessions are over.
pub(crate) fn learn<S: Socket>(gateway: &Gateway<S>, cursor: &mut EventCursor) -> Result<(), JournalError> {
    let mut batch = Vec::with_capacity(BATCH);
    while cursor.next_batch(BATCH, &mut batch)? > 0 {
        for (header, event) in batch.iter().map(decode) {
            gateway.learn(&header, &event);
        }
        batch.clear();
    }
    Ok(())
}

/// Follows the log until `stop` is set and its end is reached. An unreadable event log is the end of the node.
pub(crate) async fn run<S: Socket>(gateway: Rc<Gateway<S>>, mut cursor: EventCursor, stop: Rc<Cell<bool>>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut touched = Vec::new();
    let mut since_turn = 0;
    loop {
        batch.clear();
        let count = match cursor.next_batch(BATCH, &mut batch) {
            Ok(count) => count,
            Err(error) => panic!("order entry cannot go on: {error}"),
        };
        if count == 0 {
            if stop.get() {
                return;
            }
            gateway.on_caught_up();
            gateway.news.notified().await;
            continue;
        }
        gateway.grown.notify_waiters();
        for (header, event) in batch.iter().map(decode) {
            gateway.dispatch(&header, &event, &mut touched);
        }
        for connection in touched.drain(..) {
            connection.touched.set(false);
            gateway.drive(&connection);
        }
        since_turn += count;
        if since_turn >= BATCH {
            since_turn = 0;
            S::turn().await;
        }
    }
}

fn decode(record: &EventRecord) -> (EventHeader, Event) {
    record.decode().expect("the event log holds what publish encoded")
}
