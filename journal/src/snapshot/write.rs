//! Writing a snapshot: header, chunks, trailer, in one pass.

use std::io::{self, Write};

use super::format::{CHUNK_LEN_BYTES, ChunkChain, encode_header};
use super::sections;
use super::{LogPlaces, SnapshotHead};

/// Writes a whole snapshot; `engine` are the engine's bytes. `progress` gets bytes of payload written and in all.
///
/// # Errors
/// What the writer says.
pub fn write_snapshot(
    out: &mut impl Write,
    head: &SnapshotHead,
    places: &LogPlaces,
    engine: &[u8],
    mut progress: impl FnMut(u64, u64),
) -> io::Result<()> {
    let before = sections::encode(places, engine.len());
    let payload_len = (before.len() + engine.len()) as u64;
    let header = encode_header(head, payload_len);
    out.write_all(&header)?;
    let mut chain = ChunkChain::after_header(&header);
    let mut written = 0;
    let mut put = |chunk: &[u8]| {
        out.write_all(&chain.head_of(chunk))?;
        out.write_all(chunk)?;
        written += chunk.len() as u64;
        progress(written, payload_len);
        io::Result::Ok(())
    };
    // Whole chunks of the sections before, one chunk of both, whole chunks of the engine's bytes: without a copy of them.
    let (whole, rest) = before.split_at(before.len() / CHUNK_LEN_BYTES * CHUNK_LEN_BYTES);
    let (joined, engine) = engine.split_at(engine.len().min(CHUNK_LEN_BYTES - rest.len()));
    whole.chunks(CHUNK_LEN_BYTES).try_for_each(&mut put)?;
    put(&[rest, joined].concat())?;
    engine.chunks(CHUNK_LEN_BYTES).try_for_each(&mut put)?;
    out.write_all(&chain.trailer(payload_len))
}
