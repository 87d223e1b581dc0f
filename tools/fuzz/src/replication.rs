//! Messages between two nodes.

use crate::link_message::{MessageError, decode, encode};

/// Kind byte of a frame of records, the one message with a checksum.
const KIND_FRAME: u8 = 6;
const LENGTH_LEN_BYTES: usize = 4;

/// A message has exactly one encoding: what decodes is encoded to the same bytes. Where a frame's checksum is all that is
/// wrong, it is corrected, since fuzzing would hardly ever find it.
///
/// # Panics
/// When it is not.
pub fn replication(data: &[u8]) {
    let mut bytes = data.to_vec();
    if let Err(MessageError::BadCrc { computed, .. }) = decode(&bytes) {
        let length = bytes.first_chunk::<LENGTH_LEN_BYTES>().map_or(0, |length| u32::from_le_bytes(*length));
        let end = LENGTH_LEN_BYTES + length as usize;
        assert_eq!(bytes[LENGTH_LEN_BYTES], KIND_FRAME, "only a frame has a checksum");
        bytes[end - 4..end].copy_from_slice(&computed.to_le_bytes());
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match decode(rest) {
            Ok(Some((message, len))) => {
                let mut again = Vec::new();
                encode(&message, &mut again);
                assert!(again == rest[..len], "{message:?} has two encodings");
                assert!(matches!(decode(&rest[..len - 1]), Ok(None)), "a message is whole before its last byte");
                rest = &rest[len..];
            }
            Ok(None) => return,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        }
    }
}
