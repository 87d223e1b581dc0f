//! The checks: each one function of the facts, in the order of the table.

mod cores;
mod cpu;
mod disk;
mod memory;
mod system;

use super::facts::Facts;
use super::finding::Finding;

/// Looks at everything.
#[must_use]
pub fn all(facts: &Facts) -> Vec<Finding> {
    let checks: [fn(&Facts) -> Finding; 27] = [
        cpu::governor,
        cpu::boost,
        cpu::idle_states,
        cpu::smt,
        cpu::clock_source,
        cpu::hypervisor,
        cpu::mitigations,
        cores::core_plan,
        cores::isolation,
        cores::tick,
        cores::interrupts,
        cores::irqbalance,
        cores::watchdog,
        memory::transparent_huge_pages,
        memory::huge_page_pool,
        memory::swap,
        memory::locked_memory,
        memory::numa_balancing,
        system::realtime,
        system::realtime_throttle,
        system::open_files,
        system::udp_buffers,
        system::io_uring,
        system::time_sync,
        disk::file_system,
        disk::write_cache,
        disk::scheduler,
    ];
    checks.into_iter().map(|check| check(facts)).collect()
}

/// A value that `deploy/host/sysctl.d/90-tidegate.conf` sets.
fn sysctl_wanted(key: &str) -> u64 {
    let file = include_str!("../../../../../deploy/host/sysctl.d/90-tidegate.conf");
    let pairs = file.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let value = pairs.map(|(name, value)| (name.trim(), value.trim())).find(|(name, _)| *name == key);
    value.and_then(|(_, value)| value.parse().ok()).expect("the file has a number for every key that a check asks for")
}

/// What a sysctl is now.
fn sysctl(facts: &Facts, key: &str) -> Option<u64> {
    facts.files.number(&format!("/proc/sys/{}", key.replace('.', "/")))
}

/// The line that sets it by hand.
fn sysctl_line(key: &str) -> String {
    format!("sudo sysctl -w {key}={}", sysctl_wanted(key))
}
