//! The helper thread of a log's writer: makes the next segment, and makes pages ahead of the writer writable.
//!
//! ```text
//!   LogWriter --wishes--> [Preparer]'s thread --segments, errors--> LogWriter
//!                                  '--> Space: how much the disk has left
//! ```
//!
//! Invariants: one segment ahead or more, the next asked for while three quarters of the current one are free; a failure reaches the writer
//! at its next append, except a full disk, which [`crate::space`] shows while there is still room to stop in order. The thread ends
//! before the writer does: it must not make files in a folder that somebody else has opened meanwhile.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::lock::DirLock;
use crate::log::{LogShared, TOUCH_AHEAD_BYTES};
use crate::segment::{Segment, list};
use crate::{JournalError, LogConfig, LogKind, WriterKind};

/// Makes segments of a log that nobody has open, until there are so many. A burst that outruns the disk then finds them
/// made; an opened log makes one more at a time.
///
/// # Errors
/// Another process has the log open, the disk, or [`JournalError::NoSpace`].
pub fn prepare_segments(config: &LogConfig, kind: LogKind, count: u32) -> Result<(), JournalError> {
    let _lock = DirLock::take(&config.dir, kind)?;
    let there = list(&config.dir, kind)?;
    let first = there.first().copied().unwrap_or(1);
    for number in there.last().map_or(1, |last| last + 1)..first + count {
        Segment::create(config, kind, number)?;
    }
    Ok(())
}

/// Lets the first stores of a mapped writer find its pages writable.
fn ready_for(writer: WriterKind, segment: &Segment) -> Result<(), JournalError> {
    if writer == WriterKind::Mapped {
        segment.take_mapped()?;
        segment.touch(0, TOUCH_AHEAD_BYTES);
    }
    Ok(())
}

/// What the writer wants.
#[derive(Debug)]
enum Wish {
    /// The segment of this number, for this kind of writer.
    Segment(u32, WriterKind),
    /// These bytes of a segment.
    Writable(Arc<Segment>, Range<usize>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Preparer {
    /// `None` only while it is dropped: that ends the thread.
    wishes: Option<mpsc::Sender<Wish>>,
    thread: Option<JoinHandle<()>>,
    made: mpsc::Receiver<Result<Segment, JournalError>>,
    requested: u32,
    /// Whether an answer is on its way.
    waiting: bool,
    /// Made and not used, in the order of their numbers; an error comes last.
    spares: VecDeque<Result<Segment, JournalError>>,
}

impl Preparer {
    pub(crate) fn start(
        config: &LogConfig,
        kind: LogKind,
        shared: Arc<LogShared>,
        spares: Vec<Arc<Segment>>,
        writer: WriterKind,
    ) -> Result<Self, JournalError> {
        let (wishes, wanted) = mpsc::channel();
        let (finished, made) = mpsc::channel();
        let thread = std::thread::Builder::new().name(format!("{}-prepare", kind.prefix()));
        let of_thread = config.clone();
        let run = move || {
            for wish in wanted {
                match wish {
                    Wish::Writable(segment, bytes) => segment.touch(bytes.start, bytes.len()),
                    Wish::Segment(number, writer) => {
                        shared.space.look(&of_thread);
                        let made = Segment::create(&of_thread, kind, number);
                        let made = made.and_then(|segment| ready_for(writer, &segment).map(|()| segment));
                        if let Err(JournalError::NoSpace { .. }) = &made {
                            shared.space.is_out();
                        }
                        if finished.send(made).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        let thread = thread.spawn(run);
        let thread = thread.map_err(JournalError::io(&config.dir, "start the thread that prepares segments"))?;
        for spare in &spares {
            ready_for(writer, spare)?;
        }
        let requested = spares.last().map_or(0, |segment| segment.number);
        let unshared = |spare| Arc::into_inner(spare).expect("nobody else holds a segment that is not in use");
        let spares = spares.into_iter().map(|spare| Ok(unshared(spare))).collect();
        Ok(Self { wishes: Some(wishes), thread: Some(thread), made, requested, waiting: false, spares })
    }

    fn send(&self, wish: Wish) {
        // The thread ends only with this struct, or by a panic, which ends the process.
        let _ = self.wishes.as_ref().expect("only a drop takes it").send(wish);
    }

    /// Asks for a segment, once.
    pub(crate) fn request(&mut self, number: u32, writer: WriterKind) {
        if self.requested < number {
            self.requested = number;
            self.waiting = true;
            self.send(Wish::Segment(number, writer));
        }
    }

    /// Asks for writable pages.
    pub(crate) fn touch(&self, segment: Arc<Segment>, bytes: Range<usize>) {
        self.send(Wish::Writable(segment, bytes));
    }

    /// Whether what was asked for has failed. A full disk is no failure yet: the segment in use has room.
    pub(crate) fn look(&mut self) -> Result<(), JournalError> {
        if self.waiting
            && let Ok(made) = self.made.try_recv()
        {
            self.waiting = false;
            match made {
                Err(error) if !matches!(error, JournalError::NoSpace { .. }) => return Err(error),
                made => self.spares.push_back(made),
            }
        }
        Ok(())
    }

    /// The segment that was asked for. Waits only where the disk is slower than the log.
    pub(crate) fn take(&mut self) -> Result<Segment, JournalError> {
        self.look()?;
        if let Some(spare) = self.spares.pop_front() {
            return spare;
        }
        let started = Instant::now();
        let made = self.made.recv().expect("the preparing thread lives as long as its requests");
        self.waiting = false;
        tracing::warn!(waited_ms = started.elapsed().as_millis(), "the log waited for its next segment");
        made
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        drop(self.wishes.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that prepares segments panicked");
        }
    }
}
