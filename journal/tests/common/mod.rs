//! Records for the journal's tests.

#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod faulty;
pub(crate) mod forgetful;

use std::path::Path;

use tidegate_domain::*;
use tidegate_journal::LogConfig;

pub(crate) const CLUSTER: ClusterId = ClusterId::new(0x0123_4567_89ab_cdef);

pub(crate) fn config(dir: &Path) -> LogConfig {
    LogConfig::new(dir, CLUSTER, 1 << 20)
}

/// Commands `first..first + count`.
pub(crate) fn commands(first: u64, count: u64) -> Vec<CommandRecord> {
    (first..first + count)
        .map(|sequence| {
            let header = CommandHeader {
                sequence: Sequence::new(sequence),
                time: Timestamp::from_nanos(sequence * 1_000),
                epoch: Epoch::new(1),
                request: RequestNumber::new(sequence),
                ..CommandHeader::default()
            };
            CommandRecord::encode(&header, &Command::CancelAll(CancelFilter::in_market(None)))
        })
        .collect()
}

/// One event; a sequenced report of `key` unless that is 0.
pub(crate) fn event(sequence: u64, index: u32, key: u32, report: u64) -> EventRecord {
    let header = EventHeader {
        sequence: Sequence::new(sequence),
        index,
        key: KeyId::new(key),
        session_sequence: SessionSequence::new(report),
        flags: EventFlags::LAST,
        epoch: Epoch::new(1),
        ..EventHeader::default()
    };
    EventRecord::encode(&header, &Event::CancelAllDone { cancelled: 0 })
}

/// A small generator with a seed that a test can print (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}
