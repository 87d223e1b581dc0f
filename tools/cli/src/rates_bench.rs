//! `tidegate bench engine --rates`: the engine's latency by rate, in the table that exchange-core has of its own.
//!
//!   rates, workloads --a pass of each rate, then the next round--> [`RateTable`] --> table or JSON
//!
//! Invariants: rounds go over all rates, so that what the machine does meanwhile falls on all of them.

use std::fmt;

use clap::Args;
use serde::Serialize;
use tidegate_latency::{EXCHANGE_CORE_RATES, Rate, RateTable};
use tidegate_perf::open_loop::OpenLoop;
use tidegate_perf::{Arguments, Machine, Options};

/// What to measure of the engine.
#[derive(Args, Clone, Debug)]
pub struct EngineArguments {
    #[command(flatten)]
    pub(crate) what: Arguments,
    /// Offer commands at these rates a second instead, and print latencies from their intended times [without a value:
    /// 125k,250k,500k,1m,2m,3m,4m,5m,6m,7m]
    #[arg(long, value_delimiter = ',', value_name = "RATES", num_args = 0..=1, default_missing_value = EXCHANGE_CORE_RATES)]
    rates: Option<Vec<Rate>>,
}

impl EngineArguments {
    /// The rates, where latency by rate is asked for.
    pub(crate) fn rates(&self) -> Option<&[Rate]> {
        self.rates.as_deref()
    }

    /// Workload a, which is exchange-core's own mix, where none is named.
    fn options(&self) -> Options {
        let mut options = self.what.options();
        if self.what.workload.is_empty() {
            options.workloads = vec!["a".to_owned()];
        }
        options
    }
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct RatesReport {
    machine: Machine,
    commit: String,
    seed: u64,
    /// Passes of each rate.
    runs: usize,
    pinned_core: Option<usize>,
    /// What reading the clock takes; every latency has it in it once.
    clock_ns: u64,
    workloads: Vec<WorkloadRates>,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
struct WorkloadRates {
    name: String,
    /// Of one pass.
    commands: usize,
    /// How many of them come first and are not in the latencies.
    warm_up: usize,
    /// Of the results, the same in every pass.
    checksum: String,
    rates: RateTable,
}

/// Measures.
///
/// # Errors
/// What of the options is wrong.
pub fn measure(arguments: &EngineArguments, rates: &[Rate], tell: &dyn Fn(&str)) -> Result<RatesReport, String> {
    let options = arguments.options();
    // Before this thread is pinned: then it may use one core only.
    let machine = Machine::this();
    let mut report = RatesReport {
        machine,
        commit: tidegate_perf::commit(),
        seed: options.seed,
        runs: options.runs,
        pinned_core: None,
        clock_ns: tidegate_perf::clock_ns(),
        workloads: Vec::new(),
    };
    for name in &options.workloads {
        let mut open_loop = OpenLoop::new(&options, name).map_err(|error| error.to_string())?;
        report.pinned_core = open_loop.pinned_core;
        for rate in rates {
            open_loop.check(rate.per_second()).map_err(|error| error.to_string())?;
        }
        let mut table = RateTable::default();
        let mut checksum = String::new();
        for run in 1..=options.runs {
            for rate in rates {
                tell(&format!("{name}: {rate} commands/s, run {run} of {}", options.runs));
                let paced = open_loop.pass(rate.per_second()).map_err(|error| error.to_string())?;
                table.add(*rate, paced.commands, paced.elapsed, &paced.latencies);
                checksum = paced.checksum.hex();
            }
        }
        let (commands, warm_up) = (open_loop.commands(), open_loop.warm_up());
        report.workloads.push(WorkloadRates { name: name.clone(), commands, warm_up, checksum, rates: table });
    }
    Ok(report)
}

impl fmt::Display for RatesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, commit, seed, runs, pinned_core, clock_ns, workloads } = self;
        let Machine { cpu, cores, memory_mib, system } = machine;
        writeln!(f, "{cpu}, {cores} cores, {memory_mib} MiB, {system}; commit {commit}")?;
        let pinned = pinned_core.map_or_else(|| "not pinned".to_owned(), |core| format!("pinned to core {core}"));
        writeln!(
            f,
            "the engine alone, in process, {pinned}; latencies from intended times, with the {clock_ns} ns of"
        )?;
        writeln!(f, "the clock; seed {seed}")?;
        for WorkloadRates { name, commands, warm_up, rates, .. } in workloads {
            writeln!(f, "\nworkload {name}: {runs} x {commands} commands, the first {warm_up} of each not counted\n")?;
            write!(f, "{rates}")?;
        }
        Ok(())
    }
}
