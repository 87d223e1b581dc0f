//! `tidegate journal cut`: an operator of a lone node accepts that the end of its journal is lost.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::json;
use tidegate_domain::Sequence;
use tidegate_journal::{CutPlan, JournalCut};

use super::output::{Failure, Out, ToolResult};

/// Arguments of `tidegate journal cut`.
#[derive(Args)]
pub struct CutArgs {
    /// The data folder of a node that is stopped and alone
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// The last command that stays
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(u64).range(1..))]
    at: u64,
    /// Everything after it is lost to this node, acknowledged or not
    #[arg(long)]
    accept_loss: bool,
    /// Instead of asking: the number that would be typed
    #[arg(long = "type", value_name = "SEQ")]
    typed: Option<u64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn cut(args: &CutArgs) -> ToolResult {
    let planned = JournalCut::plan(&args.data_dir, Sequence::new(args.at))?;
    let plan = planned.as_plan().clone();
    let what = describe(&plan);
    if !plan.is_needed {
        return Err(Failure::Refused(format!("the journal ends at {}: there is nothing to cut", plan.at)));
    }
    if !args.accept_loss {
        return Err(Failure::Refused(format!("{what}. Nothing was changed; to accept that, add --accept-loss")));
    }
    if !args.json {
        eprintln!("{what}.");
    }
    let typed = args.typed.map_or_else(|| ask(args.at), |typed| Ok(typed.to_string()))?;
    if typed != args.at.to_string() {
        return Err(Failure::Refused(format!("`{typed}` is not {}: nothing was changed", args.at)));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let discarded = args.data_dir.join(format!("discarded-after-{}-{now}.batches", args.at));
    let bytes = planned.perform(&discarded)?;
    let mut out = Out::new();
    if args.json {
        out.json(&json!({
            "last_sequence": plan.at.raw(),
            "lost_records": plan.lost(),
            "lost_released_records": plan.lost_released(),
            "damage": plan.damage,
            "discarded_file": discarded,
            "discarded_bytes": bytes,
        }))?;
    } else {
        out.line(&format!(
            "cut: the journal ends at {}; {bytes} bytes are in {}. The event log is cut with it. A SQL database that has more than \
             the journal must be moved away before the node starts",
            plan.at,
            discarded.display()
        ))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What is lost, and whether anyone was told of it.
fn describe(plan: &CutPlan) -> String {
    let released = match plan.lost_released() {
        0 => format!("none of them lies under a known commit mark ({})", plan.commit),
        some => format!(
            "{some} of them lie under the commit mark {}: they were released, clients may have been told of them",
            plan.commit
        ),
    };
    let damage = plan.damage.as_ref().map_or_else(String::new, |why| {
        format!("; behind {} the journal is damaged ({why}), and what was there is not counted", plan.last)
    });
    format!("a cut at {} loses {} records, through {}; {released}{damage}", plan.at, plan.lost(), plan.last)
}

fn ask(at: u64) -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        let how = format!("nobody is there to ask: add --type {at}. Nothing was changed");
        return Err(Failure::Refused(how));
    }
    eprint!("type {at} to cut: ");
    let mut typed = String::new();
    let read = std::io::stderr().flush().and_then(|()| stdin.lock().read_line(&mut typed));
    read.map_err(|error| format!("cannot read the answer: {error}"))?;
    Ok(typed.trim().to_owned())
}
