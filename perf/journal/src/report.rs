//! What a run says: the same for a program (JSON) and for people (a table).

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tidegate_perf::Machine;

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// Synced writes per figure.
    pub writes: usize,
    /// Records per figure of the mapped writer.
    pub records: usize,
    /// See [`DeviceFigures`].
    pub device: DeviceFigures,
    /// A loop of write(2) of as many bytes, by batch size.
    pub written: Vec<AppendFigures>,
    /// By writer and batch size.
    pub append: Vec<AppendFigures>,
    /// See [`StageFigures`].
    pub stage: StageFigures,
    /// See [`VerifyFigures`].
    pub verify: VerifyFigures,
}

/// Quantiles of a duration in nanoseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyNs {
    /// Half were faster.
    pub p50: u64,
    /// 99 % were.
    pub p99: u64,
    /// 99.9 % were.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

/// The bare device.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DeviceFigures {
    /// One write of 4 KiB with `O_DIRECT | O_DSYNC` into preallocated zeros.
    pub write_4k: LatencyNs,
    /// The same of 64 KiB.
    pub write_64k: LatencyNs,
    /// One store of 128 bytes into a mapping, in order.
    pub store_128: LatencyNs,
    /// What reading the clock adds to every figure.
    pub clock_ns: u64,
}

/// One kind of writer with one batch size.
#[derive(Clone, Debug, Serialize)]
pub struct AppendFigures {
    /// `mapped`, `direct`, or `write(2)` for the bare loop.
    pub writer: &'static str,
    /// Records in a batch.
    pub batch: usize,
    /// Of one append of a batch, checksums included.
    pub append_ns: LatencyNs,
    /// Of putting it on the disk; of a direct writer the append itself.
    pub sync_ns: Option<LatencyNs>,
    /// While it appended.
    pub records_per_second: u64,
    /// The same in 10^9 bytes, headers included.
    pub gb_per_second: f64,
}

/// The stage in `local`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StageFigures {
    /// From the push into the ring until it is synced, nothing else under way.
    pub one_in_flight_ns: LatencyNs,
    /// The median of that, less the bare synced write's.
    pub added_ns_p50: u64,
    /// With more in the ring than a batch takes.
    pub records_per_second_full: u64,
}

/// Verification.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct VerifyFigures {
    /// Of batches.
    pub bytes: u64,
    /// In 10^9 bytes, from the page cache, best of three.
    pub gb_per_second: f64,
}

/// Collects durations.
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        // To a minute.
        Self(Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are in order"))
    }

    pub(crate) fn add(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn figures(&self) -> LatencyNs {
        let at = |quantile| self.0.value_at_quantile(quantile);
        LatencyNs { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.0.max() }
    }
}

fn time(ns: u64) -> String {
    if ns < 10_000 { format!("{ns} ns") } else { format!("{:.1} µs", ns as f64 / 1e3) }
}

fn row(out: &mut String, name: &str, latency: &LatencyNs, rest: &str) {
    let columns = [latency.p50, latency.p99, latency.p999, latency.max].map(time);
    let [p50, p99, p999, max] = columns;
    // Writing to a string does not fail.
    let _ = writeln!(out, "  {name:<34} {p50:>10} {p99:>10} {p999:>10} {max:>11}   {rest}");
}

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let machine = &self.machine;
        let mut out = format!("{} ({} cores), {}\n", machine.cpu, machine.cores, machine.system);
        let _ = writeln!(out, "  {:<34} {:>10} {:>10} {:>10} {:>11}", "", "p50", "p99", "p99.9", "max");
        row(&mut out, "bare store, 128 B into a mapping", &self.device.store_128, "");
        row(&mut out, "bare write, 4 KiB synced", &self.device.write_4k, "");
        row(&mut out, "bare write, 64 KiB synced", &self.device.write_64k, "");
        for figures in self.written.iter().chain(&self.append) {
            let name = match figures.writer {
                "write(2)" => format!("bare write(2), batch of {}", figures.batch),
                writer => format!("{writer} append, batch of {}", figures.batch),
            };
            let rest = format!("{} records/s  {:.2} GB/s", figures.records_per_second, figures.gb_per_second);
            row(&mut out, &name, &figures.append_ns, &rest);
            if let (Some(sync), "mapped" | "write(2)") = (&figures.sync_ns, figures.writer) {
                row(&mut out, "  its sync", sync, "");
            }
        }
        let added = format!("{} more than the bare write", time(self.stage.added_ns_p50));
        row(&mut out, "`local`, one order in flight", &self.stage.one_in_flight_ns, &added);
        let _ = writeln!(out, "  `local`, ring full: {} records/s", self.stage.records_per_second_full);
        let _ = writeln!(out, "  verify: {:.2} GB/s", self.verify.gb_per_second);
        let _ = writeln!(out, "  (reading the clock adds {} ns to each)", self.device.clock_ns);
        out
    }
}
