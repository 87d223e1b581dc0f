//! A whole session for the fuzzer: a script says which bytes come, how time passes, and what shell, engine and event log do.
//! Only with the feature `fuzzing`, which no node has.
//!
//! ```text
//!   script --steps--> [World]: SessionCore, and the least of a gateway and an engine around it --> what was said, checked
//! ```
//!
//! Invariants: the world keeps to what a shell promises the core (a report is released once and in order, a replay brings what
//! was asked for, nothing is written twice at a time), and whatever a client sends, the core keeps to what it promises:
//! see `World::check`.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tidegate_domain::{
    AccountId, ClusterId, CommandHeader, CommandKind, Epoch, Event, EventHeader, EventRecord, KeyId, Name, Nanos,
    NodeId, Reject, RequestNumber, Roles, Sequence, SessionCloseReason, SessionId, SessionSequence, Timestamp,
};
use tidegate_pipeline::Serving;
use tidegate_wire::{ClientMessage, Logon, Position, Report, ServerMessage, SessionMode, encode_client, split_frame};

use crate::config::SecondLogon;
use crate::directory::{Directory, Maintenance};
use crate::session::{Action, SessionCore, SessionTerms, Submission, View};
use crate::throttle::{RateLimit, Throttles};

const KEY: KeyId = KeyId::new(5);
const ACCOUNT: AccountId = AccountId::new(9);
const SESSION: SessionId = SessionId::new(77);
const EPOCH: Epoch = Epoch::new(2);
const LEADS: Serving = Serving::Primary { epoch: EPOCH };
/// Reports that the key has before anybody logs on.
const REPORTS_BEFORE: u64 = 9;
const IN_FLIGHT_MAX: usize = 4;

/// Plays a script.
///
/// # Panics
/// When the session breaks a promise.
pub fn session(script: &[u8]) {
    let mut script = Script(script);
    let mut world = World::new(script.byte());
    while !script.0.is_empty() {
        world.step(&mut script);
        world.check();
    }
    world.with(|core, view| core.on_disconnected(view.now));
    world.write();
    world.check();
    assert_eq!(world.closes, usize::from(world.must_close), "the engine hears of the end exactly where it has to");
}

/// What is left of a script; what is missing is zero.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// See the module.
struct World {
    core: SessionCore,
    directory: Directory,
    serving: Serving,
    now: Nanos,
    /// Bytes that the socket has and the core did not read yet.
    up: VecDeque<u8>,
    /// What the engine was asked and has not answered: request number, and kind.
    asked: VecDeque<(CommandHeader, CommandKind)>,
    is_verifying: bool,
    is_looking_up: bool,
    /// The engine opened the session, and it is the key's last.
    is_current: bool,
    opens: usize,
    closes: usize,
    /// The engine was asked to open the session, did not end it, and this node leads.
    must_close: bool,
    is_writing: bool,
    /// Every report of the key.
    log: Vec<EventRecord>,
    replay: Option<VecDeque<EventRecord>>,
    followed: Option<usize>,
    said: Vec<u8>,
    /// The report that was said last, and whether anything may follow.
    last_said: Option<u64>,
    is_over: bool,
}

impl World {
    fn new(variant: u8) -> Self {
        let limit = match variant & 1 {
            0 => RateLimit::default(),
            _ => RateLimit { per_second: 10, burst: RateLimit::BURST_MIN },
        };
        let terms = SessionTerms {
            cluster: ClusterId::new(1),
            node: NodeId::new(1),
            logon_timeout: Nanos::from_millis(5_000),
            heartbeat_min_ms: 100,
            heartbeat_max_ms: 10_000,
            output_max_bytes: 8_192,
            in_flight_max: IN_FLIGHT_MAX,
            second_logon: if variant & 2 == 0 { SecondLogon::TakesOver } else { SecondLogon::IsRefused },
            throttles: Arc::new(Throttles::new(limit, RateLimit::default())),
            wall_at_zero: Timestamp::from_nanos(1_700_000_000_000_000_000),
        };
        let mut directory = Directory::default();
        let header = EventHeader { account: ACCOUNT, ..EventHeader::default() };
        let (name, roles) = (Name::new("k").expect("it is a name"), Roles::TRADE.with(Roles::READ));
        directory.on_event(&header, &Event::KeyCreated { key: KEY, name, public_key: [1; 32], roles });
        let now = Nanos::default();
        let view = View { directory: &directory, serving: LEADS, now };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let core = SessionCore::new(Arc::new(terms), Arc::default(), [3; 32], SESSION, peer, &view);
        let mut world = Self {
            core,
            directory,
            serving: LEADS,
            now,
            up: VecDeque::new(),
            asked: VecDeque::new(),
            is_verifying: false,
            is_looking_up: false,
            is_current: false,
            opens: 0,
            closes: 0,
            must_close: false,
            is_writing: false,
            log: Vec::new(),
            replay: None,
            followed: None,
            said: Vec::new(),
            last_said: None,
            is_over: false,
        };
        (1..=REPORTS_BEFORE).for_each(|request| world.append(RequestNumber::new(request)));
        world
    }

    /// The event log has one more report of the key.
    fn append(&mut self, request: RequestNumber) {
        let number = self.log.len() as u64 + 1;
        let header = EventHeader {
            sequence: Sequence::new(number),
            key: KEY,
            account: ACCOUNT,
            request,
            session_sequence: SessionSequence::new(number),
            ..EventHeader::default()
        };
        let event = Event::Rejected { reason: Reject::UnknownMarket, command: CommandKind::NewOrder };
        self.log.push(EventRecord::encode(&header, &event));
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.byte() % 20 {
            0..=2 => {
                let count = usize::from(script.byte());
                self.up.extend(script.bytes(count));
                self.read();
            }
            3 => {
                let mut bytes = Vec::new();
                encode_client(&ClientMessage::Logon(logon(script.byte(), script.byte())), &mut bytes);
                self.up.extend(bytes);
                self.read();
            }
            4 | 5 => self.read(),
            6 => {
                let millis = u64::from(script.byte()) * u64::from(script.byte());
                self.now = Nanos::from_nanos(self.now.nanos() + millis * 1_000_000);
                self.with(|core, view| core.on_tick(view));
            }
            7 if std::mem::take(&mut self.is_verifying) => {
                let valid = !script.byte().is_multiple_of(8);
                self.with(|core, view| core.on_verified(valid, view));
            }
            8 if std::mem::take(&mut self.is_looking_up) => self.with(|core, view| core.on_caught_up(view)),
            9..=11 => self.answer(script.byte()),
            12 => self.write(),
            13 if std::mem::take(&mut self.is_writing) => self.with(|core, _| core.on_written()),
            14 => self.bring(usize::from(script.byte() % 8)),
            15 => self.change_serving(script.byte()),
            16 => {
                let at = Timestamp::from_nanos(u64::MAX - u64::from(script.byte()));
                self.directory.maintenance = Some(Maintenance { at, detail: "for the fuzzer".to_owned() });
                self.with(|core, view| core.on_maintenance(view));
            }
            17 => {
                let blocked = script.byte().is_multiple_of(2);
                self.with(|core, _| core.set_blocked(blocked));
            }
            18 => match script.byte() {
                0 => self.with(|core, _| core.stop_listening()),
                1 => self.leave_the_lead(|core, view| core.on_stop(view.now)),
                2 => self.with(|core, view| core.on_too_many("for the fuzzer", view.now)),
                3 if self.is_verifying => self.with(|core, view| core.on_too_busy("for the fuzzer", view.now)),
                _ => {}
            },
            // Another session of the key is opened, and this one is over for the engine.
            19 if self.is_current && script.byte().is_multiple_of(4) => {
                self.is_current = false;
                self.forget_the_end();
                let event = Event::SessionClosed { session: SESSION, reason: SessionCloseReason::TakenOver };
                self.with(|core, view| core.on_session_event(EPOCH, &event, view));
            }
            _ => {}
        }
    }

    /// As a shell does it: only as much as the session wants.
    fn read(&mut self) {
        let count = self.core.read_max().min(self.up.len());
        if count > 0 {
            let bytes: Vec<u8> = self.up.drain(..count).collect();
            self.with(|core, view| core.on_bytes(&bytes, view.now));
        }
    }

    /// The engine answers what it was asked first.
    fn answer(&mut self, how: u8) {
        let Some((header, kind)) = self.asked.pop_front() else { return };
        match kind {
            CommandKind::OpenSession if how.is_multiple_of(16) => {
                self.forget_the_end();
                let event = Event::Rejected { reason: Reject::SessionOpen, command: CommandKind::OpenSession };
                self.with(|core, view| core.on_session_event(EPOCH, &event, view));
            }
            CommandKind::OpenSession => {
                self.is_current = true;
                let report_mark = SessionSequence::new(self.log.len() as u64);
                let event = Event::SessionOpened {
                    session: SESSION,
                    request_mark: RequestNumber::new(0),
                    report_mark,
                    cancel_on_disconnect: false,
                    grace: Nanos::default(),
                };
                self.with(|core, view| core.on_session_event(EPOCH, &event, view));
            }
            CommandKind::CloseSession => self.is_current = false,
            _ => {
                self.append(header.request);
                self.release();
            }
        }
    }

    /// The newest report is released.
    fn release(&mut self) {
        let newest = self.log.last().expect("one was appended just now").decode().expect("it was encoded here");
        if let (true, Some(report)) = (self.is_current, Report::from_event(&newest.0, &newest.1)) {
            self.with(|core, view| core.on_report(report, view.now));
        }
    }

    /// The event log is read for the session.
    fn bring(&mut self, at_most: usize) {
        if let Some(reports) = &mut self.replay
            && self.core.has_room_for_replay()
        {
            let chunk: Vec<_> = reports.drain(..at_most.min(reports.len())).collect();
            let is_done = reports.is_empty();
            if is_done {
                self.replay = None;
            }
            self.with(|core, view| {
                core.on_replayed(&chunk, view.now);
                if is_done {
                    core.on_replay_end();
                }
            });
        }
        if let Some(from) = self.followed
            && self.core.wants_events()
        {
            let to = (from + at_most).min(self.log.len());
            let (chunk, is_end) = (self.log[from..to].to_vec(), to == self.log.len());
            self.followed = Some(to);
            self.with(|core, view| core.on_events(&chunk, is_end, view));
        }
    }

    fn change_serving(&mut self, how: u8) {
        let serving = match how % 4 {
            0 => Serving::Not,
            1 => Serving::Standby { epoch: EPOCH, primary: None },
            2 => Serving::Primary { epoch: Epoch::new(3) },
            _ => return,
        };
        if std::mem::replace(&mut self.serving, serving) == serving {
            return;
        }
        self.leave_the_lead(|core, view| core.on_serving(view));
    }

    /// The engine knows of the end, or need not: it is not to be told, unless it was told already.
    fn forget_the_end(&mut self) {
        self.must_close = self.closes > 0;
    }

    /// What the engine has of open sessions is another leader's business from here on.
    fn leave_the_lead(&mut self, tell: impl FnOnce(&mut SessionCore, &View<'_>)) {
        self.forget_the_end();
        self.with(tell);
        self.asked.clear();
    }

    /// The socket takes what there is.
    fn write(&mut self) {
        if self.is_writing {
            return;
        }
        if let Ok(bytes) = self.core.take_output(Vec::new(), self.now) {
            self.is_writing = true;
            self.said.extend(bytes);
        }
    }

    fn with(&mut self, tell: impl FnOnce(&mut SessionCore, &View<'_>)) {
        let view = View { directory: &self.directory, serving: self.serving, now: self.now };
        tell(&mut self.core, &view);
        self.core.begin_turn();
        loop {
            let view = View { directory: &self.directory, serving: self.serving, now: self.now };
            match self.core.next_action(&view) {
                None => return,
                Some(Action::CatchUp) => self.is_looking_up = true,
                Some(Action::Verify { .. }) => self.is_verifying = true,
                Some(Action::Open { key, session, submission }) => {
                    assert_eq!((key, session), (KEY, SESSION));
                    (self.opens, self.must_close) = (self.opens + 1, true);
                    assert_eq!(self.opens, 1, "a connection opens one session");
                    self.ask(&submission);
                }
                Some(Action::Submit(submission)) => self.ask(&submission),
                Some(Action::Replay { key, after }) => {
                    assert!(key == KEY && self.replay.is_none(), "one replay at a time");
                    self.replay = Some(self.log[after.raw() as usize..].iter().copied().collect());
                }
                Some(Action::Follow { after }) => {
                    let place = after.map_or(0, |after| after.sequence.raw() as usize);
                    match place <= self.log.len() {
                        true => self.followed = Some(place),
                        false => {
                            let view = View { directory: &self.directory, serving: self.serving, now: self.now };
                            self.core.on_position_unknown(&view);
                        }
                    }
                }
            }
        }
    }

    fn ask(&mut self, submission: &Submission) {
        let records = submission.records();
        let (header, command) = records[0].decode().expect("what is submitted decodes");
        assert_eq!((header.key, header.account), (KEY, ACCOUNT), "a session acts for its own key");
        assert_eq!(self.opens, 1, "nothing is asked before the session is opened");
        if command.kind() == CommandKind::CloseSession {
            self.closes += 1;
        } else {
            assert_eq!(self.closes, 0, "nothing is asked after the session is closed");
        }
        self.asked.push_back((header, command.kind()));
        let requests =
            self.asked.iter().filter(|(_, kind)| !matches!(kind, CommandKind::OpenSession | CommandKind::CloseSession));
        assert!(requests.count() <= IN_FLIGHT_MAX, "more is unanswered than may be");
    }

    /// What was said: whole messages, reports without a gap, and nothing after a goodbye.
    fn check(&mut self) {
        let mut at = 0;
        while let Some(frame) = split_frame(&self.said[at..]).expect("a session says frames") {
            at += frame.bytes().len();
            let message = frame.server_message().expect("a session says messages");
            assert!(!self.is_over, "{message:?} after the goodbye");
            let mut follow = |first: u64, last: u64| {
                let before = self.last_said.replace(last);
                assert!(
                    before.is_none_or(|before| before + 1 == first) && first <= last,
                    "{message:?} after {before:?}"
                );
            };
            match message {
                ServerMessage::Report(report) => follow(report.session_sequence.raw(), report.session_sequence.raw()),
                ServerMessage::GapFill { first, last, .. } => follow(first.raw(), last.raw()),
                ServerMessage::Logout { .. } | ServerMessage::NotPrimary { .. } => self.is_over = true,
                _ => {}
            }
        }
        assert_eq!(at, self.said.len(), "what is written ends with a whole frame");
        self.said.clear();
    }
}

/// A logon that may be good.
fn logon(how: u8, last: u8) -> Logon {
    Logon {
        key: if how & 1 == 0 { KEY } else { KeyId::new(6) },
        mode: if how & 2 == 0 { SessionMode::Trading } else { SessionMode::DropCopy },
        replay_max: u32::from(how >> 5),
        resume_after: Position { sequence: Sequence::new(u64::from(last)), index: 0 },
        last_session_sequence: SessionSequence::new(u64::from(last)),
        heartbeat_ms: if how & 4 == 0 { 1_000 } else { 10 },
        grace_ms: 0,
        cancel_on_disconnect: how & 8 == 0,
        signature: [1; 64],
    }
}
