//! The percentile plot: how long the slowest 10 %, 1 %, 0.1 %... take.
//!
//! Invariants: a curve ends where fewer samples lie above than a percentile needs.
//! Owning thread: none; this is a function.

use tidegate_latency::SeriesKind;

use super::scale::{Scale, latency_grid, range};
use super::{WIDTH, curve, drawing, legend, line, point, text};
use crate::Figures;
use crate::format::{count, duration};

const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 48.0;

/// `99.9 %` of 1,000 in a million above.
pub(crate) fn quantile(above_per_million: u64) -> String {
    let text = format!("{:.4}", (1_000_000 - above_per_million) as f64 / 1e4);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Most meters of the machine's gaps that are drawn; the table has all.
const FLOORS_MAX: usize = 4;

/// What the page is about, and the machine's own gaps; `None` where none of them has a point.
pub(crate) fn percentiles(figures: &Figures) -> Option<String> {
    let service = figures.service.filter(|service| Some(*service) != figures.main);
    let outside = [figures.main, service].into_iter().flatten().map(|index| &figures.series[index]);
    let floors = figures.series.iter().filter(|each| each.series.kind == SeriesKind::Hiccup).take(FLOORS_MAX);
    let shown: Vec<_> = outside.chain(floors).filter(|each| !each.plot.is_empty()).collect();
    let values = shown.iter().flat_map(|each| each.plot.iter().map(|point| point.value_ns));
    let last = shown.iter().filter_map(|each| each.plot.last()).map(|point| point.above_per_million).min()?;
    let y = Scale::log(range(values), (BOTTOM, TOP));
    // The distance to the right is how rare: one unit for a tenth of the samples.
    let rarity = |above: u64| 6.0 - (above as f64).log10();
    let x = Scale::linear((0.0, rarity(last).max(1.0)), (LEFT, RIGHT));

    let mut inside = latency_grid(y, LEFT, RIGHT);
    for above in [1_000_000, 500_000, 100_000, 10_000, 1_000, 100, 10, 1] {
        if above >= last {
            let at = x.at(rarity(above));
            let name = if above == 1_000_000 { "min".to_owned() } else { quantile(above) };
            inside += &line("grid", (at, TOP), (at, BOTTOM));
            inside += &text("tick", "middle", (at, BOTTOM + 18.0), &name);
        }
    }
    inside += &text("axis", "end", (RIGHT, BOTTOM + 36.0), "share of the samples that are not slower");
    let mut names = Vec::new();
    for (index, each) in shown.iter().enumerate() {
        let class = ["c0", "c1", "c2", "c3", "c4", "c5"][index % 6];
        let place = |above: u64, value: u64| (x.at(rarity(above)), y.at(value as f64));
        inside += &curve(class, each.plot.iter().map(|p| Some(place(p.above_per_million, p.value_ns))));
        for p in &each.plot {
            let at = quantile(p.above_per_million);
            let value = p.value_ns;
            let title =
                format!("{}: {at} take at most {} ({} ns)", each.series.name, duration(value as f64), count(value));
            inside += &point(class, place(p.above_per_million, value), &title);
        }
        names.push((class, format!("{}, {} samples", each.series.name, count(each.percentiles.count))));
    }
    Some(legend(&names) + &drawing("Percentiles on a logarithmic scale", HEIGHT, &inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_have_as_many_digits_as_they_need() {
        let shown = [500_000, 10_000, 1_000, 10, 1, 31_623].map(quantile);
        assert_eq!(shown, ["50 %", "99 %", "99.9 %", "99.999 %", "99.9999 %", "96.8377 %"]);
    }
}
