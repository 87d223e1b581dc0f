//! Where the time goes: the stamps of the pipeline, put together on a thread of their own, as the node does it.
//!
//! Owning thread: `latency`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use tidegate_latency::histogram;
use tidegate_pipeline::stamps::{OrderTimes, STAGES, StampReader, StampSources, TickClock, TickScale};

/// Between two looks: the rings of marks hold several times as much as comes in this time.
const LOOK: Duration = Duration::from_millis(2);

/// Of each stage, over all orders whose stamps were read in time.
pub(crate) struct StageCounts {
    pub(crate) histograms: [Histogram<u64>; STAGES.len()],
    pub(crate) sums_ns: [u64; STAGES.len()],
    pub(crate) critical: [u64; STAGES.len()],
    pub(crate) orders: u64,
    pub(crate) skipped: u64,
}

impl StageCounts {
    fn new() -> Self {
        Self { histograms: STAGES.map(|_| histogram()), sums_ns: [0; 6], critical: [0; 6], orders: 0, skipped: 0 }
    }

    fn count(&mut self, times: &OrderTimes, scale: &TickScale) {
        let parts = times.parts();
        for (place, ticks) in parts.into_iter().enumerate() {
            let ns = scale.ns(ticks);
            self.histograms[place].record(ns).expect("it grows");
            self.sums_ns[place] += ns;
        }
        self.critical[OrderTimes::critical(&parts) as usize] += 1;
        self.orders += 1;
    }

    /// Together with those of another run.
    pub(crate) fn add(&mut self, other: &Self) {
        for place in 0..STAGES.len() {
            self.histograms[place].add(&other.histograms[place]).expect("both grow as they must");
            self.sums_ns[place] += other.sums_ns[place];
            self.critical[place] += other.critical[place];
        }
        self.orders += other.orders;
        self.skipped += other.skipped;
    }
}

/// The thread.
pub(crate) struct StageThread {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<StageCounts>,
}

impl StageThread {
    /// Starts it; `counts` says whether what is measured has begun, which then goes on until the end.
    pub(crate) fn start(sources: StampSources, clock: TickClock, counts: Arc<AtomicBool>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("latency".to_owned()).spawn(move || {
            let (mut reader, mut scale) = (StampReader::new(sources), TickScale::begin(clock));
            let (mut all, mut before) = (StageCounts::new(), 0);
            loop {
                let stopping = seen.load(Ordering::Acquire);
                if scale.measure() {
                    let is_measured = counts.load(Ordering::Acquire);
                    reader.pass(|times| {
                        if is_measured {
                            all.count(times, &scale);
                        }
                    });
                    if !is_measured {
                        before = reader.skipped();
                    }
                }
                if stopping {
                    all.skipped = reader.skipped() - before;
                    return all;
                }
                std::thread::park_timeout(LOOK);
            }
        })?;
        Ok(Self { stop, thread })
    }

    pub(crate) fn stop(self) -> StageCounts {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        self.thread.join().expect("the thread does not panic")
    }
}
