//! The pump: follows the event log and gives every released event to the sessions that it concerns.
//!
//!   publish --append--> event log --batch--> (pump) --report--> SessionCore, many per write
//!
//! Invariants: events are dispatched once each and in order; the log is never waited for by whoever writes it; a round is
//! bounded, so that a flood of events cannot hold reads and writes back.
//! Owning thread: the gateway's.

use tidegate_domain::{CommandKind, Event, EventHeader, EventRecord, KeyId};
use tidegate_journal::{EventCursor, JournalError};
use tidegate_wire::Report;

use crate::directory::Directory;
use crate::gateway::Gateway;
use tidegate_sockets::{Driver, Token};

/// Events per round.
const BATCH: usize = 256;

/// Reads the log from where the cursor is to its end, for the directory only: those sessions are over.
pub(crate) fn learn(directory: &mut Directory, cursor: &mut EventCursor) -> Result<(), JournalError> {
    let mut batch = Vec::with_capacity(BATCH);
    while cursor.next_batch(BATCH, &mut batch)? > 0 {
        for (header, event) in batch.iter().map(decode) {
            directory.on_event(&header, &event);
        }
        batch.clear();
    }
    Ok(())
}

impl<D: Driver> Gateway<D> {
    /// One round; how many events there were.
    pub(crate) fn pump(&mut self) -> Result<usize, JournalError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        let count = self.cursor.next_batch(BATCH, &mut batch)?;
        for (header, event) in batch.iter().map(decode) {
            self.dispatch(&header, &event);
        }
        if let Some(last) = batch.last() {
            self.pumped = last.sequence();
        }
        self.batch = batch;
        self.at_end_of_log = count == 0;
        let position = self.cursor.position();
        while let Some(at) = self.looking_up.iter().position(|(_, end)| *end <= position) {
            let (token, _) = self.looking_up.swap_remove(at);
            self.with_core(token, |core, view| core.on_caught_up(view));
        }
        Ok(count)
    }

    /// Gives a released event to whom it concerns.
    fn dispatch(&mut self, header: &EventHeader, event: &Event) {
        let market = self.directory.on_event(header, event);
        match event {
            Event::SessionOpened { session, .. } => {
                // A session that another node, another thread, or this one before its restart opened is nobody's here.
                match self.by_session.get(session).copied() {
                    Some(token) => {
                        self.by_key.insert(header.key, token);
                        self.tell_session(token, header, event);
                    }
                    None => drop(self.by_key.remove(&header.key)),
                }
            }
            Event::SessionClosed { session, .. } => {
                if let Some(token) = self.by_session.get(session).copied() {
                    self.tell_session(token, header, event);
                }
            }
            Event::Rejected { command: CommandKind::OpenSession, .. } => {
                self.on_open_rejected(header, event);
            }
            Event::KeyRolesSet { key, .. } | Event::KeyNetworksSet { key, .. } => self.on_key_changed(*key),
            _ => {}
        }
        if let Some(token) = self.by_key.get(&header.key).copied()
            && let Some(report) = Report::from_event(header, event)
            && let Some(connection) = self.connections.get(token)
        {
            connection.core.on_report(report, self.now);
            self.touch(token);
        }
        if let Some(market) = market {
            let logged_on: Vec<Token> = self.by_key.values().copied().collect();
            for token in logged_on {
                self.with_core(token, |core, view| core.on_market(market, view));
            }
        }
    }

    /// The engine answers in the order in which it was asked: the session that was asked for first is the one.
    fn on_open_rejected(&mut self, header: &EventHeader, event: &Event) {
        let mut opening: Vec<(u64, Token)> = Vec::new();
        for token in self.by_session.values() {
            if let Some(connection) = self.connections.peek(*token)
                && connection.core.opens_for() == Some(header.key)
            {
                opening.push((connection.opened_as, *token));
            }
        }
        if let Some((_, token)) = opening.iter().min_by_key(|(asked, _)| *asked) {
            self.tell_session(*token, header, event);
        }
        // The older session, which was told to be silent for it, goes on.
        if opening.len() <= 1
            && !self.draining
            && let Some(token) = self.by_key.get(&header.key).copied()
        {
            self.with_core(token, |core, _| core.listen_again());
        }
    }

    /// Who may use a key, or from where, is another now.
    fn on_key_changed(&mut self, key: KeyId) {
        for token in self.connections.tokens() {
            self.with_core(token, |core, view| core.on_key_changed(key, view));
        }
    }

    fn tell_session(&mut self, token: Token, header: &EventHeader, event: &Event) {
        self.with_core(token, |core, view| core.on_session_event(header.epoch, event, view));
    }
}

fn decode(record: &EventRecord) -> (EventHeader, Event) {
    record.decode().expect("the event log holds what publish encoded")
}
