//! Commands and events as 128 bytes.
//!
//! Bytes that a body does not use are not looked at by a decoder, and are zero in every encoding: so the bytes may come back
//! other than they were, but the second encoding is the first.

use tidegate_domain::{CommandRecord, EventRecord, RECORD_LEN_BYTES};

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
            let again = CommandRecord::encode(&header, &command);
            let (header_again, command_again) = again.decode().expect("what was encoded decodes");
            assert_eq!((header_again, command_again), (header, command));
            assert!(CommandRecord::encode(&header_again, &command_again) == again);
            assert_eq!((again.sequence(), again.time()), (record.sequence(), record.time()));
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
            let again = EventRecord::encode(&header, &event);
            let (header_again, event_again) = again.decode().expect("what was encoded decodes");
            assert_eq!((header_again, event_again), (header, event));
            assert!(EventRecord::encode(&header_again, &event_again) == again);
            assert_eq!((record.sequence(), record.index()), (header.sequence, header.index));
            assert_eq!((record.key(), record.session_sequence()), (header.key, header.session_sequence));
            assert_eq!(again.is_last(), record.is_last());
            assert!(!format!("{record:?}").is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
