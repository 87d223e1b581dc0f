//! A segment: one preallocated, zero-filled, mapped file.
//!
//! Invariants: its blocks exist before it is mapped, so a full disk is an error at creation and never a SIGBUS; bytes below
//! the log's end never change, bytes above it are written by one writer only.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use memmap2::{MmapOptions, MmapRaw};

use crate::{JournalError, LogKind, SEGMENT_LEN_BYTES_MAX, SEGMENT_LEN_BYTES_MIN};

/// Distance between two entries of a segment's index.
pub(crate) const INDEX_STEP_BYTES: usize = 64 * 1_024;
/// Zeros are written in pieces of this size.
const ZEROS: &[u8] = &[0; 256 * 1_024];

/// Position of a record in the order of a log: sequence and, in the event log, index.
pub(crate) type Position = (u64, u32);

/// See the module.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
    pub(crate) len: usize,
    map: MmapRaw,
    file: File,
    /// First position and offset of some batches, in order; the first entry is the segment's first batch with records.
    index: Mutex<Vec<(Position, usize)>>,
}

/// `journal-00000001.seg`
#[must_use]
pub fn path_of(dir: &Path, kind: LogKind, number: u32) -> PathBuf {
    dir.join(format!("{}-{number:08}.seg", kind.prefix()))
}

/// Number of a segment from the part of its name between prefix and extension, exactly as [`path_of`] writes it.
fn number_of(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok()?;
    (format!("{number:08}") == name && number > 0).then_some(number)
}

/// The length of a file, if it can be a segment's.
pub(crate) fn check_len(path: &Path, len: u64) -> Result<usize, JournalError> {
    if (SEGMENT_LEN_BYTES_MIN..=SEGMENT_LEN_BYTES_MAX).contains(&len) && len.is_multiple_of(4_096) {
        return Ok(len as usize);
    }
    let why = format!(
        "its length of {len} bytes is no segment's (a multiple of 4096 from {SEGMENT_LEN_BYTES_MIN} to \
         {SEGMENT_LEN_BYTES_MAX}): it was cut short or is another file"
    );
    Err(JournalError::BadSegment { file: path.to_owned(), why })
}

/// Numbers of the segments in a folder: dense, or empty. What a crash left half-made (`.new`) is not one.
pub(crate) fn list(dir: &Path, kind: LogKind) -> Result<Vec<u32>, JournalError> {
    let mut numbers = Vec::new();
    let prefix = format!("{}-", kind.prefix());
    for entry in fs::read_dir(dir).map_err(JournalError::io(dir, "list"))? {
        let name = entry.map_err(JournalError::io(dir, "list"))?.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else { continue };
        if let Some(number) = rest.strip_suffix(".seg").and_then(number_of) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    for (found, expected) in numbers.iter().zip(numbers.first().copied().unwrap_or(1)..) {
        if *found != expected {
            let why = format!("this segment is missing, segment {found} is there");
            return Err(JournalError::BadSegment { file: path_of(dir, kind, expected), why });
        }
    }
    Ok(numbers)
}

impl Segment {
    /// Makes a new one: blocks, zeros, sync, rename, sync of the folder, map with every page present.
    pub(crate) fn create(dir: &Path, kind: LogKind, number: u32, len: usize) -> Result<Self, JournalError> {
        let path = path_of(dir, kind, number);
        let unfinished = path.with_extension("new");
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&unfinished);
        let file = file.map_err(JournalError::io(&unfinished, "create"))?;
        // SAFETY: a plain system call on a descriptor that `file` keeps open.
        match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len as libc::off_t) } {
            0 => {}
            libc::ENOSPC => {
                let _ = fs::remove_file(&unfinished);
                return Err(JournalError::NoSpace { path, bytes: len as u64 });
            }
            code => return Err(JournalError::io(&unfinished, "allocate")(std::io::Error::from_raw_os_error(code))),
        }
        let fill = || {
            use std::os::unix::fs::FileExt;
            for offset in (0..len).step_by(ZEROS.len()) {
                file.write_all_at(&ZEROS[..ZEROS.len().min(len - offset)], offset as u64)?;
            }
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(dir)?.sync_all()
        };
        fill().map_err(JournalError::io(&path, "prepare"))?;
        Self::map(path, number, file, true)
    }

    /// Opens one that exists; `present` brings all its pages into memory, for one that will be written.
    pub(crate) fn open(dir: &Path, kind: LogKind, number: u32, present: bool) -> Result<Self, JournalError> {
        let path = path_of(dir, kind, number);
        let file = File::options().read(true).write(true).open(&path).map_err(JournalError::io(&path, "open"))?;
        Self::map(path, number, file, present)
    }

    fn map(path: PathBuf, number: u32, file: File, present: bool) -> Result<Self, JournalError> {
        let len = check_len(&path, file.metadata().map_err(JournalError::io(&path, "stat"))?.len())?;
        let mut options = MmapOptions::new();
        options.len(len);
        if present {
            options.populate();
        }
        let map = options.map_raw(&file).map_err(JournalError::io(&path, "map"))?;
        Ok(Self { number, path, len, map, file, index: Mutex::default() })
    }

    /// Bytes below the log's end, or of a segment that nobody writes.
    pub(crate) fn read(&self, offset: usize, len: usize) -> &[u8] {
        assert!(offset + len <= self.len, "reads stay inside the segment");
        // SAFETY: inside the mapping, which lives as long as `self`; the caller reads below the log's published end, where
        // nobody writes any more, or before a writer exists.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(offset), len) }
    }

    /// Writes above the log's end. Called by the log's only writer.
    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.len, "writes stay inside the segment");
        // SAFETY: inside the mapping; above the log's end nobody reads, and there is one writer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.map.as_mut_ptr().add(offset), bytes.len()) }
    }

    /// Puts what was written on the disk.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::io(&self.path, "sync"))
    }

    /// From now on every sync of it fails, as on a broken disk; the mapping stays.
    #[cfg(test)]
    pub(crate) fn break_sync(&self) {
        // A character device does not sync. The descriptor stays open, it only means another file.
        let null = File::open("/dev/null").expect("every machine has it");
        // SAFETY: plain system call on two descriptors that are open.
        assert!(unsafe { libc::dup2(null.as_raw_fd(), self.file.as_raw_fd()) } >= 0);
    }

    /// Zeros everything from `offset` on, durably; how many bytes were not zero before the last of them.
    pub(crate) fn clear_from(&self, offset: usize) -> Result<usize, JournalError> {
        let rest = self.read(offset, self.len - offset);
        let used = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for at in (0..used).step_by(ZEROS.len()) {
            self.write(offset + at, &ZEROS[..ZEROS.len().min(used - at)]);
        }
        if used > 0 {
            self.sync()?;
        }
        Ok(used)
    }

    /// Notes a batch, if the last note is far enough behind.
    pub(crate) fn note(&self, position: Position, offset: usize) {
        let mut index = self.index.lock().expect("no holder of this lock panics");
        if index.last().is_none_or(|(_, last)| offset - last >= INDEX_STEP_BYTES) {
            index.push((position, offset));
        }
    }

    /// The first position in it, if it has a record.
    pub(crate) fn first(&self) -> Option<Position> {
        self.index.lock().expect("no holder of this lock panics").first().map(|(position, _)| *position)
    }

    /// Offset of a batch at or before the one that holds `position`.
    pub(crate) fn offset_before(&self, position: Position) -> usize {
        let index = self.index.lock().expect("no holder of this lock panics");
        let after = index.partition_point(|(first, _)| *first <= position);
        after.checked_sub(1).map_or(0, |at| index[at].1)
    }
}
