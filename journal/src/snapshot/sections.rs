//! The payload: both checkpoints, the newest report of each key, the engine's bytes.
//!
//! ```text
//!   section     0 tag u32 | 4 zeros 4 | 8 length u64 | 16 body            tags 1 to 4, all there, in this order
//!   1, 2, 80 B  0 segment u32 | 4 epoch u32 | 8 batch offset u64 | 16 offset u64 | 24 hash u128 | 40 last sequence u64
//!              48 last index u32 | 52 whether there is a last u32 | 56 commit u64 | 64 batches u64 | 72 zeros 8
//!               (2 has after it: the last event's sequence u64 | index u32 | whether there is one u32)
//!   3           address u64 of each key's newest report, from key 0 on; 0 is none
//!   4           opaque
//! ```

use tidegate_domain::{Epoch, LogAddress, Sequence};

use super::LogPlaces;
use super::format::{Fault, array};
use crate::SEGMENT_LEN_BYTES_MAX;
use crate::checkpoint::Checkpoint;
use crate::newest::{EventCheckpoint, KEYS_MAX, LastReports};

const SECTION_HEAD_LEN_BYTES: usize = 16;
const CHECKPOINT_LEN_BYTES: usize = 80;
const POSITION_LEN_BYTES: usize = 16;
const ADDRESS_LEN_BYTES: usize = 8;

const WRONG_LENGTH: &str = "a section has another length";

const JOURNAL: u32 = 1;
const EVENTS: u32 = 2;
const REPORTS: u32 = 3;
const ENGINE: u32 = 4;

/// Everything before the engine's bytes.
pub(super) fn encode(places: &LogPlaces, engine_len: usize) -> Vec<u8> {
    let LogPlaces { journal, events, events_through } = places;
    let reports = events.reports.addresses();
    let fixed = 4 * SECTION_HEAD_LEN_BYTES + 2 * CHECKPOINT_LEN_BYTES + POSITION_LEN_BYTES;
    let mut out = Vec::with_capacity(fixed + reports.len() * ADDRESS_LEN_BYTES);
    put_head(&mut out, JOURNAL, CHECKPOINT_LEN_BYTES);
    put_checkpoint(&mut out, journal);
    put_head(&mut out, EVENTS, CHECKPOINT_LEN_BYTES + POSITION_LEN_BYTES);
    put_checkpoint(&mut out, &events.log);
    put_position(&mut out, *events_through);
    put_head(&mut out, REPORTS, reports.len() * ADDRESS_LEN_BYTES);
    for address in reports {
        out.extend_from_slice(&address.raw().to_le_bytes());
    }
    put_head(&mut out, ENGINE, engine_len);
    out
}

fn put_head(out: &mut Vec<u8>, tag: u32, len: usize) {
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(len as u64).to_le_bytes());
}

fn put_checkpoint(out: &mut Vec<u8>, at: &Checkpoint) {
    out.extend_from_slice(&at.segment.to_le_bytes());
    out.extend_from_slice(&at.last_epoch.raw().to_le_bytes());
    out.extend_from_slice(&at.batch_offset.to_le_bytes());
    out.extend_from_slice(&at.offset.to_le_bytes());
    out.extend_from_slice(&at.hash.to_le_bytes());
    put_position(out, at.last);
    out.extend_from_slice(&at.commit.raw().to_le_bytes());
    out.extend_from_slice(&at.batches.to_le_bytes());
    out.extend_from_slice(&[0; 8]);
}

fn put_position(out: &mut Vec<u8>, at: Option<(Sequence, u32)>) {
    let (sequence, index) = at.unwrap_or_default();
    out.extend_from_slice(&sequence.raw().to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&u32::from(at.is_some()).to_le_bytes());
}

/// Where the logs stood, and where in the payload the engine's bytes begin.
pub(super) fn decode(payload: &[u8]) -> Result<(LogPlaces, usize), Fault> {
    let mut rest = payload;
    let journal = checkpoint(take_section(&mut rest, JOURNAL)?)?;
    let events = take_section(&mut rest, EVENTS)?;
    let (log, through) = events.split_at_checked(CHECKPOINT_LEN_BYTES).ok_or(Fault::Bad(WRONG_LENGTH))?;
    let log = checkpoint(log)?;
    let through: &[u8; POSITION_LEN_BYTES] = through.try_into().map_err(|_| Fault::Bad(WRONG_LENGTH))?;
    let events_through = position(through)?;
    let reports = take_section(&mut rest, REPORTS)?;
    let (addresses, odd) = reports.as_chunks::<ADDRESS_LEN_BYTES>();
    if !odd.is_empty() || addresses.len() > KEYS_MAX {
        return Err(Fault::Bad("the section of reports has a length that cannot be"));
    }
    let reports = addresses.iter().map(|raw| LogAddress::new(u64::from_le_bytes(*raw)));
    let reports = LastReports::from_addresses(reports.collect());
    let engine = take_section(&mut rest, ENGINE)?;
    if !rest.is_empty() {
        return Err(Fault::Bad("something follows the last section"));
    }
    let events = EventCheckpoint { log, reports };
    Ok((LogPlaces { journal, events, events_through }, payload.len() - engine.len()))
}

/// The journal's place alone, which comes first.
pub(super) fn journal_place(payload: &[u8]) -> Result<Checkpoint, Fault> {
    checkpoint(take_section(&mut &*payload, JOURNAL)?)
}

fn take_section<'a>(rest: &mut &'a [u8], tag: u32) -> Result<&'a [u8], Fault> {
    let (head, after) =
        rest.split_at_checked(SECTION_HEAD_LEN_BYTES).ok_or(Fault::Bad("the payload ends before its last section"))?;
    if u32::from_le_bytes(array(head, 0)) != tag || head[4..8] != [0; 4] {
        return Err(Fault::Bad("another section must stand here"));
    }
    let body = usize::try_from(u64::from_le_bytes(array(head, 8))).ok().and_then(|len| after.split_at_checked(len));
    let (body, after) = body.ok_or(Fault::Bad("the payload ends inside a section"))?;
    *rest = after;
    Ok(body)
}

fn checkpoint(body: &[u8]) -> Result<Checkpoint, Fault> {
    let body: &[u8; CHECKPOINT_LEN_BYTES] = body.try_into().map_err(|_| Fault::Bad(WRONG_LENGTH))?;
    let checkpoint = Checkpoint {
        segment: u32::from_le_bytes(array(body, 0)),
        last_epoch: Epoch::new(u32::from_le_bytes(array(body, 4))),
        batch_offset: u64::from_le_bytes(array(body, 8)),
        offset: u64::from_le_bytes(array(body, 16)),
        hash: u128::from_le_bytes(array(body, 24)),
        last: position(&array(body, 40))?,
        commit: Sequence::new(u64::from_le_bytes(array(body, 56))),
        batches: u64::from_le_bytes(array(body, 64)),
    };
    let fits = body[72..80] == [0; 8]
        && checkpoint.batch_offset <= checkpoint.offset
        && checkpoint.offset <= SEGMENT_LEN_BYTES_MAX
        && (!checkpoint.is_start() || checkpoint == Checkpoint::default());
    if fits { Ok(checkpoint) } else { Err(Fault::Bad("a checkpoint says what cannot be")) }
}

fn position(body: &[u8; POSITION_LEN_BYTES]) -> Result<Option<(Sequence, u32)>, Fault> {
    let at = (Sequence::new(u64::from_le_bytes(array(body, 0))), u32::from_le_bytes(array(body, 8)));
    match u32::from_le_bytes(array(body, 12)) {
        1 => Ok(Some(at)),
        0 if at == <(Sequence, u32)>::default() => Ok(None),
        _ => Err(Fault::Bad("a position is there or not, and says which")),
    }
}
