//! Where the mean goes: one bar for each stage, where it begins and how long it is.
//!
//! Invariants: the dark parts of the bars, one after the other, are the whole.
//! Owning thread: none; this is a function.

use super::scale::Scale;
use super::{WIDTH, boxed, drawing, line, text};
use crate::Figures;
use crate::format::{duration, percent, round_duration, shorten};

const ROW: f64 = 26.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = WIDTH - 110.0;
const TOP: f64 = 24.0;

/// `None` where the path is not known.
pub(crate) fn stages(figures: &Figures) -> Option<String> {
    let path = &figures.path;
    let end = path.iter().map(|stage| stage.start_ns + stage.mean_ns.max(0.0)).reduce(f64::max)?;
    let x = Scale::linear((0.0, end), (LEFT, RIGHT));
    let height = TOP + ROW * path.len() as f64 + 8.0;
    let mut inside = String::new();
    for tick in x.ticks() {
        let at = x.at(tick);
        inside += &line("grid", (at, TOP - 4.0), (at, height - 8.0));
        inside += &text("tick", "middle", (at, TOP - 9.0), &round_duration(tick));
    }
    for (index, stage) in path.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let stop = stage.start_ns + stage.mean_ns;
        let class = if stage.critical_share.is_some() { "stage" } else { "unseen" };
        let critical =
            stage.critical_share.map_or_else(String::new, |share| format!(", critical for {}", percent(share)));
        let title = format!("{}: mean {}{critical}", stage.name, duration(stage.mean_ns.max(0.0)));
        let beside = x.at(stop - stage.adds_ns.max(0.0));
        if beside > x.at(stage.start_ns) {
            let from = x.at(stage.start_ns);
            inside += &boxed("beside", (from, y + 4.0), (beside - from, ROW - 9.0), Some(&title));
        }
        let shown = (x.at(stop) - beside).max(if stage.adds_ns > 0.0 { 1.0 } else { 0.0 });
        inside += &boxed(class, (beside, y + 4.0), (shown, ROW - 9.0), Some(&title));
        inside += &text("name", "end", (LEFT - 8.0, y + 17.0), &shorten(&stage.name, 26));
        if stage.mean_ns >= 0.0 {
            inside += &text("tick", "start", (x.at(stop) + 6.0, y + 17.0), &duration(stage.mean_ns));
        }
    }
    Some(drawing("Stages of the mean", height, &inside))
}
