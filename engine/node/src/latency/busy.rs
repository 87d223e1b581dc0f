//! Busy time of the stages, in nanoseconds.
//!
//! Thread: tokio. Reads only.

use std::sync::Mutex;

use tidegate_pipeline::busy::BusyReader;
use tidegate_pipeline::stamps::{TickClock, TickScale};

use super::sample::BusyLine;

/// Every stage's busy time.
pub(crate) struct BusyStages {
    scale: Mutex<TickScale>,
    stages: Vec<BusyReader>,
}

impl BusyStages {
    pub(crate) fn new(clock: TickClock, stages: Vec<BusyReader>) -> Self {
        Self { scale: Mutex::new(TickScale::begin(clock)), stages }
    }

    /// Each stage since the start; nothing while the clock's rate is not known.
    pub(crate) fn lines(&self) -> Vec<BusyLine> {
        let mut scale = self.scale.lock().expect("no holder of this lock panics");
        if !scale.measure() {
            return Vec::new();
        }
        let line = |stage: &BusyReader| BusyLine { stage: stage.name().to_owned(), busy_ns: scale.ns(stage.ticks()) };
        self.stages.iter().map(line).collect()
    }
}
