//! A disk that fails one chosen operation, and goes on afterwards as if nothing had been: what a kernel does after a failed
//! sync, and why the log must not.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use memmap2::MmapRaw;
use tidegate_journal::disk::{Access, Disk, DiskFile, RealDisk};

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Open,
    Rename,
    SyncDir,
    Allocate,
    Read,
    Write,
    WriteThrough,
    Sync,
    Map,
}

impl Op {
    pub(crate) const ALL: [Self; 10] = [
        Self::Create,
        Self::Open,
        Self::Rename,
        Self::SyncDir,
        Self::Allocate,
        Self::Read,
        Self::Write,
        Self::WriteThrough,
        Self::Sync,
        Self::Map,
    ];
}

#[derive(Debug)]
struct Fault {
    op: Op,
    /// Only on files whose name contains it.
    name: &'static str,
    /// How many of them go well before.
    after: u64,
    errno: i32,
}

#[derive(Debug, Default)]
struct Plan {
    fault: Mutex<Option<Fault>>,
    fired: AtomicU64,
    /// Bytes free, as the disk says; 0 is what the real one says.
    free: AtomicU64,
}

impl Plan {
    fn pass(&self, op: Op, path: &Path) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        let Some(planned) = fault.as_mut() else { return Ok(()) };
        if planned.op != op || !path.to_string_lossy().contains(planned.name) {
            return Ok(());
        }
        if planned.after > 0 {
            planned.after -= 1;
            return Ok(());
        }
        let errno = planned.errno;
        *fault = None;
        self.fired.fetch_add(1, Ordering::Relaxed);
        Err(io::Error::from_raw_os_error(errno))
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(Arc<Plan>);

impl FaultyDisk {
    /// The operation after the next `after` ones of this kind, on files whose name contains `name`, fails.
    pub(crate) fn fail(&self, op: Op, name: &'static str, after: u64, errno: i32) {
        *self.0.fault.lock().unwrap() = Some(Fault { op, name, after, errno });
    }

    /// How many have failed.
    pub(crate) fn fired(&self) -> u64 {
        self.0.fired.load(Ordering::Relaxed)
    }

    /// What the disk says that it has left.
    pub(crate) fn say_free(&self, bytes: u64) {
        self.0.free.store(bytes, Ordering::Relaxed);
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { plan: Arc::clone(&self.0), path: path.to_owned(), file })
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.0.pass(Op::Create, path)?;
        Ok(self.file(path, RealDisk.create(path)?))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        self.0.pass(Op::Open, path)?;
        Ok(self.file(path, RealDisk.open(path, access)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.pass(Op::Rename, to)?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.pass(Op::SyncDir, dir)?;
        RealDisk.sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        match self.0.free.load(Ordering::Relaxed) {
            0 => RealDisk.free_bytes(dir),
            said => Ok(said),
        }
    }
}

#[derive(Debug)]
struct FaultyFile {
    plan: Arc<Plan>,
    path: std::path::PathBuf,
    file: Box<dyn DiskFile>,
}

impl DiskFile for FaultyFile {
    fn len_bytes(&self) -> io::Result<u64> {
        self.file.len_bytes()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.plan.pass(Op::Allocate, &self.path)?;
        self.file.allocate(len)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.plan.pass(Op::Read, &self.path)?;
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.plan.pass(Op::Write, &self.path)?;
        self.file.write_at(bytes, offset)
    }

    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.plan.pass(Op::WriteThrough, &self.path)?;
        self.file.write_through(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.plan.pass(Op::Sync, &self.path)?;
        self.file.sync()
    }

    fn forget_cached(&self) {
        self.file.forget_cached();
    }

    fn map(&self) -> io::Result<MmapRaw> {
        self.plan.pass(Op::Map, &self.path)?;
        self.file.map()
    }
}
