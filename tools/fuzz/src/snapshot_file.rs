//! Snapshot files: any bytes, and any payload in a frame whose checksums are right.
//!
//! ```text
//!   flags u8: 0 bytes as they are | 1 a payload, framed | 2 a payload, framed, under a header that lies about its length
//! ```
//!
//! Invariants: the frame is written here after `journal/FORMAT.md`, not with the journal's own code. What is read is written
//! again as the same bytes.

use std::path::Path;

use tidegate_journal::snapshot::{read_header, read_snapshot, write_snapshot};
use xxhash_rust::xxh3::xxh3_128;

use crate::input::Input;

const SEQUENCE: u64 = 42;

/// See the module.
pub fn snapshot_file(data: &[u8]) {
    let mut input = Input::new(data);
    let flags = input.u8();
    let bytes = match flags % 3 {
        0 => input.rest().to_vec(),
        1 => framed(input.rest(), None),
        _ => {
            let lie = input.u64();
            framed(input.rest(), Some(lie))
        }
    };
    let path = Path::new("fuzzed");
    let header = read_header(&mut &*bytes, path);
    let Ok(snapshot) = read_snapshot(&mut &*bytes, bytes.len() as u64, path, |_, _| {}) else { return };
    assert_eq!(header.ok(), Some(snapshot.head));
    let mut again = Vec::new();
    let written = write_snapshot(&mut again, &snapshot.head, &snapshot.places, snapshot.engine(), |_, _| {});
    assert!(written.is_ok(), "a vector takes everything");
    assert!(again == bytes, "what is read is written again as the same bytes");
}

/// A file of one chunk.
fn framed(payload: &[u8], lie: Option<u64>) -> Vec<u8> {
    let len = payload.len() as u64;
    let mut header = [0; 128];
    header[0..8].copy_from_slice(b"TGSNAPF\x01");
    header[8] = 1;
    header[32..40].copy_from_slice(&SEQUENCE.to_le_bytes());
    header[72..80].copy_from_slice(&lie.unwrap_or(len).to_le_bytes());
    seal(&mut header);
    let mut head = [0; 16];
    head[0..4].copy_from_slice(&(len as u32).to_le_bytes());
    head[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    let before = xxh3_128(&header).to_le_bytes();
    let chain = xxh3_128(&[before.as_slice(), &head, payload].concat()).to_le_bytes();
    let mut trailer = [0; 64];
    trailer[0..8].copy_from_slice(b"TGSNAPE\x01");
    trailer[8] = 1;
    trailer[16..24].copy_from_slice(&len.to_le_bytes());
    trailer[24..40].copy_from_slice(&chain);
    seal(&mut trailer);
    [header.as_slice(), &head, &chain, payload, &trailer].concat()
}

fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
}
