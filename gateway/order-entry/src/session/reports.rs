//! Reports: as they are released, or from the event log where the client is behind.
//!
//! Invariants: they leave in order; what is not sent is said by a gap fill, so a client sees every number once.

use tidegate_domain::{EventRecord, Nanos, SessionSequence};
use tidegate_wire::{GapFillReason, Report, ServerMessage};

use super::{Action, Phase, SessionCore};
use crate::config::OUTPUT_SOFT_MAX_BYTES;
use crate::stats::add;

impl SessionCore {
    /// A report of this session's key was released. For the session whose `SessionOpened` was the key's last.
    pub(crate) fn on_report(&mut self, mut report: Report, now: Nanos) {
        let sent = self.wall(now);
        let Phase::Streaming(stream) = &mut self.phase else { return };
        let (is_next, received) = stream.on_released(&report);
        if is_next && self.output.len() < OUTPUT_SOFT_MAX_BYTES {
            report.stamps.received = received;
            report.stamps.sent = sent;
            report.stamps.tokens = stream.bucket.left(now);
            stream.on_sent(report.session_sequence);
            add(&self.stats.reports_total, 1);
            self.say(&ServerMessage::Report(report));
        }
    }

    /// Reports from the event log, the next ones in order. Answers to queries of an earlier connection are passed over.
    pub(crate) fn on_replayed(&mut self, records: &[EventRecord], now: Nanos) {
        let sent = self.wall(now);
        let mut stale: Option<(SessionSequence, SessionSequence)> = None;
        for record in records {
            let Phase::Streaming(stream) = &mut self.phase else { return };
            let (header, event) = record.decode().expect("the event log holds what publish encoded");
            let mut report = Report::from_event(&header, &event).expect("only reports have a session sequence");
            let number = report.session_sequence;
            stream.on_sent(number);
            if number <= stream.mark && report.body.is_query_answer() {
                stale = Some((stale.map_or(number, |(first, _)| first), number));
            } else {
                report.stamps.sent = sent;
                report.stamps.tokens = stream.bucket.left(now);
                self.say_stale(stale.take());
                self.say(&ServerMessage::Report(report));
                add(&self.stats.reports_total, 1);
            }
            if self.is_at_end_of_replay() {
                self.say_stale(stale.take());
                self.announce_end_of_replay();
            }
        }
        self.say_stale(stale);
    }

    fn say_stale(&mut self, range: Option<(SessionSequence, SessionSequence)>) {
        if let Some((first, last)) = range {
            self.say(&ServerMessage::GapFill { first, last, reason: GapFillReason::StaleAnswer });
        }
    }

    /// What reads the event log for this session is done.
    pub(crate) fn on_replay_end(&mut self) {
        if let Phase::Streaming(stream) = &mut self.phase {
            stream.replaying = false;
        }
    }

    /// Whether the reader of the event log may bring more.
    pub(crate) fn has_room_for_replay(&self) -> bool {
        self.output.len() < OUTPUT_SOFT_MAX_BYTES / 2
    }

    pub(super) fn next_replay(&mut self) -> Option<Action> {
        let room = self.has_room_for_replay();
        let Phase::Streaming(stream) = &mut self.phase else { return None };
        if stream.replaying || !stream.behind() || !room {
            return None;
        }
        stream.replaying = true;
        Some(Action::Replay { key: stream.key, after: stream.sent })
    }

    /// Passes over the older reports where the client wants only the newest `replay_max`; 0 is all.
    pub(super) fn skip_what_is_not_wanted(&mut self, replay_max: u32) {
        let Phase::Streaming(stream) = &mut self.phase else { return };
        let missed = stream.mark.raw() - stream.sent.raw();
        if replay_max == 0 || missed <= u64::from(replay_max) {
            return;
        }
        let (before, last) = (stream.sent, SessionSequence::new(stream.mark.raw() - u64::from(replay_max)));
        stream.sent = last;
        let first = SessionSequence::new(before.raw() + 1);
        self.say(&ServerMessage::GapFill { first, last, reason: GapFillReason::NotRequested });
    }

    fn is_at_end_of_replay(&self) -> bool {
        matches!(&self.phase, Phase::Streaming(stream) if !stream.announced && stream.sent >= stream.mark)
    }

    pub(super) fn announce_end_of_replay(&mut self) {
        if !self.is_at_end_of_replay() {
            return;
        }
        let Phase::Streaming(stream) = &mut self.phase else { return };
        stream.announced = true;
        let report_mark = stream.mark;
        self.say(&ServerMessage::ReplayDone { report_mark });
    }
}
