//! The node's metrics in the Prometheus text format, read from atomics at each scrape: declared in one table, with a
//! sentence each. Nothing here touches the pipeline's threads.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use tidegate_market_data::FeedStats;

use crate::control::Control;
use crate::latency::{LatencyLine, LatencySample, LatencySpan};
use crate::status::NodeState;

/// The text of one scrape.
pub(crate) fn text(control: &Control) -> String {
    let mut registry = Registry::with_prefix("tidegate");
    let status = control.status_now(None);
    let marks = status.watermarks;
    let mut gauge = |name: &str, help: &str, value: u64| {
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
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
    let latency = control.desk.release_latency();
    gauge("release_latency_us_p50", "Sequencing to release, median since the start, in microseconds", latency.p50);
    gauge("release_latency_us_p99", "Sequencing to release, 99 % since the start, in microseconds", latency.p99);
    gauge("release_latency_us_p999", "Sequencing to release, 99.9 % since the start, in microseconds", latency.p999);
    gauge("release_latency_us_max", "Sequencing to release, largest since the start, in microseconds", latency.max);
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
            "feed_refused_connections",
            "Connections of the feed over a limit since the start",
            feed.refused_connections,
        );
        gauge("feed_slow_consumers", "Connections of the feed ended because they did not read", feed.slow_consumers);
        gauge("feed_refused_requests", "Requests that the feed refused since the start", feed.refused_requests);
        gauge("feed_retransmitted", "Messages that the feed sent again since the start", feed.retransmitted);
        gauge("feed_packets", "Datagrams that the feed sent to each group since the start", feed.packets);
        gauge("feed_packet_errors", "Datagrams of the feed that the system did not take", feed.packet_errors);
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
    latency_of_stages(&mut registry, &control.latency.sample());
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

/// The histograms of the stages, and of the whole way as stage `total`. A percentile with too few orders above it is not there.
fn latency_of_stages(registry: &mut Registry, sample: &LatencySample) {
    let of_span = |span: &LatencySpan| {
        let gauges = Family::<PercentileLabels, Gauge>::default();
        let set = |stage: &str, line: &LatencyLine| {
            for (percentile, value) in line.each() {
                if let Some(ns) = value {
                    let labels = PercentileLabels { stage: stage.to_owned(), percentile };
                    gauges.get_or_create(&labels).set(i64::try_from(ns).unwrap_or(i64::MAX));
                }
            }
        };
        set("total", &span.total);
        span.stages.iter().for_each(|stage| set(&stage.stage, &stage.latency));
        gauges
    };
    let help = "An order's part in a stage since the start, in nanoseconds; `total`: from its bytes to its report";
    registry.register("stage_latency_ns", help, of_span(&sample.since_start));
    let help = "The same of the last ten seconds";
    registry.register("stage_latency_10s_ns", help, of_span(&sample.last_10_s));
    let (sums, critical) = (Family::<StageLabel, Counter>::default(), Family::<StageLabel, Counter>::default());
    for stage in &sample.since_start.stages {
        let label = StageLabel { stage: stage.stage.clone() };
        sums.get_or_create(&label).inc_by(stage.sum_ns);
        critical.get_or_create(&label).inc_by(stage.critical);
    }
    registry.register("stage_ns", "What all orders spent in a stage, in nanoseconds", sums);
    registry.register("stage_critical_orders", "Orders of which a stage took the largest part", critical);
    let orders = Counter::<u64>::default();
    orders.inc_by(sample.since_start.orders);
    registry.register("timed_orders", "Orders whose stamps were counted", orders);
    let skipped = Counter::<u64>::default();
    skipped.inc_by(sample.skipped);
    registry.register("untimed_commands", "Commands whose stamps were lost, a replay's included", skipped);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::StageLine;

    #[test]
    fn the_metrics_have_what_the_histograms_have_and_no_more() {
        let line = |p50, max| LatencyLine { p50, max: Some(max), ..LatencyLine::default() };
        let stage = |name: &str, sum_ns, critical, latency| StageLine {
            stage: name.to_owned(),
            from: String::new(),
            to: String::new(),
            sum_ns,
            critical,
            latency,
        };
        let since_start = LatencySpan {
            orders: 30,
            sum_ns: 30_500,
            total: line(Some(1_001), 2_002),
            stages: vec![stage("inbox", 500, 7, line(None, 44)), stage("journal", 30_000, 23, line(Some(900), 1_900))],
        };
        let last_10_s = LatencySpan { orders: 1, total: line(None, 77), ..LatencySpan::default() };
        let sample = LatencySample { skipped: 5, since_start, last_10_s, ..LatencySample::default() };
        let mut registry = Registry::with_prefix("tidegate");
        latency_of_stages(&mut registry, &sample);
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a string does not fail");
        let mut lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        lines.sort_unstable();
        let mut expected = [
            r#"tidegate_stage_latency_ns{stage="total",percentile="p50"} 1001"#,
            r#"tidegate_stage_latency_ns{stage="total",percentile="max"} 2002"#,
            r#"tidegate_stage_latency_ns{stage="inbox",percentile="max"} 44"#,
            r#"tidegate_stage_latency_ns{stage="journal",percentile="p50"} 900"#,
            r#"tidegate_stage_latency_ns{stage="journal",percentile="max"} 1900"#,
            r#"tidegate_stage_latency_10s_ns{stage="total",percentile="max"} 77"#,
            r#"tidegate_stage_ns_total{stage="inbox"} 500"#,
            r#"tidegate_stage_ns_total{stage="journal"} 30000"#,
            r#"tidegate_stage_critical_orders_total{stage="inbox"} 7"#,
            r#"tidegate_stage_critical_orders_total{stage="journal"} 23"#,
            "tidegate_timed_orders_total 30",
            "tidegate_untimed_commands_total 5",
        ];
        expected.sort_unstable();
        assert_eq!(lines, expected);
    }
}
