//! A disk that separates what is written from what is durable: real files for a running log, and beside them what a power cut
//! would leave. A cut keeps everything durable and any subset of the sectors that were written since.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use memmap2::MmapRaw;
use tidegate_journal::disk::{Access, Disk, DiskFile, RealDisk};

use super::Random;

/// What a disk writes as a whole.
const SECTOR_LEN_BYTES: usize = 512;

#[derive(Debug, Default)]
struct Image {
    /// What is durable of each file, by the name that it has now.
    durable: BTreeMap<PathBuf, Vec<u8>>,
    /// Names that a power cut may take back: new name and old one.
    renames: Vec<(PathBuf, PathBuf)>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForgetfulDisk(Arc<Mutex<Image>>);

impl ForgetfulDisk {
    /// What is on the disk of `dir` after a power cut at this moment, put into the folder `into`.
    pub(crate) fn cut_power(&self, dir: &Path, into: &Path, random: &mut Random) {
        let image = self.0.lock().unwrap();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let written = std::fs::read(&path).unwrap();
            let nothing = Vec::new();
            let durable = image.durable.get(&path).unwrap_or(&nothing);
            let mut left = vec![0; written.len()];
            for (n, sector) in left.chunks_mut(SECTOR_LEN_BYTES).enumerate() {
                let at = n * SECTOR_LEN_BYTES;
                let end = at + sector.len();
                let keeps_new = random.below(2) == 0;
                if keeps_new {
                    sector.copy_from_slice(&written[at..end]);
                } else if end <= durable.len() {
                    sector.copy_from_slice(&durable[at..end]);
                }
            }
            let renamed = image.renames.iter().find(|(new, _)| *new == path);
            let name = match renamed {
                Some((_, old)) if random.below(2) == 0 => old,
                _ => &path,
            };
            std::fs::write(into.join(name.file_name().unwrap()), left).unwrap();
        }
    }

    fn file(&self, path: &Path, file: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(ForgetfulFile { image: Arc::clone(&self.0), path: Mutex::new(path.to_owned()), file })
    }
}

impl Disk for ForgetfulDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, RealDisk.create(path)?))
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let file = RealDisk.open(path, access)?;
        // What is there before the log is opened is durable.
        let mut image = self.0.lock().unwrap();
        image.durable.entry(path.to_owned()).or_insert_with(|| std::fs::read(path).unwrap());
        drop(image);
        Ok(self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut image = self.0.lock().unwrap();
        RealDisk.rename(from, to)?;
        if let Some(bytes) = image.durable.remove(from) {
            image.durable.insert(to.to_owned(), bytes);
        }
        image.renames.push((to.to_owned(), from.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        self.0.lock().unwrap().renames.clear();
        Ok(())
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(dir)
    }
}

#[derive(Debug)]
struct ForgetfulFile {
    image: Arc<Mutex<Image>>,
    path: Mutex<PathBuf>,
    file: Box<dyn DiskFile>,
}

impl ForgetfulFile {
    /// The name that the file has now: a segment is made under another one.
    fn path(&self) -> PathBuf {
        let mut path = self.path.lock().unwrap();
        if path.extension().is_some_and(|extension| extension == "new") && !path.exists() {
            path.set_extension("seg");
        }
        path.clone()
    }
}

impl DiskFile for ForgetfulFile {
    fn len_bytes(&self) -> io::Result<u64> {
        self.file.len_bytes()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.file.allocate(len)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn write_through(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_through(bytes, offset)?;
        let mut image = self.image.lock().unwrap();
        let durable = image.durable.get_mut(&self.path()).unwrap();
        durable[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        // Under the lock: what is written while it is read may be durable or not, as on a disk.
        let mut image = self.image.lock().unwrap();
        let mut bytes = vec![0; self.file.len_bytes()? as usize];
        self.file.read_at(&mut bytes, 0)?;
        image.durable.insert(self.path(), bytes);
        Ok(())
    }

    fn forget_cached(&self) {
        self.file.forget_cached();
    }

    fn map(&self) -> io::Result<MmapRaw> {
        self.file.map()
    }
}
