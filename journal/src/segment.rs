//! A segment: one preallocated, zero-filled file, written by one of two kinds of writer ([`crate::WriterKind`]).
//!
//! ```text
//!   mapped writer --store--> mapping <--slice-- readers            synced by the helper thread
//!   direct writer --O_DIRECT|O_DSYNC--> disk <--O_DIRECT pread-- readers, until it is sealed; then through a mapping
//! ```
//!
//! Invariants: its blocks exist before it is written, so a full disk is an error at creation and never a SIGBUS; bytes below
//! the log's end never change, bytes above it are written by one writer only; while a direct writer writes it, nobody reads
//! it through the page cache (that would cost every write a round of invalidations).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::disk::{Access, AlignedBytes, DIRECT_ALIGN_BYTES, Disk, DiskFile};
use crate::sigbus::Mapping;
use crate::{JournalError, LogConfig, LogKind, SEGMENT_LEN_BYTES_MAX, SEGMENT_LEN_BYTES_MIN};

/// Distance between two entries of a segment's index.
pub(crate) const INDEX_STEP_BYTES: usize = 64 * 1_024;
/// Zeros are written in pieces of this size.
const ZEROS: &[u8] = &[0; 256 * 1_024];
/// What a reader of an open direct segment reads at once: a full batch.
const WINDOW_LEN_BYTES: usize = 64 * 1_024;

/// Position of a record in the order of a log: sequence and, in the event log, index.
pub(crate) type Position = (u64, u32);

/// See the module.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
    pub(crate) len: usize,
    kind: LogKind,
    disk: Arc<dyn Disk>,
    /// Open from when it is made or first needed until it is sealed and synced.
    file: Mutex<Option<Arc<dyn DiskFile>>>,
    /// Open while a direct writer writes it.
    direct: Mutex<Option<Arc<dyn DiskFile>>>,
    map: OnceLock<Mapping>,
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

/// Numbers of the segments in a folder: dense from any number (older ones may be deleted), or empty. What a crash left
/// half-made (`.new`) is not one.
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

/// Length in pages of 4,096 bytes.
pub(crate) fn pages_of(len: usize) -> u32 {
    u32::try_from(len / 4_096).expect("a segment has a gibibyte at most")
}

impl Segment {
    fn new(config: &LogConfig, kind: LogKind, number: u32, len: usize, file: Option<Arc<dyn DiskFile>>) -> Self {
        let (path, disk) = (path_of(&config.dir, kind, number), Arc::clone(&config.disk));
        let (direct, map, index) = Default::default();
        Self { number, path, len, kind, disk, file: Mutex::new(file), direct, map, index }
    }

    /// Makes a new one: blocks, zeros, sync, rename, sync of the folder.
    pub(crate) fn create(config: &LogConfig, kind: LogKind, number: u32) -> Result<Self, JournalError> {
        let len = config.segment_len_bytes;
        let path = path_of(&config.dir, kind, number);
        let unfinished = path.with_extension("new");
        let file = config.disk.create(&unfinished).map_err(JournalError::io(&unfinished, "create"))?;
        let fill = || {
            file.allocate(len)?;
            for offset in (0..len).step_by(ZEROS.len()) {
                file.write_at(&ZEROS[..ZEROS.len().min((len - offset) as usize)], offset)?;
            }
            file.sync()?;
            config.disk.rename(&unfinished, &path)?;
            config.disk.sync_dir(&config.dir)
        };
        match fill() {
            Ok(()) => Ok(Self::new(config, kind, number, len as usize, Some(file.into()))),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT)) => {
                let _ = config.disk.remove(&unfinished);
                Err(JournalError::NoSpace { path, bytes: len })
            }
            Err(error) => Err(JournalError::io(&path, "prepare")(error)),
        }
    }

    /// One that exists; it is opened when it is needed.
    pub(crate) fn open(config: &LogConfig, kind: LogKind, number: u32) -> Result<Self, JournalError> {
        let path = path_of(&config.dir, kind, number);
        let len = fs::metadata(&path).map_err(JournalError::io(&path, "stat"))?.len();
        Ok(Self::new(config, kind, number, check_len(&path, len)?, None))
    }

    /// Its length in pages, as every header in it says.
    pub(crate) fn pages(&self) -> u32 {
        pages_of(self.len)
    }

    fn file(&self) -> Result<Arc<dyn DiskFile>, JournalError> {
        let mut file = self.file.lock().expect("no holder of this lock panics");
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        Ok(Arc::clone(file.insert(self.open_cached()?)))
    }

    fn open_cached(&self) -> Result<Arc<dyn DiskFile>, JournalError> {
        let opened = self.disk.open(&self.path, Access::Cached).map_err(JournalError::io(&self.path, "open"))?;
        Ok(opened.into())
    }

    /// For a mapped writer: mapped, and open for the syncs to come.
    pub(crate) fn take_mapped(&self) -> Result<(), JournalError> {
        self.file()?;
        self.mapping().map(|_| ())
    }

    /// Its mapping, made when it is first asked for. None of its pages is in the page table at first: the first store to one brings
    /// a whole folio, writable, where a page that was only readable would cost a fault of its own.
    pub(crate) fn mapping(&self) -> Result<&Mapping, JournalError> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        // Who only reads keeps no descriptor: a long log has many segments.
        let file = match &*self.file.lock().expect("no holder of this lock panics") {
            Some(file) => Arc::clone(file),
            None => self.open_cached()?,
        };
        let map = file.map().map_err(JournalError::io(&self.path, "map"))?;
        let map = Mapping::watch(map, self.kind, self.number);
        // Two readers may come at once: the first mapping stays.
        Ok(self.map.get_or_init(|| map))
    }

    /// Bytes below the log's end, or of a segment that nobody writes, through the mapping.
    pub(crate) fn mapped(&self, offset: usize, len: usize) -> Result<&[u8], JournalError> {
        assert!(offset + len <= self.len, "reads stay inside the segment");
        let map = self.mapping()?;
        // SAFETY: inside the mapping, which lives as long as `self`; the caller reads below the log's published end, where
        // nobody writes any more, or before a writer exists.
        Ok(unsafe { std::slice::from_raw_parts(map.start().add(offset), len) })
    }

    /// The same, past the page cache while a direct writer has it: then `window` holds the bytes. `end` is up to where the
    /// log has bytes in this segment.
    pub(crate) fn read<'a>(
        &'a self,
        offset: usize,
        len: usize,
        end: usize,
        window: &'a mut Window,
    ) -> Result<&'a [u8], JournalError> {
        let direct = self.direct.lock().expect("no holder of this lock panics").clone();
        match direct {
            None => self.mapped(offset, len),
            Some(file) => window
                .read(&*file, (self.number, offset), len, end.min(self.len))
                .map_err(JournalError::io(&self.path, "read")),
        }
    }

    /// A direct writer takes it.
    pub(crate) fn take_direct(&self) -> Result<Arc<dyn DiskFile>, JournalError> {
        if let Some(map) = self.map.get() {
            // It was prepared for a mapped writer: no page of that may be written back over what comes now.
            map.let_go();
            self.sync()?;
        }
        // Clean pages of its making would only be in the way.
        self.file()?.forget_cached();
        let file = self.disk.open(&self.path, Access::Direct).map_err(JournalError::io(&self.path, "open"))?;
        let file: Arc<dyn DiskFile> = file.into();
        *self.direct.lock().expect("no holder of this lock panics") = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Nobody writes it any more.
    pub(crate) fn seal(&self) -> Result<(), JournalError> {
        let mut direct = self.direct.lock().expect("no holder of this lock panics");
        if direct.is_some() {
            // Whoever read it past us may have left pages from before the last write.
            self.file()?.forget_cached();
            *direct = None;
        }
        Ok(())
    }

    /// Puts what was written on the disk.
    pub(crate) fn sync(&self) -> Result<(), JournalError> {
        self.file()?.sync().map_err(JournalError::io(&self.path, "sync"))
    }

    /// Makes its pages writable from `offset` on, if it is mapped.
    pub(crate) fn touch(&self, offset: usize, bytes: usize) {
        let is_direct = self.direct.lock().expect("no holder of this lock panics").is_some();
        if let Some(map) = self.map.get().filter(|_| !is_direct) {
            map.make_writable(offset, bytes);
        }
    }

    /// Whether it has a descriptor: it may have something that is not synced.
    pub(crate) fn is_open(&self) -> bool {
        self.file.lock().expect("no holder of this lock panics").is_some()
    }

    /// Gives the descriptor back; the mapping stays. After the last sync of a sealed segment.
    pub(crate) fn close(&self) {
        *self.file.lock().expect("no holder of this lock panics") = None;
    }

    /// Zeros everything from `offset` on, durably; how many bytes were not zero before the last of them.
    pub(crate) fn clear_from(&self, offset: usize) -> Result<usize, JournalError> {
        let rest = self.mapped(offset, self.len - offset)?;
        let used = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let file = self.file()?;
        for at in (0..used).step_by(ZEROS.len()) {
            let zeros = &ZEROS[..ZEROS.len().min(used - at)];
            file.write_at(zeros, (offset + at) as u64).map_err(JournalError::io(&self.path, "clear"))?;
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

/// What a reader holds of an open direct segment: bytes that never change any more.
#[derive(Debug, Default)]
pub(crate) struct Window {
    bytes: Option<AlignedBytes>,
    /// Segment and offset of the first byte.
    at: (u32, usize),
    len: usize,
}

impl Window {
    fn read(
        &mut self,
        file: &dyn DiskFile,
        (segment, offset): (u32, usize),
        len: usize,
        end: usize,
    ) -> std::io::Result<&[u8]> {
        let holds = self.at.0 == segment && offset >= self.at.1 && offset + len <= self.at.1 + self.len;
        if !holds {
            let start = offset - offset % DIRECT_ALIGN_BYTES;
            // Direct batches are whole pages, and so is where they end.
            let wanted = (end - start).min(WINDOW_LEN_BYTES).next_multiple_of(DIRECT_ALIGN_BYTES);
            assert!(offset + len <= start + wanted, "a batch fits into the window, and readers stay below the end");
            self.len = 0;
            let bytes = self.bytes.get_or_insert_with(|| AlignedBytes::zeros(WINDOW_LEN_BYTES));
            file.read_at(&mut bytes[..wanted], start as u64)?;
            (self.at, self.len) = ((segment, start), wanted);
        }
        let bytes = self.bytes.as_ref().expect("filled above");
        Ok(&bytes[offset - self.at.1..offset - self.at.1 + len])
    }
}
