//! Latency over the offered rate, and the knee.
//!
//! Invariants: a percentile that a rate has too few samples for interrupts its line.
//! Owning thread: none; this is a function.

use tidegate_latency::Percentiles;

use super::scale::{Scale, latency_grid, range};
use super::{WIDTH, curve, drawing, legend, line, point, text};
use crate::Figures;
use crate::format::{duration, rate, round_rate};

const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 40.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = HEIGHT - 46.0;

type Line = (&'static str, &'static str, fn(&Percentiles) -> Option<u64>);

/// The percentiles that are drawn.
const LINES: [Line; 4] = [
    ("c0", "p50", |response| response.p50),
    ("c2", "p99", |response| response.p99),
    ("c3", "p99.9", |response| response.p99_9),
    ("c1", "maximum", |response| response.max),
];

/// `None` where there is no sweep with a sample.
pub(crate) fn sweep(figures: &Figures) -> Option<String> {
    let points = &figures.run.sweep;
    let values = || points.iter().flat_map(|point| LINES.iter().filter_map(|(_, _, of)| of(&point.response)));
    values().next()?;
    let rates = |each: fn(f64, f64) -> f64| points.iter().map(|point| point.offered).reduce(each);
    let x = Scale::log((rates(f64::min)?, rates(f64::max)?), (LEFT, RIGHT));
    let y = Scale::log(range(values()), (BOTTOM, TOP));
    let mut inside = latency_grid(y, LEFT, RIGHT);
    for tick in x.ticks() {
        let at = x.at(tick);
        inside += &line("grid", (at, BOTTOM), (at, BOTTOM + 5.0));
        inside += &text("tick", "middle", (at, BOTTOM + 18.0), &round_rate(tick));
    }
    inside += &text("axis", "end", (RIGHT, BOTTOM + 36.0), "offered rate");
    for (class, name, of) in LINES {
        let place = |offered: f64, ns: u64| (x.at(offered), y.at(ns as f64));
        inside += &curve(class, points.iter().map(|each| of(&each.response).map(|ns| place(each.offered, ns))));
        for each in points {
            let Some(ns) = of(&each.response) else { continue };
            let title = format!("{} offered: {name} {}", rate(each.offered), duration(ns as f64));
            inside += &point(class, place(each.offered, ns), &title);
        }
    }
    if let Some(knee) = figures.knee.filter(|knee| knee.passed) {
        let at = x.at(knee.offered);
        inside += &line("knee", (at, TOP - 8.0), (at, BOTTOM));
        inside += &text("name", "middle", (at, TOP - 12.0), &format!("knee: {}", rate(knee.offered)));
    }
    let names = LINES.map(|(class, name, _)| (class, name.to_owned()));
    Some(legend(&names) + &drawing("Latency over the offered rate", HEIGHT, &inside))
}
