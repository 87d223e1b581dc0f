//! Runners: threads that drive stages in a duty cycle, pinned by the core plan.
//!
//! A stage does a bounded piece of work and returns how much it did. `spin` never gives the core up; `park` looks again
//! for a while and then sleeps until it is woken, or for two milliseconds, by which timers and idle marks are due. A stage
//! that has sockets lets the whole thread sleep in the kernel where their news arrive, and is woken there.
//!
//! Invariants: nothing in `do_work` waits. An error of a stage is final: the runner reports it and the process ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::affinity::pin_to;

/// A call that somebody else's thread makes to say that something changed. It must not block.
pub type Listener = Arc<dyn Fn() + Send + Sync>;

/// A stage's final error.
pub type Fatal = Box<dyn std::error::Error + Send + Sync>;

/// Called with a part's name and its final error, when the process must end.
pub type OnFatal = Arc<dyn Fn(&str, Fatal) + Send + Sync>;

/// Longest sleep of a parked runner.
const PARK_MAX: Duration = Duration::from_millis(2);
/// Idle rounds before a runner parks: some microseconds.
const IDLE_ROUNDS_BEFORE_PARK: u32 = 64;

/// One duty in the pipeline.
pub trait Stage: Send {
    /// Its name in logs and metrics.
    fn name(&self) -> &'static str;

    /// Does what there is to do, up to a bound, without waiting; returns how much it did.
    ///
    /// # Errors
    /// Only what the node cannot go on with, such as a failed write.
    fn do_work(&mut self) -> Result<usize, Fatal>;

    /// Called when no stage of the thread has anything to do: a stage that waits for something outside, such as sockets,
    /// sleeps here until it comes, until the call given to [`Waker::rouse_by`] is made, or for `max`. Whether it slept;
    /// without such a stage the thread parks.
    ///
    /// # Errors
    /// Only what the node cannot go on with.
    fn sleep(&mut self, max: Duration) -> Result<bool, Fatal> {
        let _ = max;
        Ok(false)
    }
}

/// Wakes a parked runner; clones wake the same one. Cheap while it is awake.
#[derive(Clone, Default)]
pub struct Waker {
    shared: Arc<WakerShared>,
}

#[derive(Default)]
struct WakerShared {
    asleep: AtomicBool,
    rouse: OnceLock<Listener>,
}

impl std::fmt::Debug for Waker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waker").field("asleep", &self.shared.asleep).finish_non_exhaustive()
    }
}

impl Waker {
    /// Wakes the runner if it sleeps.
    pub fn wake(&self) {
        // The fence orders whatever was made visible before with this look at `asleep`; the runner does the mirror image:
        // it sets `asleep` and then looks for work once more.
        std::sync::atomic::fence(Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::Relaxed)
            && self.shared.asleep.swap(false, Ordering::AcqRel)
            && let Some(rouse) = self.shared.rouse.get()
        {
            rouse();
        }
    }

    /// For a stage that sleeps by itself ([`Stage::sleep`]): `call` ends that sleep, now or the next one. Without it the
    /// runner's thread is unparked.
    ///
    /// # Panics
    /// When somebody has said so before, or the runner is started.
    pub fn rouse_by(&self, call: Listener) {
        assert!(self.shared.rouse.set(call).is_ok(), "one stage of a thread sleeps, and says so before the start");
    }

    /// As a [`Listener`].
    #[must_use]
    pub fn listener(&self) -> Listener {
        let waker = self.clone();
        Arc::new(move || waker.wake())
    }
}

/// How a runner behaves when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleStrategy {
    /// Look again at once, for ever.
    Spin,
    /// Look again for a while, then sleep until woken.
    SpinThenPark,
}

/// A thread to be: stages in the order in which they run.
pub struct Runner {
    /// Name of the thread.
    pub name: &'static str,
    /// The core to pin it to, as the operating system numbers them.
    pub core: Option<usize>,
    /// What it does when idle.
    pub idle: IdleStrategy,
    /// What it runs.
    pub stages: Vec<Box<dyn Stage>>,
    /// Who wakes it.
    pub waker: Waker,
}

impl Runner {
    /// Starts the thread. It ends when `stop` is set and a round found nothing to do, or when a stage fails: then `on_fatal`
    /// is called with the stage's name and its error.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub fn start(mut self, stop: Arc<AtomicBool>, on_fatal: OnFatal) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(self.name.to_owned()).spawn(move || {
            let thread = std::thread::current();
            // Set already where a stage sleeps by itself.
            let _ = self.waker.shared.rouse.set(Arc::new(move || thread.unpark()));
            if let Some(core) = self.core {
                pin_to(core, self.name);
            }
            self.run(&stop, &*on_fatal);
        })
    }

    fn run(&mut self, stop: &AtomicBool, on_fatal: &dyn Fn(&str, Fatal)) {
        let mut idle_rounds = 0_u32;
        loop {
            let work = match self.round() {
                Ok(work) => work,
                Err((stage, error)) => return on_fatal(stage, error),
            };
            if work > 0 {
                idle_rounds = 0;
                continue;
            }
            if stop.load(Ordering::Acquire) {
                return;
            }
            idle_rounds = idle_rounds.saturating_add(1);
            std::hint::spin_loop();
            if self.idle == IdleStrategy::SpinThenPark && idle_rounds > IDLE_ROUNDS_BEFORE_PARK {
                match self.look_once_more_and_park() {
                    Ok(()) => idle_rounds = IDLE_ROUNDS_BEFORE_PARK / 2,
                    Err((stage, error)) => return on_fatal(stage, error),
                }
            }
        }
    }

    fn round(&mut self) -> Result<usize, (&'static str, Fatal)> {
        let mut work = 0;
        for stage in &mut self.stages {
            work += stage.do_work().map_err(|error| (stage.name(), error))?;
        }
        Ok(work)
    }

    fn sleep(&mut self) -> Result<(), (&'static str, Fatal)> {
        for stage in &mut self.stages {
            if stage.sleep(PARK_MAX).map_err(|error| (stage.name(), error))? {
                return Ok(());
            }
        }
        std::thread::park_timeout(PARK_MAX);
        Ok(())
    }

    fn look_once_more_and_park(&mut self) -> Result<(), (&'static str, Fatal)> {
        let asleep = &self.waker.shared.asleep;
        asleep.store(true, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::SeqCst);
        let work = self.round()?;
        if work == 0 && self.waker.shared.asleep.load(Ordering::Acquire) {
            self.sleep()?;
        }
        self.waker.shared.asleep.store(false, Ordering::Release);
        Ok(())
    }
}
