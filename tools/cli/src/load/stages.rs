//! The node's own stages of the measured part: its histograms at both ends of it, from the operator's socket.
//!
//! ```text
//!   nothing in flight --[`StageMeter::begin`]--> measured part --last answer--> [`StageMeter::end`]
//!         histograms since the start of the node  --------- the second less the first --------> [`Stages`] --> run folder
//! ```
//!
//! Invariants: the node is asked while nothing is in flight, and waited for until it has counted everything that was answered,
//! so the difference has the orders of the measured part and no other (but those of somebody else on the same node). What
//! cannot be had is no error of the load: it says why.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use hdrhistogram::Histogram;
use tidegate_latency::{HlogWriter, Outlier, Percentiles, Run, RunFolder, Series, SeriesKind, Stage, decode_histogram};
use tidegate_node::AdminRequest;
use tidegate_node::latency::{LatencyHistograms, OrderParts};
use tidegate_perf_wire::STOOD_STILL;

use super::arguments::LoadArgs;
use super::target::Target;
use crate::operator::{ask, node_status};

/// Longest wait until the node has counted what it has answered.
const COUNTED_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// Stages that run side by side: what each adds to an order is counted from where a faster one ended.
const BRANCHES: [&str; 3] = ["journal", "replicate", "match"];

/// See the module.
pub(super) struct StageMeter {
    data_dir: Option<PathBuf>,
    begun: Option<Counts>,
    /// Why there are no stages.
    pub(super) why_not: Option<String>,
}

/// What a node has counted.
struct Counts {
    orders: u64,
    skipped: u64,
    total: Histogram<u64>,
    stages: Vec<StageCounts>,
    slowest: Vec<OrderParts>,
    kept_max: u64,
}

struct StageCounts {
    name: String,
    from: String,
    to: String,
    sum_ns: u64,
    critical: u64,
    histogram: Histogram<u64>,
}

/// The stages of one load.
pub(super) struct Stages {
    measured: Counts,
    parts: BTreeMap<u64, OrderParts>,
}

impl StageMeter {
    pub(super) fn of(arguments: &LoadArgs, target: &Target) -> Self {
        let (data_dir, why_not) = match (&target.own, &arguments.data_dir) {
            _ if arguments.failover_at().is_some() => {
                (None, Some("the primary was killed in this run, and what it had counted is gone with it".to_owned()))
            }
            (Some((cluster, _)), _) => (Some(cluster.nodes[0].data_dir().to_owned()), None),
            (None, Some(dir)) => (Some(dir.clone()), None),
            (None, None) => {
                let why = "the node was not asked for its stages: `tidegate load --connect` needs --data-dir for that";
                (None, Some(why.to_owned()))
            }
        };
        Self { data_dir, begun: None, why_not }
    }

    /// Everything up to this sequence was answered, and the measured part comes next.
    pub(super) fn begin(&mut self, through: u64) {
        self.begun = self.counts(through);
    }

    /// Everything up to this sequence was answered, and the measured part is over.
    pub(super) fn end(&mut self, through: u64) -> Option<Stages> {
        let (begun, ended) = (self.begun.take()?, self.counts(through)?);
        match ended.since(&begun) {
            Ok(measured) if measured.orders > 0 => {
                let parts = measured.slowest.iter().map(|order| (order.sequence, order.clone())).collect();
                Some(Stages { measured, parts })
            }
            Ok(_) => {
                self.why_not = Some("the node has counted no order of the measured part".to_owned());
                None
            }
            Err(why) => {
                self.why_not = Some(why);
                None
            }
        }
    }

    fn counts(&mut self, through: u64) -> Option<Counts> {
        let data_dir = self.data_dir.as_ref()?;
        // Logons, and what came before this load, are counted, too.
        let through = match node_status(data_dir, false) {
            Ok(status) => through.max(status.watermarks.published_through),
            Err(error) => {
                self.why_not = Some(format!("the node's stages cannot be had: {error}"));
                return None;
            }
        };
        let asked = Instant::now();
        let mut slowest = Vec::new();
        let counts = loop {
            let answer = ask(data_dir, &AdminRequest::Histograms).and_then(|value| {
                serde_json::from_value::<LatencyHistograms>(value)
                    .map_err(|error| format!("the node's histograms are of another version: {error}"))
            });
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => break Err(error),
            };
            // Asking forgets them there.
            slowest.extend_from_slice(&answer.slowest);
            if answer.counted_through >= through {
                break Counts::decoded(&answer, slowest);
            }
            if asked.elapsed() > COUNTED_WITHIN {
                let (counted, seconds) = (answer.counted_through, COUNTED_WITHIN.as_secs());
                break Err(format!("the node had counted up to {counted} of {through} after {seconds} s"));
            }
            std::thread::sleep(LOOK);
        };
        counts.map_err(|error| self.why_not = Some(format!("the node's stages cannot be had: {error}"))).ok()
    }
}

impl Counts {
    fn decoded(told: &LatencyHistograms, slowest: Vec<OrderParts>) -> Result<Self, String> {
        let stages = told.stages.iter().map(|stage| {
            Ok(StageCounts {
                name: stage.stage.clone(),
                from: stage.from.clone(),
                to: stage.to.clone(),
                sum_ns: stage.sum_ns,
                critical: stage.critical,
                histogram: decode_histogram(&stage.histogram)?,
            })
        });
        Ok(Self {
            orders: told.orders,
            skipped: told.skipped,
            total: decode_histogram(&told.total)?,
            stages: stages.collect::<Result<_, String>>()?,
            slowest,
            kept_max: told.slowest_kept_max,
        })
    }

    /// What came after `earlier`.
    fn since(mut self, earlier: &Self) -> Result<Self, String> {
        let restarted = || "the node was started again during the measured part".to_owned();
        let less = |now: u64, before: u64| now.checked_sub(before).ok_or_else(restarted);
        self.orders = less(self.orders, earlier.orders)?;
        self.skipped = less(self.skipped, earlier.skipped)?;
        self.total.subtract(&earlier.total).map_err(|_| restarted())?;
        for (stage, before) in self.stages.iter_mut().zip(&earlier.stages) {
            stage.sum_ns = less(stage.sum_ns, before.sum_ns)?;
            stage.critical = less(stage.critical, before.critical)?;
            stage.histogram.subtract(&before.histogram).map_err(|_| restarted())?;
        }
        Ok(self)
    }

    /// Stages one after the other: the part of a branch begins where the branches that were faster ended.
    fn described(&self) -> impl Iterator<Item = Stage> {
        self.stages.iter().map(|stage| {
            let others = BRANCHES.into_iter().filter(|other| *other != stage.name).collect::<Vec<_>>().join(" or ");
            let from = match BRANCHES.contains(&stage.name.as_str()) {
                true => format!("{}, or at the end of {others} where that was done before", stage.from),
                false => stage.from.clone(),
            };
            Stage {
                name: stage.name.clone(),
                from,
                to: stage.to.clone(),
                mean_ns: stage.sum_ns as f64 / self.orders as f64,
                count: self.orders,
                critical_share: stage.critical as f64 / self.orders as f64,
            }
        })
    }
}

impl Stages {
    /// Writes a log of each stage and of the whole way through the node, names them in the run with their means, and says of
    /// the slowest requests what the node knows; the percentiles of each log.
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        run: &mut Run,
        started_at: SystemTime,
    ) -> Result<Vec<(String, Percentiles)>, String> {
        let measured = &self.measured;
        run.stages = measured.described().collect();
        let mut all = Vec::new();
        let (first, last) = (&run.stages[0].from.clone(), &run.stages[run.stages.len() - 1].to.clone());
        let whole = ("node".to_owned(), first, last, &measured.total);
        let stages = measured.stages.iter().zip(&run.stages);
        let stages =
            stages.map(|(counts, stage)| (format!("stage-{}", counts.name), &stage.from, &stage.to, &counts.histogram));
        for (name, from, to, histogram) in std::iter::once(whole).chain(stages) {
            let (file, tag) = (format!("{name}.hlog"), "stage");
            let length = Duration::from_secs_f64(run.load.seconds);
            let mut log =
                HlogWriter::create(&folder.file(&file), tag, started_at).map_err(|error| error.to_string())?;
            let written = log.write(Duration::ZERO, length, histogram).and_then(|()| log.finish());
            written.map_err(|error| error.to_string())?;
            all.push((name.clone(), Percentiles::of(histogram)));
            let lost = match measured.skipped {
                0 => String::new(),
                skipped => format!("; the stamps of {skipped} commands were lost"),
            };
            run.series.push(Series {
                name,
                file,
                tag: tag.to_owned(),
                kind: SeriesKind::Stage,
                unit: "ns".to_owned(),
                from: from.clone(),
                to: to.clone(),
                description: format!("by the node's own stamps, of the measured part as one interval{lost}"),
            });
        }
        run.outliers.iter_mut().for_each(|outlier| self.explain(outlier));
        Ok(all)
    }

    /// The parts of a slow request, and a cause where the generator knew none.
    fn explain(&self, outlier: &mut Outlier) {
        let latency_ns = outlier.latency_ns;
        let micros = |ns: u64| ns / 1_000;
        let Some(parts) = self.parts.get(&outlier.sequence) else {
            // All slower ones are kept.
            let least = self.measured.slowest.iter().map(|order| order.latency_ns).min();
            if let (None, Some(least), true) =
                (&outlier.cause, least, self.parts.len() as u64 >= self.measured.kept_max)
            {
                let least = micros(least);
                outlier.cause =
                    Some(format!("outside the node, where it took at most {least} µs: kernel, socket or generator"));
            }
            return;
        };
        outlier.stages = parts.stages.clone();
        let largest = parts.stages.iter().max_by_key(|(_, ns)| **ns);
        let cause = match largest {
            Some((stage, ns)) if *ns >= latency_ns.div_ceil(2) => {
                format!("{stage}, {} of {} µs", micros(*ns), micros(latency_ns))
            }
            Some((stage, _)) if parts.latency_ns >= latency_ns.div_ceil(2) => {
                format!("the node, {} of {} µs, most of it {stage}", micros(parts.latency_ns), micros(latency_ns))
            }
            _ => {
                let inside = micros(parts.latency_ns);
                format!("outside the node, where it took {inside} µs: kernel, socket or generator")
            }
        };
        let is_nodes = parts.latency_ns >= latency_ns.div_ceil(2);
        match &mut outlier.cause {
            // Two threads on two cores that lose the same time have lost it to what is below both.
            Some(known) if is_nodes && known.starts_with(STOOD_STILL) => {
                *known = format!("the whole machine stood still (generator too): {cause}");
            }
            Some(_) => {}
            none => *none = Some(cause),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Of a request that took 1 ms.
    fn cause(known: Option<&str>, journal_ns: u64) -> String {
        let total = tidegate_latency::histogram();
        let stages = BTreeMap::from([("journal".to_owned(), journal_ns), ("match".to_owned(), 1_000)]);
        let order = OrderParts { sequence: 7, latency_ns: journal_ns + 1_000, stages };
        let measured =
            Counts { orders: 1, skipped: 0, total, stages: Vec::new(), slowest: vec![order.clone()], kept_max: 16 };
        let parts = BTreeMap::from([(order.sequence, order)]);
        let known = known.map(str::to_owned);
        let mut outlier = Outlier { latency_ns: 1_000_000, sequence: 7, cause: known, ..Outlier::default() };
        Stages { measured, parts }.explain(&mut outlier);
        assert_eq!(outlier.stages.len(), 2);
        outlier.cause.unwrap()
    }

    #[test]
    fn the_cause_does_not_contradict_the_stages_beside_it() {
        let still = format!("{STOOD_STILL} for 900 µs");
        assert_eq!(cause(None, 800_000), "journal, 800 of 1000 µs");
        let whole = "the whole machine stood still (generator too): journal, 800 of 1000 µs";
        assert_eq!(cause(Some(&still), 800_000), whole);
        assert_eq!(cause(Some(&still), 100_000), still, "the node had little of it");
        assert_eq!(cause(Some("failover"), 800_000), "failover");
        assert!(cause(None, 1_000).starts_with("outside the node"));
    }
}
