//! The load generator: one thread that never sleeps, all sessions on it.
//!
//! ```text
//!   [Schedule] --due?--> [Workload] --request--> session's socket ==> node
//!                                                                      |
//!   [Account] <--first report of a request-- [Orders], [Trades] <======/
//! ```
//!
//! Invariants: sending never waits for an answer nor for a socket: what a full socket does not take goes out later, and the
//! requests after it are late and counted as such. The same goes for a session that was lost in a failover. Nothing is in
//! flight when the measured part begins, so it can be told from the warm-up inside the node, too. Answers of a session come in the order of its requests. Whatever a
//! session is told, in the warm-up too, goes into its [`Orders`].
//! Owning thread: the caller's.

mod checks;
mod recovery;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tidegate_domain::{MarketId, RequestNumber};
use tidegate_wire::{OrderAction, Report};
use xxhash_rust::xxh3::Xxh3;

pub use recovery::{Gap, Verdict};

use crate::account::{Account, InFlight};
use crate::client::WireClient;
use crate::orders::{Orders, Trades};
use crate::ready::Ready;
use crate::recording::Recording;
use crate::schedule::Schedule;
use crate::workload::{Workload, WorkloadKind};

/// Longest silence while answers are owed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most requests that go out between two looks at the answers, when many are due.
const BATCH_MAX: u64 = 64;
/// Longer than so between two looks at the clock, the generator stood still.
const STALL_NS: u64 = 50_000;
/// Stalls that are remembered.
const STALLS_MAX: usize = 16_384;
/// Requests of a session without an answer while the book before a recording is put.
const OPENING_WINDOW: usize = 64;

/// When requests go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At these moments.
    Open(Schedule),
    /// So many of each session unanswered, always; 1 is a closed loop.
    Window(usize),
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub struct LoadPlan {
    /// See [`Pace`].
    pub pace: Pace,
    /// Load of which nothing is counted, before the rest.
    pub warm_up: Duration,
    /// Load that is measured.
    pub measured: Duration,
    /// How late a send may be without being counted as late.
    pub late_threshold: Duration,
    /// How many of the slowest are kept.
    pub outliers_max: usize,
}

/// What it came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When the measured part began.
    pub started_at: SystemTime,
    /// Everything counted.
    pub account: Account,
    /// Requests without an answer.
    pub unanswered: u64,
    /// The same moment by the clock that does not jump.
    pub begun: Instant,
    /// How long the measured part was: as planned, or to the last answer of a recording that ended earlier.
    pub measured: Duration,
    /// Beginnings and ends of the moments in which the generator stood still, nanoseconds after the beginning.
    pub stalls: Vec<(u64, u64)>,
}

/// Where requests come from.
enum Source {
    /// By session.
    Made(Vec<Workload>),
    Recorded(Recording),
}

impl Source {
    /// Who sends the `n`-th request of a load; `None` where there is no more.
    fn session_of(&self, n: u64) -> Option<usize> {
        match self {
            Self::Made(sessions) => Some((n % sessions.len() as u64) as usize),
            Self::Recorded(recording) => recording.next_session(),
        }
    }

    fn next_action(&mut self, session: usize, number: RequestNumber) -> OrderAction {
        match self {
            Self::Made(sessions) => sessions[session].next_action(number),
            Self::Recorded(recording) => recording.next_action(),
        }
    }

    fn left(&self) -> u64 {
        match self {
            Self::Made(_) => u64::MAX,
            Self::Recorded(recording) => recording.left() as u64,
        }
    }
}

struct Session {
    in_flight: VecDeque<InFlight>,
    orders: Orders,
    /// The socket has not taken everything, or there is none.
    is_behind: bool,
}

impl Session {
    /// Takes a report, in the order of the session; whether it is an answer.
    fn take(&mut self, report: &Report, now_ns: u64, trades: &mut Trades, account: &mut Account) -> bool {
        self.orders.note(report);
        trades.note(report);
        account.note_refusal(report);
        let is_answer = self.in_flight.front().is_some_and(|request| request.is_answered_by(report));
        if is_answer {
            let request = self.in_flight.pop_front().expect("it was there a line above");
            account.note_answered(request, report, now_ns);
        }
        is_answer
    }
}

/// See the module.
pub struct Generator {
    source: Source,
    /// Whether a correct exchange refuses none of it.
    is_all_accepted: bool,
    clients: Vec<WireClient>,
    sessions: Vec<Session>,
    ready: Ready,
    trades: Trades,
    input: Xxh3,
    misfits: u64,
    refusals: u64,
    /// Why.
    refused_for: BTreeSet<String>,
    unanswered: u64,
    /// Highest sequence of a report.
    last_sequence: u64,
    recovery: Option<recovery::Recovery>,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Generator").field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}

/// A load that came to its last answer.
struct Driven {
    begun: Instant,
    ended_ns: u64,
    stalls: Vec<(u64, u64)>,
}

/// How long a load goes on, and which request comes next.
struct Drive<'a> {
    /// No request is intended later; of a window, none is sent later.
    end_ns: u64,
    begun: Instant,
    account: &'a mut Account,
    next: u64,
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("less than 584 years")
}

impl Generator {
    /// With sessions that are logged on, and markets that exist and where their accounts have no orders.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(clients: Vec<WireClient>, kind: WorkloadKind, seed: u64, markets: &[MarketId]) -> Result<Self, String> {
        let sessions = (0..clients.len()).map(|session| Workload::new(kind, seed, session, markets)).collect();
        Self::with(clients, Source::Made(sessions), kind.is_all_accepted())
    }

    /// The same with requests that somebody recorded, whose sessions these are.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn of_recording(clients: Vec<WireClient>, mut recording: Recording) -> Result<Self, String> {
        recording.begin(clients.iter().map(|client| client.next_request().raw()).collect());
        Self::with(clients, Source::Recorded(recording), false)
    }

    fn with(clients: Vec<WireClient>, source: Source, is_all_accepted: bool) -> Result<Self, String> {
        let ready = Ready::of(&clients).map_err(|error| format!("epoll: {error}"))?;
        let session =
            || Session { in_flight: VecDeque::with_capacity(4_096), orders: Orders::default(), is_behind: false };
        Ok(Self {
            source,
            is_all_accepted,
            sessions: clients.iter().map(|_| session()).collect(),
            clients,
            ready,
            trades: Trades::default(),
            input: Xxh3::new(),
            misfits: 0,
            refusals: 0,
            refused_for: BTreeSet::new(),
            unanswered: 0,
            last_sequence: 0,
            recovery: None,
        })
    }

    /// Runs one load to the last answer. Between the warm-up and the measured part nothing is in flight; `at_begin` is then
    /// called with the highest sequence of an answer. `progress` is the time so far in nanoseconds.
    ///
    /// # Errors
    /// A session that ended, reports that are not dense, a recording that is shorter than the warm-up, or what `at_begin`
    /// says.
    pub fn run(
        &mut self,
        plan: &LoadPlan,
        progress: &AtomicU64,
        at_begin: &mut dyn FnMut(u64) -> Result<(), String>,
    ) -> Result<Outcome, String> {
        let mut account = Account::new(nanos(plan.measured), nanos(plan.late_threshold), plan.outliers_max);
        let none = AtomicU64::new(0);
        if let Source::Recorded(recording) = &self.source
            && recording.opening_left() > 0
        {
            self.drive(Pace::Window(OPENING_WINDOW), Duration::MAX, &mut account, &none)?;
        }
        if !plan.warm_up.is_zero() {
            self.drive(plan.pace, plan.warm_up, &mut account, progress)?;
        }
        if self.source.left() == 0 {
            let what = "the recording ended before the measured part; shorten --warm-up, lower --rate, or record more";
            return Err(what.to_owned());
        }
        at_begin(self.last_sequence)?;
        account.begin();
        let started_at = SystemTime::now();
        let Driven { begun, ended_ns, stalls } = self.drive(plan.pace, plan.measured, &mut account, progress)?;
        let mut measured = plan.measured;
        if self.source.left() == 0 && ended_ns < nanos(plan.measured) {
            account.end_at(ended_ns);
            measured = Duration::from_nanos(ended_ns);
        }
        let unanswered = self.sessions.iter().map(|session| session.in_flight.len() as u64).sum();
        self.unanswered += unanswered;
        self.misfits += account.misfits;
        self.refusals += account.rejects.values().sum::<u64>();
        self.refused_for.extend(account.rejects.keys().cloned());
        Ok(Outcome { started_at, account, unanswered, begun, measured, stalls })
    }

    /// One load from its first request to the last answer.
    fn drive(
        &mut self,
        pace: Pace,
        length: Duration,
        account: &mut Account,
        progress: &AtomicU64,
    ) -> Result<Driven, String> {
        let is_opening = length == Duration::MAX;
        let end_ns = if is_opening { u64::MAX } else { nanos(length) };
        let mut stalls = Vec::with_capacity(STALLS_MAX);
        let mut named = Vec::with_capacity(self.clients.len());
        let shown_ns = progress.load(Ordering::Relaxed);
        let begun = Instant::now();
        let mut load = Drive { end_ns, begun, account, next: 0 };
        let (mut heard_ns, mut before_ns) = (0, 0);
        loop {
            let now = load.now_ns();
            progress.store(shown_ns + now, Ordering::Relaxed);
            if now - before_ns > STALL_NS && stalls.len() < STALLS_MAX {
                stalls.push((before_ns, now));
            }
            before_ns = now;
            let is_over = match pace {
                Pace::Open(schedule) => self.send_due(schedule, &mut load)?,
                Pace::Window(window) => now >= end_ns || self.fill_windows(window, is_opening, &mut load)?,
            };
            if self.is_away() {
                self.come_back(&mut load)?;
                self.name_all_that_are_there(&mut named);
            } else {
                self.ready.look(&mut named).map_err(|error| format!("epoll: {error}"))?;
            }
            for &index in &named {
                if self.take_reports(index, &mut load)? {
                    heard_ns = now;
                }
            }
            self.flush_rest()?;
            let is_idle = self.sessions.iter().all(|session| session.in_flight.is_empty());
            if is_idle || self.is_away() {
                heard_ns = now;
            }
            let silent_ns = now.saturating_sub(heard_ns);
            if (is_over && (is_idle || silent_ns > nanos(PATIENCE))) || silent_ns > 2 * nanos(PATIENCE) {
                return Ok(Driven { begun, ended_ns: load.now_ns(), stalls });
            }
        }
    }

    /// Sends what is due; whether everything has been.
    fn send_due(&mut self, schedule: Schedule, load: &mut Drive<'_>) -> Result<bool, String> {
        let all = schedule.count_before(load.end_ns).min(load.next.saturating_add(self.source.left()));
        let first = load.next;
        while load.next < all && load.next - first < BATCH_MAX {
            let (intended, now) = (schedule.intended_ns(load.next), load.now_ns());
            let index = self.source.session_of(load.next).expect("there are requests left");
            // Behind a socket that is full, requests wait here and not in memory, so that they are late and counted as such.
            if intended > now || self.sessions[index].is_behind {
                break;
            }
            self.send(index, intended, now, load.account);
            load.next += 1;
            // One write for those of a burst that go to the same session; one session is one write for all that are due.
            let is_last = self.sessions.len() > 1 || load.next == all || schedule.intended_ns(load.next) > now;
            if is_last || load.next - first == BATCH_MAX {
                self.flush(index)?;
            }
        }
        Ok(load.next == all)
    }

    /// Half a window at a time, so that a write carries many. Over only at the end of a recording, or of its opening.
    fn fill_windows(&mut self, window: usize, is_opening: bool, load: &mut Drive<'_>) -> Result<bool, String> {
        if let Source::Recorded(_) = self.source {
            return self.fill_in_order(window, is_opening, load);
        }
        for index in 0..self.sessions.len() {
            let waiting = self.sessions[index].in_flight.len();
            if waiting > window / 2 || self.sessions[index].is_behind {
                continue;
            }
            let now = load.now_ns();
            for _ in waiting..window {
                self.send(index, now, now, load.account);
            }
            self.flush(index)?;
        }
        Ok(false)
    }

    /// As many as the windows take in the recorded order.
    fn fill_in_order(&mut self, window: usize, is_opening: bool, load: &mut Drive<'_>) -> Result<bool, String> {
        let now = load.now_ns();
        let is_over = |source: &Source| match source {
            Source::Recorded(recording) if is_opening => recording.opening_left() == 0,
            source => source.left() == 0,
        };
        while !is_over(&self.source)
            && let Some(index) = self.source.session_of(0)
        {
            let session = &self.sessions[index];
            if session.in_flight.len() >= window || session.is_behind {
                break;
            }
            self.send(index, now, now, load.account);
        }
        for index in 0..self.sessions.len() {
            self.flush(index)?;
        }
        Ok(is_over(&self.source))
    }

    fn send(&mut self, index: usize, intended_ns: u64, sent_ns: u64, account: &mut Account) {
        let (client, session) = (&mut self.clients[index], &mut self.sessions[index]);
        let action = self.source.next_action(index, client.next_request());
        let (request, bytes) = client.queue(action);
        self.input.update(bytes);
        account.note_sent(intended_ns, sent_ns);
        session.in_flight.push_back(InFlight {
            request: request.request,
            action: request.action,
            intended_ns,
            sent_ns,
        });
    }

    fn flush(&mut self, index: usize) -> Result<(), String> {
        if self.is_session_away(index) {
            return Ok(());
        }
        match self.clients[index].try_flush() {
            Ok(is_all) => self.sessions[index].is_behind = !is_all,
            Err(error) => self.lose(index, error)?,
        }
        Ok(())
    }

    /// What sockets did not take before.
    fn flush_rest(&mut self) -> Result<(), String> {
        for index in 0..self.sessions.len() {
            if self.sessions[index].is_behind {
                self.flush(index)?;
            }
        }
        Ok(())
    }

    /// Whether there were some.
    fn take_reports(&mut self, index: usize, load: &mut Drive<'_>) -> Result<bool, String> {
        let client = &mut self.clients[index];
        match client.read() {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                self.lose(index, error)?;
                return Ok(false);
            }
        }
        let now = load.now_ns();
        let (session, trades, account) = (&mut self.sessions[index], &mut self.trades, &mut *load.account);
        let (last, recovery) = (&mut self.last_sequence, &mut self.recovery);
        client.for_each_report(|report| {
            *last = report.sequence.raw().max(*last);
            let is_answer = session.take(report, now, trades, account);
            if let Some(recovery) = recovery {
                recovery.note(index, report, is_answer, now);
            }
            Ok(())
        })?;
        Ok(true)
    }

    /// XXH3 of every request so far, as 16 hex digits.
    #[must_use]
    pub fn input_hash(&self) -> String {
        format!("{:016x}", self.input.digest())
    }

    /// Highest sequence of a report.
    #[must_use]
    pub const fn last_sequence(&self) -> u64 {
        self.last_sequence
    }
}

impl Drive<'_> {
    fn now_ns(&self) -> u64 {
        self.begun.elapsed().as_nanos() as u64
    }
}
