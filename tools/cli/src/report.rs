//! `tidegate report`: the page of a run, and the comparison of two.
//!
//! Invariants: exit codes of a comparison: 0 better or no difference, 10 worse, 20 not comparable or no verdict.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tidegate_latency::FolderError;
use tidegate_report::{RunData, Verdict};

use crate::{CommandResult, print_json, print_text};

/// `tidegate report`
#[derive(Args)]
pub struct ReportArgs {
    /// The folder of the run: it has a `run.json`
    #[arg(value_name = "DIR", required_unless_present = "compare", conflicts_with = "compare")]
    dir: Option<PathBuf>,
    /// Judge the second run by the first one
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    compare: Option<Vec<PathBuf>>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// `tidegate report`
///
/// # Errors
/// Which file of the run is missing, broken or of another format.
pub fn run(arguments: &ReportArgs) -> CommandResult {
    let message = |error: FolderError| error.to_string();
    if let Some(runs) = &arguments.compare {
        let [a, b] = runs.as_slice() else { unreachable!("clap takes exactly two") };
        let comparison =
            tidegate_report::compare(&RunData::read(a).map_err(message)?, &RunData::read(b).map_err(message)?);
        if arguments.json {
            print_json(&serde_json::to_value(&comparison).expect("a comparison always serialises"));
        } else {
            print_text(&comparison.to_string());
        }
        return Ok(match comparison.verdict {
            Verdict::Better | Verdict::NoDifference => ExitCode::SUCCESS,
            Verdict::Worse => ExitCode::from(10),
            Verdict::NotComparable | Verdict::NoVerdict => ExitCode::from(20),
        });
    }
    let folder = arguments.dir.as_ref().expect("clap asks for the folder where nothing is compared");
    let written = tidegate_report::write(folder).map_err(message)?;
    if arguments.json {
        print_json(&serde_json::to_value(&written.figures).expect("figures always serialise"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = format!("{}\n{}\n", written.page.display(), written.json.display());
    out.extend(written.figures.warnings.iter().map(|warning| format!("note: {warning}\n")));
    out.extend(written.figures.missing.iter().map(|missing| format!("not in this run: {}\n", missing.why)));
    print_text(&out);
    Ok(ExitCode::SUCCESS)
}
