//! What `run.json` says: everything about a run that is not a histogram.
//!
//! Invariants: a field once published keeps its name and meaning; a new one has a default, so that older files stay readable.
//! Durations are nanoseconds, rates are requests a second.
//! Owning thread: none; these are values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Machine, Percentiles};

/// The version of the folder's format.
pub const FORMAT: u32 = 1;

/// One run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`FORMAT`].
    pub format: u32,
    /// A line for people.
    pub title: String,
    /// The command line that does it again.
    pub command: String,
    /// When the measured part began: RFC 3339, UTC.
    pub started_at: String,
    /// What it ran on.
    pub machine: Machine,
    /// The node's configuration as TOML; empty where the node was not ours to start.
    pub config: String,
    /// XXH3 of it without folders, ports and the cluster's name, as 16 hex digits; empty without one.
    pub config_hash: String,
    /// Where the threads were that are pinned.
    #[serde(default)]
    pub core_map: Vec<CoreOf>,
    /// What an acknowledgement needed: `async`, `local`, `replicated`.
    pub durability: String,
    /// Nodes that took part.
    pub nodes: u32,
    /// What was sent.
    pub load: Load,
    /// Requests sent in the measured part.
    pub sent: u64,
    /// Of those, answered.
    pub answered: u64,
    /// Answers that refuse, by reason.
    #[serde(default)]
    pub rejects: BTreeMap<String, u64>,
    /// Requests that the generator could not send in time.
    #[serde(default)]
    pub late_sends: LateSends,
    /// Requests a second that were answered; of a sweep, at the rate that [`Run::shown_rate`] names.
    pub achieved_rate: f64,
    /// What was checked, so that fast is also right.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// The logs beside this file.
    #[serde(default)]
    pub series: Vec<Series>,
    /// Where the time went inside the node.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Why there are none, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_stages: Option<String>,
    /// One row for each rate, where there were several.
    #[serde(default)]
    pub sweep: Vec<SweepPoint>,
    /// The slowest requests.
    #[serde(default)]
    pub outliers: Vec<Outlier>,
    /// Changes of leadership during the run.
    #[serde(default)]
    pub failovers: Vec<Failover>,
}

impl Run {
    /// Whether everything that was checked is as it should be.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// Which rate of a sweep everything that is said of one rate is about: its [`knee`], or the lowest one where the node kept up
    /// with none. `None` where this is no sweep.
    #[must_use]
    pub fn shown_rate(&self) -> Option<usize> {
        (!self.sweep.is_empty()).then(|| knee(&self.sweep).unwrap_or(0))
    }

    /// What an acknowledgement needed, for people: in a failover there is a before and an after.
    #[must_use]
    pub fn durability_text(&self) -> String {
        match self.durability.as_str() {
            "" => "unknown".to_owned(),
            durability if self.failovers.is_empty() => durability.to_owned(),
            durability => format!("{durability} until the primary was killed, degraded after (one node is left)"),
        }
    }
}

/// A thread and its core.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreOf {
    /// The thread's name.
    pub thread: String,
    /// Its core; `None` where it may wander.
    pub core: Option<usize>,
}

/// When requests go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadMode {
    /// At their intended times, whatever comes back.
    #[default]
    Open,
    /// Each after the answer to the one before.
    Closed,
    /// As fast as full windows allow.
    Saturate,
    /// Open, at one rate after the other.
    Sweep,
    /// Open, many at once in equal distances.
    Burst,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// See [`LoadMode`].
    pub mode: LoadMode,
    /// Intended requests a second; 0 where there is no intention.
    pub rate: f64,
    /// Length of the measured part.
    pub seconds: f64,
    /// Load before it, of which nothing is counted.
    pub warm_up_s: f64,
    /// Requests that are intended at the same moment; 1 is none beside another, 0 where nothing is intended or an older file does
    /// not say.
    pub burst: u64,
    /// Unanswered requests of a session in saturation; 0 in every other mode, and where an older file does not say.
    pub window: u32,
    /// Connections.
    pub sessions: u32,
    /// What the requests were made from.
    pub seed: u64,
    /// Its name.
    pub workload: String,
    /// Shares of the kinds of requests.
    pub mix: String,
    /// XXH3 of the requests as they went out, as 16 hex digits, those of the warm-up too.
    pub input_hash: String,
}

/// Requests that went out later than intended: the generator's fault or that of back-pressure. The response time counts from
/// the intention, so they are in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateSends {
    /// Sends later than the threshold.
    pub count: u64,
    /// The latest.
    pub max_ns: u64,
    /// What counts as late.
    pub threshold_ns: u64,
}

/// Something that was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// What kind of durations a log has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeriesKind {
    /// From the intended moment of sending to the answer.
    #[default]
    Response,
    /// From the actual moment of sending to the answer: what coordinated omission hides is missing here.
    Service,
    /// Between two stamps inside the node.
    Stage,
    /// Gaps that a core took away from a thread that did nothing but look at its clock.
    Hiccup,
}

/// A log beside `run.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// A name for people.
    pub name: String,
    /// The file, inside the folder.
    pub file: String,
    /// The tag of its lines.
    pub tag: String,
    /// See [`SeriesKind`].
    pub kind: SeriesKind,
    /// Always `ns`.
    pub unit: String,
    /// What the first stamp is.
    pub from: String,
    /// What the second stamp is.
    pub to: String,
    /// A sentence.
    pub description: String,
}

/// One stage of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What the first stamp is.
    pub from: String,
    /// What the second stamp is.
    pub to: String,
    /// The mean.
    pub mean_ns: f64,
    /// Orders.
    pub count: u64,
    /// Share of the orders for which this stage was the one that others waited for; 0 to 1.
    pub critical_share: f64,
}

/// One rate of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SweepPoint {
    /// Intended requests a second.
    pub offered: f64,
    /// Answered requests a second.
    pub achieved: f64,
    /// Response times.
    #[serde(flatten)]
    pub response: Percentiles,
    /// Late sends.
    pub late: u64,
}

/// How a rate of a sweep went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RateOutcome {
    /// At least 98 % of what was offered was answered, and p99 was at most ten times the best one of the sweep.
    Kept,
    /// Not so, but a higher rate was kept up with: something else was in the way, so it says nothing about the node.
    Noisy,
    /// Not so, and nor was any higher rate.
    Beyond,
}

/// How each rate went.
#[must_use]
pub fn rate_outcomes(sweep: &[SweepPoint]) -> Vec<RateOutcome> {
    let best_p99 = sweep.iter().filter_map(|point| point.response.p99).min().unwrap_or(u64::MAX);
    let is_kept = |point: &SweepPoint| {
        point.achieved >= 0.98 * point.offered && point.response.p99.unwrap_or(0) <= best_p99.saturating_mul(10)
    };
    let last_kept = sweep.iter().rposition(is_kept);
    let outcomes = sweep.iter().enumerate().map(|(index, point)| match () {
        () if is_kept(point) => RateOutcome::Kept,
        () if last_kept > Some(index) => RateOutcome::Noisy,
        () => RateOutcome::Beyond,
    });
    outcomes.collect()
}

/// Where a sweep stops keeping up: the last rate that was kept up with, so that every one after it is beyond. `None` when every
/// rate is, or there is none. See [`RateOutcome`].
#[must_use]
pub fn knee(sweep: &[SweepPoint]) -> Option<usize> {
    rate_outcomes(sweep).iter().rposition(|outcome| *outcome == RateOutcome::Kept)
}

/// One of the slowest requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlier {
    /// When it was answered, after the beginning.
    pub at_ns: u64,
    /// How long it took.
    pub latency_ns: u64,
    /// Its sequence in the journal; 0 where the node gave it none.
    pub sequence: u64,
    /// Its number.
    pub request: u64,
    /// What it asked.
    pub content: String,
    /// Durations of the stages, where they are known.
    #[serde(default)]
    pub stages: BTreeMap<String, u64>,
    /// What probably held it up, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A change of leadership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// When acknowledgements ended, after the beginning.
    pub at_ns: u64,
    /// How long there were none.
    pub gap_ns: u64,
    /// From the promotion to the first one.
    pub first_ack_ns: u64,
    /// From the end of the old primary to the promotion: until its standby was sure, and somebody said so.
    #[serde(default)]
    pub until_promotion_ns: u64,
    /// Requests that were acknowledged and are gone: must be 0.
    pub lost: u64,
    /// Requests that were executed twice: must be 0.
    pub duplicated: u64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_row_has_its_percentiles_beside_its_rates() {
        let response = Percentiles { count: 20, p50: Some(7), max: Some(9), ..Percentiles::default() };
        let point = SweepPoint { offered: 1e3, achieved: 999.5, response, late: 1 };
        let json = serde_json::to_value(point).unwrap();
        assert_eq!((json["p50"].as_u64(), json["p99.99"].is_null(), json["count"].as_u64()), (Some(7), true, Some(20)));
        assert_eq!(serde_json::from_value::<SweepPoint>(json).unwrap(), point);
    }

    #[test]
    fn the_knee_is_the_last_rate_that_is_kept_up_with() {
        let point = |offered: f64, achieved: f64, p99: u64| SweepPoint {
            offered,
            achieved,
            response: Percentiles { p99: (p99 > 0).then_some(p99), ..Percentiles::default() },
            late: 0,
        };
        let rows = [point(1e3, 1e3, 90), point(2e3, 2e3, 50), point(4e3, 3.95e3, 500), point(8e3, 4e3, 9_000)];
        assert_eq!(knee(&rows), Some(2));
        assert_eq!(knee(&rows[..2]), Some(1));
        assert_eq!(knee(&[rows[1], point(4e3, 4e3, 501)]), Some(0), "more than ten times the p99 is beyond");
        assert_eq!(knee(&[point(1e3, 900.0, 0)]), None);
        assert_eq!(knee(&[point(1e3, 1e3, 0)]), Some(0), "without a p99 the rate decides");
        assert_eq!(knee(&[]), None);
    }

    #[test]
    fn a_rate_that_went_badly_below_one_that_was_kept_up_with_is_noise_and_not_the_knee() {
        use RateOutcome::{Beyond, Kept, Noisy};
        let point = |offered: f64, achieved: f64, p99: u64| SweepPoint {
            offered,
            achieved,
            response: Percentiles { p99: Some(p99), ..Percentiles::default() },
            late: 0,
        };
        let (slow, lost) = (point(2e3, 2e3, 901), point(4e3, 3e3, 90));
        let rows =
            [point(1e3, 1e3, 90), slow, lost, point(8e3, 8e3, 80), point(16e3, 9e3, 70_000), point(32e3, 9e3, 90_000)];
        assert_eq!(rate_outcomes(&rows), [Kept, Noisy, Noisy, Kept, Beyond, Beyond]);
        assert_eq!(knee(&rows), Some(3));
        assert_eq!(rate_outcomes(&rows[..3]), [Kept, Beyond, Beyond], "nothing after them says that it was noise");
        assert_eq!(rate_outcomes(&[slow, rows[3]]), [Noisy, Kept], "the first one may be noisy, too");
        assert_eq!(rate_outcomes(&[lost]), [Beyond]);
        let run = Run { sweep: rows.to_vec(), ..Run::default() };
        assert_eq!((run.shown_rate(), Run::default().shown_rate()), (Some(3), None));
        assert_eq!(Run { sweep: vec![lost], ..Run::default() }.shown_rate(), Some(0), "the lowest where none is kept");
    }

    #[test]
    fn a_failover_has_a_durability_before_and_one_after() {
        let mut run = Run { durability: "replicated".into(), ..Run::default() };
        assert_eq!(run.durability_text(), "replicated");
        run.failovers.push(Failover::default());
        assert!(run.durability_text().starts_with("replicated until the primary was killed, degraded after"));
    }

    #[test]
    fn what_an_older_file_does_not_have_has_a_default() {
        let mut json = serde_json::to_value(Run::default()).unwrap();
        let fields = json.as_object_mut().unwrap();
        for name in
            ["rejects", "late_sends", "checks", "series", "stages", "sweep", "outliers", "failovers", "core_map"]
        {
            assert!(fields.shift_remove(name).is_some(), "{name}");
        }
        for name in ["burst", "window"] {
            assert!(fields["load"].as_object_mut().unwrap().shift_remove(name).is_some(), "{name}");
        }
        assert_eq!(serde_json::from_value::<Run>(json).unwrap(), Run::default());
    }

    #[test]
    fn kinds_and_modes_are_small_letters() {
        assert_eq!(serde_json::to_value(SeriesKind::Hiccup).unwrap(), "hiccup");
        assert_eq!(serde_json::to_value(LoadMode::Saturate).unwrap(), "saturate");
    }
}
