//! Watermarks: how far each stage has come, by [`Sequence`], inclusive.
//!
//! Invariants: one writer, shown by the type (not `Clone`, not `Sync`); values only grow; a reader that sees `n` also
//! sees everything that the writer did before it advanced to `n` (release and acquire), its stamp included where it advances with one.
//!
//! ```compile_fail
//! let (writer, _reader) = tidegate_pipeline::watermark();
//! let second = writer.clone(); // one writer only
//! ```

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use tidegate_domain::Sequence;

use crate::stamps::{Mark, MarkWriter, Ticks};

/// The one who advances it.
#[derive(Debug)]
pub struct WatermarkWriter {
    shared: Arc<CachePadded<AtomicU64>>,
    stamps: Option<MarkWriter>,
    not_sync: PhantomData<Cell<()>>,
}

/// Anyone who looks at it.
#[derive(Clone, Debug)]
pub struct WatermarkReader {
    shared: Arc<CachePadded<AtomicU64>>,
}

/// A watermark at [`Sequence::ZERO`].
#[must_use]
pub fn watermark() -> (WatermarkWriter, WatermarkReader) {
    let shared = Arc::new(CachePadded::new(AtomicU64::new(0)));
    let writer = WatermarkWriter { shared: Arc::clone(&shared), stamps: None, not_sync: PhantomData };
    (writer, WatermarkReader { shared })
}

impl WatermarkWriter {
    /// From here on a stamp says when it came how far; see [`crate::stamps`].
    #[must_use]
    pub fn stamped_by(self, stamps: MarkWriter) -> Self {
        Self { stamps: Some(stamps), ..self }
    }

    /// Everything up to and including `sequence` is done, and stamped.
    ///
    /// # Panics
    /// When it would go backwards: a broken invariant of the stage.
    pub fn advance_through(&mut self, sequence: Sequence) {
        assert!(sequence >= self.through(), "a watermark never goes backwards");
        self.stamp_through(sequence);
        self.shared.store(sequence.raw(), Ordering::Release);
    }

    /// As [`Self::advance_through`], stamped with a moment that is known already.
    ///
    /// # Panics
    /// When it would go backwards: a broken invariant of the stage.
    pub fn advance_through_at(&mut self, sequence: Sequence, at: Ticks) {
        assert!(sequence >= self.through(), "a watermark never goes backwards");
        if let Some(stamps) = &mut self.stamps {
            stamps.mark_at(Mark { through: sequence, at });
        }
        self.shared.store(sequence.raw(), Ordering::Release);
    }

    /// As [`Self::advance_through`], for one of several commands after which [`Self::stamp`] comes.
    ///
    /// # Panics
    /// When it would go backwards: a broken invariant of the stage.
    pub fn advance_unstamped(&mut self, sequence: Sequence) {
        assert!(sequence >= self.through(), "a watermark never goes backwards");
        self.shared.store(sequence.raw(), Ordering::Release);
    }

    /// Stamps how far it has come.
    pub fn stamp(&mut self) {
        self.stamp_through(self.through());
    }

    #[inline]
    fn stamp_through(&mut self, sequence: Sequence) {
        if let Some(stamps) = &mut self.stamps {
            stamps.mark(sequence);
        }
    }

    /// Like [`Self::advance_through`], but keeps the higher value: for a peer that comes back with less than the one
    /// before it had.
    pub fn raise_through(&mut self, sequence: Sequence) {
        if sequence > self.through() {
            self.stamp_through(sequence);
            self.shared.store(sequence.raw(), Ordering::Release);
        }
    }

    /// Gives up being the only one, and the stamps, which have one writer.
    #[must_use]
    pub fn share(self) -> SharedWatermarkWriter {
        SharedWatermarkWriter { shared: self.shared }
    }

    /// Where it stands.
    #[must_use]
    pub fn through(&self) -> Sequence {
        Sequence::new(self.shared.load(Ordering::Relaxed))
    }
}

/// One of several who raise it: what each of them says is true by itself.
#[derive(Clone, Debug)]
pub struct SharedWatermarkWriter {
    shared: Arc<CachePadded<AtomicU64>>,
}

impl SharedWatermarkWriter {
    /// Everything up to and including `sequence` is done; a lower value than before changes nothing.
    pub fn raise_through(&self, sequence: Sequence) {
        self.shared.fetch_max(sequence.raw(), Ordering::AcqRel);
    }
}

impl WatermarkReader {
    /// Where it stands: everything up to and including it is done.
    #[must_use]
    pub fn through(&self) -> Sequence {
        Sequence::new(self.shared.load(Ordering::Acquire))
    }
}
