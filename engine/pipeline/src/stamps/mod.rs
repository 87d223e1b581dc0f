//! Stamps: when each order passed each place of the pipeline, taken always, put together beside it.
//!
//! ```text
//!   gateway --Receipt--> inbox --> sequencer --> [Receipts], by sequence
//!   assigned, journaled, matched, published, peer received, sent --one mark a batch--> [MarkWriter] --> ring of marks
//!                                     [StampReader]: both, later, on a thread of its own --> OrderTimes --> whoever counts
//! ```
//!
//! Hot path: one look at the cycle counter and one store for each batch that a stage has done, and one store for each command
//! that the sequencer numbers. A stage writes to no slot of a ring of the pipeline, and never waits for a reader: one that is
//! late loses marks and counts that.
//!
//! A mark says "everything through this sequence was done at that moment", so the moment of one order is that of the first
//! mark at or above it. A command's receipt names the gateway that took it, because the same gateway sends the answer.
//!
//! Invariants: a mark is written before its watermark can be seen, but for match, which stamps a batch when all of it is applied, so that
//! publish on a thread of its own may be earlier; marks of one ring grow in sequence. The parts of an order add up to
//! its total, exactly: each moment is taken as no earlier than the one before it, and nothing that release waited for as later
//! than the release.
//! Owning threads: each writer its stage's; the reader its own.

mod marks;
mod reader;
mod receipts;
mod ticks;

pub use marks::{MARKS_KEPT, Mark, MarkReader, MarkWriter, marks};
pub use reader::{OrderTimes, STAGES, StampReader, StampSources, TimedStage};
pub use receipts::{RECEIPTS_KEPT, Receipt, ReceiptReader, ReceiptWriter, receipts};
pub use ticks::{TickClock, TickScale, TickTime, Ticks};
