//! What a latency was measured on, with what bends latencies: clocks, isolation, mitigations, the disk.
//!
//! Invariants: whatever cannot be found out is `unknown`, never left out; nothing here changes the machine.
//! Owning thread: the caller's.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{HostFiles, device_of};

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
        let files = HostFiles::this();
        let cpu = "/sys/devices/system/cpu";
        Self {
            cpu: base.cpu,
            cores: base.cores,
            memory_mib: base.memory_mib,
            system: base.system,
            boot_line: known(files.text("/proc/cmdline")),
            governor: known(files.text(&format!("{cpu}/cpu0/cpufreq/scaling_governor"))),
            smt: known(files.text(&format!("{cpu}/smt/active"))),
            // Empty is known: none.
            isolated: files.text(&format!("{cpu}/isolated")).unwrap_or_else(|| known(None)),
            mitigations: files.mitigations(),
            clock_source: known(files.text("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
            huge_pages: known(files.chosen("/sys/kernel/mm/transparent_hugepage/enabled")),
            disk: disk(&files, folder),
            commit: tidegate_perf::commit(),
            compiler: tidegate_perf::compiler(),
            profile: profile.to_owned(),
        }
    }
}

fn known(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// File system, device and write cache of a folder, or of the nearest one above it that exists.
fn disk(files: &HostFiles, folder: &Path) -> String {
    let Some((major, minor)) = device_of(folder) else { return known(None) };
    let disk = files.disk((major, minor));
    let name = disk.device.unwrap_or_else(|| format!("{major}:{minor}"));
    let cache = disk.write_cache.map_or_else(String::new, |cache| format!(", {cache}"));
    let turns = if disk.rotational == Some(true) { ", rotating" } else { "" };
    format!("{} on {name}{cache}{turns}", known(disk.file_system))
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
}
