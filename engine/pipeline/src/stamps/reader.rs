//! The reader: puts receipts and marks together into the times of each order.
//!
//! ```text
//!   receipts, marks --[StampReader::pass]--> OrderTimes, in the order of the sequence, each order once
//! ```
//!
//! Invariants: an order comes out only when all its marks are there; what was lost is counted and never guessed. Commands that
//! no gateway received come out of here never.
//! Owning thread: its own, never one of the pipeline's.

use std::collections::VecDeque;

use tidegate_domain::Sequence;

use super::marks::{MARKS_KEPT, Mark, MarkReader};
use super::receipts::ReceiptReader;
use super::ticks::Ticks;
use crate::ack::{AckPolicy, AckRule};
use crate::watermark::WatermarkReader;

/// A part of an order's way. Journal, replicate and match run side by side: the part of each is the time for which the order
/// still lacked it when what finished before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimedStage {
    /// From the end of the poll that brought the socket's bytes to the sequencer's look at the clock in the round that numbered the
    /// order: gateway and inbox.
    Inbox,
    /// To the journal: its mapping, or where the rule asks for it, the disk.
    Journal,
    /// To the standby's journal and its word back; only where the rule waits for that.
    Replicate,
    /// To the engine's events, those of the whole batch that it was applied in.
    Match,
    /// To the event log, once everything that the rule asks for is there.
    Release,
    /// To the return of the first system call that could take the report's bytes: of a client that reads too slowly, the kernel may
    /// take them later.
    Send,
}

/// Every stage in the order of the way.
pub const STAGES: [TimedStage; 6] = [
    TimedStage::Inbox,
    TimedStage::Journal,
    TimedStage::Replicate,
    TimedStage::Match,
    TimedStage::Release,
    TimedStage::Send,
];

impl TimedStage {
    /// Its name in metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Journal => "journal",
            Self::Replicate => "replicate",
            Self::Match => "match",
            Self::Release => "release",
            Self::Send => "send",
        }
    }

    /// The place where it begins, in words.
    #[must_use]
    pub const fn from(self) -> &'static str {
        match self {
            Self::Inbox => "bytes received",
            Self::Journal | Self::Replicate | Self::Match => "in the command ring",
            Self::Release => "everything done that the release waits for",
            Self::Send => "in the event log",
        }
    }

    /// The place where it ends, in words.
    #[must_use]
    pub const fn to(self) -> &'static str {
        match self {
            Self::Inbox => "in the command ring",
            Self::Journal => "journaled",
            Self::Replicate => "in the standby's journal",
            Self::Match => "matched",
            Self::Release => "in the event log",
            Self::Send => "given to the kernel",
        }
    }
}

/// The moments of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTimes {
    /// Which command.
    pub sequence: Sequence,
    /// Its bytes were read.
    pub received: Ticks,
    /// It is in the command ring.
    pub assigned: Ticks,
    /// It is in the journal.
    pub journaled: Ticks,
    /// The standby has it, where the rule waits for that.
    pub replicated: Option<Ticks>,
    /// Its events are in the event ring.
    pub matched: Ticks,
    /// Its events are in the event log.
    pub released: Ticks,
    /// Its first report was given to the kernel.
    pub sent: Ticks,
}

impl OrderTimes {
    /// The part of each of [`STAGES`], in ticks. Their sum is the total: see the module of the stamps.
    #[must_use]
    pub fn parts(&self) -> [u64; STAGES.len()] {
        let assigned = self.assigned.max(self.received);
        let released = self.released.max(assigned);
        let mut branches = [
            (self.journaled, TimedStage::Journal),
            (self.replicated.unwrap_or(Ticks::NONE), TimedStage::Replicate),
            (self.matched, TimedStage::Match),
        ];
        branches.sort_by_key(|(done, _)| *done);
        let mut parts = [0; STAGES.len()];
        parts[TimedStage::Inbox as usize] = assigned.raw() - self.received.raw();
        let mut at = assigned;
        for (done, stage) in branches {
            let done = done.clamp(at, released);
            parts[stage as usize] = done.raw() - at.raw();
            at = done;
        }
        parts[TimedStage::Release as usize] = released.raw() - at.raw();
        parts[TimedStage::Send as usize] = self.sent.max(released).raw() - released.raw();
        parts
    }

    /// The stage that took the largest part; of equal ones the first.
    #[must_use]
    pub fn critical(parts: &[u64; STAGES.len()]) -> TimedStage {
        let mut critical = TimedStage::Inbox;
        for stage in STAGES {
            if parts[stage as usize] > parts[critical as usize] {
                critical = stage;
            }
        }
        critical
    }
}

/// Where the reader reads.
pub struct StampSources {
    /// By command.
    pub receipts: ReceiptReader,
    /// How far the sequencer is.
    pub assigned_through: WatermarkReader,
    /// The rule in force: whether a release waits for the standby.
    pub policy: AckPolicy,
    /// Marks of the sequencer.
    pub assigned: MarkReader,
    /// Of the journal stage.
    pub journaled: MarkReader,
    /// Of the link.
    pub peer_received: MarkReader,
    /// Of the match stage.
    pub matched: MarkReader,
    /// Of publish.
    pub published: MarkReader,
    /// Of each gateway.
    pub sent: Vec<MarkReader>,
}

/// The marks of one ring that are not used up.
struct Track {
    reader: MarkReader,
    marks: VecDeque<Mark>,
    through: Sequence,
    /// Marks were lost after the last of those, and none has come since.
    gap: bool,
}

impl Track {
    fn new(reader: MarkReader) -> Self {
        Self { reader, marks: VecDeque::with_capacity(MARKS_KEPT), through: Sequence::ZERO, gap: false }
    }

    /// Takes what is new, after what is needed from `next` on; the last command whose marks were lost, where some were.
    fn fill(&mut self, next: Sequence) -> Option<Sequence> {
        while self.marks.front().is_some_and(|mark| mark.through < next) {
            self.marks.pop_front();
        }
        let before = self.marks.len();
        self.gap |= self.reader.take(MARKS_KEPT - before, &mut self.marks);
        if let Some(last) = self.marks.back() {
            self.through = last.through;
        }
        if !self.gap {
            return None;
        }
        // The first mark after a gap may stand for commands before the gap: none of those is certain.
        let first = self.marks.get(before)?;
        self.gap = false;
        Some(first.through)
    }

    /// When a command was done, for growing commands up to `through`.
    fn at(&mut self, sequence: Sequence) -> Option<Ticks> {
        while self.marks.front().is_some_and(|mark| mark.through < sequence) {
            self.marks.pop_front();
        }
        self.marks.front().map(|mark| mark.at)
    }
}

/// See the module.
pub struct StampReader {
    receipts: ReceiptReader,
    assigned_through: WatermarkReader,
    policy: AckPolicy,
    assigned: Track,
    journaled: Track,
    peer_received: Track,
    matched: Track,
    published: Track,
    sent: Vec<Track>,
    /// The next command to be put together.
    next: Sequence,
    skipped: u64,
}

impl StampReader {
    /// A reader of these sources, which allocates everything here.
    #[must_use]
    pub fn new(sources: StampSources) -> Self {
        Self {
            receipts: sources.receipts,
            assigned_through: sources.assigned_through,
            policy: sources.policy,
            assigned: Track::new(sources.assigned),
            journaled: Track::new(sources.journaled),
            peer_received: Track::new(sources.peer_received),
            matched: Track::new(sources.matched),
            published: Track::new(sources.published),
            sent: sources.sent.into_iter().map(Track::new).collect(),
            next: Sequence::new(1),
            skipped: 0,
        }
    }

    /// Commands that were passed over because this came too late for their stamps, those of a restart included.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Every order up to here was handed over, or passed over.
    #[must_use]
    pub fn through(&self) -> Sequence {
        Sequence::new(self.next.raw() - 1)
    }

    /// Hands every order over that is complete and was not handed over before; how many commands were looked at.
    pub fn pass(&mut self, mut each: impl FnMut(&OrderTimes)) -> u64 {
        let lost = self.fill();
        if let Some(lost) = lost {
            self.skip_to(lost.next());
        }
        let first = self.next;
        let tracks = [&self.assigned, &self.journaled, &self.matched, &self.published];
        let through = tracks.into_iter().map(|track| track.through).min().expect("there are four");
        let waits_for_peer = self.policy.rule() == AckRule::Replicated;
        self.skip_to(ReceiptReader::oldest(self.assigned_through.through()));
        while self.next <= through {
            let sequence = self.next;
            let assigned = self.assigned.at(sequence).expect("its marks reach `through`");
            let receipt = self.receipts.get(sequence, assigned);
            // Read first, asked afterwards: see `ReceiptReader::get`.
            std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
            let oldest = ReceiptReader::oldest(self.assigned_through.through());
            if sequence < oldest {
                self.skip_to(oldest);
                continue;
            }
            if !receipt.at.is_none() {
                let sent = &mut self.sent[usize::from(receipt.gateway)];
                if sent.through < sequence {
                    break;
                }
                let why = "its marks reach `through`";
                let times = OrderTimes {
                    sequence,
                    received: receipt.at,
                    assigned,
                    journaled: self.journaled.at(sequence).expect(why),
                    replicated: if waits_for_peer { self.peer_received.at(sequence) } else { None },
                    matched: self.matched.at(sequence).expect(why),
                    released: self.published.at(sequence).expect(why),
                    sent: sent.at(sequence).expect("its marks reach this command"),
                };
                each(&times);
            }
            self.next = sequence.next();
        }
        self.next.raw() - first.raw()
    }

    /// Takes all new marks, against the way: what an order has passed later is taken before what it passed earlier, so that an order
    /// whose last mark is there has all of them, the standby's too. The last command whose marks were lost, where some were.
    fn fill(&mut self) -> Option<Sequence> {
        let next = self.next;
        let stages =
            [&mut self.published, &mut self.matched, &mut self.peer_received, &mut self.journaled, &mut self.assigned];
        self.sent.iter_mut().chain(stages).filter_map(|track| track.fill(next)).max()
    }

    fn skip_to(&mut self, next: Sequence) {
        self.skipped += next.raw().saturating_sub(self.next.raw());
        self.next = self.next.max(next);
    }
}
