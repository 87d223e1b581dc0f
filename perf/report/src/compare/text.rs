//! A comparison as people read it.
//!
//! Invariants: every row, reason and note of the comparison is in it.
//! Owning thread: none; these are functions of [`Comparison`].

use std::fmt;

use super::{Comparison, Verdict};
use crate::format::{duration, rate};

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifference => "no difference",
            Self::NoVerdict => "no verdict",
            Self::NotComparable => "not comparable",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, side) in [("A", &self.a), ("B", &self.b)] {
            writeln!(out, "{name}: {}: {} ({}, commit {})", side.folder, side.title, side.started_at, side.commit)?;
        }
        if !self.rows.is_empty() {
            let width = self.rows.iter().map(|row| row.series.chars().count()).max().unwrap_or(0).max(6);
            writeln!(
                out,
                "\n{:width$}  {:8} {:>10} {:>10} {:>7}  {:15}  B is",
                "series", "", "A", "B", "B/A", "noise band"
            )?;
            for row in &self.rows {
                let value = |value| if row.figure == "rate" { rate(value) } else { duration(value) };
                let band = row.band.map_or_else(String::new, |band| format!("{:.3} to {:.3}", band.low, band.high));
                let verdict = row.verdict.map_or_else(|| "too few samples to tell".to_owned(), |each| each.to_string());
                writeln!(
                    out,
                    "{:width$}  {:8} {:>10} {:>10} {:>7.3}  {band:15}  {verdict}",
                    row.series,
                    row.figure,
                    value(row.a),
                    value(row.b),
                    row.ratio
                )?;
            }
        }
        let verdict = match self.verdict {
            Verdict::NoVerdict => "No verdict on B:".to_owned(),
            Verdict::NotComparable => "B is not comparable with A:".to_owned(),
            verdict => format!("B is {verdict}:"),
        };
        writeln!(out, "\n{verdict}")?;
        for why in &self.why {
            writeln!(out, "  {why}")?;
        }
        if !self.notes.is_empty() {
            writeln!(out, "Also:")?;
        }
        for note in &self.notes {
            writeln!(out, "  {note}")?;
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "Bands: bootstrap over the intervals of the logs, {} draws, seed {:#x}; all together hold with {:.0} %. A difference is\n\
             outside of its band and of {:.0} %, since one run knows nothing of what differs from start to start: repeat it.",
            self.resamples,
            self.seed,
            self.confidence * 100.0,
            self.margin * 100.0
        )
    }
}
