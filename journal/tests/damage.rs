//! Damage across segments and left-overs of a crash: what must be refused, what must be cleaned, what must not panic.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use common::{CLUSTER, commands, config};
use tidegate_domain::{ClusterId, Command, CommandHeader, CommandRecord, RequestNumber, Sequence};
use tidegate_journal::{JournalError, JournalReader, LogConfig, LogKind, open_event_log, open_journal, verify};

/// A full batch: 64 KiB, sixteen to a segment of 1 MiB.
const FULL: u64 = 511;
const FULL_LEN_BYTES: usize = 512 * 128;
const SEGMENT_LEN_BYTES: usize = 1 << 20;

fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("journal-{number:08}.seg"))
}

fn overwrite(file: &Path, offset: usize, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, offset as u64).unwrap();
}

/// `batches` full batches.
fn full_batches(dir: &Path, batches: u64) {
    let mut journal = open_journal(&config(dir)).unwrap();
    journal.writer.append(&commands(1, batches * FULL), Sequence::ZERO).unwrap();
}

fn read_all(reader: &JournalReader) -> Vec<CommandRecord> {
    let mut out = Vec::new();
    reader.read(Sequence::new(1), usize::MAX, &mut out).unwrap();
    out
}

/// Refused by recovery and by `verify`, at this file and offset, and not a byte changed.
fn refused_at(dir: &Path, number: u32, offset: usize, after: u64) {
    let files: Vec<PathBuf> = (1..).map(|number| segment(dir, number)).take_while(|path| path.exists()).collect();
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let opened = open_journal(&config(dir)).map(|journal| journal.recovery);
    let verified = verify(dir, LogKind::Journal, |_, _| {});
    for (who, error) in [("recovery", opened.map(|_| ())), ("verify", verified.map(|_| ()))] {
        match error {
            Err(JournalError::Corrupt { file, offset: at, after: last, .. }) => {
                assert_eq!((file, at, last.raw()), (segment(dir, number), offset as u64, after), "{who}");
            }
            other => panic!("{who} must refuse, it gave {other:?}"),
        }
    }
    let unchanged = files.iter().zip(&before).all(|(file, bytes)| fs::read(file).unwrap() == *bytes);
    assert!(unchanged, "a refusal changes nothing");
}

/// Once taken for the unused rest of a full segment: everything after it was cut off and the node started.
#[test]
fn a_batch_that_became_zeros_is_refused_though_only_one_batch_follows_in_the_next_segment() {
    for lost in [3, 15] {
        let dir = tempfile::tempdir().unwrap();
        full_batches(dir.path(), 17);
        overwrite(&segment(dir.path(), 1), lost * FULL_LEN_BYTES, &vec![0; FULL_LEN_BYTES]);
        refused_at(dir.path(), 1, lost * FULL_LEN_BYTES, lost as u64 * FULL);
    }
}

#[test]
fn a_bad_last_batch_of_a_segment_is_refused_though_only_one_batch_follows_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    full_batches(dir.path(), 17);
    overwrite(&segment(dir.path(), 1), 15 * FULL_LEN_BYTES + 4_000, &[0xff]);
    refused_at(dir.path(), 1, 15 * FULL_LEN_BYTES, 15 * FULL);
}

#[test]
fn a_journal_without_its_first_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    full_batches(dir.path(), 17);
    fs::remove_file(segment(dir.path(), 1)).unwrap();
    let error = open_journal(&config(dir.path())).err().unwrap().to_string();
    assert!(error.contains("journal-00000001.seg") && error.contains("missing"), "{error}");
    // What is left may be a journal whose oldest segments were removed behind a snapshot.
    assert_eq!(verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap().first_segment, 2);
}

#[test]
fn a_file_that_is_shorter_than_a_segment_is_refused() {
    for (number, len) in [(1, 0), (1, 100), (2, 0), (2, 64), (2, 4_095), (1, SEGMENT_LEN_BYTES as u64 - 1)] {
        let dir = tempfile::tempdir().unwrap();
        full_batches(dir.path(), 17);
        OpenOptions::new().write(true).open(segment(dir.path(), number)).unwrap().set_len(len).unwrap();
        let error = open_journal(&config(dir.path())).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("length")), "segment {number}, {len} bytes");
        assert!(verify(dir.path(), LogKind::Journal, |_, _| {}).is_err(), "segment {number}, {len} bytes");
    }
}

/// A process killed after it copied records and before it wrote their header leaves them behind a header of zeros.
/// Once they stayed there: after the next roll readers failed on them, and the node after that refused to start.
#[test]
fn records_left_without_a_header_are_cleared_before_the_segment_is_rolled_over_them() {
    let dir = tempfile::tempdir().unwrap();
    full_batches(dir.path(), 15);
    let end = 15 * FULL_LEN_BYTES;
    // A hundred records of the batch that was being written; the place of its header is zeros still.
    overwrite(&segment(dir.path(), 1), end + 128, &vec![0x5a; 100 * 128]);
    assert_eq!(
        verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap().torn_tail_at,
        Some((segment(dir.path(), 1), end as u64))
    );
    let written = 15 * FULL + 1;
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        assert_eq!(journal.recovery.last.raw(), 15 * FULL);
        let cut = journal.recovery.cut.clone().unwrap();
        assert_eq!((cut.file, cut.offset, cut.bytes), (segment(dir.path(), 1), end as u64, 101 * 128));
        journal.writer.append(&commands(15 * FULL + 1, 1), Sequence::ZERO).unwrap();
        // Does not fit in what is left: rolls.
        journal.writer.append(&commands(written + 1, FULL), Sequence::ZERO).unwrap();
        assert!(read_all(&journal.reader) == commands(1, written + FULL), "a reader crosses the roll");
    }
    let journal = open_journal(&config(dir.path())).unwrap();
    assert_eq!((journal.recovery.last.raw(), &journal.recovery.cut), (written + FULL, &None));
}

/// Bytes of earlier batches of the same segment after the end, as a recycled block may hold: older than the end, so they
/// are no evidence of a loss.
#[test]
fn stale_batches_after_the_end_are_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    full_batches(dir.path(), 5);
    let file = segment(dir.path(), 1);
    let stale = fs::read(&file).unwrap()[FULL_LEN_BYTES..3 * FULL_LEN_BYTES].to_vec();
    for gap in [0, 128, 4_096] {
        overwrite(&file, 5 * FULL_LEN_BYTES + gap, &stale);
        let report = verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap();
        assert_eq!(report.torn_tail_at, Some((file.clone(), 5 * FULL_LEN_BYTES as u64)), "gap {gap}");
        let journal = open_journal(&config(dir.path())).unwrap();
        assert_eq!(journal.recovery.last.raw(), 5 * FULL, "gap {gap}");
        assert!(journal.recovery.cut.is_some(), "gap {gap}");
        drop(journal);
        assert!(fs::read(&file).unwrap()[5 * FULL_LEN_BYTES..].iter().all(|byte| *byte == 0), "gap {gap}");
    }
}

/// A whole batch that stands where its predecessor's successor must stand, but says that it follows another: what it
/// follows is lost or was exchanged.
#[test]
fn a_whole_batch_of_a_later_sequence_in_the_place_of_a_lost_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    full_batches(dir.path(), 5);
    let file = segment(dir.path(), 1);
    let last = fs::read(&file).unwrap()[4 * FULL_LEN_BYTES..5 * FULL_LEN_BYTES].to_vec();
    overwrite(&file, 3 * FULL_LEN_BYTES, &last);
    overwrite(&file, 4 * FULL_LEN_BYTES, &vec![0; FULL_LEN_BYTES]);
    refused_at(dir.path(), 1, 3 * FULL_LEN_BYTES, 3 * FULL);
}

/// Batches that are whole, of the right place and sequence, but of another history: only the chain tells.
#[test]
fn a_whole_batch_of_another_history_is_refused() {
    let batch_len = 11 * 128;
    // Eight batches of ten records; `odd` says in which one a record differs.
    let history = |odd: Option<usize>| {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = open_journal(&config(dir.path())).unwrap();
        for batch in 0..8 {
            let mut records = commands(batch as u64 * 10 + 1, 10);
            if odd == Some(batch) {
                let header = CommandHeader { request: RequestNumber::new(9_999), ..records[3].decode().unwrap().0 };
                records[3] =
                    CommandRecord::encode(&header, &Command::CancelAll(tidegate_domain::CancelFilter::default()));
            }
            journal.writer.append(&records, Sequence::ZERO).unwrap();
        }
        dir
    };
    // The same batch after another past is refused where it stands; another batch after the same past, at the next one.
    for (odd, refused) in [(1, 5), (5, 6)] {
        let (ours, theirs) = (history(None), history(Some(odd)));
        let other = fs::read(segment(theirs.path(), 1)).unwrap();
        overwrite(&segment(ours.path(), 1), 5 * batch_len, &other[5 * batch_len..6 * batch_len]);
        refused_at(ours.path(), 1, refused * batch_len, refused as u64 * 10);
    }
}

fn owned_by(dir: &Path, cluster: ClusterId) -> LogConfig {
    LogConfig { cluster, ..config(dir) }
}

/// A segment whose first batch cannot be read; behind it a batch of one record of each of these clusters, its record damaged.
fn behind_a_lost_batch(kind: LogKind, clusters: &[ClusterId]) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let mut bytes = vec![0x5a; 128];
    for cluster in clusters {
        let dir = tempfile::tempdir().unwrap();
        let config = owned_by(dir.path(), *cluster);
        match kind {
            LogKind::Journal => open_journal(&config).unwrap().writer.append(&commands(1, 1), Sequence::ZERO).unwrap(),
            LogKind::Events => {
                open_event_log(&config, None).unwrap().writer.append(&mut [common::event(1, 0, 0, 0)]).unwrap();
            }
        }
        let mut batch = fs::read(dir.path().join(format!("{}-00000001.seg", kind.prefix()))).unwrap();
        batch[200] ^= 1;
        bytes.extend_from_slice(&batch[..256]);
    }
    bytes.resize(SEGMENT_LEN_BYTES, 0);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{}-00000001.seg", kind.prefix()));
    fs::write(&file, &bytes).unwrap();
    (dir, file, bytes)
}

/// Once verification, which is told no cluster, believed each batch behind a damaged first one: a log with damaged batches of
/// two clusters was a torn tail to it, and was refused by every start.
#[test]
fn behind_a_damaged_first_batch_verify_sees_what_recovery_of_the_first_headers_cluster_sees() {
    let (one, other) = (CLUSTER, ClusterId::new(CLUSTER.raw() + 1));
    let (dir, file, bytes) = behind_a_lost_batch(LogKind::Journal, &[one, other]);
    refused_at(dir.path(), 1, 0, 0);
    let opened = open_journal(&owned_by(dir.path(), other)).err().unwrap();
    assert!(matches!(opened, JournalError::WrongCluster { found, .. } if found == one.raw()), "{opened}");
    assert!(fs::read(&file).unwrap() == bytes, "a refusal changes nothing");
    // Of one cluster alone nothing is whole, so nothing shows that anything was lost.
    let (dir, file, _) = behind_a_lost_batch(LogKind::Journal, &[other, other]);
    let report = verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap();
    assert_eq!(report.torn_tail_at, Some((file.clone(), 0)));
    let cut = open_journal(&owned_by(dir.path(), other)).unwrap().recovery.cut.unwrap();
    assert_eq!((cut.file, cut.offset), (file, 0));
}

/// Once the operator was told to restore a backup of a journal that is another cluster's, and an event log of another cluster
/// was filled with zeros: the damage in front decided, not whose log it is.
#[test]
fn a_log_of_another_cluster_is_refused_as_that_though_its_first_batch_is_damaged() {
    let other = ClusterId::new(CLUSTER.raw() + 1);
    for kind in [LogKind::Journal, LogKind::Events] {
        let (dir, file, bytes) = behind_a_lost_batch(kind, &[other]);
        let opened = match kind {
            LogKind::Journal => open_journal(&config(dir.path())).map(|_| ()),
            LogKind::Events => open_event_log(&config(dir.path()), None).map(|_| ()),
        };
        match opened {
            Err(JournalError::WrongCluster { file: at, found, expected }) => {
                assert_eq!((at, found, expected), (file.clone(), other.raw(), CLUSTER.raw()));
            }
            opened => panic!("the {} is another cluster's: {opened:?}", kind.prefix()),
        }
        assert!(fs::read(&file).unwrap() == bytes, "a refusal changes nothing");
    }
}

/// The thread that prepares segments once outlived its journal, and could put an empty segment over one in use.
#[test]
fn a_closed_journal_leaves_no_thread_that_still_makes_segments() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        let from = journal.recovery.last.next().raw();
        // Past the quarter of a segment at which the next one is asked for.
        journal.writer.append(&commands(from, 16 * FULL), Sequence::ZERO).unwrap();
        drop(journal);
        let unfinished: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".new"))
            .collect();
        assert!(unfinished.is_empty(), "round {round}: {unfinished:?} is still being made");
    }
}

/// On a journal that was closed with a commit mark, no flipped bit takes a record away: it is refused, or it is in the
/// mark or after it, and then nothing is lost.
#[test]
fn no_flipped_bit_in_a_closed_journal_takes_a_record_away() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut journal = open_journal(&config(dir.path())).unwrap();
        for batch in 0..10 {
            journal.writer.append(&commands(batch * 10 + 1, 10), Sequence::new(batch * 10)).unwrap();
        }
        journal.writer.mark_commit(Sequence::new(100)).unwrap();
    }
    let file = segment(dir.path(), 1);
    let good = fs::read(&file).unwrap();
    let mark = 10 * 11 * 128;
    let campaign = (0..mark * 8).step_by(1_021).chain((mark * 8..(mark + 128) * 8).step_by(7));
    for bit in campaign.chain([(mark + 128) * 8, (mark + 40_000) * 8 + 3]) {
        let at = bit / 8;
        overwrite(&file, at, &[good[at] ^ 1 << (bit % 8)]);
        match open_journal(&config(dir.path())) {
            Ok(journal) => {
                assert!(at >= mark, "bit {bit} must be refused");
                assert!(read_all(&journal.reader) == commands(1, 100), "bit {bit}");
            }
            Err(JournalError::Corrupt { offset, .. }) => {
                assert_eq!(offset, (at - at % (11 * 128)) as u64, "bit {bit}: names the batch");
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
        overwrite(&file, 0, &good);
    }
}

/// A tool beside a running node sees a log that grows while it is read, never damage.
#[test]
fn verify_beside_a_writer_finds_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open_journal(&config(dir.path())).unwrap();
    let reader = journal.reader.clone();
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            for piece in commands(1, 60_000).chunks(3) {
                journal.writer.append(piece, Sequence::ZERO).unwrap();
            }
        });
        while !writing.is_finished() {
            let before = reader.appended_through();
            let report = verify(dir.path(), LogKind::Journal, |_, _| {}).unwrap();
            assert!(report.last >= before, "{} was there, {} was seen", before, report.last);
        }
    });
    let report = verify(dir.path(), LogKind::Journal, |done, total| assert!(done <= total)).unwrap();
    assert_eq!((report.last.raw(), report.records, report.batches), (60_000, 60_000, 20_000));
    assert_eq!(report.torn_tail_at, None);
}

mod random {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Append(u64),
        Mark,
        Sync,
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0_u64..1_300).prop_map(Step::Append),
            2 => Just(Step::Mark),
            1 => Just(Step::Sync),
            2 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        /// Against the plainest model there is: a number.
        #[test]
        fn any_life_of_a_journal_keeps_every_record(steps in prop::collection::vec(step(), 1..40)) {
            let dir = tempfile::tempdir().unwrap();
            let mut journal = open_journal(&config(dir.path())).unwrap();
            let mut last = 0;
            for step in steps {
                match step {
                    Step::Append(count) => {
                        journal.writer.append(&commands(last + 1, count), Sequence::ZERO).unwrap();
                        last += count;
                    }
                    Step::Mark => journal.writer.mark_commit(Sequence::new(last)).unwrap(),
                    Step::Sync => prop_assert_eq!(journal.syncer.sync().unwrap().raw(), last),
                    Step::Reopen => {
                        drop(journal);
                        journal = open_journal(&config(dir.path())).unwrap();
                        prop_assert_eq!(journal.recovery.last.raw(), last);
                        prop_assert!(journal.recovery.cut.is_none());
                    }
                }
            }
            prop_assert_eq!(journal.writer.appended_through().raw(), last);
            if last > 0 {
                prop_assert!(read_all(&journal.reader) == commands(1, last));
            }
        }

        /// A segment of any bytes at all, in either log, also as the second segment.
        #[test]
        fn a_segment_of_any_bytes_is_refused_or_cut(
            seed in any::<u64>(), len in 0_usize..=SEGMENT_LEN_BYTES / 4_096, second in any::<bool>(),
        ) {
            let dir = tempfile::tempdir().unwrap();
            full_batches(dir.path(), if second { 17 } else { 1 });
            let mut random = common::Random::new(seed);
            let mut bytes = vec![0_u8; SEGMENT_LEN_BYTES];
            bytes[..len * 4_096].fill_with(|| random.below(256) as u8);
            fs::write(segment(dir.path(), if second { 2 } else { 1 }), &bytes).unwrap();
            fs::write(dir.path().join("events-00000001.seg"), &bytes).unwrap();
            let kept = if second { 16 * FULL } else { 0 };
            // Nothing whole is left after the damage and nothing was marked, so it is a torn tail.
            let journal = open_journal(&config(dir.path())).unwrap();
            prop_assert_eq!(journal.recovery.last.raw(), kept);
            prop_assert_eq!(journal.recovery.cut.is_some(), len > 0);
            prop_assert_eq!(open_event_log(&config(dir.path()), None).unwrap().last, None);
        }
    }
}
