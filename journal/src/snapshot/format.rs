//! The frame of a snapshot file: header, heads of chunks, trailer. Layouts in `FORMAT.md`.
//!
//! ```text
//!   header    0 magic | 8 version u16 | 10 zeros 6 | 16 cluster u128 | 32 sequence u64 | 40 epoch u32 | 44 zeros 4
//!   128 B    48 digest u128 | 64 time u64 | 72 payload length u64 | 80 zeros 44 | 124 CRC32C of 0..124
//!   chunk     0 length u32 | 4 index u32 | 8 CRC32C of the payload u32 | 12 zeros 4 | 16 chain u128 | 32 payload
//!   trailer   0 magic | 8 chunks u32 | 12 zeros 4 | 16 payload length u64 | 24 chain u128 | 40 zeros 20 | 60 CRC32C of 0..60
//! ```
//!
//! Invariants: every byte of a file is covered by a checksum or compared with what it must be.

use tidegate_domain::{ClusterId, Digest, Epoch, Sequence, Timestamp};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::{SNAPSHOT_FILE_VERSION, SnapshotHead};

pub(super) const HEADER_LEN_BYTES: usize = 128;
pub(super) const CHUNK_HEAD_LEN_BYTES: usize = 32;
pub(super) const TRAILER_LEN_BYTES: usize = 64;
/// Payload of every chunk but the last, which has the rest.
pub(super) const CHUNK_LEN_BYTES: usize = 1 << 20;

const MAGIC: [u8; 8] = *b"TGSNAPF\x01";
const TRAILER_MAGIC: [u8; 8] = *b"TGSNAPE\x01";

// The three tables above, field by field.
const _: () = assert!(8 + 2 + 6 + 16 + 8 + 4 + 4 + 16 + 8 + 8 + 44 + 4 == HEADER_LEN_BYTES);
const _: () = assert!(4 + 4 + 4 + 4 + 16 == CHUNK_HEAD_LEN_BYTES);
const _: () = assert!(8 + 4 + 4 + 8 + 16 + 20 + 4 == TRAILER_LEN_BYTES);

/// Why the frame is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Version(u16),
    Bad(&'static str),
}

pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("offsets are constants inside what was read")
}

/// Length of a file with so much payload.
pub(super) fn file_len_bytes(payload_len: u64) -> Option<u64> {
    let chunks = payload_len.div_ceil(CHUNK_LEN_BYTES as u64);
    chunks
        .checked_mul(CHUNK_HEAD_LEN_BYTES as u64)?
        .checked_add(payload_len)?
        .checked_add((HEADER_LEN_BYTES + TRAILER_LEN_BYTES) as u64)
}

fn sealed<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    let crc = crc32c::crc32c(&bytes[..N - 4]);
    bytes[N - 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn is_sealed<const N: usize>(bytes: &[u8; N]) -> bool {
    crc32c::crc32c(&bytes[..N - 4]) == u32::from_le_bytes(array(bytes, N - 4))
}

pub(super) fn encode_header(head: &SnapshotHead, payload_len: u64) -> [u8; HEADER_LEN_BYTES] {
    let mut bytes = [0; HEADER_LEN_BYTES];
    bytes[0..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&SNAPSHOT_FILE_VERSION.to_le_bytes());
    bytes[16..32].copy_from_slice(&head.cluster.raw().to_le_bytes());
    bytes[32..40].copy_from_slice(&head.sequence.raw().to_le_bytes());
    bytes[40..44].copy_from_slice(&head.epoch.raw().to_le_bytes());
    bytes[48..64].copy_from_slice(&head.digest.0.to_le_bytes());
    bytes[64..72].copy_from_slice(&head.time.nanos().to_le_bytes());
    bytes[72..80].copy_from_slice(&payload_len.to_le_bytes());
    sealed(bytes)
}

/// The head and the length of the payload.
pub(super) fn decode_header(bytes: &[u8; HEADER_LEN_BYTES]) -> Result<(SnapshotHead, u64), Fault> {
    if bytes[0..8] != MAGIC {
        return Err(Fault::Bad("no snapshot begins here"));
    }
    if !is_sealed(bytes) {
        return Err(Fault::Bad("the header's checksum is wrong"));
    }
    let version = u16::from_le_bytes(array(bytes, 8));
    if version != SNAPSHOT_FILE_VERSION {
        return Err(Fault::Version(version));
    }
    let head = SnapshotHead {
        cluster: ClusterId::new(u128::from_le_bytes(array(bytes, 16))),
        sequence: Sequence::new(u64::from_le_bytes(array(bytes, 32))),
        epoch: Epoch::new(u32::from_le_bytes(array(bytes, 40))),
        digest: Digest(u128::from_le_bytes(array(bytes, 48))),
        time: Timestamp::from_nanos(u64::from_le_bytes(array(bytes, 64))),
    };
    Ok((head, u64::from_le_bytes(array(bytes, 72))))
}

/// The hash over everything so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkChain {
    hash: u128,
    chunks: u32,
}

impl ChunkChain {
    pub(super) fn after_header(header: &[u8; HEADER_LEN_BYTES]) -> Self {
        Self { hash: xxh3_128(header), chunks: 0 }
    }

    /// The head of the next chunk.
    pub(super) fn head_of(&mut self, payload: &[u8]) -> [u8; CHUNK_HEAD_LEN_BYTES] {
        let mut head = [0; CHUNK_HEAD_LEN_BYTES];
        head[0..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        head[4..8].copy_from_slice(&self.chunks.to_le_bytes());
        head[8..12].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        let mut hasher = Xxh3::new();
        hasher.update(&self.hash.to_le_bytes());
        hasher.update(&head[..16]);
        hasher.update(payload);
        self.hash = hasher.digest128();
        self.chunks += 1;
        head[16..].copy_from_slice(&self.hash.to_le_bytes());
        head
    }

    /// Checks the next chunk.
    pub(super) fn check(&mut self, head: &[u8; CHUNK_HEAD_LEN_BYTES], payload: &[u8]) -> Result<(), Fault> {
        if self.head_of(payload) == *head { Ok(()) } else { Err(Fault::Bad("the chunk's checksum or hash is wrong")) }
    }

    pub(super) fn trailer(&self, payload_len: u64) -> [u8; TRAILER_LEN_BYTES] {
        let mut bytes = [0; TRAILER_LEN_BYTES];
        bytes[0..8].copy_from_slice(&TRAILER_MAGIC);
        bytes[8..12].copy_from_slice(&self.chunks.to_le_bytes());
        bytes[16..24].copy_from_slice(&payload_len.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.hash.to_le_bytes());
        sealed(bytes)
    }
}
