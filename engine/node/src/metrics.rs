//! The node's metrics in the Prometheus text format, read from atomics at each scrape: declared in one table, with a
//! sentence each. Nothing here touches the pipeline's threads.
//!
//! Invariants: what only grows is a counter and ends in `_total`; times are in seconds and sizes in bytes, and their names say so.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use tidegate_market_data::FeedStats;

use crate::control::Control;
use crate::latency::{Buckets, BusyLine, LatencySample};
use crate::status::NodeState;

/// The text of one scrape.
pub(crate) fn text(control: &Control) -> String {
    let mut registry = Registry::with_prefix("tidegate");
    let status = control.status_now(None);
    let marks = status.watermarks;
    // A name that ends in `_total` is a counter's.
    let mut gauge = |name: &str, help: &str, value: u64| match name.strip_suffix("_total") {
        Some(name) => registry.register(name, help, ConstCounter::new(value)),
        None => registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))),
    };
    gauge("epoch", "Leadership term", status.epoch.into());
    gauge(
        "ready",
        "1 while this node leads and releases",
        matches!(status.state, NodeState::Primary | NodeState::Degraded).into(),
    );
    gauge("degraded", "1 while releases are flagged DEGRADED", control.policy.degraded().into());
    gauge("assigned_through", "Last sequence that the sequencer numbered", marks.assigned_through);
    gauge("journaled_through", "Last sequence in the local log", marks.journaled_through);
    gauge("synced_through", "Last sequence on the local disk", marks.synced_through);
    gauge("matched_through", "Last sequence that the engine applied", marks.matched_through);
    gauge("published_through", "Last sequence that was released", marks.published_through);
    gauge("peer_received_through", "Last sequence in the standby's log", marks.peer_received_through);
    gauge("peer_synced_through", "Last sequence on the standby's disk", marks.peer_synced_through);
    gauge("commit_through", "On a standby: last sequence that its primary released", marks.commit_through);
    let ring = |done: u64| marks.assigned_through.saturating_sub(done);
    gauge("command_ring_fill_journal", "Slots that the journal stage has not read", ring(marks.journaled_through));
    gauge("command_ring_fill_match", "Slots that the match stage has not read", ring(marks.matched_through));
    gauge("command_ring_slots", "Slots of the command ring", control.config.pipeline.command_ring_slots as u64);
    let unreleased = marks.matched_through.saturating_sub(marks.published_through);
    gauge("unreleased_commands", "Commands that are applied and not released", unreleased);
    let peer = status.peer.unwrap_or_default();
    gauge("peer_connected", "1 while the link to the peer is alive", peer.connected.into());
    gauge("peer_lag_commands", "Commands that the standby has not received", peer.lag_commands);
    for (name, sentence, value) in control.gateway.each() {
        gauge(&format!("order_entry_{name}"), sentence, value);
    }
    let sink = status.sink.unwrap_or_default();
    gauge("sink_running", "1 while the SQL sink runs", sink.running.into());
    gauge("sink_through", "Last sequence that the SQL sink projected", sink.through);
    if let Some(feed) = control.market_data.as_ref().map(FeedStats::get) {
        gauge("feed_through", "Last sequence that is in the market-data feed", feed.through);
        gauge(
            "feed_resumed_at",
            "Sequence that the feed had from its checkpoint; 0: it read the whole event log",
            feed.resumed_at,
        );
        gauge("feed_orders", "Last number of the feed's channel orders", feed.orders);
        gauge("feed_levels", "Last number of the feed's channel levels", feed.levels);
        gauge("feed_trades", "Last number of the feed's channel trades", feed.trades);
        gauge("feed_connections", "Connections of the feed", feed.connections);
        gauge(
            "feed_refused_connections_total",
            "Connections of the feed over a limit since the start",
            feed.refused_connections,
        );
        gauge(
            "feed_slow_consumers_total",
            "Connections of the feed ended because they did not read",
            feed.slow_consumers,
        );
        gauge("feed_refused_requests_total", "Requests that the feed refused since the start", feed.refused_requests);
        gauge("feed_retransmitted_total", "Messages that the feed sent again since the start", feed.retransmitted);
        gauge("feed_packets_total", "Datagrams that the feed sent to each group since the start", feed.packets);
        gauge("feed_packet_errors_total", "Datagrams of the feed that the system did not take", feed.packet_errors);
    }
    gauge("inbox_fill", "Commands that wait for the sequencer", control.inbox.fill() as u64);
    gauge("journal_bytes", "Bytes of the journal", status.journal_bytes);
    gauge(
        "disk_space_low",
        "1 while the disk has room for fewer than three more log segments",
        (status.disk_space != "enough").into(),
    );
    gauge("event_log_bytes", "Bytes of the event log", status.event_log_bytes);
    gauge("uptime_seconds", "Seconds since the start", status.uptime_s);
    let counted = control.latency.counted();
    latency_of_stages(&mut registry, &counted.sample, counted.buckets);
    busy(&mut registry, &control.busy.lines());
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabel {
    stage: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PercentileLabels {
    stage: String,
    percentile: &'static str,
}

/// The histograms of the stages since the start, in seconds.
#[derive(Debug)]
struct StageHistograms(Arc<Vec<Buckets>>);

impl Collector for StageHistograms {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let help = "An order's part in a stage; `total`: from its bytes to its report";
        let mut all = encoder.encode_descriptor("stage_latency", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for Buckets { stage, sum_ns, orders_by_bound } in self.0.iter() {
            let label = StageLabel { stage: (*stage).to_owned() };
            let count = orders_by_bound.iter().map(|(_, orders)| orders).sum();
            let bound = |ns: u64| if ns == u64::MAX { f64::INFINITY } else { seconds(ns) };
            let buckets: Vec<_> = orders_by_bound.iter().map(|(ns, orders)| (bound(*ns), *orders)).collect();
            all.encode_family(&label)?.encode_histogram::<NoLabelSet>(seconds(*sum_ns), count, &buckets, None)?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "monitoring needs no more than 15 digits")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Percentiles of the last ten seconds, which no rate over buckets gives as exactly, and the histograms since the start, the whole
/// way as stage `total`. A percentile with too few orders above it is not there.
fn latency_of_stages(registry: &mut Registry, sample: &LatencySample, buckets: Arc<Vec<Buckets>>) {
    let span = &sample.last_10_s;
    let gauges = Family::<PercentileLabels, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
    let of_stages = span.stages.iter().map(|stage| (stage.stage.as_str(), &stage.latency));
    for (stage, percentiles) in of_stages.chain([("total", &span.total)]) {
        for (percentile, value) in percentiles.values() {
            if let Some(ns) = value {
                let labels = PercentileLabels { stage: stage.to_owned(), percentile };
                gauges.get_or_create(&labels).set(seconds(ns));
            }
        }
    }
    let help = "Percentiles of an order's part in a stage in the last ten seconds, and the largest";
    registry.register_with_unit("stage_latency_last_10s", help, Unit::Seconds, gauges);
    registry.register_collector(Box::new(StageHistograms(buckets)));
    let critical = Family::<StageLabel, Counter>::default();
    for stage in &sample.since_start.stages {
        critical.get_or_create(&StageLabel { stage: stage.stage.clone() }).inc_by(stage.critical);
    }
    registry.register("stage_critical_orders", "Orders of which a stage took the largest part", critical);
    let skipped = "Commands whose stamps were lost, a replay's included";
    registry.register("untimed_commands", skipped, ConstCounter::new(sample.skipped));
}

/// How busy each stage was, so that `rate` gives its share.
fn busy(registry: &mut Registry, lines: &[BusyLine]) {
    let all = Family::<StageLabel, Counter<f64, std::sync::atomic::AtomicU64>>::default();
    for line in lines {
        all.get_or_create(&StageLabel { stage: line.stage.clone() }).inc_by(seconds(line.busy_ns));
    }
    let help = "Estimate of the time in which a stage of the pipeline had something to do";
    registry.register_with_unit("stage_busy", help, Unit::Seconds, all);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::{LatencySpan, Percentiles, StageLine};

    fn stage(name: &str, critical: u64, latency: Percentiles) -> StageLine {
        StageLine {
            stage: name.to_owned(),
            from: String::new(),
            to: String::new(),
            sum_ns: 0,
            critical,
            latency,
            curve: Vec::new(),
        }
    }

    #[test]
    fn the_metrics_have_what_the_histograms_have_and_no_more() {
        let line = |p50, max| Percentiles { p50, max: Some(max), ..Percentiles::default() };
        let since_start = LatencySpan {
            stages: vec![stage("inbox", 7, line(None, 1)), stage("journal", 23, line(None, 2))],
            ..LatencySpan::default()
        };
        let last_10_s = LatencySpan {
            total: line(Some(1_001), 77_000),
            stages: vec![stage("inbox", 0, line(None, 44))],
            ..LatencySpan::default()
        };
        let sample = LatencySample { skipped: 5, since_start, last_10_s, ..LatencySample::default() };
        let buckets = |stage, sum_ns, orders: [u64; 3]| Buckets {
            stage,
            sum_ns,
            orders_by_bound: [100, 2_000_000, u64::MAX].into_iter().zip(orders).collect(),
        };
        let mut registry = Registry::with_prefix("tidegate");
        let histograms = vec![buckets("inbox", 500, [30, 0, 0]), buckets("total", 30_500_000_000, [1, 20, 9])];
        latency_of_stages(&mut registry, &sample, Arc::new(histograms));
        busy(&mut registry, &[BusyLine { stage: "match".to_owned(), busy_ns: 1_500_000_000 }]);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        lines.sort_unstable();
        let mut expected = [
            r#"tidegate_stage_latency_last_10s_seconds{stage="total",percentile="p50"} 0.000001001"#,
            r#"tidegate_stage_latency_last_10s_seconds{stage="total",percentile="max"} 0.000077"#,
            r#"tidegate_stage_latency_last_10s_seconds{stage="inbox",percentile="max"} 4.4e-8"#,
            r#"tidegate_stage_latency_seconds_sum{stage="inbox"} 5e-7"#,
            r#"tidegate_stage_latency_seconds_count{stage="inbox"} 30"#,
            r#"tidegate_stage_latency_seconds_bucket{le="1e-7",stage="inbox"} 30"#,
            r#"tidegate_stage_latency_seconds_bucket{le="0.002",stage="inbox"} 30"#,
            r#"tidegate_stage_latency_seconds_bucket{le="+Inf",stage="inbox"} 30"#,
            r#"tidegate_stage_latency_seconds_sum{stage="total"} 30.5"#,
            r#"tidegate_stage_latency_seconds_count{stage="total"} 30"#,
            r#"tidegate_stage_latency_seconds_bucket{le="1e-7",stage="total"} 1"#,
            r#"tidegate_stage_latency_seconds_bucket{le="0.002",stage="total"} 21"#,
            r#"tidegate_stage_latency_seconds_bucket{le="+Inf",stage="total"} 30"#,
            r#"tidegate_stage_critical_orders_total{stage="inbox"} 7"#,
            r#"tidegate_stage_critical_orders_total{stage="journal"} 23"#,
            "tidegate_untimed_commands_total 5",
            r#"tidegate_stage_busy_seconds_total{stage="match"} 1.5"#,
        ];
        expected.sort_unstable();
        assert_eq!(lines, expected);
    }
}
