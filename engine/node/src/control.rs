//! Control: the node's role and what may change it. Promotion, durability, the peer's news, the stop.
//!
//! ```text
//!   operator --admin.sock--+                    +--> sequencer's orders (never through a full ring)
//!   peer --LinkEvent-------+--> [Control] ------+--> acknowledgement policy
//!   signal ----------------+                    +--> serving state, SQL sink, state file
//! ```
//!
//! Invariants: an epoch is on disk before it takes effect; a node leads only through [`Control::lead`]; a primary without
//! its standby promises less only by an operator's word or by promotion, and then every release is flagged.
//! Thread: tokio. One change at a time, behind `changing`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_domain::{Command, CommandHeader, CommandRecord, Durability, Epoch, Genesis, LOGIC_VERSION, Sequence};
use tidegate_journal::{EventLog, JournalReader};
use tidegate_order_entry::OrderEntryStats;
use tidegate_pipeline::{
    AckPolicy, AckRule, DigestBoard, Fatal, Inbox, OnFatal, RunControl, SequencerOrder, Serving, ServingState,
    WatermarkReader,
};
use tidegate_replicator::{LinkEvent, LinkRole, Replicator};
use tokio::sync::Mutex;

use crate::EXIT_FENCED;
use crate::admin::Refusal;
use crate::config::{NodeConfig, Role};
use crate::desk::Desk;
use crate::state_file::StateFile;
use crate::status::{DigestStatus, NodeState, NodeStatus, PeerStatus, WatermarkStatus};
use crate::view::SinkTask;

/// Pause between two looks at a watermark.
const LOOK: Duration = Duration::from_millis(1);
/// How long `status` waits for the digest that it asked for.
const DIGEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a starting node waits for its peer's answer; an absent peer gives none.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long clients get to read the address of the new primary before a fenced node exits.
const FENCED_FAREWELL: Duration = Duration::from_millis(300);

/// Every watermark of the node.
#[derive(Clone)]
pub(crate) struct Marks {
    pub(crate) assigned: WatermarkReader,
    pub(crate) journaled: WatermarkReader,
    pub(crate) synced: WatermarkReader,
    pub(crate) matched: WatermarkReader,
    pub(crate) published: WatermarkReader,
    pub(crate) peer_received: WatermarkReader,
    pub(crate) peer_synced: WatermarkReader,
    pub(crate) commit: WatermarkReader,
}

/// What control works on.
pub(crate) struct Control {
    pub(crate) config: NodeConfig,
    pub(crate) desk: Desk,
    pub(crate) inbox: Inbox,
    pub(crate) marks: Marks,
    pub(crate) log: EventLog,
    pub(crate) serving: ServingState,
    pub(crate) gateway: Arc<OrderEntryStats>,
    pub(crate) run: RunControl,
    pub(crate) policy: AckPolicy,
    pub(crate) digests: DigestBoard,
    pub(crate) journal: JournalReader,
    pub(crate) link: Option<Replicator>,
    pub(crate) facts: Facts,
    pub(crate) stopping: AtomicBool,
    pub(crate) on_fatal: OnFatal,
    pub(crate) changing: Mutex<Changing>,
    pub(crate) sink: std::sync::Mutex<Option<SinkTask>>,
}

/// What does not change after the start.
pub(crate) struct Facts {
    pub(crate) started: Instant,
    pub(crate) recovered_through: Sequence,
    pub(crate) recovered_epoch: Epoch,
    pub(crate) core_plan: &'static str,
    pub(crate) io: &'static str,
    pub(crate) order_entry: SocketAddr,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) incarnation: u64,
}

/// What changes, one change at a time.
pub(crate) struct Changing {
    pub(crate) state: StateFile,
    pub(crate) role: Role,
}

impl Control {
    /// Begins the part that the configuration names, once the journal is replayed.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<(), Fatal> {
        self.wait_until("replay of the journal", || self.marks.matched.through() >= self.facts.recovered_through).await;
        let successor = self.successor().await;
        let mut changing = self.changing.lock().await;
        let known = changing.state.epoch().max(self.facts.recovered_epoch);
        match changing.role {
            Role::Primary => {
                if let Some((epoch, order_entry)) = successor.filter(|(epoch, _)| *epoch >= known) {
                    drop(changing);
                    self.be_fenced(epoch, order_entry).await;
                    return Ok(());
                }
                let epoch = known.max(Epoch::new(1));
                let rule = AckRule::of(self.config.durability());
                self.lead(&mut changing, epoch, rule, false).await?;
            }
            Role::Standby => {
                self.run.give(SequencerOrder::Follow);
                self.link().follow(known);
                self.serving.set(Serving::Standby { epoch: known, primary: None });
                tracing::info!(epoch = known.raw(), through = self.marks.matched.through().raw(), "following");
            }
        }
        Ok(())
    }

    /// The peer, if it leads: a node that was replaced while it was away must hear of it before a client hears from it.
    async fn successor(&self) -> Option<(Epoch, SocketAddr)> {
        let link = self.link.as_ref()?;
        let asked = Instant::now();
        while link.status().attempts == 0 && asked.elapsed() < PROBE_TIMEOUT {
            tokio::time::sleep(LOOK).await;
        }
        let status = link.status();
        let leads = status.peer_role == Some(LinkRole::Leader);
        status.peer_epoch.zip(status.peer_order_entry).filter(|_| leads)
    }

    /// Takes the lead in `epoch`.
    async fn lead(
        self: &Arc<Self>,
        changing: &mut Changing,
        epoch: Epoch,
        rule: AckRule,
        degraded: bool,
    ) -> Result<(), Fatal> {
        changing.state.lead(epoch)?;
        changing.role = Role::Primary;
        if let Some(link) = &self.link {
            link.lead(epoch);
            // Until then records of the old leader may still come in; they belong before our first command.
            self.wait_until("the link takes the lead", || link.status().role == LinkRole::Leader).await;
        }
        self.policy.set(rule, degraded);
        let genesis = (self.journal.appended_through() == Sequence::ZERO).then(|| self.genesis()).transpose()?;
        let take_lead = Command::TakeLead { node: self.config.node_id(), incarnation: self.facts.incarnation };
        let first = CommandRecord::encode(&CommandHeader::default(), &take_lead);
        self.run.give(SequencerOrder::Lead { epoch, first, genesis });
        self.wait_until("the sequencer takes the lead", || self.run.is_obeyed()).await;
        self.serving.set(Serving::Primary { epoch });
        self.start_sink(epoch);
        tracing::info!(epoch = epoch.raw(), durability = rule.as_str(), "leading");
        Ok(())
    }

    fn genesis(&self) -> Result<CommandRecord, Fatal> {
        let cluster = self.config.cluster()?;
        let limits = (&self.config.limits).into();
        let genesis = Command::Genesis(Genesis { cluster, logic_version: LOGIC_VERSION, limits });
        Ok(CommandRecord::encode(&CommandHeader::default(), &genesis))
    }

    fn link(&self) -> &Replicator {
        self.link.as_ref().expect("the configuration is checked: a standby has [replication]")
    }

    /// Refuses on a node that does not lead.
    pub(crate) fn check_leads(&self) -> Result<(), Refusal> {
        match self.serving.get() {
            Serving::Primary { .. } => Ok(()),
            Serving::Standby { primary, .. } => {
                let at = primary.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
                Err(Refusal::new("not_primary", format!("this node is a standby; ask the primary (its gateway: {at})")))
            }
            Serving::Not => Err(Refusal::new("not_serving", "this node starts or stops; try again in a moment")),
        }
    }

    /// Makes this standby the primary, under a higher epoch.
    pub(crate) async fn promote(self: &Arc<Self>, force: bool) -> Result<Value, Refusal> {
        let mut changing = self.changing.lock().await;
        if changing.role == Role::Primary {
            return Err(Refusal::new("already_primary", "this node leads already"));
        }
        let status = self.link().status();
        if status.connected && !force {
            let why = "the link to the primary is alive: stop the primary first, or repeat with --force";
            return Err(Refusal::new("primary_alive", why));
        }
        if status.digest_equal.is_some_and(|(_, equal)| !equal) && !force {
            let why = "this node's state differed from the primary's: it must not lead. Restart the primary, or start this \
                       node again with an empty folder";
            return Err(Refusal::new("digest_differs", why));
        }
        let (commit, own) = (self.marks.commit.through(), self.marks.journaled.through());
        if own == Sequence::ZERO {
            let why = "this node has no data: it never received anything from a primary";
            return Err(Refusal::new("no_data", why));
        }
        if own < commit && !force {
            let why = format!(
                "the primary acknowledged through {commit}, this node has only {own}: promoting it would lose the \
                 difference; restart the primary, or repeat with --force and lose it"
            );
            return Err(Refusal::new("behind", why));
        }
        let known = changing.state.epoch().max(status.peer_epoch.unwrap_or_default()).max(self.facts.recovered_epoch);
        let epoch = known.max(self.highest_journaled_epoch()).next();
        let started = Instant::now();
        self.serving.set(Serving::Not);
        let lead = self.lead(&mut changing, epoch, AckRule::Solo, true).await;
        lead.map_err(|error| Refusal::new("failed", error.to_string()))?;
        let takeover_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(json!({
            "epoch": epoch.raw(),
            "last_sequence": own.raw(),
            "last_commit_seen": commit.raw(),
            "takeover_us": takeover_us,
            "message": "leading alone: acknowledgements are flagged DEGRADED until a standby has caught up",
        }))
    }

    /// The epoch of the newest record, which a standby learns from its primary.
    fn highest_journaled_epoch(&self) -> Epoch {
        let mut last = Vec::with_capacity(1);
        match self.journal.read(self.journal.appended_through(), 1, &mut last) {
            Ok(()) => last.first().map_or(Epoch::default(), CommandRecord::epoch),
            Err(error) => {
                (self.on_fatal)("journal", error.into());
                Epoch::default()
            }
        }
    }

    /// Changes what an acknowledgement needs.
    pub(crate) async fn set_durability(self: &Arc<Self>, durability: Durability) -> Result<Value, Refusal> {
        let _changing = self.changing.lock().await;
        self.check_leads()?;
        if durability == Durability::Replicated {
            let caught_up = self.link.as_ref().is_some_and(|link| link.status().caught_up);
            if !caught_up {
                let why = "no standby has caught up: start one first; `tidegate status` shows its lag";
                return Err(Refusal::new("no_standby", why));
            }
        }
        let degraded = self.config.durability() == Durability::Replicated && durability != Durability::Replicated;
        self.change_rule(AckRule::of(durability), durability, degraded).await;
        Ok(json!({ "durability": durability.as_str(), "degraded": degraded }))
    }

    async fn change_rule(&self, rule: AckRule, durability: Durability, degraded: bool) {
        self.policy.set(rule, degraded);
        tracing::warn!(rule = rule.as_str(), degraded, "the acknowledgement rule changed");
        // The record for the audit follows once the ring moves; the rule is in force already.
        self.desk.record(Command::SetDurability { durability, degraded }).await;
    }

    /// News of the link.
    pub(crate) async fn on_link_event(self: &Arc<Self>, event: LinkEvent) {
        match event {
            LinkEvent::Connected => {
                tracing::info!("the link to the peer is up");
                self.learn_primary().await;
            }
            LinkEvent::Lost { reason } => {
                tracing::warn!(%reason, "the link to the peer is down");
                if self.policy.rule() == AckRule::Replicated {
                    tracing::warn!(
                        "acknowledgements wait for the standby; bring it back, or run `tidegate durability set local`"
                    );
                }
            }
            LinkEvent::CaughtUp => {
                tracing::info!("the standby has caught up");
                let _changing = self.changing.lock().await;
                if self.policy.rule() == AckRule::Solo && self.config.durability() == Durability::Replicated {
                    self.change_rule(AckRule::Replicated, Durability::Replicated, false).await;
                }
            }
            LinkEvent::PeerLeadsHigherEpoch { epoch, order_entry } => self.be_fenced(epoch, order_entry).await,
            LinkEvent::PeerLeadsSameEpoch { epoch, order_entry } => {
                tracing::error!(epoch = epoch.raw(), peer = %order_entry, "both nodes lead in the same epoch: stop one of them");
            }
            LinkEvent::DigestMismatch { sequence, .. } => {
                tracing::error!(
                    sequence = sequence.raw(),
                    "the standby's state differs from ours: do not promote it; start it again with an empty folder"
                );
            }
            LinkEvent::Refused { reason } => {
                tracing::error!(%reason, "the peer refuses the link");
            }
        }
    }

    /// A standby remembers its primary's epoch, and tells clients where it is.
    async fn learn_primary(&self) {
        let mut changing = self.changing.lock().await;
        if changing.role == Role::Standby {
            let status = self.link().status();
            let epoch = status.peer_epoch.unwrap_or_default().max(changing.state.epoch());
            if let Err(error) = changing.state.promise(epoch) {
                (self.on_fatal)("state file", error.into());
            }
            self.serving.set(Serving::Standby { epoch, primary: status.peer_order_entry });
        }
    }

    /// Another node leads in a higher epoch: this one serves no more.
    async fn be_fenced(&self, epoch: Epoch, order_entry: SocketAddr) {
        let mut changing = self.changing.lock().await;
        self.serving.set(Serving::Standby { epoch, primary: Some(order_entry) });
        if let Err(error) = changing.state.promise(epoch) {
            (self.on_fatal)("state file", error.into());
        }
        if changing.role == Role::Standby {
            return;
        }
        tracing::error!(
            epoch = epoch.raw(),
            "another node leads in a higher epoch: this one stops. Its data folder may hold orders that nobody \
             acknowledged: move it away, and start this node as standby with an empty folder"
        );
        tokio::time::sleep(FENCED_FAREWELL).await;
        std::process::exit(EXIT_FENCED);
    }

    fn start_sink(self: &Arc<Self>, epoch: Epoch) {
        if let Some(sql) = &self.config.sql {
            let task = SinkTask::start(&sql.file, epoch, self.log.clone());
            *self.sink.lock().expect("no holder of this lock panics") = Some(task);
        }
    }

    async fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let started = Instant::now();
        let mut reported = 0;
        while !done() {
            tokio::time::sleep(LOOK).await;
            let seconds = started.elapsed().as_secs();
            if seconds > reported {
                reported = seconds;
                tracing::info!(seconds, matched = self.marks.matched.through().raw(), "waiting: {what}");
            }
        }
    }

    /// The node in one word and one sentence.
    pub(crate) fn state(&self) -> (NodeState, String) {
        if self.stopping.load(Ordering::Acquire) {
            return (NodeState::Stopping, "drains and stops".to_owned());
        }
        let connected = self.link.as_ref().is_some_and(|link| link.status().connected);
        match (self.serving.get(), self.policy.rule()) {
            (Serving::Not, _) => {
                let (done, all) = (self.marks.matched.through(), self.facts.recovered_through);
                (NodeState::Starting, format!("replays its journal: {done} of {all}"))
            }
            (Serving::Standby { .. }, _) if connected => (NodeState::Standby, "follows the primary".to_owned()),
            (Serving::Standby { .. }, _) => {
                let what = "follows, but the primary is not reachable; `tidegate promote` makes this node the primary";
                (NodeState::Standby, what.to_owned())
            }
            (Serving::Primary { .. }, AckRule::Replicated) if !connected => {
                let what = "holds acknowledgements back: its standby is missing. Bring it back, or run `tidegate \
                            durability set local`";
                (NodeState::Blocked, what.to_owned())
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
            sessions: self.gateway.sessions.load(Ordering::Relaxed),
            requests: self.gateway.requests_total.load(Ordering::Relaxed),
            reports: self.gateway.reports_total.load(Ordering::Relaxed),
            watermarks: self.watermarks(),
            peer: self.peer(),
            sink: self.sink.lock().expect("no holder of this lock panics").as_ref().map(SinkTask::status),
            journal_bytes: self.journal.bytes(),
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
