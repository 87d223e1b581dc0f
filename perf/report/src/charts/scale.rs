//! From values to places, and the lines of a grid.
//!
//! Invariants: a scale is never of zero length; a logarithm is never taken of less than one.
//! Owning thread: none; these are values.

use super::{line, text};
use crate::format::round_duration;

/// One axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    first_px: f64,
    last_px: f64,
    log: bool,
}

impl Scale {
    pub(super) fn linear(values: (f64, f64), px: (f64, f64)) -> Self {
        let to = if values.1 > values.0 { values.1 } else { values.0 + 1.0 };
        Self { from: values.0, to, first_px: px.0, last_px: px.1, log: false }
    }

    /// Of positive values; with a little room at both ends.
    pub(super) fn log(values: (f64, f64), px: (f64, f64)) -> Self {
        let (low, high) = (values.0.max(1.0).log10(), values.1.max(1.0).log10());
        let room = ((high - low) * 0.04).max(0.06);
        Self { from: (low - room).max(0.0), to: high + room, first_px: px.0, last_px: px.1, log: true }
    }

    pub(super) fn at(self, value: f64) -> f64 {
        let value = if self.log { value.max(1.0).log10() } else { value };
        let share = ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0);
        self.first_px + share * (self.last_px - self.first_px)
    }

    /// Values to write at the axis: round ones inside, between three and ten of them.
    pub(super) fn ticks(self) -> Vec<f64> {
        if !self.log {
            let rough = (self.to - self.from) / 6.0;
            let power = 10_f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
            let step = step.unwrap_or(rough);
            let first = (self.from / step).ceil() as i64;
            return (first..first + 12)
                .map(|n| n as f64 * step)
                .filter(|tick| *tick <= self.to + step * 1e-9)
                .collect();
        }
        // Fewer between the powers of ten, the more of those there are.
        let factors: &[f64] = match self.to - self.from {
            span if span < 0.5 => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
            span if span < 1.5 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            span if span < 3.0 => &[1.0, 2.0, 5.0],
            span if span < 4.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let decades = self.from.floor() as i32..=self.to.ceil() as i32;
        let ticks = decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)));
        ticks.filter(|tick| (self.from..=self.to).contains(&tick.log10())).collect()
    }
}

/// Lowest and highest of some nanoseconds.
pub(super) fn range(values: impl Iterator<Item = u64>) -> (f64, f64) {
    let (low, high) = values.fold((u64::MAX, 0), |(low, high), value| (low.min(value), high.max(value)));
    if low > high { (1.0, 1.0) } else { (low as f64, high as f64) }
}

/// Horizontal lines with their durations.
pub(super) fn latency_grid(scale: Scale, left: f64, right: f64) -> String {
    let lines = scale.ticks().into_iter().map(|tick| {
        let y = scale.at(tick);
        line("grid", (left, y), (right, y)) + &text("tick", "end", (left - 6.0, y + 4.0), &round_duration(tick))
    });
    lines.collect()
}

/// Seconds below a drawing.
pub(super) fn seconds_axis(scale: Scale, bottom: f64, right: f64) -> String {
    let ticks = scale.ticks().into_iter().map(|tick| {
        let x = scale.at(tick);
        line("grid", (x, bottom), (x, bottom + 5.0)) + &text("tick", "middle", (x, bottom + 18.0), &format!("{tick}"))
    });
    ticks.collect::<String>() + &text("axis", "end", (right, bottom + 34.0), "seconds after the beginning")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scale_has_readable_ticks_inside() {
        for (low, high) in [(1, 1), (0, 0), (900, 1_100), (300, 12_000), (150, 80_000_000), (1, u64::MAX)] {
            let scale = Scale::log(range([low, high].into_iter()), (300.0, 0.0));
            let ticks = scale.ticks();
            assert!((1..=21).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(ticks.iter().all(|tick| (0.0..=300.0).contains(&scale.at(*tick))));
            assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
        }
        for (low, high) in [(0.0, 0.0), (0.0, 1.0), (3.0, 61.0), (0.0, 86_400.0)] {
            let ticks = Scale::linear((low, high), (0.0, 100.0)).ticks();
            assert!((2..=12).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
        }
    }

    #[test]
    fn a_larger_value_is_further_along() {
        let scale = Scale::log((100.0, 1e6), (0.0, 100.0));
        assert!(scale.at(200.0) < scale.at(300.0));
        assert!(scale.at(100.0) > 0.0 && scale.at(1e6) < 100.0);
    }
}
