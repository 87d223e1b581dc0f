//! How far a sink is, for status and metrics. One writer: the sink's task; any thread reads.

use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_domain::Sequence;

/// Counters of a running sink; each is exact for itself, together they are a view of a moment.
#[derive(Debug, Default)]
pub struct SinkProgress {
    through: AtomicU64,
    log_end: AtomicU64,
    events: AtomicU64,
    rows: AtomicU64,
}

impl SinkProgress {
    /// The last command that is projected.
    #[must_use]
    pub fn through(&self) -> Sequence {
        Sequence::new(self.through.load(Ordering::Relaxed))
    }

    /// Commands that are released and not projected, as the sink saw it last.
    #[must_use]
    pub fn lag(&self) -> u64 {
        let through = self.through.load(Ordering::Relaxed);
        self.log_end.load(Ordering::Relaxed).saturating_sub(through)
    }

    /// Events projected since the start.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Rows written since the start.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn starts_at(&self, through: Sequence) {
        self.through.store(through.raw(), Ordering::Relaxed);
    }

    pub(crate) fn sees_end(&self, end: Sequence) {
        self.log_end.store(end.raw(), Ordering::Relaxed);
    }

    pub(crate) fn applied(&self, through: Sequence, events: u64, rows: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.through.store(through.raw(), Ordering::Relaxed);
    }
}
