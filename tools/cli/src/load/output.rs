//! The figures of a run for people and for programs.

use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use tidegate_latency::{LoadMode, Percentiles, knee};

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
    pub(super) fn table(&self, path: &Path) -> String {
        let run = &self.run;
        let machine = &run.machine;
        let mut out = format!("{}; {}", run.title, run.durability);
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "\n{} ({} cores), {}, {} build\n",
            machine.cpu, machine.cores, machine.system, machine.profile
        );
        if run.load.mode == LoadMode::Sweep {
            let knee = knee(&run.sweep);
            let rows = run.sweep.iter().enumerate().map(|(index, point)| {
                let mark = if knee == Some(index) { "knee" } else { "" };
                let rates = [mark.to_owned(), format!("{:.0}", point.offered), format!("{:.0}", point.achieved)];
                rates.into_iter().chain([point.late.to_string()]).chain(cells(&point.response)).collect()
            });
            let rows: Vec<Vec<String>> = rows.collect();
            out += &(table(&head(&["", "offered/s", "answered/s", "late"]), &rows).join("\n") + "\n\n");
        }
        let shown = |name: &str| run.load.mode != LoadMode::Sweep || name.starts_with("hiccup");
        let rows = self.percentiles.iter().filter(|(name, _)| shown(name));
        let rows: Vec<Vec<String>> =
            rows.map(|(name, percentiles)| std::iter::once(name.clone()).chain(cells(percentiles)).collect()).collect();
        if !rows.is_empty() {
            out += &(table(&head(&[""]), &rows).join("\n") + "\n\n");
        }
        let late = &run.late_sends;
        let _ = writeln!(out, "sent {}, answered {}, {:.0}/s", run.sent, run.answered, run.achieved_rate);
        let _ = writeln!(
            out,
            "late sends {} (by more than {}; the latest by {})",
            late.count,
            duration(Some(late.threshold_ns)),
            duration(Some(late.max_ns))
        );
        for (reason, count) in &run.rejects {
            let _ = writeln!(out, "refused {count}: {reason}");
        }
        for check in &run.checks {
            let _ = writeln!(out, "{} {}: {}", if check.ok { "ok    " } else { "WRONG " }, check.name, check.detail);
        }
        let _ = writeln!(out, "input {}, seed {}, folder {}", run.load.input_hash, run.load.seed, path.display());
        out
    }

    /// For programs.
    pub(super) fn json(&self, path: &Path) -> Value {
        let percentiles: serde_json::Map<String, Value> = self
            .percentiles
            .iter()
            .map(|(name, value)| (name.clone(), serde_json::to_value(value).expect("percentiles always serialise")))
            .collect();
        json!({ "folder": path, "percentiles": percentiles, "run": self.run })
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
