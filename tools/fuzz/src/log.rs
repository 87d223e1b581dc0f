//! Journal and event log: batches with right checksums and wrong contents, then damage, then recovery.
//!
//! ```text
//!   writer: u8, odd is direct
//!   batch:  flags u8 | count u8 | wrong field u8 | its value u64      up to 24 of them, then
//!   damage: offset u16 | bytes xor u8 ..                              up to 32 of them
//! ```
//!
//! Invariants: headers are written here after `journal/FORMAT.md`, not with the journal's own code.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use tidegate_domain::{
    ClusterId, Command, CommandHeader, CommandRecord, Epoch, Event, EventHeader, EventRecord, RECORD_LEN_BYTES,
    Sequence,
};
use tidegate_journal::{
    JournalError, LogConfig, LogKind, SEGMENT_LEN_BYTES_MIN, VerifyReport, open_event_log, open_journal, verify,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::input::Input;

const CLUSTER: u128 = 7;
const BATCHES_MAX: usize = 24;
const DAMAGE_MAX: usize = 32;
/// Records in one batch here.
const COUNT_MAX: u8 = 6;

struct Writer {
    kind: LogKind,
    direct: bool,
    bytes: Vec<u8>,
    next: u64,
    previous_hash: u128,
}

impl Writer {
    /// One batch; `wrong` is 0 for a right one.
    fn batch(&mut self, flags: u8, count: u8, wrong: u8, value: u64) {
        let count = count % (COUNT_MAX + 1);
        let first = if wrong == 1 { value } else { self.next };
        let epoch = u32::from(flags & 1);
        let mut records = Vec::new();
        for sequence in (first..).take(count.into()) {
            records.extend_from_slice(&self.record(epoch, if wrong == 2 { value } else { sequence }));
        }
        let mut header = [0; RECORD_LEN_BYTES];
        header[0..8].copy_from_slice(b"TGBATCH\x01");
        let version: u16 = if wrong == 3 { value as u16 } else { 1 };
        header[8..10].copy_from_slice(&version.to_le_bytes());
        header[10] = match (wrong, self.kind) {
            (4, _) => value as u8,
            (_, LogKind::Journal) => 1,
            (_, LogKind::Events) => 2,
        };
        header[11] = if wrong == 12 { value as u8 } else { self.direct.into() };
        let counted = if wrong == 5 { value as u32 } else { count.into() };
        header[12..16].copy_from_slice(&counted.to_le_bytes());
        let cluster = if wrong == 6 { value.into() } else { CLUSTER };
        header[16..32].copy_from_slice(&cluster.to_le_bytes());
        let segment: u32 = if wrong == 7 { value as u32 } else { 1 };
        header[32..36].copy_from_slice(&segment.to_le_bytes());
        let epoch: u32 = if wrong == 8 { value as u32 } else { epoch };
        header[36..40].copy_from_slice(&epoch.to_le_bytes());
        header[40..48].copy_from_slice(&first.to_le_bytes());
        let commit = match wrong {
            9 => value,
            _ if flags & 2 == 0 => 0,
            _ => first.saturating_sub(1),
        };
        header[48..56].copy_from_slice(&commit.to_le_bytes());
        header[60..64].copy_from_slice(&crc32c::crc32c(&records).to_le_bytes());
        let previous_hash = if wrong == 10 { value.into() } else { self.previous_hash };
        header[64..80].copy_from_slice(&previous_hash.to_le_bytes());
        header[80..96].copy_from_slice(&xxh3_128(&records).to_le_bytes());
        let pages: u32 = if wrong == 13 { value as u32 } else { (SEGMENT_LEN_BYTES_MIN / 4_096) as u32 };
        header[96..100].copy_from_slice(&pages.to_le_bytes());
        if wrong == 11 {
            // Reserved bytes, under a right checksum.
            header[100 + usize::from(value as u8) % 24] = (value >> 8) as u8;
        }
        let crc = crc32c::crc32c(&header[..124]);
        header[124..128].copy_from_slice(&crc.to_le_bytes());
        self.previous_hash = xxh3_128(&header);
        self.next = first.saturating_add(count.into());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(&records);
        if self.direct {
            self.bytes.resize(self.bytes.len().next_multiple_of(4_096), u8::from(wrong == 14));
        }
    }

    fn record(&self, epoch: u32, sequence: u64) -> [u8; RECORD_LEN_BYTES] {
        let (epoch, sequence) = (Epoch::new(epoch), Sequence::new(sequence));
        match self.kind {
            LogKind::Journal => {
                let header = CommandHeader { sequence, epoch, ..CommandHeader::default() };
                *CommandRecord::encode(&header, &Command::Tick).as_bytes()
            }
            LogKind::Events => {
                let event =
                    Event::DurabilityChanged { durability: tidegate_domain::Durability::Local, degraded: false };
                *EventRecord::encode(&EventHeader { sequence, epoch, ..EventHeader::default() }, &event).as_bytes()
            }
        }
    }
}

fn write(dir: &Path, kind: LogKind, data: &[u8]) -> std::io::Result<()> {
    let mut input = Input::new(data);
    let direct = input.u8() % 2 == 1;
    let mut writer = Writer { kind, direct, bytes: Vec::new(), next: 1, previous_hash: 0 };
    for _ in 0..input.u8() % (BATCHES_MAX as u8 + 1) {
        let (flags, count, wrong) = (input.u8(), input.u8(), input.u8());
        // Most are right.
        let value = if (1..=14).contains(&wrong) { input.u64() } else { 0 };
        writer.batch(flags, count, wrong, value);
    }
    for pair in input.rest().chunks_exact(3).take(DAMAGE_MAX) {
        let at = usize::from(u16::from_le_bytes([pair[0], pair[1]])) % writer.bytes.len().max(1);
        if let Some(byte) = writer.bytes.get_mut(at) {
            *byte ^= pair[2];
        }
    }
    let mut file = File::create(dir.join(format!("{}-00000001.seg", kind.prefix())))?;
    // A whole segment, most of it a hole.
    file.set_len(SEGMENT_LEN_BYTES_MIN)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&writer.bytes)
}

fn folder(kind: LogKind, data: &[u8]) -> tempfile::TempDir {
    // In memory where that is: recovery syncs.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a temporary folder can be made");
    write(folder.path(), kind, data).expect("a temporary folder can be written");
    folder
}

fn config_of(folder: &tempfile::TempDir) -> LogConfig {
    LogConfig::new(folder.path(), ClusterId::new(CLUSTER), SEGMENT_LEN_BYTES_MIN)
}

/// The log as its owner's recovery opens it: verification asks for no cluster, so where it finds a log whole that is refused
/// here, that log is another cluster's, and must open there.
fn open_as_owner<T>(
    config: LogConfig,
    verified: &Result<VerifyReport, JournalError>,
    open: impl Fn(&LogConfig) -> Result<T, JournalError>,
) -> Option<T> {
    let error = match open(&config) {
        Ok(opened) => return Some(opened),
        Err(error) => error,
    };
    assert!(!error.to_string().is_empty());
    if verified.is_err() {
        return None;
    }
    let JournalError::WrongCluster { found, .. } = error else { panic!("verified, and refused: {error}") };
    Some(open(&LogConfig { cluster: ClusterId::new(found), ..config }).expect("what is verified opens for its owner"))
}

/// Recovery of a journal keeps exactly what verification has seen, or refuses what that refuses; then it goes on.
///
/// # Panics
/// Where it does not.
pub fn journal(data: &[u8]) {
    let folder = folder(LogKind::Journal, data);
    let verified = verify(folder.path(), LogKind::Journal, |_, _| {});
    let Some(mut opened) = open_as_owner(config_of(&folder), &verified, open_journal) else { return };
    let report = verified.expect("what opens is whole");
    let recovery = &opened.recovery;
    assert_eq!((recovery.last, recovery.commit), (report.last, report.commit));
    assert_eq!(recovery.batches, report.batches);
    assert_eq!(recovery.cut.is_some(), report.torn_tail_at.is_some());
    let mut records = Vec::new();
    if recovery.last > Sequence::ZERO {
        let all = recovery.last.raw() as usize;
        opened.reader.read(Sequence::new(1), all, &mut records).expect("what was recovered can be read");
        assert!(records.iter().map(|record| record.sequence().raw()).eq(1..=recovery.last.raw()));
    }
    let next = recovery.last.next();
    let header = CommandHeader { sequence: next, epoch: recovery.last_epoch, ..CommandHeader::default() };
    let record = CommandRecord::encode(&header, &Command::Tick);
    opened.writer.append(&[record], Sequence::ZERO).expect("a recovered journal can be appended to");
    drop(opened);
    let again = verify(folder.path(), LogKind::Journal, |_, _| {}).expect("a recovered journal is whole");
    assert_eq!((again.last, again.torn_tail_at), (next, None));
}

/// Recovery of an event log cuts at the first damage, and the rest is whole.
///
/// # Panics
/// Where it is not.
pub fn event_log(data: &[u8]) {
    let folder = folder(LogKind::Events, data);
    let verified = verify(folder.path(), LogKind::Events, |_, _| {});
    // Two bytes decide whether something is cut off as after a crash.
    let keep = data.first().is_some_and(|byte| byte % 2 == 1);
    let keep = keep.then(|| Sequence::new(data.last().copied().unwrap_or(0).into()));
    let opened = open_as_owner(config_of(&folder), &verified, |config| open_event_log(config, keep));
    let Some(mut opened) = opened else { return };
    if let (Ok(report), None) = (&verified, keep) {
        assert_eq!(opened.last.map_or(Sequence::ZERO, |(sequence, _)| sequence), report.last);
    }
    let mut cursor = opened.log.cursor_at_start();
    let mut events = Vec::new();
    while cursor.next_batch(64, &mut events).expect("what was recovered can be read") > 0 {}
    assert_eq!(events.last().map(|event| (event.sequence(), event.index())), opened.last);
    let last = opened.last.map_or(0, |(sequence, _)| sequence.raw());
    if let Some(sequence) = last.checked_add(1).map(Sequence::new) {
        // At least that of the last batch, which nobody is told.
        let epoch = Epoch::new(u32::MAX);
        let event = Event::DurabilityChanged { durability: tidegate_domain::Durability::Local, degraded: false };
        let mut record = [EventRecord::encode(&EventHeader { sequence, epoch, ..EventHeader::default() }, &event)];
        opened.writer.append(&mut record).expect("a recovered log can be appended to");
        drop((opened, cursor));
        let again = verify(folder.path(), LogKind::Events, |_, _| {}).expect("a recovered log is whole");
        assert_eq!((again.last, again.torn_tail_at), (sequence, None));
    }
}
