//! Memory: large pages, what may be swapped out, and whether the kernel moves it about.

use super::super::facts::Facts;
use super::super::finding::{Finding, Topic};
use super::{sysctl, sysctl_line, sysctl_wanted};

const THP: &str = "/sys/kernel/mm/transparent_hugepage";

/// What the engine loses on small pages.
const SMALL_PAGES_COST: &str =
    "the engine applied 4.0 instead of 5.1 million commands a second of workload (b), 0.93 instead of 1.08 of (d)";
const SMALL_PAGES_SOURCE: &str = "engine/matching/PERFORMANCE.md, on another machine";

/// Rings and buffers of io_uring, with room: less locked memory than this may be too little, in bytes.
const LOCKED_MIN_BYTES: u64 = 64 << 20;

/// Large pages for who asks, which the node's tables do (`engine/memory`).
pub(super) fn transparent_huge_pages(facts: &Facts) -> Finding {
    const NAME: &str = "transparent-huge-pages";
    let Some(mode) = facts.files.chosen(&format!("{THP}/enabled")) else {
        return Finding::cannot_tell(NAME, "this kernel has none").costs(SMALL_PAGES_COST, SMALL_PAGES_SOURCE);
    };
    let finding = match mode.as_str() {
        "madvise" => return Finding::good(NAME, "madvise: for the engine's tables, which ask for them"),
        "never" => Finding::hurts(NAME, "never: the engine's tables are on small pages")
            .costs(SMALL_PAGES_COST, SMALL_PAGES_SOURCE),
        _ => {
            let pause_ms = facts.files.number(&format!("{THP}/khugepaged/scan_sleep_millisecs")).unwrap_or(10_000);
            Finding::hurts(NAME, format!("{mode}: for everything, asked for or not")).costs(
                format!(
                    "every {:.0} s the kernel copies pages together, and who touches one of them meanwhile waits; a first touch may wait \
                     until 2 MiB are free and zero",
                    pause_ms as f64 / 1e3
                ),
                "khugepaged/scan_sleep_millisecs",
            )
        }
    };
    finding
        .script(Topic::Thp, "")
        .shell(format!("echo madvise | sudo tee {THP}/enabled"))
        .kernel_parameter("transparent_hugepage=madvise")
}

/// Pages set aside, which the node does not use.
pub(super) fn huge_page_pool(facts: &Facts) -> Finding {
    const NAME: &str = "huge-page-pool";
    let text = facts.files.text("/proc/meminfo").unwrap_or_default();
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    match (number("HugePages_Total"), number("Hugepagesize")) {
        (Some(0), _) => Finding::good(NAME, "empty: the node takes transparent ones"),
        (Some(pages), Some(kib)) => Finding::good(
            NAME,
            format!(
                "{} MiB set aside: nothing of it is for the node, which takes transparent ones",
                pages * kib / 1_024
            ),
        ),
        _ => Finding::cannot_tell(NAME, "/proc/meminfo does not say"),
    }
}

/// Whether the node's memory may go to a disk.
pub(super) fn swap(facts: &Facts) -> Finding {
    const NAME: &str = "swap";
    const KEY: &str = "vm.swappiness";
    let Some(swaps) = facts.files.text("/proc/swaps") else {
        return Finding::cannot_tell(NAME, "/proc/swaps cannot be read");
    };
    let places: Vec<&str> = swaps.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    if places.is_empty() {
        return Finding::good(NAME, "none");
    }
    let now = sysctl(facts, KEY);
    if now.is_some_and(|now| now <= sysctl_wanted(KEY)) {
        return Finding::good(NAME, format!("on {}, for emergencies only", places.join(", ")));
    }
    let now = now.map_or_else(|| "unknown".to_owned(), |now| now.to_string());
    Finding::hurts(NAME, format!("on {}, with swappiness {now}", places.join(", ")))
        .costs(
            "an order that touches a page which was swapped out waits for one read of that disk: some 100 µs of a good one, 10 ms of one that turns",
            "usual figures of disks, not taken here",
        )
        .script(Topic::Sysctl, "")
        .shell(format!("{}, or sudo swapoff -a", sysctl_line(KEY)))
}

/// How much memory may be locked.
pub(super) fn locked_memory(facts: &Facts) -> Finding {
    const NAME: &str = "locked-memory";
    // CAP_IPC_LOCK.
    if super::system::has_capability(facts, 14) {
        return Finding::good(NAME, "no limit for this user");
    }
    match facts.limit("Max locked memory") {
        None => Finding::cannot_tell(NAME, "/proc/self/limits does not say"),
        Some(u64::MAX) => Finding::good(NAME, "no limit"),
        Some(bytes) if bytes >= LOCKED_MIN_BYTES => Finding::good(NAME, format!("{} MiB", bytes >> 20)),
        Some(bytes) => Finding::hurts(NAME, format!("{} KiB; the rings of io_uring may count against it", bytes >> 10))
            .costs(
                "where it is too little, order entry uses epoll: one system call for each poll, read and write instead of one a round",
                "gateway/sockets/TRANSPORT.md",
            )
            .script(Topic::Limits, &facts.cores_option_or_none())
            .shell("ulimit -l unlimited"),
    }
}

/// Whether the kernel takes pages away to see who uses them.
pub(super) fn numa_balancing(facts: &Facts) -> Finding {
    const NAME: &str = "numa-balancing";
    const KEY: &str = "kernel.numa_balancing";
    let nodes = facts.files.names("/sys/devices/system/node");
    let is_node = |name: &&String| {
        name.strip_prefix("node").is_some_and(|number| number.bytes().all(|letter| letter.is_ascii_digit()))
    };
    let nodes = nodes.iter().filter(is_node).count();
    match sysctl(facts, KEY) {
        Some(now) if now != sysctl_wanted(KEY) && nodes > 1 => Finding::hurts(
            NAME,
            format!("on, with {nodes} nodes of memory"),
        )
        .costs(
            "every second or so pages are taken away to see who touches them: each touch then is a fault of some µs",
            "the kernel's shortest scan period, 1 s",
        )
        .script(Topic::Sysctl, "")
        .shell(sysctl_line(KEY))
        .kernel_parameter("numa_balancing=disable"),
        Some(0) => Finding::good(NAME, "off"),
        _ if nodes <= 1 => Finding::good(NAME, "one node of memory: nothing to move"),
        _ => Finding::good(NAME, "this kernel does not have it"),
    }
}
