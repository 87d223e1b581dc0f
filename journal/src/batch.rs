//! A batch: a 128-byte header and up to 511 records of 128 bytes. The unit that is checked as a whole.
//!
//! ```text
//!   0 magic u64 | 8 version u16 | 10 kind u8 | 11 writer u8 | 12 count u32 | 16 cluster u128 | 32 segment u32 | 36 epoch u32
//!  40 first sequence u64 | 48 commit sequence u64 | 56 first index u32 | 60 CRC32C of the records
//!  64 hash of the batch before, 16 B | 80 hash of the records, 16 B | 96 pages of the segment u32 | 100 zeros, 24 B
//! 124 CRC32C of bytes 0..124
//! ```
//!
//! A direct writer fills each batch up with zeros to 4,096 bytes, so that a torn write never touches a page that holds an
//! acknowledged batch.
//!
//! Invariants: a mapped header is written after its records, so a half-written batch has no valid header. The hash of a batch
//! covers its header, which holds the hash of its records and of the batch before: one chain over the whole log.

use tidegate_domain::{ClusterId, Epoch, RECORD_LEN_BYTES, Sequence};
use xxhash_rust::xxh3::xxh3_128;

use crate::{LogKind, WriterKind};

/// Version of the format that this program writes, and the only one it knows.
pub const FORMAT_VERSION: u16 = 1;
/// Most records in one batch: with the header they fill 64 KiB.
pub const BATCH_RECORDS_MAX: usize = 511;
/// Length of a header: one record slot, so that every batch starts on a slot.
pub(crate) const HEADER_LEN_BYTES: usize = RECORD_LEN_BYTES;

// The table above, field by field, and a full batch is 64 KiB.
const _: () = assert!(8 + 2 + 1 + 1 + 4 + 16 + 4 + 4 + 8 + 8 + 4 + 4 + 16 + 16 + 4 + 24 + 4 == HEADER_LEN_BYTES);
const _: () = assert!(HEADER_LEN_BYTES + BATCH_RECORDS_MAX * RECORD_LEN_BYTES == 64 << 10);

const MAGIC: u64 = u64::from_le_bytes(*b"TGBATCH\x01");

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) kind: u8,
    pub(crate) writer: WriterKind,
    pub(crate) count: u32,
    pub(crate) cluster: ClusterId,
    pub(crate) segment: u32,
    /// Length of the segment, in pages of 4,096 bytes.
    pub(crate) segment_pages: u32,
    pub(crate) epoch: Epoch,
    /// Of the first record; in an empty batch (a commit mark) of the next record to come.
    pub(crate) first: (u64, u32),
    pub(crate) commit: Sequence,
    pub(crate) previous_hash: u128,
    pub(crate) records_hash: u128,
    pub(crate) records_crc: u32,
}

/// Why bytes are not the batch that must stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BatchFault {
    /// Nothing was written here.
    Zeros,
    /// A header of another format version, whole.
    Version(u16),
    /// A header of another cluster, whole.
    Cluster(u128),
    /// A batch of the other kind of log, whole.
    Kind,
    /// Anything else, in words.
    Bad(&'static str),
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("offsets are constants inside the header")
}

impl BatchHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN_BYTES] {
        let mut bytes = [0; HEADER_LEN_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10] = self.kind;
        bytes[11] = self.writer.code();
        bytes[12..16].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.cluster.raw().to_le_bytes());
        bytes[32..36].copy_from_slice(&self.segment.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.epoch.raw().to_le_bytes());
        bytes[40..48].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.commit.raw().to_le_bytes());
        bytes[56..60].copy_from_slice(&self.first.1.to_le_bytes());
        bytes[60..64].copy_from_slice(&self.records_crc.to_le_bytes());
        bytes[64..80].copy_from_slice(&self.previous_hash.to_le_bytes());
        bytes[80..96].copy_from_slice(&self.records_hash.to_le_bytes());
        bytes[96..100].copy_from_slice(&self.segment_pages.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..124]);
        bytes[124..128].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header from the front of `bytes`, checked in itself: its place in the log is checked by the caller.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BatchFault> {
        let Some(bytes) = bytes.get(..HEADER_LEN_BYTES) else { return Err(BatchFault::Bad("no room for a header")) };
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(BatchFault::Zeros);
        }
        if u64::from_le_bytes(array(bytes, 0)) != MAGIC {
            return Err(BatchFault::Bad("no batch begins here"));
        }
        if crc32c::crc32c(&bytes[..124]) != u32::from_le_bytes(array(bytes, 124)) {
            return Err(BatchFault::Bad("the header's checksum is wrong"));
        }
        let version = u16::from_le_bytes(array(bytes, 8));
        if version != FORMAT_VERSION {
            return Err(BatchFault::Version(version));
        }
        let Some(writer) = WriterKind::from_code(bytes[11]) else {
            return Err(BatchFault::Bad("the header names a kind of writer that this version does not know"));
        };
        if bytes[100..124].iter().any(|byte| *byte != 0) {
            return Err(BatchFault::Bad("reserved bytes of the header are not zero"));
        }
        let header = Self {
            kind: bytes[10],
            writer,
            count: u32::from_le_bytes(array(bytes, 12)),
            cluster: ClusterId::new(u128::from_le_bytes(array(bytes, 16))),
            segment: u32::from_le_bytes(array(bytes, 32)),
            segment_pages: u32::from_le_bytes(array(bytes, 96)),
            epoch: Epoch::new(u32::from_le_bytes(array(bytes, 36))),
            first: (u64::from_le_bytes(array(bytes, 40)), u32::from_le_bytes(array(bytes, 56))),
            commit: Sequence::new(u64::from_le_bytes(array(bytes, 48))),
            previous_hash: u128::from_le_bytes(array(bytes, 64)),
            records_hash: u128::from_le_bytes(array(bytes, 80)),
            records_crc: u32::from_le_bytes(array(bytes, 60)),
        };
        if header.count as usize > BATCH_RECORDS_MAX {
            return Err(BatchFault::Bad("the header counts more records than a batch can have"));
        }
        Ok(header)
    }

    /// Length of header and records.
    pub(crate) const fn len_bytes(&self) -> usize {
        HEADER_LEN_BYTES + self.count as usize * RECORD_LEN_BYTES
    }

    /// How far the next batch is: [`Self::len_bytes`] and the zeros that its writer put after it.
    pub(crate) const fn stored_len_bytes(&self) -> usize {
        self.writer.padded(self.len_bytes())
    }

    /// Hash of the whole batch, for the chain.
    pub(crate) fn hash(&self) -> u128 {
        hash_of(&self.encode())
    }

    /// Checks everything that does not depend on the batches before.
    pub(crate) fn check(
        &self,
        kind: LogKind,
        cluster: ClusterId,
        segment: u32,
        bytes: &[u8],
    ) -> Result<(), BatchFault> {
        if self.cluster != cluster {
            return Err(BatchFault::Cluster(self.cluster.raw()));
        }
        if self.kind != kind.code() {
            return Err(BatchFault::Kind);
        }
        if self.segment != segment {
            return Err(BatchFault::Bad("a batch of another segment"));
        }
        let records = bytes.get(HEADER_LEN_BYTES..self.len_bytes());
        let records = records.ok_or(BatchFault::Bad("the segment ends inside the batch"))?;
        let padding = bytes.get(self.len_bytes()..self.stored_len_bytes());
        let padding = padding.ok_or(BatchFault::Bad("the segment ends inside the batch's padding"))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(BatchFault::Bad("the padding after the batch is not zero"));
        }
        if crc32c::crc32c(records) != self.records_crc {
            return Err(BatchFault::Bad("the records' checksum is wrong"));
        }
        if xxh3_128(records) != self.records_hash {
            return Err(BatchFault::Bad("the records' hash is wrong"));
        }
        Ok(())
    }
}

/// Hash of a batch, from its encoded header.
pub(crate) fn hash_of(header: &[u8; HEADER_LEN_BYTES]) -> u128 {
    xxh3_128(header)
}

/// Checksum and hash of records, for a header.
pub(crate) fn digest_of(records: &[u8]) -> (u32, u128) {
    (crc32c::crc32c(records), xxh3_128(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_every_flipped_bit_is_noticed() {
        let header = BatchHeader {
            kind: 1,
            writer: WriterKind::Direct,
            count: 3,
            cluster: ClusterId::new(77),
            segment: 2,
            segment_pages: 256,
            epoch: Epoch::new(5),
            first: (41, 0),
            commit: Sequence::new(40),
            previous_hash: 1 << 100,
            records_hash: 9,
            records_crc: 8,
        };
        let bytes = header.encode();
        assert_eq!(BatchHeader::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(BatchHeader::decode(&damaged).is_err(), "bit {bit}");
        }
    }
}
