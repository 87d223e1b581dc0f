//! Replay: what a key's session has missed, from the event log, along the key's back-pointers.
//!
//!   newest report -> the one before -> .. -> `after`        then forwards, in chunks, as fast as the client reads
//!
//! Invariants: the cost is that of the key's own missed reports, whatever other traffic there was; a step is bounded, so
//! that others wait for some microseconds; what is kept is the places of at most [`PLACES_MAX`] reports, the next ones, and one
//! place for each such block after them, so each report is looked up three times, however many there are.
//! Owning thread: the gateway's.

use std::collections::VecDeque;

use tidegate_domain::{EventRecord, KeyId, LogAddress, SessionSequence};
use tidegate_journal::{EventLog, JournalError};

/// Back-pointers followed in one step.
const POINTERS_PER_STEP: usize = 512;
/// Reports per step.
const REPORTS_PER_STEP: usize = 128;
/// Most places kept, 8 bytes each. Few in tests, so that they see several blocks.
const PLACES_MAX: usize = if cfg!(test) { 64 } else { 65_536 };

/// See the module.
#[derive(Debug)]
pub(crate) struct Replay {
    after: SessionSequence,
    /// The next report on the way back; none when the way is done.
    back: LogAddress,
    /// Places of the block that is sent next, newest first.
    places: VecDeque<LogAddress>,
    /// The newest place of each block that comes later, the oldest block last: its places are found again from there.
    blocks: Vec<LogAddress>,
}

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do.
    More,
    /// Everything was brought.
    Done,
}

impl Replay {
    /// From the key's newest report back to `after`.
    pub(crate) fn new(log: &EventLog, key: KeyId, after: SessionSequence) -> Self {
        Self { after, back: log.last_report(key), places: VecDeque::new(), blocks: Vec::new() }
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
                self.blocks.push(self.places[0]);
                self.places.clear();
            }
            self.places.push_back(self.back);
            self.back = record.previous_report();
        }
        Ok(Step::More)
    }

    fn forwards(&mut self, log: &EventLog, out: &mut Vec<EventRecord>) -> Result<Step, JournalError> {
        for _ in 0..REPORTS_PER_STEP {
            let Some(place) = self.places.pop_back() else { break };
            let record = log.event_at(place)?;
            self.after = record.session_sequence();
            out.push(record);
        }
        if !self.places.is_empty() {
            return Ok(Step::More);
        }
        match self.blocks.pop() {
            Some(newest) => {
                self.back = newest;
                Ok(Step::More)
            }
            None => Ok(Step::Done),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tidegate_domain::{ClusterId, CommandKind, Event, EventHeader, Reject, Sequence};
    use tidegate_journal::{LogConfig, open_event_log};

    use super::*;

    #[test]
    fn a_replay_of_many_blocks_brings_every_report_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig::new(folder.path(), ClusterId::new(1), 8 << 20);
        let mut opened = open_event_log(&config, None).unwrap();
        let (key, count) = (KeyId::new(7), 10 * PLACES_MAX as u64 + 3);
        for number in 1..=2 * count {
            // Every second one is somebody else's.
            let (key, number_of_key) =
                if number % 2 == 0 { (key, number / 2) } else { (KeyId::new(8), number.div_ceil(2)) };
            let header = EventHeader {
                sequence: Sequence::new(number),
                key,
                session_sequence: SessionSequence::new(number_of_key),
                ..EventHeader::default()
            };
            let event = Event::Rejected { reason: Reject::UnknownOrder, command: CommandKind::CancelOrder };
            opened.writer.append(&mut [EventRecord::encode(&header, &event)]).unwrap();
        }
        for after in [0, 1, 63, 64, 65, 300, count - 1, count] {
            let mut replay = Replay::new(&opened.log, key, SessionSequence::new(after));
            let (mut all, mut steps) = (Vec::new(), 0);
            loop {
                let before = all.len();
                let step = replay.step(&opened.log, &mut all).unwrap();
                assert!(all.len() - before <= REPORTS_PER_STEP && replay.places.len() <= PLACES_MAX);
                steps += 1;
                if step == Step::Done {
                    break;
                }
            }
            let numbers: Vec<u64> = all.iter().map(|record| record.session_sequence().raw()).collect();
            assert_eq!(numbers, (after + 1..=count).collect::<Vec<_>>(), "after {after}");
            assert!(all.iter().all(|record| record.key() == key));
            assert!(
                steps <= 2 + 3 * (count as usize / PLACES_MAX + 1),
                "{steps} steps: each report is looked up a few times"
            );
        }
    }
}
