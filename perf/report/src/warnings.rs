//! What a reader must know before the numbers of a run: that they are the generator's or the machine's, and not the node's.
//!
//! Invariants: whatever is said names both numbers that it is about; a run in which nothing can be said has no warning.
//! Owning thread: none; this is a function of [`RunData`].

use tidegate_latency::{Percentiles, SeriesKind};

use crate::data::RunData;
use crate::figures::{BEFORE_SENT, path};
use crate::format::{count, duration, percent};

/// Share of the requests that may go out late before a page begins with it.
const LATE_SHARE: f64 = 0.01;
/// A gap of the machine is of the order of a percentile from this share of it on.
const SAME_ORDER: f64 = 0.5;

/// See the module.
#[must_use]
pub fn warnings(data: &RunData) -> Vec<String> {
    [late_sends(data), before_sent(data), machine(data)].into_iter().flatten().collect()
}

/// Too many went out late.
fn late_sends(data: &RunData) -> Option<String> {
    let run = &data.run;
    let (late, sent) = match run.shown_rate() {
        Some(shown) => (run.sweep[shown].late, run.sweep[shown].response.count),
        None => (run.late_sends.count, run.sent),
    };
    let share = late as f64 / sent.max(1) as f64;
    let whose = if run.failovers.is_empty() {
        "the generator or a full socket is in the response times, not only the node"
    } else {
        "those that were due while there was no primary are among them"
    };
    (share > LATE_SHARE).then(|| {
        let (late, sent, threshold) = (count(late), count(sent), duration(run.late_sends.threshold_ns as f64));
        format!("{late} of {sent} requests ({}) were sent more than {threshold} late: {whose}", percent(share))
    })
}

/// Most of the mean is over before the node could see the request.
fn before_sent(data: &RunData) -> Option<String> {
    let mean = |kind| data.of(kind).map(|series| series.total.mean());
    let (response, service) = (mean(SeriesKind::Response)?, mean(SeriesKind::Service)?);
    let waits = response - service;
    // Without stages the whole service time is the other part.
    let others = path(data).into_iter().filter(|stage| stage.name != BEFORE_SENT).map(|stage| stage.adds_ns);
    let largest = others.reduce(f64::max).unwrap_or(service);
    (waits > 0.0 && waits > largest).then(|| {
        let (waits, response) = (duration(waits), duration(response));
        format!("the largest part of the mean response time, {waits} of {response}, is before the request was sent")
    })
}

/// The gaps of the machine are as long as what was measured.
fn machine(data: &RunData) -> Option<String> {
    let main = data.main()?;
    let measured = Percentiles::of(&main.total);
    // Of a short run there is no p99.
    let (figure, ns) = measured.p99.map(|ns| ("p99", ns)).or_else(|| measured.max.map(|ns| ("the maximum", ns)))?;
    let measured = ns as f64;
    let floors: Vec<Percentiles> = data.floors().map(|meter| Percentiles::of(&meter.total)).collect();
    let longest = |of: fn(&Percentiles) -> Option<u64>| floors.iter().filter_map(of).max();
    let gaps = [("p99.9", longest(|floor| floor.p99_9)), ("the longest", longest(|floor| floor.max))];
    let gaps = gaps.into_iter().filter_map(|(name, ns)| ns.map(|ns| (name, ns as f64)));
    let gaps: Vec<_> = gaps
        .filter(|(_, ns)| *ns >= measured * SAME_ORDER)
        .map(|(name, ns)| format!("{name} {}", duration(ns)))
        .collect();
    (!gaps.is_empty()).then(|| {
        let (gaps, measured, name) = (gaps.join(", "), duration(measured), &main.series.name);
        format!(
            "the machine's own gaps, with nothing running ({gaps}), are of the order of {figure} of {name}, {measured}: from there on it \
             is the machine, not the engine"
        )
    })
}
