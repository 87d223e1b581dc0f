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

/// A snapshot file of one chunk, with right checksums around any payload.
pub(crate) fn framed(header: &[u8], payload: &[u8]) -> Vec<u8> {
    use xxhash_rust::xxh3::xxh3_128;
    let mut bytes = header.to_vec();
    bytes[72..80].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    let mut head = [0; 16];
    head[0..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let before = xxh3_128(&bytes);
    let chain = xxh3_128(&[before.to_le_bytes().as_slice(), &head, payload].concat()).to_le_bytes();
    let mut trailer = [0; 64];
    trailer[0..8].copy_from_slice(b"TGSNAPE\x01");
    trailer[8] = 1;
    trailer[16..24].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    trailer[24..40].copy_from_slice(&chain);
    let crc = crc32c::crc32c(&trailer[..60]);
    trailer[60..64].copy_from_slice(&crc.to_le_bytes());
    [&bytes, head.as_slice(), &chain, payload, &trailer].concat()
}
