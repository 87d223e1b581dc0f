//! How much room the disk has left for a log, known before the log needs it.
//!
//! | What is left | State | What a node does |
//! | --- | --- | --- |
//! | three segments or more | [`SpaceState::Enough`] | nothing |
//! | less | [`SpaceState::Low`] | says so in log, status and metrics |
//! | not even the next one | [`SpaceState::Out`] | stops in order, while the segment in use has room |
//!
//! Owning threads: the helper that prepares segments writes, any thread reads.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::LogConfig;

/// Segments left at which a node warns.
pub const SPACE_LOW_SEGMENTS: u64 = 3;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum SpaceState {
    /// Nothing to do.
    Enough = 0,
    /// Fewer than [`SPACE_LOW_SEGMENTS`] segments.
    Low = 1,
    /// No room for the next segment.
    Out = 2,
}

impl SpaceState {
    /// The name in status and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enough => "enough",
            Self::Low => "low",
            Self::Out => "out",
        }
    }
}

/// The state, shared.
#[derive(Debug, Default)]
pub(crate) struct Space(AtomicU8);

impl Space {
    pub(crate) fn state(&self) -> SpaceState {
        match self.0.load(Ordering::Acquire) {
            0 => SpaceState::Enough,
            1 => SpaceState::Low,
            _ => SpaceState::Out,
        }
    }

    fn set(&self, state: SpaceState) {
        self.0.store(state as u8, Ordering::Release);
    }

    /// Looks before a segment is made. A disk that does not say is taken for one with room: making the segment will tell.
    pub(crate) fn look(&self, config: &LogConfig) {
        let Ok(free) = config.disk.free_bytes(&config.dir) else { return };
        let low = free < SPACE_LOW_SEGMENTS * config.segment_len_bytes;
        if low {
            tracing::warn!(
                free_mib = free >> 20,
                segment_mib = config.segment_len_bytes >> 20,
                folder = %config.dir.display(),
                "the disk is nearly full: the node stops in order when the next segment does not fit"
            );
        }
        self.set(if low { SpaceState::Low } else { SpaceState::Enough });
    }

    /// The next segment did not fit.
    pub(crate) fn is_out(&self) {
        tracing::error!("the disk has no room for the next segment: the node must stop before this one is full");
        self.set(SpaceState::Out);
    }
}
