//! Reading the event log for single sessions: replays of what they missed, and drop copies.
//!
//!   event log --one replay's step, one copy's piece, each round--> SessionCore
//!
//! Invariants: what one round reads is bounded, whoever asks, so orders wait for some microseconds at most; whoever is
//! behind gets its turn after all others that are.
//! Owning thread: the gateway's.

use tidegate_journal::JournalError;
use tidegate_pipeline::Fatal;
use tidegate_sockets::{Driver, Token};
use tidegate_wire::Position;

use crate::gateway::{Gateway, view};
use crate::replay::Step;

/// Events that one drop copy looks at in a round.
const FOLLOW_BATCH: usize = 256;
/// Drop copies that a key may have on one thread.
const COPIES_PER_KEY_MAX: usize = 4;

impl<D: Driver> Gateway<D> {
    /// Moves one replay on.
    pub(crate) fn replay(&mut self) -> Result<usize, Fatal> {
        let Some(token) = self.replaying.pop_front() else { return Ok(0) };
        let Some(connection) = self.connections.get(token) else { return Ok(1) };
        connection.replay_queued = false;
        let Some(replay) = connection.replay.as_mut().filter(|_| !connection.core.is_closed()) else { return Ok(1) };
        if !connection.core.has_room_for_replay() {
            // It goes on when its send is done.
            return Ok(1);
        }
        self.looked_at.clear();
        let step = replay.step(&self.log, &mut self.looked_at)?;
        connection.core.on_replayed(&self.looked_at, self.now);
        match step {
            Step::More => self.queue_replay(token),
            Step::Done => {
                connection.replay = None;
                connection.core.on_replay_end();
            }
        }
        self.touch(token);
        Ok(1)
    }

    /// Brings one drop copy that is behind a piece of the log; those behind take turns, round by round. How many events.
    pub(crate) fn follow(&mut self) -> Result<usize, Fatal> {
        for _ in 0..self.following.len() {
            let Some(token) = self.following.pop_front() else { break };
            self.following.push_back(token);
            let Some(connection) = self.connections.get(token) else { continue };
            let Some(cursor) = connection.follows.as_mut().filter(|_| connection.core.wants_events()) else { continue };
            self.looked_at.clear();
            let count = cursor.next_batch(FOLLOW_BATCH, &mut self.looked_at)?;
            let view = view(&self.directory, self.serving, self.now);
            connection.core.on_events(&self.looked_at, count == 0, &view);
            if connection.core.has_output() {
                self.touch(token);
            }
            if count > 0 {
                return Ok(count);
            }
        }
        Ok(0)
    }

    /// Lets a replay have its turn, once a round.
    pub(crate) fn queue_replay(&mut self, token: Token) {
        if let Some(connection) = self.connections.get(token)
            && !std::mem::replace(&mut connection.replay_queued, true)
        {
            self.replaying.push_back(token);
        }
    }

    pub(crate) fn begin_to_follow(&mut self, token: Token, after: Option<Position>) {
        let key = self.connections.peek(token).and_then(|connection| connection.core.copies_for());
        let of_key = |other: &&Token| {
            let other = self.connections.peek(**other);
            other.is_some_and(|other| other.core.copies_for() == key)
        };
        if self.following.iter().filter(of_key).count() >= COPIES_PER_KEY_MAX {
            let detail = format!("a key has at most {COPIES_PER_KEY_MAX} drop copies");
            return self.with_core(token, |core, view| core.on_too_many(&detail, view.now));
        }
        let cursor = match after {
            None => Ok(self.log.cursor_at_start()),
            Some(Position { sequence, index }) => self.log.cursor_after(sequence, index),
        };
        match cursor {
            Ok(cursor) => {
                if let Some(connection) = self.connections.get(token) {
                    connection.follows = Some(cursor);
                    self.following.push_back(token);
                }
            }
            Err(JournalError::AheadOfLog { .. }) => {
                self.with_core(token, |core, view| core.on_position_unknown(view));
            }
            Err(error) => panic!("order entry cannot go on without the event log: {error}"),
        }
    }
}
