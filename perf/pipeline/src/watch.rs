//! The last stage: notes when how far the pipeline has published.
//!
//! Invariants: room for one moment a command is there, and written once, before the first of them; nothing is lost.
//! Owning thread: the pipeline's; whoever waits takes what was noted when the last command is out.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::Sequence;
use tidegate_pipeline::stamps::{Mark, MarkWriter, TickClock};

use crate::interference::Interference;
use tidegate_pipeline::{Fatal, Stage, WatermarkReader};

/// What to note.
pub(crate) struct Watched {
    /// Until this command.
    pub(crate) last: Sequence,
    /// Room for it, and afterwards what was noted.
    pub(crate) marks: Vec<Mark>,
    /// At the first mark the count so far, at the end what came in between.
    pub(crate) interference: Interference,
}

impl Watched {
    /// So many commands until `last`.
    pub(crate) fn new(commands: usize, last: Sequence, clock: TickClock) -> Self {
        let mut marks = Vec::new();
        // Written now, so that no page of it is new later.
        marks.resize(commands, Mark { through: Sequence::ZERO, at: clock.now() });
        marks.clear();
        Self { last, marks, interference: Interference::default() }
    }
}

/// See the module.
pub(crate) struct Watch {
    published: WatermarkReader,
    seen: Sequence,
    clock: TickClock,
    stamps: Option<MarkWriter>,
    orders: Arc<ArrayQueue<Watched>>,
    work: Option<Watched>,
    done: Arc<ArrayQueue<Watched>>,
}

impl Watch {
    /// Notes one work after the other, and stamps all of it as sent: the reader of the stamps waits for that.
    pub(crate) fn new(
        published: WatermarkReader,
        clock: TickClock,
        stamps: Option<MarkWriter>,
        orders: Arc<ArrayQueue<Watched>>,
        done: Arc<ArrayQueue<Watched>>,
    ) -> Self {
        Self { published, seen: Sequence::ZERO, clock, stamps, orders, work: None, done }
    }
}

impl Stage for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        let through = self.published.through();
        if through <= self.seen {
            return Ok(0);
        }
        self.seen = through;
        let mark = Mark { through, at: self.clock.now() };
        if let Some(stamps) = &mut self.stamps {
            stamps.mark_at(mark);
        }
        if self.work.is_none() {
            self.work = self.orders.pop();
        }
        let Some(work) = &mut self.work else { return Ok(0) };
        if work.marks.is_empty() {
            work.interference = Interference::so_far();
        }
        work.marks.push(mark);
        if through >= work.last {
            work.interference = Interference::so_far().since(work.interference);
            let done = self.work.take().and_then(|work| self.done.push(work).err());
            assert!(done.is_none(), "the caller takes what is done before it gives more");
        }
        Ok(0)
    }
}
