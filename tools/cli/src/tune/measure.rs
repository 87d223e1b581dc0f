//! `--measure`: short measurements of this host, each of what a check can only guess.
//!
//! Invariants: two seconds in all, plus fifty synced writes; the one file that is written is in the data folder and is removed
//! again. Nothing else of this command runs meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidegate_journal::disk::{Access, AlignedBytes, DIRECT_ALIGN_BYTES, Disk, RealDisk};
use tidegate_latency::{Percentiles, Recorder, hiccup};
use tidegate_perf_wire::Pinned;

use super::finding::Finding;

/// Rounds, and looks at the clock or system calls in each, for one figure.
const ROUNDS: usize = 101;
const CALLS: u32 = 1_000;
/// Naps of a thread, and how long each should take.
const NAPS: u32 = 500;
const NAP: Duration = Duration::from_millis(1);
/// Synced writes.
const WRITES: u64 = 50;
/// How long the cores are looked at.
const HICCUPS: Duration = Duration::from_secs(1);

/// What was measured, in nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// A look at the kernel's clock, in the median round.
    pub clock_ns: f64,
    /// A look at the processor's own counter; not on every processor.
    pub counter_ns: Option<f64>,
    /// A system call that does nothing.
    pub system_call_ns: f64,
    /// How much later than asked for a thread that slept for 1 ms went on.
    pub late_wake_ups: Percentiles,
    /// How long one synced write of 4 KiB took in the data folder.
    pub synced_writes: Option<Percentiles>,
    /// Why there are none.
    pub synced_writes_error: Option<String>,
    /// For each of the pipeline's cores: how long it was away, at most, in each 100 µs.
    pub hiccups: Vec<CoreHiccups>,
}

/// Of one core.
#[derive(Clone, Debug, Serialize)]
pub struct CoreHiccups {
    /// Its number.
    pub core: usize,
    /// See [`Measured::hiccups`].
    pub away: Percentiles,
}

/// Takes all of it. `folder` is the data folder, where there is one; `cores` are the pipeline's.
pub(super) fn measure(folder: Option<&Path>, cores: &[usize]) -> Measured {
    let synced = folder.map_or_else(
        || Err("no data folder was named".to_owned()),
        |folder| synced_writes(folder).map_err(|error| format!("{}: {error}", folder.display())),
    );
    Measured {
        clock_ns: usual(|| {
            std::hint::black_box(Instant::now());
        }),
        counter_ns: counter(),
        system_call_ns: usual(|| {
            // SAFETY: it takes nothing and changes nothing; the C library does not remember its answer.
            std::hint::black_box(unsafe { libc::syscall(libc::SYS_getppid) });
        }),
        late_wake_ups: late_wake_ups(),
        synced_writes: synced.as_ref().ok().copied(),
        synced_writes_error: synced.err(),
        hiccups: hiccups(cores),
    }
}

/// Of the median round, so that what else the machine does counts little.
fn usual(mut call: impl FnMut()) -> f64 {
    let mut round = || {
        let start = Instant::now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round()).collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

#[cfg(target_arch = "x86_64")]
fn counter() -> Option<f64> {
    Some(usual(|| {
        // SAFETY: every x86-64 has it; a kernel that forbids it to programs would be asked for with prctl.
        std::hint::black_box(unsafe { core::arch::x86_64::_rdtsc() });
    }))
}

#[cfg(not(target_arch = "x86_64"))]
fn counter() -> Option<f64> {
    None
}

fn late_wake_ups() -> Percentiles {
    let mut late = Recorder::default();
    let begun = Instant::now();
    for _ in 0..NAPS {
        let start = Instant::now();
        std::thread::sleep(NAP);
        let slept = start.elapsed();
        late.record(nanos(begun.elapsed()), nanos(slept.saturating_sub(NAP)));
    }
    late.percentiles()
}

/// As the journal writes under `local`: past the page cache, into blocks that are there.
fn synced_writes(folder: &Path) -> std::io::Result<Percentiles> {
    let file = tempfile::Builder::new().prefix(".tidegate-tune-").tempfile_in(folder)?;
    let len = WRITES * DIRECT_ALIGN_BYTES as u64;
    let opened = RealDisk.open(file.path(), Access::Cached)?;
    opened.allocate(len)?;
    opened.write_at(&vec![0; usize::try_from(len).expect("some KiB")], 0)?;
    opened.sync()?;
    opened.forget_cached();
    let direct = RealDisk.open(file.path(), Access::Direct)?;
    let mut page = AlignedBytes::zeros(DIRECT_ALIGN_BYTES);
    page.fill(7);
    let mut writes = Recorder::default();
    let begun = Instant::now();
    for n in 0..WRITES {
        let start = Instant::now();
        direct.write_through(&page, n * DIRECT_ALIGN_BYTES as u64)?;
        writes.record(nanos(begun.elapsed()), nanos(start.elapsed()));
    }
    Ok(writes.percentiles())
}

fn hiccups(cores: &[usize]) -> Vec<CoreHiccups> {
    let zero = Instant::now();
    let measure = |core: usize| {
        // Where the kernel refuses, nothing is known of this core.
        let _pinned = Pinned::to(core)?;
        let mut samples = Recorder::default();
        hiccup::measure(zero, HICCUPS, &mut samples);
        Some(CoreHiccups { core, away: samples.percentiles() })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = cores.iter().map(|core| scope.spawn(move || measure(*core))).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("it only looks at the clock")).collect()
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Measured {
    /// Puts each figure to the check that it belongs to.
    pub(super) fn tell(&self, findings: &mut [Finding]) {
        for finding in findings {
            finding.measured = match finding.check {
                "clock-source" => Some(match self.counter_ns {
                    Some(counter) => {
                        format!(
                            "a look at the clock {:.0} ns, at the processor's counter {counter:.0} ns",
                            self.clock_ns
                        )
                    }
                    None => format!("a look at the clock {:.0} ns", self.clock_ns),
                }),
                "idle-states" => {
                    let late = of(&self.late_wake_ups);
                    Some(format!(
                        "a thread that sleeps for 1 ms wakes late by {late}; 50 µs of it may be the kernel's timer slack"
                    ))
                }
                "mitigations" => Some(format!("a system call that does nothing {:.0} ns", self.system_call_ns)),
                "write-cache" => Some(match &self.synced_writes {
                    Some(writes) => format!("a synced write of 4 KiB {}", of(writes)),
                    None => format!("no synced write: {}", self.synced_writes_error.as_deref().unwrap_or_default()),
                }),
                "isolation" => {
                    let worst = self.hiccups.iter().max_by_key(|hiccups| hiccups.away.max);
                    worst.map(|hiccups| {
                        let core = hiccups.core;
                        format!(
                            "core {core}, the worst, was away for {} in one second of 100 µs looks",
                            of(&hiccups.away)
                        )
                    })
                }
                _ => None,
            };
        }
    }
}

/// The median, the last percentile that may be shown, and the largest.
fn of(percentiles: &Percentiles) -> String {
    let shown: Vec<(&str, u64)> =
        percentiles.values().into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let Some(((_, max), percentiles)) = shown.split_last() else { return "nothing".to_owned() };
    let (first, last) = (percentiles.first(), percentiles.last());
    let last = last.filter(|last| first.is_some_and(|first| first.0 != last.0));
    let parts = first.into_iter().chain(last).map(|(name, ns)| format!("{name} {}", duration(*ns)));
    parts.chain([format!("max {}", duration(*max))]).collect::<Vec<_>>().join(", ")
}

fn duration(ns: u64) -> String {
    if ns < 10_000_000 { format!("{:.1} µs", ns as f64 / 1e3) } else { format!("{:.1} ms", ns as f64 / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measurement_gives_figures_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let measured = measure(Some(folder.path()), &[]);
        assert!(measured.clock_ns > 0.0 && measured.system_call_ns > 0.0);
        assert_eq!(measured.late_wake_ups.count, u64::from(NAPS));
        match &measured.synced_writes {
            Some(writes) => assert_eq!(writes.count, WRITES),
            // tmpfs before Linux 6.6, and others, know no writes past the cache.
            None => eprintln!("SKIPPED: synced writes: {:?}", measured.synced_writes_error),
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_and_no_panic() {
        let error = measure(Some(Path::new("/not/there")), &[]).synced_writes_error.expect("no folder");
        assert!(error.starts_with("/not/there: "), "{error}");
    }
}
