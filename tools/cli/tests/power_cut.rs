//! Power cuts on a real file system: ext4 on a loop device, shut down under the node without flushing anything, as a machine
//! that loses its power would. In `local`, nothing that was acknowledged may be missing afterwards.
//!
//! `POWER_CUTS=2000 cargo test --release -p tidegate --test power_cut` for a long run.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Load, TIMEOUT, check_against_sql, leads, plan, run, seed, wait_for_sink};
use tidegate_node::config::DurabilityName;

/// `EXT4_IOC_SHUTDOWN`: `_IOR('X', 125, __u32)`.
const EXT4_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587d;
/// Nothing is flushed, the file system's own journal neither.
const SHUTDOWN_WITHOUT_LOG_FLUSH: u32 = 2;

fn cuts() -> u64 {
    std::env::var("POWER_CUTS").map_or(20, |cuts| cuts.parse().expect("POWER_CUTS is a number"))
}

/// An ext4 of its own in a file, mounted while this lives.
struct Ext4 {
    image: PathBuf,
    at: PathBuf,
}

impl Ext4 {
    /// `None`, said loudly, where this process may not make or mount one.
    fn make(folder: &Path) -> Option<Self> {
        let made = Self { image: folder.join("disk.img"), at: folder.join("disk") };
        std::fs::create_dir_all(&made.at).unwrap();
        File::create(&made.image).unwrap().set_len(256 << 20).unwrap();
        let mounted = run("mkfs.ext4", &["-q", "-F", made.image.to_str().unwrap()]).and_then(|()| made.mount());
        if let Err(why) = mounted {
            eprintln!("SKIPPED: a power cut needs the right to mount an ext4: {why}");
            return None;
        }
        if let Err(why) = made.shutdown() {
            eprintln!("SKIPPED: a power cut needs an ext4 that can be shut down: {why}");
            return None;
        }
        made.back();
        Some(made)
    }

    fn mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop", self.image.to_str().unwrap(), self.at.to_str().unwrap()])
    }

    /// The power goes.
    fn shutdown(&self) -> Result<(), String> {
        let folder = File::open(&self.at).map_err(|error| error.to_string())?;
        let how = SHUTDOWN_WITHOUT_LOG_FLUSH;
        // SAFETY: the call reads one number, which lives through it, and the descriptor is open.
        match unsafe { libc::ioctl(folder.as_raw_fd(), EXT4_IOC_SHUTDOWN, &raw const how) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error().to_string()),
        }
    }

    /// The power comes back.
    fn back(&self) {
        let started = Instant::now();
        while let Err(why) = run("umount", &[self.at.to_str().unwrap()]) {
            assert!(started.elapsed() < TIMEOUT, "{why}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.mount().unwrap();
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        let _ = run("umount", &["-l", self.at.to_str().unwrap()]);
    }
}

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged_in_local() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Ext4::make(dir.path()) else { return };
    let mut node = plan(dir.path(), 1, DurabilityName::Local).write().unwrap().remove(0);
    // The database stays outside: it is the witness.
    node.config.node.data_dir = disk.at.join("node");
    node.write_config().unwrap();
    node.start().unwrap();
    node.wait_for("the node leads", leads).unwrap();
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 9);
    for cut in 0..cuts() {
        load.wait_for_answers(20 + 37 * (cut % 11));
        disk.shutdown().unwrap();
        node.kill();
        disk.back();
        node.start().unwrap();
        node.wait_for("the node leads again", leads).unwrap();
    }
    let ledger = load.finish();
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    node.stop().unwrap();
}
