//! Disks that fail, fill up, are slow or are cut short under a running node: it stops or waits, says why, and nothing that it
//! acknowledged is lost.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use common::{
    Load, TIMEOUT, assert_has, check_against_sql, leads, plan, program, run, seed, start_single, tidegate,
    wait_for_sink,
};
use tidegate_cli::local::LocalNode;
use tidegate_node::AdminRequest;
use tidegate_node::config::DurabilityName;

/// Waits until the process ends by itself.
fn wait_for_exit(node: &mut LocalNode) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = node.has_exited() {
            node.kill();
            return status;
        }
        assert!(started.elapsed() < TIMEOUT, "the node goes on\n{}", node.log_tail());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// A file system in memory of a size of its own.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// `None`, said loudly, where this process may not mount.
    fn mount(at: PathBuf, mebibytes: u32) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        match run("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tidegate-test", at.to_str().unwrap()])
        {
            Ok(()) => Some(Self(at)),
            Err(why) => {
                eprintln!("SKIPPED: a full disk needs the right to mount a tmpfs: {why}");
                None
            }
        }
    }

    fn grow(&self, mebibytes: u32) {
        run("mount", &["-o", &format!("remount,size={mebibytes}m"), self.0.to_str().unwrap()]).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        if let Err(why) = run("umount", &["-l", self.0.to_str().unwrap()]) {
            eprintln!("{why}");
        }
    }
}

#[test]
fn a_full_disk_stops_the_node_in_order_and_it_goes_on_where_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(dir.path().join("small"), 26) else { return };
    for durability in [DurabilityName::Local, DurabilityName::Async] {
        disk.grow(26);
        let folder = dir.path().join(format!("{durability:?}"));
        let mut node = plan(&folder, 1, durability).write().unwrap().remove(0);
        node.config.node.data_dir = disk.0.join(format!("{durability:?}"));
        node.write_config().unwrap();
        node.start().unwrap();
        node.wait_for("the node leads", leads).unwrap();
        let (market, traders) = seed(&node, &folder, 3);
        let load = Load::start(&traders, market, &[node.gateway()], 8);
        let ended = wait_for_exit(&mut node);
        assert_eq!(ended.code(), Some(tidegate_node::EXIT_NO_SPACE), "{}", node.log_tail());
        assert_has(&node.log_tail(), &["stopped in order: no room for another log segment of 4 MiB in", "free some"]);
        disk.grow(200);
        node.start().unwrap();
        node.wait_for("the node leads again", leads).unwrap();
        load.wait_for_answers(500);
        let ledger = load.finish();
        wait_for_sink(&mut node);
        check_against_sql(&folder, &ledger);
        node.stop().unwrap();
        std::fs::remove_dir_all(&node.config.node.data_dir).unwrap();
    }
}

/// strace, installed from Debian's packages where it is missing. `None`, said loudly, where it cannot be had or used.
fn strace() -> Option<()> {
    let works = || run("strace", &["-f", "-o", "/dev/null", "true"]);
    if works().is_err() {
        let _ = run("apt-get", &["install", "-y", "-q", "strace"]);
    }
    works().map_err(|why| eprintln!("SKIPPED: faults of system calls need strace with the right to trace: {why}")).ok()
}

/// From here on the node starts under strace with these injections.
fn inject(node: &mut LocalNode, folder: &Path, calls: &str, injection: &str) {
    let script = folder.join("under-strace");
    let text = format!(
        "#!/bin/sh\nexec strace -f -qq -o /dev/null -e trace={calls} -e inject={calls}:{injection} {} \"$@\"\n",
        program().display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    node.program = script;
}

#[test]
fn a_failed_write_or_sync_stops_the_node_before_anything_more_is_acknowledged() {
    if strace().is_none() {
        return;
    }
    let cases = [
        (DurabilityName::Local, "pwrite64", "error=EIO:when=300", "write failed"),
        (DurabilityName::Local, "pwrite64", "error=ENOSPC:when=280", "failed"),
        (DurabilityName::Async, "fdatasync", "error=EIO:when=20", "sync failed"),
        (DurabilityName::Local, "fallocate", "error=EIO:when=4", "failed"),
    ];
    for (n, (durability, calls, injection, says)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let mut node = start_single(dir.path(), durability);
        let (market, traders) = seed(&node, dir.path(), 2);
        node.stop().unwrap();
        inject(&mut node, dir.path(), calls, injection);
        node.start().unwrap();
        let load = Load::start(&traders, market, &[node.gateway()], 40 + n as u64);
        let ended = wait_for_exit(&mut node);
        assert_eq!(ended.code(), Some(tidegate_node::EXIT_FATAL), "{calls} {injection}\n{}", node.log_tail());
        assert_has(&node.log_tail(), &[says]);
        node.program = program();
        node.start().unwrap();
        node.wait_for("the node leads again", leads).unwrap();
        load.wait_for_answers(50);
        let ledger = load.finish();
        wait_for_sink(&mut node);
        check_against_sql(dir.path(), &ledger);
        node.stop().unwrap();
    }
}

#[test]
fn a_slow_disk_makes_acknowledgements_late_and_loses_none() {
    if strace().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    node.stop().unwrap();
    inject(&mut node, dir.path(), "pwrite64", "delay_enter=30000");
    node.start().unwrap();
    let load = Load::start(&traders, market, &[node.gateway()], 5);
    load.wait_for_answers(300);
    let ledger = load.finish();
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    // Not the tracer: it passes no signal on.
    let pid = i32::try_from(node.status(false).unwrap().pid).unwrap();
    // SAFETY: a plain system call; the process answered a moment ago.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGTERM) }, 0);
    assert_eq!(wait_for_exit(&mut node).code(), Some(0), "{}", node.log_tail());
}

#[test]
fn a_segment_that_is_cut_short_under_the_node_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Async);
    let (market, traders) = seed(&node, dir.path(), 1);
    let open = node.data_dir().join("journal-00000001.seg");
    std::fs::OpenOptions::new().write(true).open(&open).unwrap().set_len(4_096).unwrap();
    let load = Load::start(&traders, market, &[node.gateway()], 6);
    assert_eq!(wait_for_exit(&mut node).code(), Some(tidegate_journal::EXIT_SIGBUS), "{}", node.log_tail());
    assert_has(&node.log_tail(), &["SIGBUS at segment journal-00000001.seg offset", "cut short"]);
    drop(load);
}

#[test]
fn changes_between_rules_change_the_writer_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = start_single(dir.path(), DurabilityName::Local);
    let (market, traders) = seed(&node, dir.path(), 2);
    let load = Load::start(&traders, market, &[node.gateway()], 7);
    for cycle in 0..6 {
        let durability = [DurabilityName::Async, DurabilityName::Local][cycle % 2];
        node.ask(&AdminRequest::SetDurability { durability }).unwrap();
        load.wait_for_answers(200);
    }
    node.kill();
    node.start().unwrap();
    node.wait_for("the node leads again", leads).unwrap();
    load.wait_for_answers(200);
    let ledger = load.finish();
    wait_for_sink(&mut node);
    check_against_sql(dir.path(), &ledger);
    node.stop().unwrap();
    let verified = tidegate(&["journal", "verify", "--data-dir", node.data_dir().to_str().unwrap()]);
    assert!(verified.status.success());
}
