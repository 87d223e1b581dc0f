//! The figures of a run for people and for programs.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use tidegate_latency::{LoadMode, Percentiles, RateOutcome, knee, rate_outcomes};

use super::MeasuredRun;
use crate::journal::output::table;

/// A duration with a unit that suits it; a dash where too few samples lie above.
fn duration(ns: Option<u64>) -> String {
    match ns {
        None => "-".to_owned(),
        Some(ns @ 0..1_000) => format!("{ns} ns"),
        Some(ns @ 1_000..10_000_000) => format!("{:.1} µs", ns as f64 / 1e3),
        Some(ns) => format!("{:.1} ms", ns as f64 / 1e6),
    }
}

fn cells(percentiles: &Percentiles) -> impl Iterator<Item = String> {
    let values = percentiles.values().map(|(_, value)| duration(value));
    values.into_iter().chain([percentiles.count.to_string()])
}

fn head(first: &[&'static str]) -> Vec<&'static str> {
    let names = Percentiles::default().values().map(|(name, _)| name);
    first.iter().copied().chain(names).chain(["samples"]).collect()
}

impl MeasuredRun {
    /// For people.
    pub(super) fn table(&self, path: &Path, warnings: &[String]) -> String {
        let run = &self.run;
        let machine = &run.machine;
        let mut out = format!("{}; {}", run.title, run.durability_text());
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "\n{} ({} cores), {}, {} build\n",
            machine.cpu, machine.cores, machine.system, machine.profile
        );
        for warning in warnings {
            let _ = writeln!(out, "NOTE   {warning}");
        }
        if !warnings.is_empty() {
            out.push('\n');
        }
        if run.load.mode == LoadMode::Sweep {
            let (knee, outcomes) = (knee(&run.sweep), rate_outcomes(&run.sweep));
            let rows = run.sweep.iter().enumerate().map(|(index, point)| {
                let mark = match outcomes[index] {
                    RateOutcome::Kept if knee == Some(index) => "knee",
                    RateOutcome::Kept => "",
                    RateOutcome::Noisy => "noisy",
                    RateOutcome::Beyond => "beyond",
                };
                let rates = [mark.to_owned(), format!("{:.0}", point.offered), format!("{:.0}", point.achieved)];
                rates.into_iter().chain([point.late.to_string()]).chain(cells(&point.response)).collect()
            });
            let rows: Vec<Vec<String>> = rows.collect();
            out += &(table(&head(&["", "offered/s", "answered/s", "late"]), &rows).join("\n") + "\n\n");
        }
        let is_idle = |name: &str, all: &Percentiles| name == "stage-replicate" && run.nodes == 1 && all.max == Some(0);
        let is_shown = |name: &str| run.load.mode != LoadMode::Sweep || name.starts_with("hiccup");
        let rows = self.percentiles.iter().filter(|(name, all)| is_shown(name) && !is_idle(name, all));
        let rows: Vec<Vec<String>> =
            rows.map(|(name, percentiles)| std::iter::once(name.clone()).chain(cells(percentiles)).collect()).collect();
        if !rows.is_empty() {
            out += &(table(&head(&[""]), &rows).join("\n") + "\n\n");
        }
        out += &self.headline();
        let late = &run.late_sends;
        if !matches!(run.load.mode, LoadMode::Closed | LoadMode::Saturate) {
            let _ = writeln!(
                out,
                "late sends {} (by more than {}; the latest by {})",
                late.count,
                duration(Some(late.threshold_ns)),
                duration(Some(late.max_ns))
            );
        }
        for (reason, count) in &run.rejects {
            let _ = writeln!(out, "refused {count}: {reason}");
        }
        for check in &run.checks {
            let _ = writeln!(out, "{} {}: {}", if check.ok { "ok    " } else { "WRONG " }, check.name, check.detail);
        }
        let _ = writeln!(out, "input {}, seed {}, folder {}", run.load.input_hash, run.load.seed, path.display());
        out
    }

    /// What was answered: of a sweep all numbers of one line are of one rate, or of all of them.
    fn headline(&self) -> String {
        let run = &self.run;
        let Some(shown) = run.shown_rate() else {
            return format!("sent {}, answered {}, {:.0}/s\n", run.sent, run.answered, run.achieved_rate);
        };
        let point = &run.sweep[shown];
        let name = if knee(&run.sweep).is_some() { "knee" } else { "no rate was kept up with; the lowest" };
        let [p50, p99] = [point.response.p50, point.response.p99].map(duration);
        format!(
            "{name}: {:.0}/s offered, {:.0}/s answered, p50 {p50}, p99 {p99}\nall rates: sent {}, answered {}\n",
            point.offered, point.achieved, run.sent, run.answered
        )
    }

    /// For programs.
    pub(super) fn json(&self, path: &Path, warnings: &[String]) -> Value {
        let percentiles: serde_json::Map<String, Value> = self
            .percentiles
            .iter()
            .map(|(name, value)| (name.clone(), serde_json::to_value(value).expect("percentiles always serialise")))
            .collect();
        json!({ "folder": path, "percentiles": percentiles, "run": self.run, "warnings": warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_the_unit_that_suits_it() {
        for (ns, text) in [
            (Some(0), "0 ns"),
            (Some(999), "999 ns"),
            (Some(12_345), "12.3 µs"),
            (Some(9_999_999), "10000.0 µs"),
            (Some(25_000_000), "25.0 ms"),
            (None, "-"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }
}
