//! A failover under load: the primary is killed while the generator keeps its schedule, and the standby promoted.
//!
//! ```text
//!   [thread "failover"]  measured part begins --at--> kill -9 --> promote, until the standby lets itself --> moments
//!   [generator]          answers end .................. gap ................ sessions come back, first answer
//! ```
//!
//! Invariants: the generator hears of the kill before it happens, so that no lost session is a surprise; the operator of a real
//! cluster would have to see the death first: here it is known at once, and what takes time is that the standby is sure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tidegate_latency::{Check, Failover, Run};
use tidegate_node::AdminRequest;
use tidegate_perf_wire::{Gap, Generator, Login, Outcome};

use crate::local::{CHILD_TIMEOUT, LocalNode};

/// Between two attempts to promote.
const PROMOTE_EVERY: Duration = Duration::from_millis(2);

/// See the module.
pub(super) struct Failing {
    clock: SyncSender<Instant>,
    operator: Option<JoinHandle<Promoted>>,
}

/// What the operator did.
struct Promoted {
    standby: LocalNode,
    result: Result<Moments, String>,
}

struct Moments {
    killed: Instant,
    promoted: Instant,
}

impl Failing {
    /// Takes the nodes of a pair: the primary goes `at` after [`Self::start_clock`]. Call it before the generator's thread is
    /// pinned, or the operator would wait for the same core.
    pub(super) fn begin(
        at: Duration,
        nodes: &mut Vec<LocalNode>,
        logins: &[Login],
        generator: &mut Generator,
    ) -> Result<Self, String> {
        let (standby, primary) = (nodes.pop(), nodes.pop());
        let (Some(standby), Some(mut primary)) = (standby, primary) else {
            return Err("a failover needs two nodes".to_owned());
        };
        let is_killed = Arc::new(AtomicBool::new(false));
        let there = logins.iter().map(|login| Login { address: standby.gateway(), ..login.clone() }).collect();
        generator.expect_failover(there, Arc::clone(&is_killed));
        let (clock, begins) = sync_channel(1);
        let work = move || {
            let result = fail_over(at, &mut primary, &standby, &is_killed, &begins);
            Promoted { standby, result }
        };
        let operator = std::thread::Builder::new().name("failover".to_owned()).spawn(work);
        let operator = operator.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self { clock, operator: Some(operator) })
    }

    /// The measured part begins now.
    pub(super) fn start_clock(&self) -> Result<(), String> {
        self.clock.send(Instant::now()).map_err(|_| "the failover's thread has ended".to_owned())
    }

    /// Why the load failed: what the operator was told, if that is the reason.
    pub(super) fn why(&mut self, error: String) -> String {
        let is_over = self.operator.as_ref().is_some_and(JoinHandle::is_finished);
        let operator = if is_over { self.operator.take().and_then(|thread| thread.join().ok()) } else { None };
        match operator.map(|promoted| promoted.result) {
            Some(Err(why)) => format!("{error}; the standby: {why}"),
            _ => error,
        }
    }

    /// Compares what every session was told with what the node that is left says, and writes all of it into the run; that node.
    pub(super) fn finish(
        mut self,
        generator: &Generator,
        outcome: &Outcome,
        run: &mut Run,
    ) -> Result<LocalNode, String> {
        let thread = self.operator.take().expect("it is taken once");
        let Promoted { standby, result } = thread.join().map_err(|_| "the failover's thread panicked".to_owned())?;
        let Moments { killed, promoted } = result?;
        let gap = generator.gap().ok_or("no session came back with an answer after the failover")?;
        let verdict = generator.verify()?;
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let first_ack = outcome.begun + Duration::from_nanos(gap.first_ns);
        run.failovers.push(Failover {
            at_ns: gap.last_ns,
            gap_ns: gap.first_ns - gap.last_ns,
            first_ack_ns: nanos(first_ack.saturating_duration_since(promoted)),
            until_promotion_ns: nanos(promoted - killed),
            lost: verdict.lost,
            duplicated: verdict.duplicated,
        });
        let reports = verdict.reports;
        run.checks.extend([
            Check {
                name: "what was acknowledged is there after the failover".to_owned(),
                ok: verdict.lost == 0,
                detail: format!("{} requests lost, by {reports} reports read once more", verdict.lost),
            },
            Check {
                name: "nothing was executed twice".to_owned(),
                ok: verdict.duplicated == 0,
                detail: format!("{} requests with two answers", verdict.duplicated),
            },
        ]);
        name_the_cause(run, gap);
        Ok(standby)
    }
}

/// What waited for the failover needs no other cause.
fn name_the_cause(run: &mut Run, gap: Gap) {
    for outlier in &mut run.outliers {
        let began_ns = outlier.at_ns.saturating_sub(outlier.latency_ns);
        if began_ns < gap.first_ns && outlier.at_ns > gap.last_ns {
            outlier.cause = Some("failover".to_owned());
        }
    }
}

fn fail_over(
    at: Duration,
    primary: &mut LocalNode,
    standby: &LocalNode,
    is_killed: &AtomicBool,
    begins: &Receiver<Instant>,
) -> Result<Moments, String> {
    let begun = begins.recv().map_err(|_| "the load ended before the measured part".to_owned())?;
    std::thread::sleep((begun + at).saturating_duration_since(Instant::now()));
    is_killed.store(true, Ordering::Release);
    let killed = Instant::now();
    primary.kill();
    loop {
        let asked = Instant::now();
        let Err(refusal) = standby.ask(&AdminRequest::Promote { force: false }) else {
            return Ok(Moments { killed, promoted: asked });
        };
        // Until the link's idle timeout the standby thinks that its primary may be there.
        let passes = ["primary_alive", "starting"].iter().any(|reason| refusal.starts_with(reason));
        if !passes || killed.elapsed() > CHILD_TIMEOUT {
            return Err(format!("cannot be promoted: {refusal}\n{}", standby.log_tail()));
        }
        std::thread::sleep(PROMOTE_EVERY);
    }
}
