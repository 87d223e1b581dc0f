//! Replay: what a key's session has missed, from the event log, along the key's back-pointers.
//!
//!   newest report -> the one before -> .. -> `after`        then forwards, in chunks, as fast as the client reads
//!
//! Invariants: the cost is that of the key's own missed reports, whatever other traffic there was; a step is bounded, so
//! that others wait for some microseconds; what is kept is the places of at most [`PLACES_MAX`] reports, the oldest: the
//! session asks again for what is newer.
//! Owning thread: the gateway's.

use std::collections::VecDeque;

use tidegate_domain::{EventRecord, KeyId, LogAddress, SessionSequence};
use tidegate_journal::{EventLog, JournalError};

/// Back-pointers followed in one step.
const POINTERS_PER_STEP: usize = 512;
/// Reports per step.
const REPORTS_PER_STEP: usize = 128;
/// Most places kept, 8 bytes each.
const PLACES_MAX: usize = 65_536;

/// See the module.
#[derive(Debug)]
pub(crate) struct Replay {
    after: SessionSequence,
    /// The next report on the way back; none when the way is done.
    back: LogAddress,
    /// Newest first.
    places: VecDeque<LogAddress>,
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do.
    More,
    /// Everything was brought, or as much as is kept.
    Done,
}

impl Replay {
    /// From the key's newest report back to `after`.
    pub(crate) fn new(log: &EventLog, key: KeyId, after: SessionSequence) -> Self {
        Self { after, back: log.last_report(key), places: VecDeque::new() }
    }

    /// Goes on; reports to be sent, the next ones in order, go to `out`.
    pub(crate) fn step(&mut self, log: &EventLog, out: &mut Vec<EventRecord>) -> Result<Step, JournalError> {
        for _ in 0..POINTERS_PER_STEP {
            if self.back.is_none() {
                return self.forwards(log, out);
            }
            let record = log.event_at(self.back)?;
            if record.session_sequence() <= self.after {
                self.back = LogAddress::NONE;
                continue;
            }
            if self.places.len() == PLACES_MAX {
                self.places.pop_front();
            }
            self.places.push_back(self.back);
            self.back = record.previous_report();
        }
        Ok(Step::More)
    }

    fn forwards(&mut self, log: &EventLog, out: &mut Vec<EventRecord>) -> Result<Step, JournalError> {
        for _ in 0..REPORTS_PER_STEP {
            let Some(place) = self.places.pop_back() else { break };
            out.push(log.event_at(place)?);
        }
        Ok(if self.places.is_empty() { Step::Done } else { Step::More })
    }
}
