//! What the kernel permits: priorities, files, buffers, io_uring; and who keeps the time of day.

use super::super::facts::Facts;
use super::super::finding::{Finding, Topic};
use super::{sysctl, sysctl_line, sysctl_wanted};

/// Programs that keep the time of day.
const TIME_KEEPERS: [&str; 6] = ["chronyd", "ntpd", "ntpd-rs", "systemd-timesyn", "phc2sys", "ptp4l"];

/// Whether the effective capabilities have this one.
pub(super) fn has_capability(facts: &Facts, number: u32) -> bool {
    let set = facts.status("CapEff").and_then(|text| u64::from_str_radix(&text, 16).ok());
    set.is_some_and(|set| set >> number & 1 == 1)
}

/// Whether threads may be put before all ordinary ones.
pub(super) fn realtime(facts: &Facts) -> Finding {
    const NAME: &str = "realtime";
    // CAP_SYS_NICE.
    if has_capability(facts, 23) {
        return Finding::good(NAME, "SCHED_FIFO is permitted to this user at every priority");
    }
    match facts.limit("Max realtime priority") {
        None => Finding::cannot_tell(NAME, "/proc/self/limits does not say"),
        Some(0) => Finding::hurts(NAME, "SCHED_FIFO is not permitted to this user")
            .costs(
                "beside another busy thread a pipeline thread waits for up to a slice of some ms; on cores of its own it does not",
                "the scheduler's slice (check `isolation`)",
            )
            .script(Topic::Limits, &facts.cores_option_or_none())
            .shell("ulimit -r 20")
            .advice("a node does not ask for it by itself: `chrt -f -p 10 TID`, and only for threads that park"),
        Some(priority) => Finding::good(NAME, format!("SCHED_FIFO is permitted up to priority {priority}")),
    }
}

/// How much of a second a thread with such a priority may have.
pub(super) fn realtime_throttle(facts: &Facts) -> Finding {
    const NAME: &str = "realtime-throttle";
    let number = |file: &str| facts.files.text(&format!("/proc/sys/kernel/{file}"))?.parse::<i64>().ok();
    match (number("sched_rt_runtime_us"), number("sched_rt_period_us")) {
        (None, _) => Finding::cannot_tell(NAME, "this kernel has no such limit that could be read"),
        (Some(runtime), _) if runtime < 0 => {
            Finding::good(NAME, "none: a SCHED_FIFO thread that spins may starve the kernel's own threads on its core")
        }
        (Some(runtime), period) => {
            let away_ms = (period.unwrap_or(1_000_000) - runtime).max(0) / 1_000;
            Finding::good(
                NAME,
                format!(
                    "threads under SCHED_FIFO that never sleep may lose {away_ms} ms of each period; so let them park"
                ),
            )
        }
    }
}

/// Whether the node may open what its limits allow for.
pub(super) fn open_files(facts: &Facts) -> Finding {
    const NAME: &str = "open-files";
    let needed = facts.node.files;
    match facts.limit("Max open files") {
        None => Finding::cannot_tell(NAME, "/proc/self/limits does not say"),
        Some(u64::MAX) => Finding::good(NAME, "no limit"),
        Some(limit) if limit >= needed => Finding::good(NAME, format!("{limit}; the node's own limits need {needed}")),
        Some(limit) => Finding::hurts(NAME, format!("{limit}; the node's own limits need {needed}"))
            .costs(
                format!("the last {} connections that its limits allow are refused", needed - limit),
                "sessions and connections of the configuration",
            )
            .script(Topic::Limits, &facts.cores_option_or_none())
            .shell(format!("ulimit -n {needed}")),
    }
}

/// Whether a burst fits into the buffers of UDP sockets.
pub(super) fn udp_buffers(facts: &Facts) -> Finding {
    const NAME: &str = "udp-buffers";
    let keys = ["net.core.rmem_default", "net.core.rmem_max", "net.core.wmem_default", "net.core.wmem_max"];
    let now: Vec<(&str, u64)> = keys.into_iter().filter_map(|key| Some((key, sysctl(facts, key)?))).collect();
    if now.is_empty() {
        return Finding::cannot_tell(NAME, "the kernel shows none here, as in a container with a network of its own");
    }
    let small: Vec<&(&str, u64)> = now.iter().filter(|(key, now)| *now < sysctl_wanted(key)).collect();
    if small.is_empty() {
        let kib: Vec<String> = now.iter().map(|(_, bytes)| (bytes >> 10).to_string()).collect();
        return Finding::good(NAME, format!("{} KiB", kib.join(", ")));
    }
    let shown: Vec<String> = small.iter().map(|(key, bytes)| format!("{key} {} KiB", bytes >> 10)).collect();
    let lines: Vec<String> = small.iter().map(|(key, _)| sysctl_line(key)).collect();
    let link = if facts.node.is_replicated { "" } else { " (no standby is configured)" };
    Finding::hurts(NAME, shown.join(", "))
        .costs(
            format!(
                "up to 8,192 records, 1 MiB, are on their way to a standby{link}: what does not fit is dropped and sent again after a \
                 round trip or more; readers of the multicast feed ask for 4 MiB"
            ),
            "the replicator's window and the feed client's buffer",
        )
        .script(Topic::Sysctl, "")
        .shell(lines.join(" && "))
}

/// Whether order entry may use io_uring.
pub(super) fn io_uring(facts: &Facts) -> Finding {
    const NAME: &str = "io-uring";
    const COST: &str = "order entry uses epoll: one system call for each poll, read and write instead of one a round";
    let switch = facts.files.number("/proc/sys/kernel/io_uring_disabled");
    let refused = match (&facts.io_uring, switch) {
        (Some(Ok(())), _) => return Finding::good(NAME, "permitted"),
        (None, None) => return Finding::cannot_tell(NAME, "the kernel has no switch that says so, and was not asked"),
        (None, Some(0)) => return Finding::good(NAME, "not switched off"),
        (Some(Err(error)), _) => format!("the kernel refuses it: {error}"),
        (None, Some(_)) => "switched off".to_owned(),
    };
    let finding = Finding::hurts(NAME, refused).costs(COST, "gateway/sockets/TRANSPORT.md");
    match switch {
        Some(value) if value > 0 => finding
            .shell("sudo sysctl -w kernel.io_uring_disabled=0")
            .advice("somebody switched it off for the sake of security: ask them first"),
        _ => finding.advice("Linux 6.1 or newer, and a container profile that allows io_uring_setup"),
    }
}

/// Whether the time of day is kept right: reports, good-till-date orders and figures of two hosts go by it.
pub(super) fn time_sync(facts: &Facts) -> Finding {
    const NAME: &str = "time-sync";
    let keeper = facts.running(&TIME_KEEPERS);
    let who = keeper.as_ref().map_or_else(|| "no program that is known to".to_owned(), |name| format!("by {name}"));
    match (facts.clock, keeper.is_some()) {
        (Some(clock), _) if clock.is_synced => {
            Finding::good(NAME, format!("kept ({who}), within {} µs by the kernel's reckoning", clock.error_max_us))
        }
        (None, true) => Finding::good(NAME, format!("kept {who}")),
        (Some(_), true) => Finding::hurts(NAME, format!("{who}, and the kernel says that it is not in step yet"))
            .costs("times of reports and of a pair's two hosts differ by an error that nobody knows", "adjtimex(2)")
            .shell("chronyc tracking || timedatectl timesync-status"),
        (_, false) if facts.is_virtual() => Finding::cannot_tell(
            NAME,
            "no program here keeps the time of day and the kernel does not call it kept; the hypervisor may do it",
        )
        .shell("sudo apt-get install chrony"),
        (_, false) => Finding::hurts(NAME, "nobody keeps the time of day")
            .costs("an uncorrected quartz is off by up to some seconds a day", "usual 10 to 50 ppm, not taken here")
            .shell("sudo apt-get install chrony"),
    }
}
