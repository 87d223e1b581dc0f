//! What control says about the node: its state in one word and one sentence, its status as a structure.
//!
//!   marks, link, policy, sink, gateway --> [NodeStatus] --> operator's socket, HTTP, metrics
//!
//! Thread: tokio. Reads only.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tidegate_journal::SpaceState;
use tidegate_pipeline::{AckRule, Serving};
use tidegate_replicator::Replicator;

use super::{Control, LOOK};
use crate::latency::{NodeSample, SessionSample};
use crate::status::{DigestStatus, NodeState, NodeStatus, PeerStatus, WatermarkStatus};
use crate::view::SinkTask;

/// How long `status` waits for the digest that it asked for.
const DIGEST_TIMEOUT: Duration = Duration::from_secs(5);

impl Control {
    /// What the disk has left for both logs.
    pub(crate) fn space(&self) -> SpaceState {
        self.journal.space().max(self.log.space())
    }

    /// The node in one word and one sentence.
    pub(crate) fn state(&self) -> (NodeState, String) {
        if self.stopping.load(Ordering::Acquire) {
            return (NodeState::Stopping, "drains and stops".to_owned());
        }
        let link = self.link.as_ref().map(Replicator::status).unwrap_or_default();
        let connected = link.connected;
        match (self.serving.get(), self.policy.rule()) {
            (Serving::Standby { .. }, _) if connected => (NodeState::Standby, "follows the primary".to_owned()),
            (Serving::Standby { .. }, _) => {
                let what = "follows, but the primary is not reachable; `tidegate promote` makes this node the primary";
                (NodeState::Standby, what.to_owned())
            }
            (Serving::Primary { .. } | Serving::Not, AckRule::Replicated)
                if self.peer_has_more.load(Ordering::Acquire) =>
            {
                let what = "holds acknowledgements back: the standby's journal is not a part of this node's. It may hold what \
                            was acknowledged: run `tidegate promote` there, or start it again with an empty folder";
                (NodeState::Blocked, what.to_owned())
            }
            (Serving::Primary { .. } | Serving::Not, AckRule::Replicated) if connected && !link.caught_up => (
                NodeState::Blocked,
                format!("holds acknowledgements back until its standby has caught up; it lacks {}", link.lag),
            ),
            (Serving::Primary { .. } | Serving::Not, AckRule::Replicated) if !connected => {
                let what = "holds acknowledgements back: its standby is missing. Bring it back, or run `tidegate \
                            durability set local`";
                (NodeState::Blocked, what.to_owned())
            }
            (Serving::Not, _) => {
                let (done, all) = (self.marks.matched.through(), self.facts.recovered_through);
                (NodeState::Starting, format!("has replayed {done} of {all} commands of its journal"))
            }
            (Serving::Primary { .. }, rule) if self.policy.degraded() => {
                (NodeState::Degraded, format!("leads with rule `{}`: no standby protects new orders", rule.as_str()))
            }
            (Serving::Primary { .. }, _) => (NodeState::Primary, "leads".to_owned()),
        }
    }

    /// Everything about the node.
    pub(crate) async fn status(&self, digest: bool) -> NodeStatus {
        let digest = if digest { self.fresh_digest().await } else { None };
        self.status_now(digest)
    }

    /// Status, latency and sessions at one moment, for the operator.
    pub(crate) async fn sample(&self) -> NodeSample {
        let announcer = self.announcer.clone();
        // It waits for the gateways.
        let listed = tokio::task::spawn_blocking(move || announcer.sessions()).await.unwrap_or_default();
        let sessions = listed.into_iter().map(|line| SessionSample {
            key: line.key,
            peer: line.peer,
            in_flight: line.in_flight,
            queued_bytes: line.queued_bytes,
            reports_behind: line.reports_behind,
        });
        NodeSample { sessions: sessions.collect(), ..self.sample_without_sessions() }
    }

    /// The same but for sessions, without waiting for anybody.
    pub(crate) fn sample_without_sessions(&self) -> NodeSample {
        NodeSample {
            at_ns: u64::try_from(self.facts.started.elapsed().as_nanos()).unwrap_or(u64::MAX),
            status: self.status_now(None),
            latency: self.latency.counted().sample.as_ref().clone(),
            busy: self.busy.lines(),
            sessions: Vec::new(),
            inbox_slots: self.inbox.capacity() as u64,
            command_ring_slots: self.config.pipeline.command_ring_slots as u64,
        }
    }

    async fn fresh_digest(&self) -> Option<DigestStatus> {
        let before = self.marks.matched.through();
        self.digests.request();
        let asked = Instant::now();
        while asked.elapsed() < DIGEST_TIMEOUT {
            if let Some((sequence, digest)) = self.digests.latest()
                && sequence >= before
            {
                return Some(DigestStatus { sequence: sequence.raw(), digest: digest.to_string() });
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    pub(crate) fn status_now(&self, digest: Option<DigestStatus>) -> NodeStatus {
        let (state, message) = self.state();
        let epoch = match self.serving.get() {
            Serving::Primary { epoch } | Serving::Standby { epoch, .. } => epoch,
            Serving::Not => self.facts.recovered_epoch,
        };
        NodeStatus {
            node: self.config.node.id,
            cluster: self.config.node.cluster.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state,
            message,
            epoch: epoch.raw(),
            incarnation: self.facts.incarnation,
            durability: self.policy.rule().as_str().to_owned(),
            durability_configured: self.config.durability().as_str().to_owned(),
            core_plan: self.facts.core_plan.to_owned(),
            io: self.facts.io.to_owned(),
            order_entry: self.facts.order_entry.to_string(),
            http: self.facts.http.map(|address| address.to_string()),
            http_operator: self.facts.http_operator.map(|address| address.to_string()),
            market_data: self.facts.market_data.map(|address| address.to_string()),
            sessions: self.gateway.sessions.load(Ordering::Relaxed),
            requests: self.gateway.requests_total.load(Ordering::Relaxed),
            reports: self.gateway.reports_total.load(Ordering::Relaxed),
            inbox_fill: self.inbox.fill() as u64,
            watermarks: self.watermarks(),
            peer: self.peer(),
            sink: self.sink.lock().expect("no holder of this lock panics").as_ref().map(SinkTask::status),
            snapshot: self.snapshots.status(),
            started_from: self.facts.resumed_at.raw(),
            journal_bytes: self.journal.bytes(),
            disk_space: self.space().as_str().to_owned(),
            event_log_bytes: self.log.bytes(),
            uptime_s: self.facts.started.elapsed().as_secs(),
            digest,
        }
    }

    pub(crate) fn watermarks(&self) -> WatermarkStatus {
        let marks = &self.marks;
        WatermarkStatus {
            assigned_through: marks.assigned.through().raw(),
            journaled_through: marks.journaled.through().raw(),
            synced_through: marks.synced.through().raw(),
            matched_through: marks.matched.through().raw(),
            published_through: marks.published.through().raw(),
            peer_received_through: marks.peer_received.through().raw(),
            peer_synced_through: marks.peer_synced.through().raw(),
            commit_through: marks.commit.through().raw(),
        }
    }

    fn peer(&self) -> Option<PeerStatus> {
        let status = self.link.as_ref()?.status();
        let lag = self.marks.assigned.through().raw().saturating_sub(self.marks.peer_received.through().raw());
        Some(PeerStatus {
            node: self.config.replication.as_ref().map_or(0, |section| section.peer_node),
            connected: status.connected,
            caught_up: status.caught_up,
            epoch: status.peer_epoch.unwrap_or_default().raw(),
            lag_commands: if matches!(self.serving.get(), Serving::Primary { .. }) { lag } else { 0 },
            digest_equal: status.digest_equal.map(|(_, equal)| equal),
            last_error: status.last_error,
        })
    }
}
