//! What lies between two samples of a node: rates and shares.
//!
//! Invariants: nothing is divided by a time that did not pass; a node that was started again between two samples begins anew.

use serde::Serialize;
use tidegate_node::latency::NodeSample;

/// Share of a stage's time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BusyShare {
    /// Its name.
    pub stage: String,
    /// 0 to 1: how much of the time it had something to do.
    pub share: f64,
}

/// A sample, and what has happened since the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Live {
    /// Between the two samples.
    pub interval_ns: u64,
    /// Orders answered in a second.
    pub orders_per_s: f64,
    /// Each stage of the pipeline.
    pub busy_shares: Vec<BusyShare>,
    /// Slots of the command ring that its slowest reader has not read.
    pub command_ring_fill: u64,
    /// The newer sample.
    #[serde(flatten)]
    pub sample: NodeSample,
}

impl Live {
    /// A sample with none before it: rates since the start of the node.
    #[must_use]
    pub fn first(sample: NodeSample) -> Self {
        let mut nothing = sample.clone();
        nothing.at_ns = 0;
        nothing.latency.since_start.orders = 0;
        nothing.busy.iter_mut().for_each(|line| line.busy_ns = 0);
        Self::between(&nothing, sample)
    }

    /// A sample after another one.
    #[must_use]
    pub fn between(before: &NodeSample, sample: NodeSample) -> Self {
        if sample.at_ns < before.at_ns || sample.status.pid != before.status.pid {
            return Self::first(sample);
        }
        let interval_ns = sample.at_ns - before.at_ns;
        let orders = sample.latency.since_start.orders.saturating_sub(before.latency.since_start.orders);
        let busy_shares = sample.busy.iter().map(|line| {
            let earlier = before.busy.iter().find(|other| other.stage == line.stage).map_or(0, |other| other.busy_ns);
            let share = ratio(line.busy_ns.saturating_sub(earlier), interval_ns).min(1.0);
            BusyShare { stage: line.stage.clone(), share }
        });
        let marks = &sample.status.watermarks;
        let read = marks.journaled_through.min(marks.matched_through);
        Self {
            interval_ns,
            orders_per_s: ratio(orders, interval_ns) * 1e9,
            busy_shares: busy_shares.collect(),
            command_ring_fill: marks.assigned_through.saturating_sub(read),
            sample,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share or a rate for people")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::float_cmp)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A node after so many seconds and orders, with three sessions.
    pub(in crate::top) fn sample(seconds: u64, orders: u64) -> NodeSample {
        changed(seconds, orders, |_| ())
    }

    /// The same with something else in it.
    pub(in crate::top) fn changed(seconds: u64, orders: u64, change: impl FnOnce(&mut Value)) -> NodeSample {
        let line = json!({ "p50": 21_000, "p90": 33_000, "p99": null, "p99.9": null, "p99.99": null, "max": 250_123, "curve": [] });
        let stage = |name: &str, sum: u64, critical: u64| {
            let mut stage = line.clone();
            let fields = [("stage", json!(name)), ("from", json!("a")), ("to", json!("b")), ("sum_ns", json!(sum))];
            for (field, value) in fields.into_iter().chain([("critical", json!(critical))]) {
                stage[field] = value;
            }
            stage
        };
        let span = json!({
            "orders": orders, "sum_ns": orders * 25_000, "total": line, "curve": [],
            "stages": [stage("journal", orders * 20_000, orders.saturating_sub(3)), stage("send", orders * 5_000, 3)],
        });
        let session = |key: u32, in_flight: u64, bytes: u64| {
            json!({
                "key": key, "peer": format!("10.0.0.{key}:999"), "in_flight": in_flight, "queued_bytes": bytes, "reports_behind": 0,
            })
        };
        let status = json!({
            "node": 1, "cluster": "c", "pid": 7, "version": "0", "state": "primary", "message": "leads", "epoch": 4,
            "incarnation": 1, "durability": "local", "durability_configured": "local", "core_plan": "fused", "io": "epoll",
            "order_entry": "127.0.0.1:1", "http": null, "sessions": 3, "requests": orders, "reports": orders, "inbox_fill": 17,
            "watermarks": {
                "assigned_through": 5_060, "journaled_through": 5_000, "synced_through": 5_000, "matched_through": 5_050,
                "published_through": 4_990, "peer_received_through": 0, "peer_synced_through": 0, "commit_through": 0,
            },
            "peer": null, "sink": null,
            "snapshot": { "sequence": 0, "age_s": 0, "running": false, "last_error": null }, "started_from": 0,
            "journal_bytes": 0, "disk_space": "enough", "event_log_bytes": 0, "uptime_s": seconds, "digest": null,
        });
        let mut value = json!({
            "at_ns": seconds * 1_000_000_000, "status": status,
            "latency": { "clock": "tsc", "skipped": 2, "since_start": span, "last_10_s": span, "slowest": [
                { "sequence": 4_711, "at_ns": 1, "latency_ns": 250_123, "stages": { "journal": 250_123 }, "content": "key 3: Tick" },
            ] },
            "busy": [
                { "stage": "journal", "busy_ns": seconds * 250_000_000 }, { "stage": "match", "busy_ns": 0 },
            ],
            "sessions": [session(1, 5, 0), session(2, 0, 900), session(3, 70, 10)],
            "inbox_slots": 8_192, "command_ring_slots": 16_384,
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn rates_and_shares_are_of_the_time_between_two_samples() {
        let live = Live::between(&sample(10, 1_000), sample(12, 1_500));
        assert_eq!((live.interval_ns, live.orders_per_s), (2_000_000_000, 250.0));
        assert_eq!((live.busy_shares[0].share, live.busy_shares[1].share), (0.25, 0.0));
        assert_eq!(live.command_ring_fill, 60);
    }

    #[test]
    fn a_node_that_was_started_again_begins_anew() {
        let live = Live::between(&sample(100, 1_000_000), sample(2, 10));
        assert_eq!((live.interval_ns, live.orders_per_s), (2_000_000_000, 5.0));
        // Also one that was away for longer than the one before had run.
        let again = changed(200, 100, |value| value["status"]["pid"] = json!(8));
        assert_eq!(Live::between(&sample(100, 1_000_000), again).orders_per_s, 0.5);
        assert_eq!(Live::first(sample(0, 10)).orders_per_s, 0.0, "no time has passed");
    }

    #[test]
    fn the_json_of_a_sample_has_rates_status_stages_and_sessions() {
        let json = serde_json::to_value(Live::first(sample(2, 10))).unwrap();
        assert_eq!(json["orders_per_s"], 5.0);
        assert_eq!(json["status"]["state"], "primary");
        assert_eq!(json["latency"]["last_10_s"]["stages"][0]["stage"], "journal");
        assert_eq!(json["latency"]["since_start"]["total"]["p90"], 33_000);
        assert_eq!(json["busy_shares"][0]["share"], 0.25);
        assert_eq!(json["sessions"][2]["in_flight"], 70);
    }
}
