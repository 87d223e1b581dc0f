//! Commands and events as 128 bytes.
//!
//! A record is written in one way only: what decodes encodes to the same bytes.

use tidegate_domain::{CommandRecord, EventFlags, EventRecord, RECORD_LEN_BYTES};

fn record_bytes(data: &[u8]) -> [u8; RECORD_LEN_BYTES] {
    let mut bytes = [0; RECORD_LEN_BYTES];
    let len = data.len().min(RECORD_LEN_BYTES);
    bytes[..len].copy_from_slice(&data[..len]);
    bytes
}

/// What decodes comes back from its encoding, and printing it does not panic either.
///
/// # Panics
/// Where it does not.
pub fn command_record(data: &[u8]) {
    let record = CommandRecord::from_bytes(record_bytes(data));
    match record.decode() {
        Ok((header, command)) => {
            assert!(CommandRecord::encode(&header, &command) == record);
            assert_eq!((record.sequence(), record.time()), (header.sequence, header.time));
            assert!(!format!("{record:?}").is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// As [`command_record`].
///
/// # Panics
/// As there.
pub fn event_record(data: &[u8]) {
    let record = EventRecord::from_bytes(record_bytes(data));
    match record.decode() {
        Ok((header, event)) => {
            assert!(EventRecord::encode(&header, &event) == record);
            assert_eq!((record.sequence(), record.index()), (header.sequence, header.index));
            assert_eq!((record.key(), record.session_sequence()), (header.key, header.session_sequence));
            assert_eq!(record.is_last(), header.flags.has(EventFlags::LAST));
            assert!(!format!("{record:?}").is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
