//! p99 and maximum second by second, the machine's own gaps below, and the failovers.
//!
//! Invariants: a second without enough samples for its p99 interrupts the line.
//! Owning thread: none; this is a function.

use super::scale::{Scale, latency_grid, range, seconds_axis};
use super::{WIDTH, boxed, curve, drawing, legend, point};
use crate::format::duration;
use crate::{Figures, Moment};

const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 46.0;

/// Of the main series; `None` where there is none.
pub(crate) fn timeline(figures: &Figures) -> Option<String> {
    let main = figures.main()?;
    let end = main.timeline.iter().map(|moment| moment.at_s + moment.seconds).fold(0.0, f64::max);
    let x = Scale::linear((0.0, end), (LEFT, RIGHT));
    let values = main.timeline.iter().flat_map(|moment| [moment.p99, moment.max]);
    let y = Scale::log(range(values.chain(figures.floor.iter().copied()).flatten()), (BOTTOM, TOP));

    let mut inside = String::new();
    for failover in &figures.run.failovers {
        let (from, gap) = (failover.at_ns as f64 / 1e9, failover.gap_ns as f64 / 1e9);
        let (first, last) = (x.at(from), x.at(from + gap));
        let title = format!("failover: no acknowledgement for {}", duration(failover.gap_ns as f64));
        inside += &boxed("gap", (first, TOP), ((last - first).max(2.0), BOTTOM - TOP), Some(&title));
    }
    inside += &latency_grid(y, LEFT, RIGHT);
    inside += &seconds_axis(x, BOTTOM, RIGHT);
    let mut draw = |class: &str, name: &str, values: &mut dyn Iterator<Item = Option<u64>>| {
        let placed = main.timeline.iter().zip(values);
        let placed: Vec<_> = placed.map(|(moment, value)| (moment, value.map(|ns| (ns, y.at(ns as f64))))).collect();
        let middle = |moment: &Moment| x.at(moment.at_s + moment.seconds / 2.0);
        inside += &curve(class, placed.iter().map(|(moment, value)| value.map(|(_, y)| (middle(moment), y))));
        for (moment, value) in placed {
            let Some((ns, y)) = value else { continue };
            let (from, to) = (moment.at_s, moment.at_s + moment.seconds);
            let title = format!("{from:.0} to {to:.0} s: {name} {}", duration(ns as f64));
            inside += &point(class, (middle(moment), y), &title);
        }
    };
    draw("c2", "longest gap of the machine", &mut figures.floor.iter().copied());
    draw("c1", "maximum", &mut main.timeline.iter().map(|moment| moment.max));
    draw("c0", "p99", &mut main.timeline.iter().map(|moment| moment.p99));
    let mut names =
        vec![("c0", format!("{}, p99", main.series.name)), ("c1", format!("{}, maximum", main.series.name))];
    if !figures.floor.is_empty() {
        names.push(("c2", "longest gap of the machine".to_owned()));
    }
    if !figures.run.failovers.is_empty() {
        names.push(("gap", "failover".to_owned()));
    }
    Some(legend(&names) + &drawing("p99 and maximum over time", HEIGHT, &inside))
}
