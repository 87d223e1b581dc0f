//! What came of it: the same for a program (JSON) and for people (a table).

use std::fmt;

use serde::Serialize;
use tidegate_perf::Machine;

use crate::metrics::Better;
use crate::statistics::{CONFIDENCE, MARGIN, MARGIN_INSTRUCTIONS, Ratio, Verdict, rounds_min};

/// A whole check.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What both ran on.
    pub machine: Machine,
    /// What both were built with.
    pub compiler: String,
    /// The commit to compare with.
    pub against: Side,
    /// The working folder.
    pub this: Side,
    /// Rounds of A B B A.
    pub rounds: usize,
    /// Of all intervals together.
    pub confidence: f64,
    /// What a timed ratio must be away from 1.
    pub margin: f64,
    /// What a ratio of instructions must be away from 1.
    pub margin_instructions: f64,
    /// One for each figure.
    pub rows: Vec<Row>,
    /// What was not compared, and why.
    pub left_out: Vec<String>,
    /// Worse when anything is worse.
    pub verdict: Verdict,
}

/// One of the two.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// As it was asked for.
    pub revision: String,
    /// What that is, with `-dirty` where something is changed.
    pub commit: String,
}

/// One figure of both.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Which way is good: `higher` or `lower`.
    pub better: &'static str,
    /// Median of the other commit.
    pub against: f64,
    /// Median of this one.
    pub this: f64,
    /// How they compare.
    #[serde(flatten)]
    pub ratio: Ratio,
    /// Counted, not timed: once, without noise.
    pub is_exact: bool,
}

impl From<Better> for &'static str {
    fn from(better: Better) -> Self {
        match better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        }
    }
}

impl Report {
    /// Of what was measured on both sides.
    #[must_use]
    pub fn new(
        compiler: String,
        against: Side,
        this: Side,
        rounds: usize,
        rows: Vec<Row>,
        left_out: Vec<String>,
    ) -> Self {
        let has = |verdict| rows.iter().any(|row| row.ratio.verdict == verdict);
        let order = [Verdict::Worse, Verdict::Better, Verdict::NoDifference, Verdict::TooFewRounds];
        let verdict = order.into_iter().find(|verdict| has(*verdict)).unwrap_or(Verdict::TooFewRounds);
        Self {
            machine: Machine::this(),
            compiler,
            against,
            this,
            rounds,
            confidence: CONFIDENCE,
            margin: MARGIN,
            margin_instructions: MARGIN_INSTRUCTIONS,
            rows,
            left_out,
            verdict,
        }
    }

    fn timed(&self) -> usize {
        self.rows.iter().filter(|row| !row.is_exact).count()
    }
}

/// With as many digits as say something.
fn number(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cores, memory_mib, system } = &self.machine;
        writeln!(f, "{cpu}, {cores} cores, {memory_mib} MiB, {system}; {}", self.compiler)?;
        writeln!(f, "against {} ({})", self.against.commit, self.against.revision)?;
        writeln!(f, "this    {} ({})\n", self.this.commit, self.this.revision)?;
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(6);
        writeln!(f, "{:width$}{:>14}{:>14}{:>8}  {:<16}this is", "", "against", "this", "ratio", "interval")?;
        for Row { name, against, this, ratio, is_exact, .. } in &self.rows {
            let Ratio { ratio, low, high, verdict } = ratio;
            let interval = if *is_exact { "exact".to_owned() } else { format!("{low:.3} to {high:.3}") };
            let (against, this) = (number(*against), number(*this));
            writeln!(f, "{name:width$}{against:>14}{this:>14}{ratio:>8.3}  {interval:<16}{}", verdict.as_str())?;
        }
        for what in &self.left_out {
            writeln!(f, "LEFT OUT: {what}")?;
        }
        let (confidence, margin, counts) =
            (self.confidence * 100.0, self.margin * 100.0, self.margin_instructions * 100.0);
        writeln!(
            f,
            "\n{} rounds of A B B A; all intervals together hold with {confidence:.0} % (sign test). A difference is outside of its\n\
             interval and of {margin:.0} %; of instructions, {counts} %.",
            self.rounds
        )?;
        if self.rows.iter().any(|row| row.ratio.verdict == Verdict::TooFewRounds) {
            writeln!(f, "{} figures need {} rounds at least: --rounds", self.timed(), rounds_min(self.timed()))?;
        }
        writeln!(f, "All in all: {}", self.verdict.as_str())
    }
}
