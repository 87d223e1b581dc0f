//! Looking at a log from outside: of a stopped node, or of a running one as far as it had come when it was opened. Reads by
//! `pread`, changes nothing, takes no lock.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tidegate_domain::{ClusterId, Epoch, RECORD_LEN_BYTES, Sequence};

use crate::batch::{BatchFault, BatchHeader, HEADER_LEN_BYTES};
use crate::segment::{list, path_of};
use crate::{FORMAT_VERSION, JournalError, LogKind};

/// One batch, as a tool shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchInfo {
    /// Its file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// Its epoch.
    pub epoch: Epoch,
    /// Sequence of its first record.
    pub first: Sequence,
    /// How many records; 0 for a commit mark.
    pub count: u32,
    /// What was released when it was written.
    pub commit: Sequence,
    /// Whose it is.
    pub cluster: ClusterId,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Segments.
    pub segments: u32,
    /// Whole batches.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Sequence of the last record.
    pub last: Sequence,
    /// The last commit mark or header says that everything through this was released.
    pub commit: Sequence,
    /// Bytes of batches.
    pub bytes: u64,
    /// Where the log ends in the last segment, and what stands there: nothing, or a torn tail.
    pub torn_tail_at: Option<(PathBuf, u64)>,
}

/// Reads a log from its start and gives each batch with the bytes of its records to `on_batch`, which may stop it by
/// returning `false`.
///
/// # Errors
/// Damage with valid batches after it, or below what was released; another version; the disk.
pub fn scan(
    dir: &Path,
    kind: LogKind,
    mut progress: impl FnMut(u64, u64),
    mut on_batch: impl FnMut(&BatchInfo, &[u8]) -> bool,
) -> Result<VerifyReport, JournalError> {
    let numbers = list(dir, kind)?;
    if numbers.is_empty() {
        return Err(JournalError::NoSuchRecord {
            what: format!("{}: no {} segment is there", dir.display(), kind.prefix()),
        });
    }
    let mut report = VerifyReport { segments: numbers.len() as u32, ..VerifyReport::default() };
    let mut chain = Chain::default();
    let total = numbers.len() as u64;
    for (done, number) in numbers.iter().enumerate() {
        progress(done as u64, total);
        let path = path_of(dir, kind, *number);
        let bytes = read_whole(&path)?;
        let mut offset = 0;
        let fault = loop {
            match chain.batch_at(&bytes, offset, kind, *number) {
                Err(fault) => break fault,
                Ok(header) => {
                    let records = &bytes[offset + HEADER_LEN_BYTES..offset + header.len_bytes()];
                    chain.step(&header, records);
                    report.batches += 1;
                    report.records += u64::from(header.count);
                    report.bytes += header.len_bytes() as u64;
                    report.commit = report.commit.max(header.commit);
                    report.last = Sequence::new(chain.last);
                    let info = BatchInfo {
                        file: path.clone(),
                        offset: offset as u64,
                        epoch: header.epoch,
                        first: Sequence::new(header.first.0),
                        count: header.count,
                        commit: header.commit,
                        cluster: header.cluster,
                    };
                    offset += header.len_bytes();
                    if !on_batch(&info, records) {
                        return Ok(report);
                    }
                }
            }
        };
        let later = chain.valid_after(&bytes, offset, kind, *number)
            || numbers[done + 1..].iter().any(|next| starts_with_batch(dir, kind, *next));
        match fault {
            // The rest of a full segment, or the clean end.
            BatchFault::Zeros if !chain.valid_after(&bytes, offset, kind, *number) => {}
            BatchFault::Version(found) => {
                return Err(JournalError::UnknownVersion { file: path, found, known: FORMAT_VERSION });
            }
            fault => {
                let after = Sequence::new(chain.last);
                let why = match fault {
                    BatchFault::Bad(why) => why.to_owned(),
                    BatchFault::Cluster(cluster) => format!("a batch of cluster {cluster:032x}"),
                    BatchFault::Zeros | BatchFault::Version(_) => {
                        "nothing is written here, but batches follow".to_owned()
                    }
                };
                if later || report.commit > after {
                    return Err(JournalError::Corrupt { file: path, offset: offset as u64, after, why });
                }
                report.torn_tail_at = Some((path, offset as u64));
                break;
            }
        }
    }
    progress(total, total);
    Ok(report)
}

/// Checks a whole log.
///
/// # Errors
/// As [`scan`].
pub fn verify(dir: &Path, kind: LogKind, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, JournalError> {
    scan(dir, kind, progress, |_, _| true)
}

fn read_whole(path: &Path) -> Result<Vec<u8>, JournalError> {
    let file = File::open(path).map_err(JournalError::io(path, "open"))?;
    let len = file.metadata().map_err(JournalError::io(path, "stat"))?.len();
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).map_err(JournalError::io(path, "read"))?;
    Ok(bytes)
}

fn starts_with_batch(dir: &Path, kind: LogKind, number: u32) -> bool {
    let mut header = [0; HEADER_LEN_BYTES];
    let read = File::open(path_of(dir, kind, number)).and_then(|file| file.read_exact_at(&mut header, 0));
    read.is_ok() && BatchHeader::decode(&header).is_ok()
}

/// What a batch must continue.
#[derive(Default)]
struct Chain {
    previous_hash: u128,
    last: u64,
    epoch: Epoch,
    cluster: Option<ClusterId>,
}

impl Chain {
    fn batch_at(&self, bytes: &[u8], offset: usize, kind: LogKind, segment: u32) -> Result<BatchHeader, BatchFault> {
        let rest = bytes.get(offset..).unwrap_or_default();
        if rest.len() < HEADER_LEN_BYTES {
            return Err(BatchFault::Zeros);
        }
        let header = BatchHeader::decode(rest)?;
        header.check(kind, self.cluster.unwrap_or(header.cluster), segment, rest)?;
        if header.previous_hash != self.previous_hash {
            return Err(BatchFault::Bad("the chain is broken: this batch does not follow the one before"));
        }
        let follows = match kind {
            LogKind::Journal => header.first == (self.last + 1, 0),
            LogKind::Events => header.count == 0 || header.first.0 >= self.last,
        };
        if header.epoch < self.epoch || !follows {
            return Err(BatchFault::Bad("sequence or epoch does not follow"));
        }
        Ok(header)
    }

    fn step(&mut self, header: &BatchHeader, records: &[u8]) {
        self.previous_hash = header.hash();
        self.epoch = header.epoch;
        self.cluster = Some(header.cluster);
        if let Some(last) = records.chunks_exact(RECORD_LEN_BYTES).next_back() {
            self.last = u64::from_le_bytes(last[0..8].try_into().expect("a record is 128 bytes"));
        }
    }

    fn valid_after(&self, bytes: &[u8], offset: usize, kind: LogKind, segment: u32) -> bool {
        let mut at = offset + RECORD_LEN_BYTES;
        while at + HEADER_LEN_BYTES <= bytes.len() {
            if let Ok(header) = BatchHeader::decode(&bytes[at..])
                && header.check(kind, self.cluster.unwrap_or(header.cluster), segment, &bytes[at..]).is_ok()
            {
                return true;
            }
            at += RECORD_LEN_BYTES;
        }
        false
    }
}
