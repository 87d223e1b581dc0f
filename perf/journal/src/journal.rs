//! The journal's writers by batch size, and its verification.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use tidegate_domain::{ClusterId, Sequence};
use tidegate_journal::{
    JournalError, LogConfig, LogKind, OpenedJournal, SEGMENT_LEN_BYTES_DEFAULT, WriterKind, open_journal,
};

use crate::commands;
use crate::report::{AppendFigures, Latencies, VerifyFigures};

/// Records between two syncs of the mapped writer.
const SYNC_EVERY: usize = 5_000;

/// A journal in a folder of its own, which goes with what `work` gives.
fn with_journal<T>(
    dir: &Path,
    work: impl FnOnce(&Path, &mut OpenedJournal) -> Result<T, JournalError>,
) -> Result<T, JournalError> {
    let folder = dir.join("journal");
    std::fs::create_dir_all(&folder).expect("the folder was written to before");
    let mut journal = open_journal(&LogConfig::new(&folder, ClusterId::new(1), SEGMENT_LEN_BYTES_DEFAULT))?;
    let done = work(&folder, &mut journal);
    drop(journal);
    std::fs::remove_dir_all(&folder).expect("the folder was made above");
    done
}

fn figures(
    writer: &'static str,
    batch: usize,
    append: &Latencies,
    sync: Option<&Latencies>,
    busy: Duration,
) -> AppendFigures {
    let records = append.count() * batch as u64;
    let per_second = records as f64 / busy.as_secs_f64();
    AppendFigures {
        writer,
        batch,
        append_ns: append.figures(),
        sync_ns: sync.map(Latencies::figures),
        records_per_second: per_second as u64,
        // With the header that each batch has.
        gb_per_second: per_second * 128.0 * (1.0 + 1.0 / batch as f64) / 1e9,
    }
}

/// Appends into the mapping, with a sync now and then, which is not in the appends' time.
pub(crate) fn mapped(dir: &Path, batch: usize, records: usize) -> Result<AppendFigures, JournalError> {
    with_journal(dir, |_, journal| {
        let (mut append, mut sync, mut busy) = (Latencies::new(), Latencies::new(), Duration::ZERO);
        let (mut next, mut unsynced) = (1, 0);
        while append.count() as usize * batch < records {
            let piece = commands(next, SYNC_EVERY.div_ceil(batch) * batch);
            let started = Instant::now();
            for records in piece.chunks(batch) {
                let start = Instant::now();
                journal.writer.append(records, Sequence::ZERO)?;
                append.add(start.elapsed());
            }
            busy += started.elapsed();
            next += piece.len() as u64;
            unsynced += piece.len();
            if unsynced >= SYNC_EVERY {
                unsynced = 0;
                let start = Instant::now();
                journal.syncer.sync()?;
                sync.add(start.elapsed());
            }
        }
        Ok(figures(WriterKind::Mapped.as_str(), batch, &append, Some(&sync), busy))
    })
}

/// As many bytes as the mapped writer's, with write(2), batch by batch, and the same syncs: without checksums, chain, segments.
pub(crate) fn written(dir: &Path, batch: usize, records: usize) -> io::Result<AppendFigures> {
    let path = dir.join("written");
    let mut file = File::create(&path)?;
    let bytes = vec![7; 128 * (batch + 1)];
    let (mut write, mut sync, mut busy) = (Latencies::new(), Latencies::new(), Duration::ZERO);
    while write.count() as usize * batch < records {
        let started = Instant::now();
        for _ in 0..SYNC_EVERY.div_ceil(batch) {
            let start = Instant::now();
            file.write_all(&bytes)?;
            write.add(start.elapsed());
        }
        busy += started.elapsed();
        let start = Instant::now();
        file.sync_data()?;
        sync.add(start.elapsed());
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(figures("write(2)", batch, &write, Some(&sync), busy))
}

/// Each append is on the disk when it returns.
pub(crate) fn direct(dir: &Path, batch: usize, writes: usize) -> Result<AppendFigures, JournalError> {
    with_journal(dir, |_, journal| {
        journal.writer.change_writer(WriterKind::Direct)?;
        let mut append = Latencies::new();
        let mut busy = Duration::ZERO;
        for n in 0..writes {
            let records = commands((n * batch + 1) as u64, batch);
            let start = Instant::now();
            journal.writer.append(&records, Sequence::ZERO)?;
            let took = start.elapsed();
            append.add(took);
            busy += took;
        }
        Ok(figures(WriterKind::Direct.as_str(), batch, &append, Some(&append), busy))
    })
}

/// Verification of a journal of full batches that is in the page cache.
pub(crate) fn verify(dir: &Path, records: usize) -> Result<VerifyFigures, JournalError> {
    with_journal(dir, |folder, journal| {
        let piece = 511 * 100;
        for n in 0..records.div_ceil(piece) {
            journal.writer.append(&commands((n * piece + 1) as u64, piece), Sequence::ZERO)?;
        }
        journal.syncer.sync()?;
        let mut best = f64::MAX;
        let mut bytes = 0;
        for _ in 0..3 {
            let start = Instant::now();
            bytes = tidegate_journal::verify(folder, LogKind::Journal, |_, _| {})?.bytes;
            best = best.min(start.elapsed().as_secs_f64());
        }
        Ok(VerifyFigures { bytes, gb_per_second: bytes as f64 / best / 1e9 })
    })
}
