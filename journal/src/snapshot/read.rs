//! Reading a snapshot: the frame first, chunk by chunk, then what is in it.
//!
//! Invariant: the file's length is what the header says before any room is made.

use std::io::{self, Read};
use std::path::Path;

use super::format::{
    CHUNK_HEAD_LEN_BYTES, CHUNK_LEN_BYTES, ChunkChain, Fault, HEADER_LEN_BYTES, TRAILER_LEN_BYTES, decode_header,
    file_len_bytes,
};
use super::{Snapshot, SnapshotFileError, SnapshotHead, sections};
use crate::checkpoint::Checkpoint;

/// Reads the header of a snapshot: cheap, and no proof that the rest is good.
///
/// # Errors
/// [`SnapshotFileError`] when it is none, or of another version.
pub fn read_header(from: &mut impl Read, path: &Path) -> Result<SnapshotHead, SnapshotFileError> {
    let mut at = Place { path, offset: 0 };
    let header = at.read::<HEADER_LEN_BYTES>(from)?;
    decode_header(&header).map(|(head, _)| head).map_err(|fault| at.wrong(fault, 0))
}

/// Reads a whole snapshot of `len_bytes`; `path` is for messages. `progress` gets bytes of payload read and in all.
///
/// # Errors
/// [`SnapshotFileError`] when anything is not as it was written.
pub fn read_snapshot(
    from: &mut impl Read,
    len_bytes: u64,
    path: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Snapshot, SnapshotFileError> {
    let mut at = Place { path, offset: 0 };
    let header = at.read::<HEADER_LEN_BYTES>(from)?;
    let (head, payload_len) = decode_header(&header).map_err(|fault| at.wrong(fault, 0))?;
    if file_len_bytes(payload_len) != Some(len_bytes) {
        return Err(
            at.wrong(Fault::Bad("the file has another length than its header says: it was cut short, or goes on"), 0)
        );
    }
    let mut chain = ChunkChain::after_header(&header);
    let mut payload = Vec::with_capacity(payload_len as usize);
    while (payload.len() as u64) < payload_len {
        let chunk_at = at.offset;
        let chunk_head = at.read::<CHUNK_HEAD_LEN_BYTES>(from)?;
        let begin = payload.len();
        let len = (payload_len as usize - begin).min(CHUNK_LEN_BYTES);
        // Not `resize`: the room is there, and zeros in it would be written for nothing.
        let got = from.by_ref().take(len as u64).read_to_end(&mut payload).map_err(|error| at.io(error))?;
        if got < len {
            return Err(at.wrong(Fault::Bad("the file ends inside a chunk"), chunk_at));
        }
        at.offset += len as u64;
        chain.check(&chunk_head, &payload[begin..]).map_err(|fault| at.wrong(fault, chunk_at))?;
        progress(payload.len() as u64, payload_len);
    }
    let trailer_at = at.offset;
    if at.read::<TRAILER_LEN_BYTES>(from)? != chain.trailer(payload_len) {
        return Err(at.wrong(Fault::Bad("the trailer is not that of these chunks"), trailer_at));
    }
    let sections = sections::decode(&payload);
    let (places, engine_at) = sections.map_err(|fault| at.wrong(fault, HEADER_LEN_BYTES as u64))?;
    let journal_end = places.journal.last_sequence();
    if journal_end != head.sequence || places.events.log.last_sequence() > head.sequence {
        return Err(at.wrong(Fault::Bad("the checkpoints are of another sequence than the header"), 0));
    }
    Ok(Snapshot { head, places, payload, engine_at })
}

/// Reads the journal's place from the front of a snapshot: cheap, and no proof that the rest is good.
///
/// # Errors
/// [`SnapshotFileError`] when the front is not as it was written.
pub(super) fn read_place(from: &mut impl Read, path: &Path) -> Result<Checkpoint, SnapshotFileError> {
    let mut at = Place { path, offset: 0 };
    let header = at.read::<HEADER_LEN_BYTES>(from)?;
    let (_, payload_len) = decode_header(&header).map_err(|fault| at.wrong(fault, 0))?;
    let chunk_at = at.offset;
    let chunk_head = at.read::<CHUNK_HEAD_LEN_BYTES>(from)?;
    let mut chunk = Vec::new();
    from.take(payload_len.min(CHUNK_LEN_BYTES as u64)).read_to_end(&mut chunk).map_err(|error| at.io(error))?;
    let checked = ChunkChain::after_header(&header).check(&chunk_head, &chunk);
    checked.and_then(|()| sections::journal_place(&chunk)).map_err(|fault| at.wrong(fault, chunk_at))
}

/// How far a file was read, for messages.
struct Place<'a> {
    path: &'a Path,
    offset: u64,
}

impl Place<'_> {
    fn read<const N: usize>(&mut self, from: &mut impl Read) -> Result<[u8; N], SnapshotFileError> {
        let mut bytes = [0; N];
        from.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.wrong(Fault::Bad("the file ends here"), self.offset),
            _ => self.io(error),
        })?;
        self.offset += N as u64;
        Ok(bytes)
    }

    fn io(&self, source: io::Error) -> SnapshotFileError {
        SnapshotFileError::Io { path: self.path.to_owned(), op: "read", source }
    }

    fn wrong(&self, fault: Fault, offset: u64) -> SnapshotFileError {
        let path = self.path.to_owned();
        match fault {
            Fault::Version(found) => SnapshotFileError::UnknownVersion { path, found },
            Fault::Bad(why) => SnapshotFileError::Damaged { path, offset, why },
        }
    }
}
