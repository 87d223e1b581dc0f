//! What the kernel says of a machine in `/sys`, `/proc` and `/etc`, and the one reader of it.
//!
//! ```text
//!   root + "/sys/..." --> trimmed text, number, chosen option, [`Disk`]      root is / on a machine, a made-up tree in tests
//! ```
//!
//! Invariants: what cannot be read is `None`, never a guess; nothing here changes the machine.
//! Owning thread: the caller's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The kernel's files below a root.
#[derive(Clone, Debug)]
pub struct HostFiles {
    root: PathBuf,
}

/// The disk below a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// `ext4`, `xfs`, `tmpfs`.
    pub file_system: Option<String>,
    /// The device, as the mount names it.
    pub device: Option<String>,
    /// Its name below `/sys/block`: of a partition that of its disk.
    pub name: Option<String>,
    /// `write back` or `write through`.
    pub write_cache: Option<String>,
    /// Whether it turns.
    pub rotational: Option<bool>,
    /// The I/O scheduler in force.
    pub scheduler: Option<String>,
    /// The disks below it, where it is made of others (`dm-0`, `md0`).
    pub below: Vec<String>,
}

impl HostFiles {
    /// Of this machine.
    #[must_use]
    pub fn this() -> Self {
        Self::below("/")
    }

    /// Of the tree below a folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path of the machine is, below the root.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A file without white space around it; may be empty.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.path(path)).ok().map(|text| text.trim().to_owned())
    }

    /// A file that is one number.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.parse().ok()
    }

    /// `always [madvise] never` says `madvise`; what has no brackets says itself.
    #[must_use]
    pub fn chosen(&self, path: &str) -> Option<String> {
        self.text(path).filter(|text| !text.is_empty()).map(|text| chosen(&text).to_owned())
    }

    /// Names in a folder, in order; none where there is no such folder.
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// What the kernel does about flaws of the processor that it has: `flaw: answer`, one each.
    #[must_use]
    pub fn mitigations(&self) -> Vec<String> {
        let folder = "/sys/devices/system/cpu/vulnerabilities";
        let answer = |name: &String| {
            let text = self.text(&format!("{folder}/{name}")).unwrap_or_else(|| "unknown".to_owned());
            (text != "Not affected").then(|| format!("{name}: {text}"))
        };
        self.names(folder).iter().filter_map(answer).collect()
    }

    /// The disk with these numbers ([`device_of`]).
    #[must_use]
    pub fn disk(&self, (major, minor): (u32, u32)) -> Disk {
        let device = format!("{major}:{minor}");
        let mounts = self.text("/proc/self/mountinfo").unwrap_or_default();
        let (file_system, name) = mounts.lines().find_map(|text| mount_of(text, &device)).unzip();
        let mut disk = Disk { file_system, device: name, ..Disk::default() };
        let block = fs::canonicalize(self.path(&format!("/sys/dev/block/{device}"))).ok();
        // A partition has no queue of its own: its disk's is one folder up.
        let Some(block) = block.as_deref().and_then(|block| block.ancestors().take(2).find(has_queue)) else {
            return disk;
        };
        let line = |path: &str| Some(fs::read_to_string(block.join(path)).ok()?.trim().to_owned());
        disk.name = block.file_name().map(|name| name.to_string_lossy().into_owned());
        disk.write_cache = line("queue/write_cache");
        disk.rotational = line("queue/rotational").map(|text| text == "1");
        disk.scheduler = line("queue/scheduler").map(|text| chosen(&text).to_owned());
        let below = fs::read_dir(block.join("slaves")).into_iter().flatten().flatten();
        disk.below = below.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        disk.below.sort();
        disk
    }
}

/// Major and minor number of the device below a folder, or below the nearest one above it that exists.
#[must_use]
pub fn device_of(folder: &Path) -> Option<(u32, u32)> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let device = absolute.ancestors().find_map(|path| fs::metadata(path).ok())?.dev();
    Some((libc::major(device), libc::minor(device)))
}

fn has_queue(block: &&Path) -> bool {
    block.join("queue").is_dir()
}

fn chosen(options: &str) -> &str {
    let inner = options.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inner.map_or(options, |(chosen, _)| chosen)
}

/// A line of `mountinfo` about this device: file system and device name.
fn mount_of(text: &str, device: &str) -> Option<(String, String)> {
    let (place, system) = text.split_once(" - ")?;
    (place.split(' ').nth(2)? == device).then_some(())?;
    let mut words = system.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_one_stands_in_brackets() {
        assert_eq!(chosen("always [madvise] never"), "madvise");
        assert_eq!(chosen("unknown"), "unknown");
    }

    #[test]
    fn a_mount_is_found_by_its_device() {
        let text = "29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard";
        assert_eq!(mount_of(text, "254:1"), Some(("ext4".into(), "/dev/vda1".into())));
        assert_eq!(mount_of(text, "254:2"), None);
        assert_eq!(mount_of("", "254:2"), None);
    }

    #[test]
    fn a_partition_has_the_queue_of_its_disk() {
        let root = tempfile::tempdir().expect("a folder");
        let block = root.path().join("sys/devices/virtual/block/vda");
        for folder in ["vda1", "queue", "slaves/nvme0n1"] {
            fs::create_dir_all(block.join(folder)).expect("a folder");
        }
        fs::write(block.join("queue/write_cache"), "write back\n").expect("a file");
        fs::write(block.join("queue/scheduler"), "none [mq-deadline]\n").expect("a file");
        fs::create_dir_all(root.path().join("sys/dev/block")).expect("a folder");
        std::os::unix::fs::symlink(block.join("vda1"), root.path().join("sys/dev/block/254:1")).expect("a link");
        let files = HostFiles::below(root.path());
        let disk = files.disk((254, 1));
        assert_eq!(disk.name.as_deref(), Some("vda"));
        assert_eq!(disk.write_cache.as_deref(), Some("write back"));
        assert_eq!(disk.scheduler.as_deref(), Some("mq-deadline"));
        assert_eq!(disk.below, ["nvme0n1"]);
        assert_eq!(files.disk((1, 1)), Disk::default());
    }
}
