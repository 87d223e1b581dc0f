//! `bench-pipeline`: what `tidegate bench pipeline` does, without the rest of the program. See the library.

use std::process::ExitCode;

use clap::Parser;
use tidegate_memory::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Measures the pipeline of a node in process.
#[derive(Debug, Parser)]
#[command(name = "bench-pipeline")]
struct Program {
    #[command(flatten)]
    what: tidegate_perf_pipeline::Arguments,
}

fn main() -> ExitCode {
    let Program { what } = Program::parse();
    match tidegate_perf_pipeline::run(&what, |step| eprintln!("{step}")) {
        Ok(report) if what.json => {
            println!("{}", serde_json::to_string_pretty(&report).expect("a report always serialises"));
            ExitCode::SUCCESS
        }
        Ok(report) => {
            print!("{}", report.table());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}
