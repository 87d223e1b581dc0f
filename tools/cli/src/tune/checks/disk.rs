//! The disk below the data folder: what `local` waits for.

use tidegate_latency::Disk;

use super::super::facts::Facts;
use super::super::finding::{Finding, Topic};

/// Their synced writes into an allocated file are one write to the device.
const GOOD_FILE_SYSTEMS: [&str; 2] = ["ext4", "xfs"];

/// These copy what is written over, or write it somewhere else again.
const COPYING_FILE_SYSTEMS: [&str; 4] = ["btrfs", "zfs", "bcachefs", "f2fs"];

/// These are not on a disk of this machine at all.
const FAR_FILE_SYSTEMS: [&str; 6] = ["nfs", "nfs4", "cifs", "ceph", "9p", "virtiofs"];

fn disk(facts: &Facts) -> Option<Disk> {
    facts.device.map(|device| facts.files.disk(device))
}

fn no_folder(name: &'static str) -> Finding {
    Finding::cannot_tell(name, "no data folder was named").shell("tidegate tune --data-dir DIR")
}

/// What keeps the journal.
pub(super) fn file_system(facts: &Facts) -> Finding {
    const NAME: &str = "file-system";
    let Some(disk) = disk(facts) else { return no_folder(NAME) };
    let on = disk.device.as_deref().unwrap_or("an unnamed device");
    let Some(name) = disk.file_system.as_deref() else {
        return Finding::cannot_tell(NAME, "the mount of the data folder is not in /proc/self/mountinfo")
            .advice("a folder on a partition of its own, with ext4 or xfs");
    };
    let finding = if GOOD_FILE_SYSTEMS.contains(&name) {
        return Finding::good(NAME, format!("{name} on {on}"));
    } else if name == "tmpfs" || name == "ramfs" {
        Finding::hurts(NAME, format!("{name}: this is memory"))
            .costs("nothing of the journal survives the machine: what `local` promises does not hold", "it has no disk")
    } else if COPYING_FILE_SYSTEMS.contains(&name) {
        Finding::hurts(NAME, format!("{name} on {on}")).costs(
            "each synced write of 4 KiB also writes its trees anew: several writes instead of one",
            "how it keeps data; `--measure` takes one such write here",
        )
    } else if FAR_FILE_SYSTEMS.contains(&name) {
        Finding::hurts(NAME, format!("{name} on {on}")).costs(
            "each synced write is a round trip to somebody else's disk",
            "how it keeps data; `--measure` takes one such write here",
        )
    } else {
        return Finding::cannot_tell(NAME, format!("{name} on {on}: nothing is known of how it syncs"))
            .advice("a folder on ext4 or xfs; in a container, a volume instead of the image's layers");
    };
    finding.advice("put data_dir on ext4 or xfs, on a local NVMe disk with power-loss protection")
}

/// Whether a synced write waits for the medium.
pub(super) fn write_cache(facts: &Facts) -> Finding {
    const NAME: &str = "write-cache";
    let Some(disk) = disk(facts) else { return no_folder(NAME) };
    let name = disk.name.as_deref().unwrap_or("unknown");
    let below = if disk.below.is_empty() { String::new() } else { format!(", made of {}", disk.below.join(", ")) };
    if disk.rotational == Some(true) && !facts.is_virtual() {
        return Finding::hurts(NAME, format!("{name}{below} turns"))
            .costs(
                "each synced write waits for the place to come round: 8.3 ms at most, 4.2 ms on average",
                "7,200 turns a minute; `--measure` takes this disk's",
            )
            .advice("a local NVMe disk with power-loss protection");
    }
    match disk.write_cache.as_deref() {
        Some("write through") if facts.is_virtual() => Finding::cannot_tell(
            NAME,
            format!("{name}{below} says that it has none; what the hypervisor does with a synced write, nobody here can see"),
        )
        .advice("ask for cache=none or cache=directsync and a disk with power-loss protection"),
        Some("write through") => Finding::good(NAME, format!("{name}{below} has none, or one that survives a power cut")),
        Some(_) => Finding::cannot_tell(
            NAME,
            format!(
                "{name}{below} has one that must be flushed; whether it survives a power cut (and a flush is quick) cannot be seen from here"
            ),
        )
        .costs(
            "a synced write waits for the flush: some 10 µs with power-loss protection, some ms without",
            "usual figures of disks; `--measure` takes this one's",
        )
        .advice("look into the disk's data sheet for power-loss protection; never write `write through` into queue/write_cache \
                 without it: that only stops the flushes"),
        None => Finding::cannot_tell(NAME, "the kernel shows no queue for the device of the data folder"),
    }
}

/// Whether writes wait in a queue of the kernel's.
pub(super) fn scheduler(facts: &Facts) -> Finding {
    const NAME: &str = "io-scheduler";
    let Some(disk) = disk(facts) else { return no_folder(NAME) };
    let (Some(now), Some(name)) = (&disk.scheduler, &disk.name) else {
        return Finding::cannot_tell(NAME, "the kernel shows no queue for the device of the data folder");
    };
    // A virtual disk often says that it turns.
    if now == "none" || (disk.rotational == Some(true) && !facts.is_virtual()) {
        return Finding::good(NAME, format!("{now} on {name}"));
    }
    Finding::hurts(NAME, format!("{now} on {name}"))
        .costs(
            "each write passes a lock and a queue of the kernel's, some µs; one writer has nothing to be sorted",
            "usual figures, not taken here; `--measure` before and after takes this disk's",
        )
        .script(Topic::Disk, &format!(" --disk {name}"))
        .shell(format!("echo none | sudo tee /sys/block/{name}/queue/scheduler"))
}
