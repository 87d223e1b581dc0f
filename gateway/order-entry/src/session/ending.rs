//! How a session ends: who watches it, what it is told, and whether the engine hears of it.
//!
//! Invariants: a session is told goodbye once, as its last message; the engine gets one `CloseSession` for a session that
//! it was asked to open, unless it ended the session itself or the node no longer leads.
//! Owning thread: order-entry.

use tidegate_domain::{AccountId, Command, Epoch, KeyId, Nanos, SessionSequence};
use tidegate_pipeline::Serving;
use tidegate_wire::{LogoutReason, ServerMessage};

use super::{Action, Phase, SessionCore, Submission, View};
use crate::stats::{add, sub};

/// How long a connection that was told goodbye may take to read it.
const LINGER: Nanos = Nanos::from_millis(1_000);
/// How long a client may be further behind than it may before it counts as slow: a burst is not slowness.
const SLOW_GRACE: Nanos = Nanos::from_millis(1_000);
/// Longest time for one write of at most about 400 KiB.
const WRITE_STALL_MAX: Nanos = Nanos::from_millis(10_000);
/// A client is gone when nothing came for so many heartbeat intervals; after half of that it is asked.
const HEARTBEATS_MISSED_MAX: u64 = 3;

/// Whether the engine has to be told that a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Yes, if it was opened.
    CloseSession,
    /// The engine ended it.
    EngineKnows,
    /// The node no longer leads or stops: the engine gives every open session its grace time at the next `TakeLead`.
    NodeEnds,
}

impl SessionCore {
    pub(super) fn watch_heartbeats(&mut self, now: Nanos) {
        if self.read_max() == 0 {
            // We are not reading, so its silence says nothing.
            self.last_received = now;
        }
        let silent_max = self.heartbeat.nanos() * HEARTBEATS_MISSED_MAX;
        if now >= plus(self.last_received, Nanos::from_nanos(silent_max)) {
            add(&self.stats.heartbeats_missed_total, 1);
            let detail = format!("nothing came for {} ms", since(now, self.last_received).nanos() / 1_000_000);
            return self.say_goodbye(LogoutReason::HeartbeatMissed, &detail, Ending::CloseSession, now);
        }
        if !self.was_tested && now >= plus(self.last_received, Nanos::from_nanos(silent_max / 2)) {
            self.was_tested = true;
            add(&self.stats.test_requests_total, 1);
            self.say(&ServerMessage::TestRequest { id: now.nanos() });
        }
        let idle = self.output.is_empty() && self.writing_bytes == 0;
        if idle && now >= plus(self.last_sent, self.heartbeat) && !self.say_position() {
            self.say(&ServerMessage::Heartbeat);
        }
    }

    pub(super) fn watch_slowness(&mut self, now: Nanos) {
        let queued = (self.output.len() + self.writing_bytes) as u64;
        let behind = match &self.phase {
            Phase::Streaming(stream) if stream.announced => queued + stream.behind_bytes(),
            // A replay may be long; it goes at the client's own pace.
            Phase::Streaming(_) => 0,
            Phase::Opening(_) | Phase::Copying(_) => queued,
            _ => return,
        };
        if behind > self.terms.output_max_bytes as u64 {
            let since_when = *self.behind_since.get_or_insert(now);
            if now >= plus(since_when, SLOW_GRACE) {
                let detail = format!("{behind} bytes behind; allowed: {}", self.terms.output_max_bytes);
                self.say_slow(&detail, now);
            }
        } else {
            self.behind_since = None;
            if self.writing_bytes > 0 && now >= plus(self.writing_since, WRITE_STALL_MAX) {
                self.say_slow("one write took longer than 10 s", now);
            }
        }
    }

    /// What the socket does not have yet is dropped: the client finds it in the replay after `resume_after`.
    fn say_slow(&mut self, detail: &str, now: Nanos) {
        add(&self.stats.slow_consumers_total, 1);
        let resume_after = self.handed;
        self.output.clear();
        self.forget_what_was_not_handed();
        self.say_position();
        self.close(now, Ending::CloseSession);
        self.say(&logout(LogoutReason::SlowConsumer, resume_after, detail));
    }

    pub(super) fn refuse_logon(&mut self, reason: LogoutReason, detail: &str, now: Nanos) {
        add(&self.stats.logons_refused_total, 1);
        self.say_goodbye(reason, detail, Ending::CloseSession, now);
    }

    pub(super) fn say_not_primary(&mut self, view: &View<'_>) {
        let (epoch, address) = match view.serving {
            Serving::Standby { epoch, primary } => (epoch, primary.map(|at| at.to_string()).unwrap_or_default()),
            Serving::Primary { epoch } => (epoch, String::new()),
            Serving::Not => (Epoch::default(), String::new()),
        };
        let was_open = matches!(self.phase, Phase::Streaming(_) | Phase::Copying(_));
        add(&self.stats.logons_refused_total, u64::from(!was_open));
        self.close(view.now, Ending::NodeEnds);
        self.say(&ServerMessage::NotPrimary { epoch, address });
    }

    pub(super) fn say_goodbye(&mut self, reason: LogoutReason, detail: &str, ending: Ending, now: Nanos) {
        if self.is_closed() {
            return;
        }
        self.say_position();
        let message = logout(reason, self.resume_after(), detail);
        self.close(now, ending);
        self.say(&message);
    }

    /// Ends the session; nothing more is decoded. What is queued is still written, for [`LINGER`].
    pub(super) fn close(&mut self, now: Nanos, ending: Ending) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let (key, account) = match phase {
            Phase::Closed => return,
            Phase::AwaitingLogon | Phase::LookingUp(_) | Phase::Verifying(_) => {
                (KeyId::default(), AccountId::default())
            }
            Phase::Copying(_) => {
                sub(&self.stats.drop_copies, 1);
                (KeyId::default(), AccountId::default())
            }
            Phase::Opening(candidate) => (candidate.key, candidate.account),
            Phase::Streaming(stream) => {
                sub(&self.stats.sessions, 1);
                (stream.key, stream.account)
            }
        };
        self.abort_at = Some(plus(now, LINGER));
        self.input = Vec::new();
        self.input_start = 0;
        match ending {
            Ending::CloseSession if key != KeyId::default() => {
                let command = Command::CloseSession { session: self.session };
                self.actions.push_back(Action::Submit(Submission::of(key, account, &command)));
            }
            Ending::NodeEnds => self.actions.clear(),
            Ending::CloseSession | Ending::EngineKnows => {}
        }
    }
}

fn logout(reason: LogoutReason, resume_after: SessionSequence, detail: &str) -> ServerMessage {
    ServerMessage::Logout { reason, resume_after, detail: detail.into() }
}

pub(super) fn plus(moment: Nanos, later: Nanos) -> Nanos {
    Nanos::from_nanos(moment.nanos().saturating_add(later.nanos()))
}

fn since(now: Nanos, earlier: Nanos) -> Nanos {
    Nanos::from_nanos(now.nanos().saturating_sub(earlier.nanos()))
}
