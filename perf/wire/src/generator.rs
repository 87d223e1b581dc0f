//! The load generator: one thread that never sleeps, all sessions on it.
//!
//! ```text
//!   [Schedule] --due?--> [Workload] --request--> session's socket ==> node
//!                                                                      |
//!   [Account] <--first report of a request-- [Orders], [Trades] <======/
//! ```
//!
//! Invariants: sending never waits for an answer nor for a socket: what a full socket does not take goes out later, and the
//! requests after it are late and counted as such. Answers of a session come in the order of its requests. Whatever a
//! session is told, in the warm-up too, goes into its [`Orders`].
//! Owning thread: the caller's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tidegate_domain::{MarketId, OrderStatus};
use tidegate_latency::Check;
use tidegate_wire::{OrderAction, Report, ReportBody};
use xxhash_rust::xxh3::Xxh3;

use crate::account::{Account, InFlight, Measured};
use crate::client::WireClient;
use crate::orders::{Orders, Trades};
use crate::ready::Ready;
use crate::schedule::Schedule;
use crate::workload::{Workload, WorkloadKind};

/// Longest silence while answers are owed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most requests that go out between two looks at the answers, when many are due.
const BATCH_MAX: u64 = 64;

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
}

struct Session {
    workload: Workload,
    in_flight: VecDeque<InFlight>,
    orders: Orders,
    /// The socket has not taken everything.
    is_behind: bool,
}

/// See the module.
pub struct Generator {
    kind: WorkloadKind,
    clients: Vec<WireClient>,
    sessions: Vec<Session>,
    ready: Ready,
    trades: Trades,
    input: Xxh3,
    misfits: u64,
    refusals: u64,
    unanswered: u64,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Generator").field("kind", &self.kind).field("sessions", &self.sessions.len()).finish()
    }
}

impl Generator {
    /// With sessions that are logged on, and markets that exist and where their accounts have no orders.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(clients: Vec<WireClient>, kind: WorkloadKind, seed: u64, markets: &[MarketId]) -> Result<Self, String> {
        let ready = Ready::of(&clients).map_err(|error| format!("epoll: {error}"))?;
        let sessions = (0..clients.len())
            .map(|session| Session {
                workload: Workload::new(kind, seed, session, markets),
                in_flight: VecDeque::with_capacity(4_096),
                orders: Orders::default(),
                is_behind: false,
            })
            .collect();
        let (trades, input) = (Trades::default(), Xxh3::new());
        Ok(Self { kind, clients, sessions, ready, trades, input, misfits: 0, refusals: 0, unanswered: 0 })
    }

    /// Runs one load to the last answer; `progress` is the time so far in nanoseconds.
    ///
    /// # Errors
    /// A session that ended or reports that are not dense.
    pub fn run(&mut self, plan: &LoadPlan, progress: &AtomicU64) -> Result<Outcome, String> {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).expect("less than 584 years");
        let from_ns = nanos(plan.warm_up);
        let measured = Measured { from_ns, to_ns: from_ns + nanos(plan.measured) };
        let mut account = Account::new(measured, nanos(plan.late_threshold), plan.outliers_max);
        let mut named = Vec::with_capacity(self.clients.len());
        let mut next = 0;
        let started_at = SystemTime::now() + plan.warm_up;
        let begun = Instant::now();
        let now_ns = || begun.elapsed().as_nanos() as u64;
        let mut heard_ns = 0;
        loop {
            let now = now_ns();
            progress.store(now, Ordering::Relaxed);
            let is_over = match plan.pace {
                Pace::Open(schedule) => self.send_due(schedule, &mut next, measured.to_ns, &now_ns, &mut account)?,
                Pace::Window(window) => now >= measured.to_ns || self.fill_windows(window, &now_ns, &mut account)?,
            };
            self.ready.look(&mut named).map_err(|error| format!("epoll: {error}"))?;
            for &index in &named {
                if self.take_reports(index, &now_ns, &mut account)? {
                    heard_ns = now;
                }
            }
            self.flush_rest()?;
            let is_idle = self.sessions.iter().all(|session| session.in_flight.is_empty());
            if is_idle {
                heard_ns = now;
            }
            if is_over && (is_idle || now - heard_ns > nanos(PATIENCE)) {
                break;
            }
            if now.saturating_sub(heard_ns) > 2 * nanos(PATIENCE) {
                break;
            }
        }
        let unanswered = self.sessions.iter().map(|session| session.in_flight.len() as u64).sum();
        self.unanswered += unanswered;
        self.misfits += account.misfits;
        self.refusals += account.rejects.values().sum::<u64>();
        Ok(Outcome { started_at, account, unanswered })
    }

    /// Sends what is due; whether everything has been.
    fn send_due(
        &mut self,
        schedule: Schedule,
        next: &mut u64,
        end_ns: u64,
        now_ns: &impl Fn() -> u64,
        account: &mut Account,
    ) -> Result<bool, String> {
        let all = schedule.count_before(end_ns);
        let first = *next;
        while *next < all && *next - first < BATCH_MAX {
            let (intended, now) = (schedule.intended_ns(*next), now_ns());
            let index = (*next % self.sessions.len() as u64) as usize;
            // Behind a socket that is full, requests wait here and not in memory, so that they are late and counted as such.
            if intended > now || self.sessions[index].is_behind {
                break;
            }
            self.send(index, intended, now, account);
            *next += 1;
            // One write for those of a burst that go to the same session; one session is one write for all that are due.
            let is_last = self.sessions.len() > 1 || *next == all || schedule.intended_ns(*next) > now;
            if is_last || *next - first == BATCH_MAX {
                self.flush(index)?;
            }
        }
        Ok(*next == all)
    }

    /// Half a window at a time, so that a write carries many. Never over by itself.
    fn fill_windows(
        &mut self,
        window: usize,
        now_ns: &impl Fn() -> u64,
        account: &mut Account,
    ) -> Result<bool, String> {
        for index in 0..self.sessions.len() {
            let waiting = self.sessions[index].in_flight.len();
            if waiting > window / 2 || self.sessions[index].is_behind {
                continue;
            }
            let now = now_ns();
            for _ in waiting..window {
                self.send(index, now, now, account);
            }
            self.flush(index)?;
        }
        Ok(false)
    }

    fn send(&mut self, index: usize, intended_ns: u64, sent_ns: u64, account: &mut Account) {
        let (client, session) = (&mut self.clients[index], &mut self.sessions[index]);
        let action = session.workload.next_action(client.next_request());
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
        self.sessions[index].is_behind = !self.clients[index].try_flush()?;
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
    fn take_reports(&mut self, index: usize, now_ns: &impl Fn() -> u64, account: &mut Account) -> Result<bool, String> {
        let client = &mut self.clients[index];
        if !client.read()? {
            return Ok(false);
        }
        let now = now_ns();
        let (session, trades) = (&mut self.sessions[index], &mut self.trades);
        client.for_each_report(|report| {
            session.orders.note(report);
            trades.note(report);
            account.note_refusal(report);
            if session.in_flight.front().is_some_and(|request| request.is_answered_by(report)) {
                let request = session.in_flight.pop_front().expect("it was there a line above");
                account.note_answered(request, report, now);
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

    /// Asks the node for every open order of every session and compares; then everything that must hold after any load.
    /// `is_alone`: nobody else trades in these markets.
    ///
    /// # Errors
    /// A session that ended.
    pub fn check(&mut self, is_alone: bool) -> Result<Vec<Check>, String> {
        let check = |name: &str, ok: bool, detail: String| Check { name: name.to_owned(), ok, detail };
        let mut checks = Vec::new();
        let unanswered = self.unanswered;
        checks.push(check("every request is answered", unanswered == 0, format!("{unanswered} without an answer")));
        let misfits = self.misfits;
        checks.push(check("answers fit their requests", misfits == 0, format!("{misfits} of another kind")));
        if self.kind.is_all_accepted() {
            let refusals = self.refusals;
            checks.push(check("nothing is refused", refusals == 0, format!("{refusals} refusals")));
        }
        let contradiction = self.sessions.iter().find_map(|session| session.orders.contradiction());
        let detail = contradiction.map_or_else(
            || "each follows from those before".to_owned(),
            |(first, count)| format!("{count} of a session do not: {first}"),
        );
        checks.push(check("reports follow from each other", contradiction.is_none(), detail));
        if is_alone {
            let detail = format!("{} trades", self.trades.count());
            checks.push(check("both sides of every trade agree", self.trades.are_paired(), detail));
        }
        if unanswered == 0 {
            checks.push(self.check_open_orders()?);
        }
        Ok(checks)
    }

    fn check_open_orders(&mut self) -> Result<Check, String> {
        let (mut open, mut wrong) = (0, None);
        for index in 0..self.sessions.len() {
            let found = self.open_orders(index)?;
            open += found.len();
            let difference = self.sessions[index].orders.difference(&found);
            wrong = wrong.or(difference.map(|what| format!("session {index}: {what}")));
        }
        let ok = wrong.is_none();
        let detail = wrong.unwrap_or_else(|| format!("{open} open orders of {} sessions", self.sessions.len()));
        Ok(Check { name: "the final book is the one of the reports".to_owned(), ok, detail })
    }

    /// What the node says is open; nobody else's fills may come meanwhile.
    fn open_orders(&mut self, index: usize) -> Result<Vec<OrderStatus>, String> {
        let (client, session) = (&mut self.clients[index], &mut self.sessions[index]);
        let (asked, _) = client.queue(OrderAction::QueryOrders { market: None });
        client.flush()?;
        let (mut found, mut counted) = (Vec::new(), None);
        let begun = Instant::now();
        while counted.is_none() {
            if !client.read()? && begun.elapsed() > PATIENCE {
                return Err(format!("no list of open orders after {} s", PATIENCE.as_secs()));
            }
            client.for_each_report(|report: &Report| {
                session.orders.note(report);
                match report.body {
                    ReportBody::OrderStatus(status) => found.push(status),
                    ReportBody::QueryDone { count } if report.request == asked.request => counted = Some(count),
                    ReportBody::Rejected { reason, .. } => {
                        return Err(format!("a list of open orders is refused: {}", reason.as_str()));
                    }
                    _ => {}
                }
                Ok(())
            })?;
        }
        if counted != Some(found.len() as u64) {
            return Err(format!("{} open orders were listed, {counted:?} announced", found.len()));
        }
        Ok(found)
    }
}
