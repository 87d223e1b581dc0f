//! The engine at a rate: commands come at intended times, ready or not, and latency runs from those times.
//!
//! ```text
//!   rate --> intended:   0      1      2      3      4          command n at n / rate
//!   applied:             [--0--][-1-]  [------2------][-3-][-4-]
//!   latency:             |-----||---|  |-------------|
//!                                             |----------| of 3: what it waited for 2, too
//! ```
//!
//! Invariants: nothing is sent later because something before took long, so no delay is left out. The engine is shown the
//! commands that came already and no others. The clock is read once a command at least; that is in every latency. Every pass
//! comes to the same checksum. Owning thread: the caller's, pinned to a core, which it keeps busy between commands, too.

use std::hint::black_box;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::machine;
use crate::op::{Checksum, NoFills};
use crate::run::{Options, PerfError};
use crate::subject::engine::TidegateEngine;
use crate::subject::{Stream, Subject};
use crate::workload::Workload;

/// Workloads of which every measured command is like the others; of the others one takes thousands of orders.
pub const WORKLOADS: [&str; 5] = ["a", "b", "b_flash_crash", "d", "e"];
/// The longest that the commands of one pass may come.
pub const PASS_MAX: Duration = Duration::from_secs(300);
/// One in so many measured commands comes before those that are recorded.
const WARM_UP_SHARE: usize = 10;
const SECOND_NS: u64 = 1_000_000_000;

/// One workload, ready to be offered at any rate.
#[derive(Debug)]
pub struct OpenLoop {
    workload: Workload,
    checksum: Option<Checksum>,
    /// The core of the thread that made this, where it could be pinned.
    pub pinned_core: Option<usize>,
}

/// One pass at one rate.
#[derive(Clone, Debug)]
pub struct Paced {
    /// Commands that were offered, those of the warm-up included.
    pub commands: u64,
    /// From the first one's intended time until the last one was done.
    pub elapsed: Duration,
    /// Nanoseconds from a command's intended time until it was done, without the warm-up.
    pub latencies: Histogram<u64>,
    /// The same for every pass of a workload.
    pub checksum: Checksum,
}

impl OpenLoop {
    /// Makes the workload, and pins the calling thread.
    ///
    /// # Errors
    /// [`PerfError::Options`] when it cannot be offered at a rate, or there is none of this name;
    /// [`PerfError::Environment`] when its recorded flow is not there.
    pub fn new(options: &Options, name: &str) -> Result<Self, PerfError> {
        options.check()?;
        if !WORKLOADS.contains(&name) {
            let allowed = WORKLOADS.join(", ");
            return Err(PerfError::Options(format!(
                "--workload is {name:?}, allowed with --rates: {allowed}; leave it out to offer workload a"
            )));
        }
        options.tell(&format!("{name}: generating"));
        let workload = Workload::generate(&options.request(name)).map_err(PerfError::Environment)?;
        Ok(Self { workload, checksum: None, pinned_core: machine::pin() })
    }

    /// Commands of a pass.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.workload.measured()
    }

    /// How many of them come before those that are recorded.
    #[must_use]
    pub fn warm_up(&self) -> usize {
        self.commands() / WARM_UP_SHARE
    }

    /// Refuses a rate at which a pass would take longer than [`PASS_MAX`].
    ///
    /// # Errors
    /// [`PerfError::Options`]
    pub fn check(&self, per_second: u64) -> Result<(), PerfError> {
        let seconds = self.commands() as u64 / per_second.max(1);
        if per_second > 0 && seconds <= PASS_MAX.as_secs() {
            return Ok(());
        }
        let (commands, max) = (self.commands(), PASS_MAX.as_secs());
        Err(PerfError::Options(format!(
            "--rates has {per_second} commands a second, at which {commands} commands take {seconds} s, allowed: {max} s; \
             give a higher rate, or fewer --commands"
        )))
    }

    /// Offers the workload to a fresh engine at a rate.
    ///
    /// # Errors
    /// As [`OpenLoop::check`].
    ///
    /// # Panics
    /// When the engine comes to another result than in the pass before: then no figure means anything.
    pub fn pass(&mut self, per_second: u64) -> Result<Paced, PerfError> {
        self.check(per_second)?;
        let (mut engine, stream) = TidegateEngine::prepare(&self.workload, false).expect("ours take every op");
        let paced = paced(&mut engine, &stream, per_second, self.warm_up());
        let before = *self.checksum.get_or_insert(paced.checksum);
        assert!(before == paced.checksum, "the engine came to different results in two passes");
        Ok(paced)
    }
}

fn paced<S: Subject>(subject: &mut S, stream: &Stream<S::Command>, per_second: u64, warm_up: usize) -> Paced {
    let mut latencies = Histogram::<u64>::new_with_bounds(1, 2 * PASS_MAX.as_secs() * SECOND_NS, 3)
        .expect("the bounds are those of a histogram");
    let mut checksum = Checksum::default();
    let (mut elapsed, mut recorded_from, mut done) = (Duration::ZERO, warm_up, 0);
    let mut commands = stream.commands.as_slice();
    for part in &stream.parts {
        let (now, later) = commands.split_at(part.commands);
        commands = later;
        if part.is_measured {
            elapsed += paced_part(subject, now, per_second, recorded_from, &mut latencies, &mut checksum);
            recorded_from = recorded_from.saturating_sub(now.len());
            done += now.len() as u64;
        } else {
            now.iter().for_each(|command| checksum.mix(subject.apply(command, &mut NoFills)));
        }
    }
    Paced { commands: done, elapsed, latencies, checksum }
}

/// Offers commands at a rate, of which those from `recorded_from` are recorded; how long it took.
fn paced_part<S: Subject>(
    subject: &mut S,
    commands: &[S::Command],
    per_second: u64,
    recorded_from: usize,
    latencies: &mut Histogram<u64>,
    checksum: &mut Checksum,
) -> Duration {
    // No more commands than fit: see `Options::check`.
    let intended_ns = |n: usize| n as u64 * SECOND_NS / per_second;
    let begin = Instant::now();
    let since_begin = || u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let (mut now_ns, mut arrived, mut next_ns) = (0, 0, 0);
    for (at, command) in commands.iter().enumerate() {
        loop {
            while next_ns <= now_ns && arrived < commands.len() {
                arrived += 1;
                next_ns = intended_ns(arrived);
            }
            if arrived > at {
                break;
            }
            now_ns = since_begin();
        }
        subject.look_ahead(&commands[at..arrived]);
        checksum.mix(subject.apply(black_box(command), &mut NoFills));
        now_ns = since_begin();
        if at >= recorded_from {
            latencies.saturating_record((now_ns - intended_ns(at)).max(1));
        }
    }
    Duration::from_nanos(now_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so long for one of its commands, and notes how many it was shown.
    struct Slow {
        takes: Duration,
        slow_one: usize,
        shown: std::cell::RefCell<Vec<usize>>,
    }

    impl Subject for Slow {
        const NAME: &'static str = "slow";
        type Command = usize;

        fn prepare(_: &Workload, _: bool) -> Result<(Self, Stream<usize>), String> {
            Err("it is made by hand".to_owned())
        }

        fn look_ahead(&self, coming: &[usize]) {
            self.shown.borrow_mut().push(coming.len());
        }

        fn apply<F: crate::op::FillSink>(&mut self, command: &usize, _: &mut F) -> u64 {
            let began = Instant::now();
            while *command == self.slow_one && began.elapsed() < self.takes {
                std::hint::spin_loop();
            }
            *command as u64
        }
    }

    fn stream(commands: usize) -> Stream<usize> {
        let part = crate::subject::Part { commands, ops: commands, is_measured: true };
        Stream { commands: (0..commands).collect(), parts: vec![part] }
    }

    #[test]
    fn whoever_waits_behind_a_slow_command_has_waited_since_its_intended_time() {
        let takes = Duration::from_millis(20);
        let mut slow = Slow { takes, slow_one: 10, shown: std::cell::RefCell::default() };
        // A millisecond from one to the next: 20 come while the slow one is applied.
        let paced = paced(&mut slow, &stream(100), 1_000, 10);
        assert_eq!((paced.commands, paced.latencies.len()), (100, 90));
        assert!(paced.elapsed >= Duration::from_millis(99), "not before the last one's intended time");
        let millis = |ms: u64| paced.latencies.count_between(ms * 1_000_000, u64::MAX / 2);
        // Whatever else the machine did, it can only be more.
        assert!(millis(19) >= 1 && millis(10) >= 10 && millis(5) >= 15, "{:?}", paced.latencies);
        let shown = slow.shown.borrow();
        assert!(shown[11] >= 20, "those that came meanwhile are shown: {shown:?}");
        assert!(shown.iter().enumerate().all(|(at, shown)| at + shown <= 100 && *shown >= 1), "{shown:?}");
    }

    #[test]
    fn more_than_can_be_done_is_offered_all_the_same() {
        let takes = Duration::from_millis(5);
        let mut slow = Slow { takes, slow_one: 0, shown: std::cell::RefCell::default() };
        let paced = paced(&mut slow, &stream(1_000), 1_000_000_000, 0);
        assert_eq!(paced.latencies.len(), 1_000);
        assert!(paced.elapsed >= takes, "{:?}", paced.elapsed);
        assert!(paced.latencies.min() >= 4_900_000, "each waited for the first: {:?}", paced.latencies.min());
        assert_eq!(slow.shown.borrow()[1], 999, "all have come");
    }

    #[test]
    fn passes_of_all_rates_come_to_one_checksum_and_slow_or_wrong_ones_are_refused() {
        let options = Options::quick();
        let mut open_loop = OpenLoop::new(&options, "a").expect("workload a is generated");
        assert_eq!(open_loop.warm_up(), open_loop.commands() / 10);
        for per_second in [100_000, 10_000_000] {
            let paced = open_loop.pass(per_second).expect("it is quick");
            assert_eq!(paced.commands as usize, open_loop.commands());
            assert_eq!(paced.latencies.len() as usize, open_loop.commands() - open_loop.warm_up());
        }
        for per_second in [0, 1] {
            let error = open_loop.pass(per_second).expect_err("it takes 2,000 s").to_string();
            assert!(error.contains("--rates") && error.contains("allowed: 300 s"), "{error}");
        }
        for name in ["c", "f", "z"] {
            let error = OpenLoop::new(&options, name).expect_err(name).to_string();
            assert!(error.contains(&format!("{name:?}")) && error.contains("a, b, b_flash_crash, d, e"), "{error}");
        }
    }
}
