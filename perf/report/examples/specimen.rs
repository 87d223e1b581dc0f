//! Writes a made-up run into a new folder, and its report beside it: to look at the page while changing it.
//! `cargo run -p tidegate-report --example specimen DIR`

use std::path::Path;
use std::process::ExitCode;

#[path = "../tests/common/mod.rs"]
#[allow(missing_docs, unreachable_pub)]
mod common;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("specimen: name a folder that is not there yet");
        return ExitCode::from(2);
    };
    common::Specimen::default().write(Path::new(&folder));
    match tidegate_report::write(Path::new(&folder)) {
        Ok(written) => {
            println!("{}", written.page.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("specimen: {error}");
            ExitCode::FAILURE
        }
    }
}
