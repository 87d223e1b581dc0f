//! Control: the node's role and what may change it. Promotion, durability, the peer's news, the stop.
//!
//! ```text
//!   operator --admin.sock--+                    +--> sequencer's orders (never through a full ring)
//!   peer --LinkEvent-------+--> [Control] ------+--> acknowledgement policy
//!   signal ----------------+                    +--> serving state, SQL sink, state file
//! ```
//!
//! Invariants: an epoch is on disk before it takes effect; a node leads only through [`Control::take_lead`]; a primary
//! without its standby promises less only by an operator's word or by promotion, and then every release is flagged. What may
//! be done is decided in [`crate::decisions`]; here it is done.
//! Thread: tokio. One change at a time, behind `changing`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidegate_domain::{
    Command, CommandHeader, CommandRecord, Durability, Epoch, Genesis, LOGIC_VERSION, Nanos, Sequence,
};
use tidegate_journal::{EventLog, JournalReader};
use tidegate_market_data::FeedStats;
use tidegate_order_entry::{Announcer, OrderEntryStats};
use tidegate_pipeline::{
    AckPolicy, AckRule, DigestBoard, Fatal, Inbox, OnFatal, RunControl, SequencerOrder, Serving, ServingState,
    WatermarkReader,
};
use tidegate_replicator::message::RefusalCode;
use tidegate_replicator::{LinkEvent, LinkRole, Replicator};
use tokio::sync::{Mutex, MutexGuard};

use crate::EXIT_FENCED;
use crate::admin::Refusal;
use crate::config::{NodeConfig, Role};
use crate::decisions::{AtStart, Candidate, Claim, Part, Peer, at_start, may_promote, on_higher_epoch, starting};
use crate::desk::Desk;
use crate::latency::{BusyStages, Latency};
use crate::snapshots::Snapshots;
use crate::state_file::StateFile;
use crate::view::SinkTask;

mod report;

/// Pause between two looks at a watermark.
const LOOK: Duration = Duration::from_millis(1);
/// Between two looks whether a standby should remember how far its primary is ahead.
const COMMIT_LOOK: Duration = Duration::from_secs(1);
/// How long clients get to read the address of the new primary before a replaced node exits.
const RETIRED_FAREWELL: Duration = Duration::from_millis(300);

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
    pub(crate) announcer: Announcer,
    pub(crate) market_data: Option<FeedStats>,
    pub(crate) latency: Latency,
    pub(crate) busy: BusyStages,
    pub(crate) run: RunControl,
    pub(crate) policy: AckPolicy,
    pub(crate) digests: DigestBoard,
    pub(crate) journal: JournalReader,
    pub(crate) link: Option<Replicator>,
    pub(crate) facts: Facts,
    pub(crate) stopping: AtomicBool,
    /// The peer was refused because its journal is not a prefix of this leader's: it may hold what was acknowledged.
    pub(crate) peer_has_more: AtomicBool,
    pub(crate) on_fatal: OnFatal,
    pub(crate) changing: Mutex<Changing>,
    pub(crate) sink: std::sync::Mutex<Option<SinkTask>>,
    pub(crate) snapshots: Snapshots,
}

/// What does not change after the start.
pub(crate) struct Facts {
    pub(crate) started: Instant,
    /// The snapshot that the start took; zero is the journal's start.
    pub(crate) resumed_at: Sequence,
    pub(crate) recovered_through: Sequence,
    pub(crate) recovered_epoch: Epoch,
    pub(crate) core_plan: &'static str,
    pub(crate) io: &'static str,
    pub(crate) order_entry: SocketAddr,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) http_operator: Option<SocketAddr>,
    pub(crate) market_data: Option<SocketAddr>,
    pub(crate) incarnation: u64,
}

/// What changes, one change at a time. Nobody waits for the pipeline or for the peer while holding it.
pub(crate) struct Changing {
    pub(crate) state: StateFile,
    pub(crate) part: Part,
}

impl Control {
    /// Begins the role that the configuration names. The journal may still be on its way through the pipeline: what an
    /// earlier start did not let out may need the peer, or the operator, to leave, so neither waits for it.
    pub(crate) async fn begin(self: &Arc<Self>) -> Result<(), Fatal> {
        let peer = match self.config.node.role {
            Role::Primary => self.ask_peer().await,
            Role::Standby => None,
        };
        let mut changing = self.changing.lock().await;
        if changing.part != Part::Starting {
            return Ok(()); // It stops already.
        }
        let known = changing.state.promises().epoch.max(self.facts.recovered_epoch);
        if self.config.node.role == Role::Standby {
            changing.part = Part::Follows;
            self.policy.set(AckRule::Follow, false);
            self.run.give(SequencerOrder::Follow);
            self.link().follow(known);
            self.serving.set(Serving::Standby { epoch: known, primary: None });
            tracing::info!(epoch = known.raw(), through = self.facts.recovered_through.raw(), "following");
            tokio::spawn(Arc::clone(self).remember_commit());
            return Ok(());
        }
        let epoch = known.max(Epoch::new(1));
        match at_start(epoch, self.facts.recovered_through, peer) {
            AtStart::Lead => {
                let rule = AckRule::of(self.config.durability());
                self.take_lead(&mut changing, epoch, rule, false).await?;
                drop(changing);
                self.serve(epoch).await;
            }
            AtStart::GiveWay { epoch, order_entry } => self.give_way(changing, epoch, order_entry).await,
            AtStart::Behind { peer_last } => {
                self.keep(changing.state.see_commit(peer_last));
                let why = format!(
                    "the peer's journal reaches {peer_last}, this node's only {}: commands that were acknowledged may be \
                     missing here. Run `tidegate promote` on the peer; then start this node as standby with an empty folder",
                    self.facts.recovered_through
                );
                self.retire(changing, &why).await;
            }
        }
        Ok(())
    }

    /// What the peer says of itself, if it answers: a node that was replaced, or that lost the end of its journal, must hear
    /// of it before a client hears from it.
    async fn ask_peer(&self) -> Option<Peer> {
        let link = self.link.as_ref()?;
        // Every attempt ends, well or not, within the link's idle timeout.
        self.wait_until("the peer's answer", || link.status().attempts > 0).await;
        let status = link.status();
        Some(Peer {
            leads: status.peer_role? == LinkRole::Leader,
            epoch: status.peer_epoch?,
            order_entry: status.peer_order_entry?,
            last: status.peer_last?,
        })
    }

    /// Takes the lead in `epoch`. Clients are served once the sequencer has it: see [`Self::serve`].
    async fn take_lead(
        &self,
        changing: &mut Changing,
        epoch: Epoch,
        rule: AckRule,
        degraded: bool,
    ) -> Result<(), Fatal> {
        changing.state.lead(epoch)?;
        changing.part = Part::Leads;
        if let Some(link) = &self.link {
            link.lead(epoch);
            // Until then records of the old leader may still come in; they belong before our first command.
            self.wait_until("the link takes the lead", || link.status().role == LinkRole::Leader).await;
        }
        self.policy.set(rule, degraded);
        let genesis = (self.journal.appended_through() == Sequence::ZERO).then(|| self.genesis()).transpose()?;
        let take_lead = Command::TakeLead {
            node: self.config.node_id(),
            incarnation: self.facts.incarnation,
            session_grace: Nanos::from_millis(self.config.order_entry.session_grace_ms),
        };
        let first = CommandRecord::encode(&CommandHeader::default(), &take_lead);
        self.run.give(SequencerOrder::Lead { epoch, first, genesis });
        tracing::info!(epoch = epoch.raw(), durability = rule.as_str(), "leading");
        Ok(())
    }

    /// Waits until the sequencer has the lead, and serves.
    async fn serve(self: &Arc<Self>, epoch: Epoch) {
        self.wait_until("the sequencer takes the lead", || self.run.is_obeyed()).await;
        let changing = self.changing.lock().await;
        if changing.part == Part::Leads {
            self.serving.set(Serving::Primary { epoch });
            self.start_sink(epoch);
        }
    }

    fn genesis(&self) -> Result<CommandRecord, Fatal> {
        let cluster = self.config.cluster()?;
        let limits = (&self.config.limits).into();
        let seed = getrandom::u64().map_err(|error| format!("no random numbers from the system: {error}"))?;
        let genesis = Command::Genesis(Genesis { cluster, logic_version: LOGIC_VERSION, limits, seed });
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
        let started = Instant::now();
        let mut changing = self.changing.lock().await;
        let promises = changing.state.promises();
        let status = self.link.as_ref().map(Replicator::status).unwrap_or_default();
        let (last, commit) = (self.marks.journaled.through(), self.marks.commit.through().max(promises.commit_seen));
        let differs = promises.digest_differs_at.is_some() || status.digest_equal.is_some_and(|(_, equal)| !equal);
        let node = Candidate {
            part: changing.part,
            linked: status.connected,
            has_tried: status.role == LinkRole::Standby && status.attempts > 0,
            digest_differs: differs,
            last,
            commit,
        };
        may_promote(&node, force)?;
        let known = promises.epoch.max(status.peer_epoch.unwrap_or_default()).max(self.facts.recovered_epoch);
        let epoch = known.max(self.highest_journaled_epoch()).next();
        self.serving.set(Serving::Not);
        if let Err(error) = self.take_lead(&mut changing, epoch, AckRule::Solo, true).await {
            (self.on_fatal)("promotion", error);
        }
        drop(changing);
        self.serve(epoch).await;
        let takeover_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(json!({
            "epoch": epoch.raw(),
            "last_sequence": last.raw(),
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

    /// Changes what an acknowledgement needs. It works while nothing moves, which is when it is needed.
    pub(crate) async fn set_durability(self: &Arc<Self>, durability: Durability) -> Result<Value, Refusal> {
        let changing = self.changing.lock().await;
        if changing.part != Part::Leads {
            self.check_leads()?;
            return Err(starting());
        }
        if durability == Durability::Replicated {
            let caught_up = self.link.as_ref().is_some_and(|link| link.status().caught_up);
            if !caught_up {
                let why = "no standby has caught up: start one first; `tidegate status` shows its lag";
                return Err(Refusal::new("no_standby", why));
            }
        }
        if self.peer_has_more.load(Ordering::Acquire) {
            let why = "the standby's journal is not a part of this node's: it may hold commands that were acknowledged and are \
                       missing here. Run `tidegate promote` there, or start it again with an empty folder if this node is right";
            return Err(Refusal::new("standby_has_more", why));
        }
        let degraded = self.config.durability() == Durability::Replicated && durability != Durability::Replicated;
        self.change_rule(AckRule::of(durability), durability, degraded);
        Ok(json!({ "durability": durability.as_str(), "degraded": degraded }))
    }

    fn change_rule(&self, rule: AckRule, durability: Durability, degraded: bool) {
        self.policy.set(rule, degraded);
        tracing::warn!(rule = rule.as_str(), degraded, "the acknowledgement rule changed");
        // The record for the audit follows once the ring moves; the rule is in force already.
        self.desk.record(Command::SetDurability { durability, degraded });
    }

    /// News of the link.
    pub(crate) async fn on_link_event(self: &Arc<Self>, event: LinkEvent) {
        match event {
            LinkEvent::Connected => {
                tracing::info!("the link to the peer is up");
                self.peer_has_more.store(false, Ordering::Release);
                self.learn_primary().await;
            }
            LinkEvent::Lost { reason } => {
                tracing::warn!(%reason, "the link to the peer is down");
                if self.policy.rule() == AckRule::Replicated {
                    tracing::warn!(
                        "acknowledgements wait for the standby; bring it back, or run `tidegate durability set local`"
                    );
                }
                self.note_commit().await;
            }
            LinkEvent::CaughtUp => {
                tracing::info!("the standby has caught up");
                let changing = self.changing.lock().await;
                let alone = changing.part == Part::Leads && self.policy.rule() == AckRule::Solo;
                if alone && self.config.durability() == Durability::Replicated {
                    self.change_rule(AckRule::Replicated, Durability::Replicated, false);
                }
            }
            LinkEvent::PeerLeadsHigherEpoch { epoch, order_entry } => self.on_claim(epoch, order_entry).await,
            LinkEvent::PeerLeadsSameEpoch { epoch, order_entry } => {
                tracing::error!(epoch = epoch.raw(), peer = %order_entry, "both nodes lead in the same epoch: stop one of them");
            }
            LinkEvent::DigestMismatch { sequence, .. } => self.on_digest_mismatch(sequence).await,
            LinkEvent::Refused { code, reason } => {
                tracing::error!(%reason, "the link is refused");
                let is_apart = matches!(code, RefusalCode::StandbyAhead | RefusalCode::Diverged);
                if is_apart && self.changing.lock().await.part == Part::Leads {
                    self.peer_has_more.store(true, Ordering::Release);
                }
            }
        }
    }

    /// A standby remembers its primary's epoch, and tells clients where it is.
    async fn learn_primary(&self) {
        let mut changing = self.changing.lock().await;
        if changing.part == Part::Follows {
            let status = self.link().status();
            let epoch = status.peer_epoch.unwrap_or_default().max(changing.state.promises().epoch);
            self.keep(changing.state.promise(epoch));
            self.serving.set(Serving::Standby { epoch, primary: status.peer_order_entry });
        }
    }

    /// A standby whose primary acknowledged more than the standby's journal holds must not forget that it lacks something.
    /// Under `replicated` it never happens.
    async fn note_commit(&self) {
        let mut changing = self.changing.lock().await;
        let (commit, own) = (self.marks.commit.through(), self.marks.journaled.through());
        if changing.part == Part::Follows && commit > own {
            self.keep(changing.state.see_commit(commit));
        }
    }

    async fn remember_commit(self: Arc<Self>) {
        while self.changing.lock().await.part == Part::Follows {
            self.note_commit().await;
            tokio::time::sleep(COMMIT_LOOK).await;
        }
    }

    async fn on_digest_mismatch(&self, sequence: Sequence) {
        tracing::error!(
            sequence = sequence.raw(),
            "the standby's state differs from ours: do not promote it; start it again with an empty folder"
        );
        let mut changing = self.changing.lock().await;
        if changing.part == Part::Follows {
            self.keep(changing.state.note_digest_difference(sequence));
        }
    }

    /// The peer knows of an epoch above the one that this node had when it was asked.
    async fn on_claim(&self, epoch: Epoch, order_entry: SocketAddr) {
        let mut changing = self.changing.lock().await;
        match on_higher_epoch(changing.part, changing.state.promises().led, epoch) {
            Claim::Ignore => {}
            Claim::Respect => {
                self.keep(changing.state.promise(epoch));
                self.serving.set(Serving::Standby { epoch, primary: Some(order_entry) });
            }
            Claim::Retire => self.give_way(changing, epoch, order_entry).await,
        }
    }

    /// Another node leads: this one says so to its clients and ends.
    async fn give_way(&self, mut changing: MutexGuard<'_, Changing>, epoch: Epoch, order_entry: SocketAddr) {
        self.policy.set(AckRule::Frozen, false);
        self.serving.set(Serving::Standby { epoch, primary: Some(order_entry) });
        self.keep(changing.state.promise(epoch));
        let why = format!(
            "another node leads, or has led, in epoch {epoch}: this one stops. Its data folder may hold orders that nobody acknowledged: \
             move it away, and start this node as standby with an empty folder"
        );
        self.retire(changing, &why).await;
    }

    /// Ends a node that must not be started again as a primary. Nothing more leaves it.
    async fn retire(&self, mut changing: MutexGuard<'_, Changing>, why: &str) {
        self.policy.set(AckRule::Frozen, false);
        changing.part = Part::Retired;
        self.run.give(SequencerOrder::Stop);
        drop(changing);
        tracing::error!("{why}");
        eprintln!("tidegate: {why}");
        tokio::time::sleep(RETIRED_FAREWELL).await;
        std::process::exit(EXIT_FENCED);
    }

    /// No more commands; whatever was to change does not any more.
    pub(crate) async fn stop(&self) {
        let mut changing = self.changing.lock().await;
        changing.part = Part::Retired;
        self.stopping.store(true, Ordering::Release);
        self.run.give(SequencerOrder::Stop);
    }

    /// A promise that cannot be kept ends the node.
    fn keep(&self, written: Result<(), String>) {
        if let Err(error) = written {
            (self.on_fatal)("the state file", error.into());
        }
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
}
