//! The heat map: how many samples had which latency when.
//!
//! Invariants: a cell without a sample is not drawn; shades are of the logarithm of the count, so that one slow sample is seen.
//! Owning thread: none; this is a function.

use super::scale::{Scale, latency_grid, seconds_axis};
use super::{WIDTH, boxed, drawing};
use crate::format::{count, duration};
use crate::{Figures, Heat};

const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = HEIGHT - 46.0;
/// Shades of `page.css`: `h1` to `h8`.
const SHADES: f64 = 8.0;

/// `None` where there is no main series.
pub(crate) fn heat(figures: &Figures) -> Option<String> {
    let Heat { columns, rows, counts } = figures.heat.as_ref()?;
    let (low, high) = (rows.first()?.0, rows.last()?.1);
    let x = Scale::linear((0.0, columns.last()?.1), (LEFT, RIGHT));
    let y = Scale::log((low as f64, high as f64), (BOTTOM, TOP));
    let most = counts.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
    let mut inside = String::new();
    for ((from, to), column) in columns.iter().zip(counts) {
        let (first, last) = (x.at(*from), x.at(*to));
        for ((low, high), samples) in rows.iter().zip(column).filter(|(_, samples)| **samples > 0) {
            let shade = (*samples as f64).ln_1p() / most.ln_1p() * SHADES;
            let class = format!("h{:.0}", shade.ceil().clamp(1.0, SHADES));
            let (top, bottom) = (y.at(*high as f64 + 1.0), y.at(*low as f64));
            let (low, high) = (duration(*low as f64), duration(*high as f64));
            let title = format!("{from:.0} to {to:.0} s, {low} to {high}: {} samples", count(*samples));
            inside += &boxed(&class, (first, top), (last - first, bottom - top), Some(&title));
        }
    }
    inside += &latency_grid(y, LEFT, RIGHT);
    inside += &seconds_axis(x, BOTTOM, RIGHT);
    let scale: String = (1..=SHADES as u32).map(|shade| format!("<i class=\"h{shade}\"></i>")).collect();
    let key = format!("<p class=\"key\">one sample {scale} {} samples</p>\n", count(most as u64));
    Some(key + &drawing("Samples over time and latency", HEIGHT, &inside))
}
