//! What to measure, as a command line says it: the same for `engine` and for `tidegate bench engine`.

use std::path::PathBuf;

use crate::run::Options;

/// See the module.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Workloads: a, b, b_flash_crash, c, d, e, f; all of them without this
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub workload: Vec<String>,
    /// Measured commands of a workload [default: 1000000]
    #[arg(long, value_name = "N")]
    pub commands: Option<usize>,
    /// Throughput is the median of so many runs [default: 3]
    #[arg(long, value_name = "N")]
    pub runs: Option<usize>,
    /// Makes the streams: the same seed, the same streams
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Small books and 2,000 commands, once: to see that it works
    #[arg(long)]
    pub quick: bool,
    /// Folder of the recorded flow of workload e, which is skipped where it is not there
    #[arg(long, value_name = "DIR")]
    pub recorded: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// The options, with a count of allocations where the program has one. They are checked when they are run.
    #[must_use]
    pub fn options(&self) -> Options {
        let mut options = if self.quick { Options::quick() } else { Options::default() };
        if !self.workload.is_empty() {
            options.workloads.clone_from(&self.workload);
        }
        options.commands = self.commands.unwrap_or(options.commands);
        options.runs = self.runs.unwrap_or(options.runs);
        options.recorded = self.recorded.clone().unwrap_or(options.recorded);
        options.seed = self.seed;
        options.allocations = tidegate_memory::counter();
        options
    }
}
