//! The ratio of two commits, and how sure it is.
//!
//! A round is A B B A. Its log ratio is `mean(ln B, ln B) - mean(ln A, ln A)`, in which a drift of the machine that is linear
//! over the round cancels. The ratio is that of the median round. Its interval is the one that belongs to the sign test: from the
//! j-th smallest to the j-th largest of n rounds it holds the true median with probability `1 - 2 P(Binomial(n, 1/2) < j)`,
//! whatever the noise is distributed like (Conover, Practical Nonparametric Statistics, 1999, 3.2), so nothing is drawn and the
//! same rounds give the same interval. Of k figures each interval gets `1 - (1 - CONFIDENCE) / k` (Bonferroni), so that all of
//! them together hold with [`CONFIDENCE`].
//!
//! Invariants: a figure is better or worse only when its interval lies wholly on one side of 1 and the ratio is further from 1
//! than [`MARGIN`], since where the compiler puts the code moves figures by itself.
//! Owning thread: none, these are functions.

use serde::Serialize;

use crate::metrics::Better;

/// Of all intervals together.
pub const CONFIDENCE: f64 = 0.95;
/// What a timed ratio must be away from 1, by a share, before it is a difference.
pub const MARGIN: f64 = 0.03;
/// The same of instructions, which repeat but for a few.
pub const MARGIN_INSTRUCTIONS: f64 = 0.005;

/// What became of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// This commit is better.
    Better,
    /// This commit is worse.
    Worse,
    /// None that is larger than noise and margin.
    NoDifference,
    /// So few rounds say nothing with this confidence.
    TooFewRounds,
}

impl Verdict {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "WORSE",
            Self::NoDifference => "no difference",
            Self::TooFewRounds => "too few rounds to tell",
        }
    }
}

/// One round: two figures of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Of the other commit.
    pub against: [f64; 2],
    /// Of this one.
    pub this: [f64; 2],
}

impl Round {
    fn log_ratio(&self) -> f64 {
        let mean = |pair: [f64; 2]| f64::midpoint(pair[0].ln(), pair[1].ln());
        mean(self.this) - mean(self.against)
    }
}

/// A ratio and where it lies but for noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// This commit's figure divided by the other's.
    pub ratio: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// See [`Verdict`].
    pub verdict: Verdict,
}

/// The ratio of some rounds, of which there is at least one, where `figures` are compared.
///
/// # Panics
/// Without a round.
#[must_use]
pub fn ratio(rounds: &[Round], figures: usize, better: Better) -> Ratio {
    let mut logs: Vec<f64> = rounds.iter().map(Round::log_ratio).collect();
    logs.sort_by(f64::total_cmp);
    let middle = median(&logs).exp();
    let inside = rank(logs.len(), figures);
    let at = inside.unwrap_or(1);
    let (low, high) = (logs[at - 1].exp(), logs[logs.len() - at].exp());
    let verdict = if inside.is_none() { Verdict::TooFewRounds } else { judge(middle, low, high, MARGIN, better) };
    Ratio { ratio: middle, low, high, verdict }
}

/// The ratio of two counts that repeat: no noise, so no interval.
#[must_use]
pub fn exact(against: f64, this: f64) -> Ratio {
    let ratio = this / against;
    let verdict = judge(ratio, ratio, ratio, MARGIN_INSTRUCTIONS, Better::Lower);
    Ratio { ratio, low: ratio, high: ratio, verdict }
}

fn judge(ratio: f64, low: f64, high: f64, margin: f64, better: Better) -> Verdict {
    let is_higher = low > 1.0 && ratio > 1.0 + margin;
    let is_lower = high < 1.0 && ratio < 1.0 - margin;
    match (is_higher, is_lower, better) {
        (true, _, Better::Higher) | (_, true, Better::Lower) => Verdict::Better,
        (true, _, Better::Lower) | (_, true, Better::Higher) => Verdict::Worse,
        (false, false, _) => Verdict::NoDifference,
    }
}

/// The j of the interval: the largest with enough confidence; `None` where even the whole range of the rounds has too little.
fn rank(rounds: usize, figures: usize) -> Option<usize> {
    let outside_max = (1.0 - CONFIDENCE) / figures.max(1) as f64;
    // P(Binomial(n, 1/2) = 0), then term by term.
    let mut term = 0.5_f64.powi(i32::try_from(rounds).unwrap_or(i32::MAX));
    let (mut below, mut found) = (0.0, None);
    for j in 1..=rounds.div_ceil(2) {
        below += term;
        if 2.0 * below > outside_max {
            break;
        }
        found = Some(j);
        term *= (rounds - j + 1) as f64 / j as f64;
    }
    found
}

/// The fewest rounds with which so many figures can be told apart.
#[must_use]
pub fn rounds_min(figures: usize) -> usize {
    (1..).find(|rounds| rank(*rounds, figures).is_some()).expect("every round halves what is outside")
}

/// Of sorted numbers.
#[must_use]
pub fn median(sorted: &[f64]) -> f64 {
    assert!(!sorted.is_empty(), "there is at least one round");
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(ratios: &[f64]) -> Vec<Round> {
        ratios.iter().map(|ratio| Round { against: [100.0; 2], this: [100.0 * ratio; 2] }).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_rank_is_that_of_the_published_tables_of_the_sign_test() {
        // Largest j for two-sided 95 %, by number of rounds (Conover 1999, table A3, p = 1/2).
        for (rounds, expected) in [
            (5, None),
            (6, Some(1)),
            (8, Some(1)),
            (9, Some(2)),
            (12, Some(3)),
            (16, Some(4)),
            (20, Some(6)),
            (50, Some(18)),
        ] {
            assert_eq!(rank(rounds, 1), expected, "{rounds} rounds");
        }
        assert_eq!((rounds_min(1), rounds_min(13), rounds_min(20)), (6, 10, 10));
        assert!(rank(1_000, 20) > rank(999, 40));
    }

    #[test]
    fn verdicts_of_a_table_of_rounds() {
        let steady =
            |ratio: f64| [ratio * 0.995, ratio * 1.005, ratio, ratio * 0.99, ratio * 1.01, ratio, ratio, ratio];
        for (name, rounds, better, expected) in [
            ("a tenth more a second", rounds(&steady(1.1)), Better::Higher, Verdict::Better),
            ("a tenth fewer a second", rounds(&steady(0.9)), Better::Higher, Verdict::Worse),
            ("a tenth longer", rounds(&steady(1.1)), Better::Lower, Verdict::Worse),
            ("a tenth shorter", rounds(&steady(0.9)), Better::Lower, Verdict::Better),
            ("the same", rounds(&steady(1.0)), Better::Lower, Verdict::NoDifference),
            ("surely more, but within the margin", rounds(&[1.02; 8]), Better::Lower, Verdict::NoDifference),
            (
                "more, but one round says less",
                rounds(&[1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 1.2, 0.9]),
                Better::Lower,
                Verdict::NoDifference,
            ),
            ("much more, in five rounds", rounds(&[2.0; 5]), Better::Lower, Verdict::TooFewRounds),
        ] {
            assert_eq!(ratio(&rounds, 1, better).verdict, expected, "{name}");
        }
    }

    #[test]
    fn one_wild_round_of_many_changes_neither_ratio_nor_verdict() {
        let mut ratios = vec![0.8; 15];
        ratios.push(40.0);
        let Ratio { ratio, low, high, verdict } = ratio(&rounds(&ratios), 13, Better::Lower);
        assert!(close(ratio, 0.8) && close(low, 0.8) && close(high, 0.8), "{ratio} {low} {high}");
        assert_eq!(verdict, Verdict::Better);
    }

    #[test]
    fn a_machine_that_gets_steadily_slower_makes_no_difference() {
        // A B B A at times 0, 1, 2, 3, by 10 % of the first from one run to the next, in logs.
        let drift = |time: f64| (0.1 * time).exp() * 100.0;
        let round = Round { against: [drift(0.0), drift(3.0)], this: [drift(1.0), drift(2.0)] };
        let Ratio { ratio, verdict, .. } = ratio(&[round; 10], 1, Better::Lower);
        assert!(close(ratio, 1.0), "{ratio}");
        assert_eq!(verdict, Verdict::NoDifference);
    }

    #[test]
    fn counts_differ_by_half_a_percent() {
        let verdicts = [1_004.0, 1_006.0, 996.0, 994.0].map(|this| exact(1_000.0, this).verdict);
        assert_eq!(verdicts, [Verdict::NoDifference, Verdict::Worse, Verdict::NoDifference, Verdict::Better]);
    }
}
