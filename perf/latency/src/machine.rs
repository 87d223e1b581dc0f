//! What a latency was measured on, with what bends latencies: clocks, isolation, mitigations, the disk.
//!
//! Invariants: whatever cannot be found out is `unknown`, never left out; nothing here changes the machine.
//! Owning thread: the caller's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Operating system and kernel.
    pub system: String,
    /// What the kernel was started with.
    pub boot_line: String,
    /// Frequency governor of the first core.
    pub governor: String,
    /// Whether cores share their units with a sibling: `0` or `1`.
    pub smt: String,
    /// Cores that the scheduler leaves alone; empty: none.
    pub isolated: String,
    /// What the kernel does about flaws of the processor: `flaw: answer`, one each.
    pub mitigations: Vec<String>,
    /// What the kernel's clock counts.
    pub clock_source: String,
    /// Transparent large pages: `always`, `madvise` or `never`.
    pub huge_pages: String,
    /// The disk below the node's data and how it keeps writes.
    pub disk: String,
    /// Of the program.
    pub commit: String,
    /// Of the program.
    pub compiler: String,
    /// How the program was built: `dev`, `release`.
    pub profile: String,
}

impl Machine {
    /// This one, with the disk below `folder`. `profile` is how the program was built.
    #[must_use]
    pub fn this(folder: &Path, profile: &str) -> Self {
        let base = tidegate_perf::Machine::this();
        let cpu = "/sys/devices/system/cpu";
        Self {
            cpu: base.cpu,
            cores: base.cores,
            memory_mib: base.memory_mib,
            system: base.system,
            boot_line: line("/proc/cmdline"),
            governor: line(&format!("{cpu}/cpu0/cpufreq/scaling_governor")),
            smt: line(&format!("{cpu}/smt/active")),
            isolated: fs::read_to_string(format!("{cpu}/isolated")).map_or_else(unknown, |text| text.trim().to_owned()),
            mitigations: mitigations(&format!("{cpu}/vulnerabilities")),
            clock_source: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            huge_pages: chosen(&line("/sys/kernel/mm/transparent_hugepage/enabled")),
            disk: disk(folder),
            commit: tidegate_perf::commit(),
            compiler: tidegate_perf::compiler(),
            profile: profile.to_owned(),
        }
    }
}

fn unknown<T>(_: T) -> String {
    "unknown".to_owned()
}

fn line(file: &str) -> String {
    let text = fs::read_to_string(file).map(|text| text.trim().to_owned()).unwrap_or_default();
    if text.is_empty() { unknown(()) } else { text }
}

/// `always [madvise] never` says `madvise`.
fn chosen(options: &str) -> String {
    let inner = options.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inner.map_or_else(|| options.to_owned(), |(chosen, _)| chosen.to_owned())
}

fn mitigations(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<String> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            format!("{name}: {}", line(&entry.path().to_string_lossy()))
        })
        .filter(|text| !text.ends_with(": Not affected"))
        .collect();
    found.sort();
    found
}

/// File system, device and write cache of a folder, or of the nearest one above it that exists.
fn disk(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Some(device) = absolute.ancestors().find_map(|path| fs::metadata(path).ok()).map(|found| found.dev()) else {
        return unknown(());
    };
    let (major, minor) = (libc::major(device), libc::minor(device));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mount = mounts.lines().find_map(|text| mount_of(text, &format!("{major}:{minor}")));
    let (kind, name) = mount.unwrap_or_else(|| (unknown(()), format!("{major}:{minor}")));
    // A partition has no queue of its own: its disk's is one folder up.
    let block = fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok();
    let queue = |file: &str| {
        let block = block.as_deref()?;
        [block, block.parent()?].iter().find_map(|path| fs::read_to_string(path.join("queue").join(file)).ok())
    };
    let cache = queue("write_cache").map_or_else(String::new, |text| format!(", {}", text.trim()));
    let turns = queue("rotational").map_or("", |text| if text.trim() == "1" { ", rotating" } else { "" });
    format!("{kind} on {name}{cache}{turns}")
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
    fn every_field_of_this_machine_says_something() {
        let machine = Machine::this(Path::new("/tmp/not/there"), "dev");
        let texts =
            [&machine.cpu, &machine.system, &machine.boot_line, &machine.governor, &machine.disk, &machine.commit];
        assert!(texts.iter().all(|text| !text.is_empty()), "{machine:?}");
        assert!(machine.cores >= 1);
    }

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
}
