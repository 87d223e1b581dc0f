//! What a figure was measured on: it means nothing without.

use std::fs;

use serde::Serialize;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Operating system and kernel.
    pub system: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn this() -> Self {
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let memory_kib =
            field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_kib.unwrap_or(0_u64) / 1_024,
            system: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().to_owned(),
        }
    }
}

/// The commit that this program was built from, with `-dirty` where something was changed.
#[must_use]
pub fn commit() -> String {
    env!("TIDEGATE_COMMIT").to_owned()
}

/// The compiler that this program was built with.
#[must_use]
pub fn compiler() -> String {
    env!("TIDEGATE_COMPILER").to_owned()
}

/// Pins this thread to the last core, away from what a machine does on its first one.
pub(crate) fn pin() -> Option<usize> {
    let core = core_affinity::get_core_ids()?.into_iter().max_by_key(|core| core.id)?;
    core_affinity::set_for_current(core).then_some(core.id)
}
