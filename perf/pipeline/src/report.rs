//! What was measured, as JSON and as a table.

use std::fmt::Write;

use serde::Serialize;
use tidegate_latency::{Machine, Percentiles, RateTable};
use tidegate_pipeline::stamps::STAGES;

use crate::interference::Interference;
use crate::stages::StageCounts;

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it ran on.
    pub machine: Machine,
    /// Name of the stream.
    pub workload: String,
    /// What made it.
    pub seed: u64,
    /// What an acknowledgement needed.
    pub durability: &'static str,
    /// How stages are spread over threads.
    pub core_plan: &'static str,
    /// Core of the pipeline's thread.
    pub core: Option<usize>,
    /// Runs of every figure.
    pub runs: u32,
    /// What that core took away from a thread that did nothing, before and after: nanoseconds.
    pub hiccups: Percentiles,
    /// Whether stamps were taken.
    pub stamps: bool,
    /// Latencies at given rates.
    pub rates: Vec<RateFigures>,
    /// The same in exchange-core's shape, all runs together.
    pub table: RateTable,
    /// How much goes through where all segments are made before.
    pub saturation: Option<SaturationFigures>,
    /// How much goes through where they are made meanwhile: what the disk sustains.
    pub sustained: Option<SaturationFigures>,
}

/// Latencies at one rate, in nanoseconds from the intended moment.
#[derive(Clone, Debug, Serialize)]
pub struct RateFigures {
    /// Intended commands a second.
    pub rate: u64,
    /// Answered ones; the median.
    pub achieved: f64,
    /// The median of each percentile over the runs.
    pub medians: Percentiles,
    /// Each run.
    pub runs: Vec<Percentiles>,
    /// What came between the pipeline's thread and its work, in each run, warm-up included.
    pub interference: Vec<Interference>,
    /// Where the time went, all runs together, warm-up included.
    pub stages: Vec<StageFigures>,
    /// Commands whose stamps were read too late, and that are missing in the stages.
    pub skipped: u64,
}

/// One stage.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageFigures {
    /// Its name.
    pub stage: &'static str,
    /// The mean, in nanoseconds; those of all stages add up to the mean of the whole.
    pub mean_ns: f64,
    /// Share of the orders for which it took the largest part.
    pub critical_share: f64,
    /// Its part of each order.
    #[serde(flatten)]
    pub latency: Percentiles,
}

/// How much goes through.
#[derive(Clone, Debug, Serialize)]
pub struct SaturationFigures {
    /// Commands of a run.
    pub commands: usize,
    /// The median.
    pub commands_per_second: f64,
    /// Each run.
    pub runs: Vec<f64>,
    /// What came between the pipeline's thread and its work, in each of them.
    pub interference: Vec<Interference>,
}

impl StageFigures {
    pub(crate) fn of(counts: StageCounts) -> Vec<Self> {
        let share = |part: u64| if counts.orders == 0 { 0.0 } else { part as f64 / counts.orders as f64 };
        let of_stage = |place: usize| Self {
            stage: STAGES[place].as_str(),
            mean_ns: share(counts.sums_ns[place]),
            critical_share: share(counts.critical[place]),
            latency: Percentiles::of(&counts.histograms[place]),
        };
        (0..STAGES.len()).map(of_stage).filter(|stage| stage.latency.max > Some(0)).collect()
    }
}

fn micros(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |ns| format!("{:.2}", ns as f64 / 1e3))
}

/// Of each run, in words.
fn between(runs: &[Interference]) -> String {
    let each =
        |count: fn(&Interference) -> u64| runs.iter().map(|run| count(run).to_string()).collect::<Vec<_>>().join(", ");
    let (faults, preemptions) = (each(|run| run.page_faults), each(|run| run.preemptions));
    format!("{:>12} page faults {faults}; preemptions {preemptions}", "")
}

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            // Writing into a text cannot fail.
            let _ = writeln!(out, "{text}");
        };
        line(format!(
            "in process, workload {}, {}, plan {}; medians of {} runs; {}, {} cores, commit {}",
            self.workload,
            self.durability,
            self.core_plan,
            self.runs,
            self.machine.cpu,
            self.machine.cores,
            self.machine.commit
        ));
        let row = |name: &str, p: &Percentiles| {
            let cells: Vec<String> = p.values().iter().map(|(_, value)| format!("{:>9}", micros(*value))).collect();
            format!("{name:>12} {}", cells.join(" "))
        };
        let names: Vec<String> = Percentiles::default().values().iter().map(|(name, _)| format!("{name:>9}")).collect();
        line(format!("{:>12} {}   µs from the intended moment", "commands/s", names.join(" ")));
        for rate in &self.rates {
            line(row(&rate.rate.to_string(), &rate.medians));
            if rate.achieved < 0.98 * rate.rate as f64 {
                line(format!("{:>12} only {:.0}/s were answered in time", "", rate.achieved));
            }
        }
        line(row("hiccups", &self.hiccups));
        if !self.rates.is_empty() {
            line(format!("the same, all runs together:\n{}", self.table));
        }
        for rate in &self.rates {
            line(format!("at {}/s, of the mean:", rate.rate));
            line(between(&rate.interference));
            if rate.skipped > 0 {
                line(format!("{:>12} the stamps of {} commands were read too late and are missing", "", rate.skipped));
            }
            for stage in &rate.stages {
                let (mean, share) = (stage.mean_ns, stage.critical_share * 100.0);
                line(format!("{:>12} {mean:>7.0} ns, the largest part of {share:.1} % of the commands", stage.stage));
            }
        }
        for (what, figures) in [("saturation", &self.saturation), ("with segments made meanwhile", &self.sustained)] {
            if let Some(figures) = figures {
                line(format!(
                    "{what}: {:.2} M commands/s over {} commands",
                    figures.commands_per_second / 1e6,
                    figures.commands
                ));
                line(between(&figures.interference));
            }
        }
        out
    }
}
