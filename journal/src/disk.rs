//! The disk, as far as a log needs one: files of a fixed length that are made, written, synced and mapped.
//!
//! Everything that can fail on the way of an acknowledgement goes through here, so that tests put a disk underneath that
//! fails at a chosen operation, or one that forgets what was not synced ([`RealDisk`] is what a node has).
//!
//! Invariants: what [`DiskFile::write_through`] and [`DiskFile::sync`] returned for survives the end of the machine; a name
//! survives it after [`Disk::sync_dir`].

use std::alloc::Layout;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

/// What places and lengths of direct reads and writes are multiples of, and their memory too: a page, and at least a sector
/// of every disk in use.
pub const DIRECT_ALIGN_BYTES: usize = 4_096;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading, writing, syncing and mapping, through the page cache.
    Cached,
    /// For [`DiskFile::write_through`] and aligned reads past the page cache (`O_DIRECT | O_DSYNC`).
    Direct,
}

/// A file system. See the module.
pub trait Disk: Debug + Send + Sync {
    /// Makes an empty file, or empties one that is there.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file its final name.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Bytes that this process may still allocate in a folder.
    ///
    /// # Errors
    /// What the operating system says.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// An open file. Offsets and lengths in bytes.
pub trait DiskFile: Debug + Send + Sync {
    /// Its length.
    ///
    /// # Errors
    /// What the operating system says.
    fn len_bytes(&self) -> io::Result<u64>;

    /// Gives it blocks for `len` bytes, so that no later write can meet a full disk.
    ///
    /// # Errors
    /// What the operating system says: `StorageFull` where there is no room.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// Reads exactly that many bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes into the page cache.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes and returns when the bytes are on the disk. Of a file opened with [`Access::Direct`]; memory, place and length
    /// are multiples of [`DIRECT_ALIGN_BYTES`].
    ///
    /// # Errors
    /// What the operating system says.
    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Puts everything that was written, through the page cache or a mapping, on the disk.
    ///
    /// # Errors
    /// What the operating system says; nobody knows then what is on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Drops what the page cache holds of it and is on the disk already: the file is written past the cache from here on.
    fn forget_cached(&self);

    /// Maps it whole.
    ///
    /// # Errors
    /// What the operating system says.
    fn map(&self) -> io::Result<MmapRaw>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl RealDisk {
    /// As [`crate::LogConfig`] wants it.
    #[must_use]
    pub fn shared() -> Arc<dyn Disk> {
        Arc::new(Self)
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = File::options().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let mut options = File::options();
        options.read(true).write(true);
        let file = match access {
            Access::Cached => options.open(path)?,
            Access::Direct => match options.custom_flags(libc::O_DIRECT | libc::O_DSYNC).open(path) {
                // Some file systems (overlays, old tmpfs) have no direct access: durable all the same, only slower.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    tracing::warn!(path = %path.display(), "this file system has no O_DIRECT: written with O_DSYNC only");
                    options.custom_flags(libc::O_DSYNC).open(path)?
                }
                opened => opened?,
            },
        };
        Ok(Box::new(RealFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        use std::os::unix::ffi::OsStrExt;
        let path = std::ffi::CString::new(dir.as_os_str().as_bytes())?;
        // SAFETY: an all-zero `statvfs` is a valid value of a plain C struct, which the call fills.
        let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
        // SAFETY: a plain system call with a terminated path and a struct that lives through it.
        if unsafe { libc::statvfs(path.as_ptr(), &raw mut found) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len_bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        // SAFETY: a plain system call on a descriptor that `self` keeps open.
        match unsafe { libc::posix_fallocate(self.0.as_raw_fd(), 0, len.cast_signed()) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // Not `write_all_at`: what is left after a short write may not be aligned, and a disk that takes half is broken.
        match self.0.write_at(bytes, offset)? {
            written if written == bytes.len() => Ok(()),
            written => Err(io::Error::new(
                io::ErrorKind::WriteZero,
                format!("the disk took {written} of {} bytes", bytes.len()),
            )),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn forget_cached(&self) {
        // Advice only: a direct write invalidates what it covers anyway.
        // SAFETY: a plain system call on a descriptor that `self` keeps open.
        let _ = unsafe { libc::posix_fadvise(self.0.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }

    fn map(&self) -> io::Result<MmapRaw> {
        MmapOptions::new().map_raw(&self.0)
    }
}

/// Memory for direct reads and writes: zeros at first, aligned, never moved.
#[derive(Debug)]
pub struct AlignedBytes {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: it owns its memory alone, as a box does.
unsafe impl Send for AlignedBytes {}
// SAFETY: shared references only read.
unsafe impl Sync for AlignedBytes {}

impl AlignedBytes {
    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len, DIRECT_ALIGN_BYTES).expect("a segment's length at most")
    }

    /// `len` zeros.
    ///
    /// # Panics
    /// When `len` is 0 or no multiple of [`DIRECT_ALIGN_BYTES`].
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        assert!(len > 0 && len.is_multiple_of(DIRECT_ALIGN_BYTES), "whole pages only");
        let layout = Self::layout(len);
        // SAFETY: the layout's size is not 0.
        let start = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) });
        Self { start: start.unwrap_or_else(|| std::alloc::handle_alloc_error(layout)), len }
    }
}

impl std::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `len` initialised bytes that `self` owns.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl std::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has a reference while this one lives.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for AlignedBytes {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `zeros`, freed once.
        unsafe { std::alloc::dealloc(self.start.as_ptr(), Self::layout(self.len)) }
    }
}
