//! The path of a request, and between which of its stamps the durations lie.
//!
//! ```text
//!   [generator] --request--> [ node: stage, stage, ... ] --answer--> [generator]
//!                                 | records
//!                            [standby]
//!   |<------------------------- response ------------------------->|
//!       |<--------------------- service -------------------------->|
//! ```
//!
//! Invariants: only what the run describes is drawn; a node that told no stages has none in it.
//! Owning thread: none; this is a function.

use tidegate_latency::SeriesKind;

use super::{boxed, drawing, line, text};
use crate::Figures;
use crate::figures::is_idle;
use crate::format::shorten;

const LANE: f64 = 44.0;
const NODE: (f64, f64) = (206.0, 594.0);
const GENERATOR: (f64, f64) = (10.0, 130.0);
const ANSWER: (f64, f64) = (670.0, 790.0);
const STAGES_IN_A_ROW: usize = 4;

/// The drawing.
pub(crate) fn path(figures: &Figures) -> String {
    let run = &figures.run;
    let stages: Vec<_> = run.stages.iter().filter(|stage| !is_idle(run, stage)).collect();
    let rows = stages.len().div_ceil(STAGES_IN_A_ROW).max(1) as f64;
    let (top, bottom) = (24.0, 24.0 + LANE + rows * 30.0);
    let middle = f64::midpoint(top, bottom);
    let mut inside = String::new();

    let place = |between: (f64, f64), low: f64, high: f64| ((between.0, low), (between.1 - between.0, high - low));
    let framed = |between: (f64, f64), low: f64, high: f64| {
        let (at, size) = place(between, low, high);
        boxed("box", at, size, None)
    };
    for (between, first, second) in
        [(GENERATOR, "load generator", "sends"), (ANSWER, "load generator", "reads the answer")]
    {
        let center = f64::midpoint(between.0, between.1);
        inside += &framed(between, middle - 26.0, middle + 26.0);
        inside += &text("name", "middle", (center, middle - 3.0), first);
        inside += &text("tick", "middle", (center, middle + 14.0), second);
    }
    inside += &framed(NODE, top, bottom);
    let node = match (run.durability.as_str(), run.failovers.is_empty()) {
        ("", _) => "node".to_owned(),
        (durability, true) => format!("node, durability {durability}"),
        (durability, false) => format!("node, durability {durability}, then degraded"),
    };
    inside += &text("name", "middle", (f64::midpoint(NODE.0, NODE.1), top + 20.0), &shorten(&node, 56));
    if run.stages.is_empty() {
        inside += &text("tick", "middle", (f64::midpoint(NODE.0, NODE.1), middle + 18.0), "its stages are not known");
    }
    let width = (NODE.1 - NODE.0 - 20.0) / STAGES_IN_A_ROW as f64;
    for (index, stage) in stages.iter().enumerate() {
        let (row, column) = (index / STAGES_IN_A_ROW, index % STAGES_IN_A_ROW);
        let at = (NODE.0 + 12.0 + width * column as f64, top + 34.0 + 30.0 * row as f64);
        let title = format!("{}: from {} to {}", stage.name, stage.from, stage.to);
        inside += &boxed("stage", at, (width - 6.0, 24.0), Some(&title));
        let center = at.0 + (width - 6.0) / 2.0;
        inside += &text("inside", "middle", (center, at.1 + 16.5), &shorten(&stage.name, 13));
    }
    inside += &arrow((GENERATOR.1, middle), (NODE.0, middle), "request");
    inside += &arrow((NODE.1, middle), (ANSWER.0, middle), "answer");

    let mut y = bottom + 16.0;
    if run.nodes > 1 {
        let center = f64::midpoint(NODE.0, NODE.1);
        inside += &line("wire", (center, bottom), (center, y + 4.0));
        inside += &framed((center - 90.0, center + 90.0), y + 4.0, y + 34.0);
        let others = if run.nodes == 2 { "standby".to_owned() } else { format!("{} standbys", run.nodes - 1) };
        inside += &text("name", "middle", (center, y + 24.0), &others);
        y += 50.0;
    }
    for series in figures.outside() {
        let (from, class) = if series.kind == SeriesKind::Response { (GENERATOR.0, "c0") } else { (GENERATOR.1, "c1") };
        y += 22.0;
        let to = ANSWER.1;
        inside += &line(class, (from, y), (to, y));
        inside += &line(class, (from, y - 6.0), (from, y + 6.0));
        inside += &line(class, (to, y - 6.0), (to, y + 6.0));
        let words = format!("{}: from {} to {}", series.name, series.from, series.to);
        inside += &text("name", "middle", (f64::midpoint(from, to), y + 17.0), &shorten(&words, 100));
        y += 22.0;
    }
    drawing("What lies between the two stamps", y + 8.0, &inside)
}

fn arrow(from: (f64, f64), to: (f64, f64), words: &str) -> String {
    let (x, y) = to;
    line("wire", from, (x - 6.0, y))
        + &format!(
            "<path class=\"head\" d=\"M{:.1} {:.1}L{x:.1} {y:.1}L{:.1} {:.1}Z\"/>\n",
            x - 8.0,
            y - 5.0,
            x - 8.0,
            y + 5.0
        )
        + &text("tick", "middle", (f64::midpoint(from.0, to.0), y - 8.0), words)
}
