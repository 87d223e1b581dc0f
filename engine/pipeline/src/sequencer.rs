//! Assigns every command its place: sequence, time, epoch. The only producer of the command ring.
//!
//! ```text
//!   own journal (restart) --+
//!   leader's records -------+--> [Sequencer] --slot--> command ring
//!   inbox, timers ----------+
//! ```
//!
//! A node begins by reading its own journal through the same pipeline; then control tells it to follow or to lead.
//! Promotion changes the source, not the pipeline.
//!
//! Invariants: sequences are dense; time never goes backwards and never follows a wall clock that jumps; a full ring
//! keeps the record here and takes no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crossbeam_queue::ArrayQueue;
use disruptor::Producer;
use tidegate_domain::{Command, CommandHeader, CommandRecord, Epoch, Sequence, Timestamp};

use crate::control::{RunControl, SequencerOrder};
use crate::inbox::{Inbox, Pushed, TOGETHER_MAX};
use crate::rings::CommandProducer;
use crate::runner::{Fatal, Stage};
use crate::stamps::{Receipt, ReceiptWriter, TickClock, TickTime, Ticks};
use crate::watermark::WatermarkWriter;

/// What a start need not send through the pipeline again: everything through a snapshot's command. The default is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The snapshot's command.
    pub through: Sequence,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its time.
    pub time: Timestamp,
}

/// Records with numbers already assigned: the node's own journal at a restart.
pub trait RecordSource: Send {
    /// What comes before its first record.
    fn resume(&self) -> Resume {
        Resume::default()
    }

    /// Appends up to `max` records that follow the ones given before to `out`; none at the end.
    ///
    /// # Errors
    /// What the journal says.
    fn read(&mut self, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal>;
}

/// Records per round, but for the rest of a command of several: bounds the time between two looks at the other stages of a fused thread.
const BATCH: u64 = 256;
/// A wall clock that differs from ours by more is worth an alarm.
const WALL_DRIFT_ALARM_NS: u64 = 1_000_000_000;
/// How often the wall clock is looked at, in looks at this clock.
const WALL_CHECK_ROUNDS: u32 = 65_536;

enum Source {
    Restart(Box<dyn RecordSource>),
    Idle,
    Leader,
    Inbox,
}

/// See the module.
pub struct Sequencer {
    source: Source,
    inbox: Inbox,
    from_leader: Arc<ArrayQueue<CommandRecord>>,
    control: RunControl,
    producer: CommandProducer,
    assigned: WatermarkWriter,
    receipts: Option<ReceiptWriter>,
    epoch: Epoch,
    clock: SequencedClock,
    /// The look at the clock of this round, where commands came in.
    looked: Option<(Timestamp, Ticks)>,
    /// Nanoseconds of the engine's next deadline; `u64::MAX` is none. A hint from unreleased state: a needless `Tick`
    /// would do no harm.
    deadline: Arc<AtomicU64>,
    /// The `Tick` for this deadline is under way.
    ticked_for: u64,
    /// The last number given.
    last: Sequence,
    /// The last record that is in the ring.
    in_ring: Sequence,
    /// Records that are numbered but found no slot yet, in order.
    held: Vec<CommandRecord>,
    held_next: usize,
}

impl Sequencer {
    /// A sequencer that first reads `restart` to its end. `deadline` comes from the match stage.
    #[must_use]
    pub fn new(
        restart: Box<dyn RecordSource>,
        inbox: Inbox,
        from_leader: Arc<ArrayQueue<CommandRecord>>,
        control: RunControl,
        producer: CommandProducer,
        mut assigned: WatermarkWriter,
        deadline: Arc<AtomicU64>,
    ) -> Self {
        let Resume { through, epoch, time } = restart.resume();
        assigned.advance_through(through);
        Self {
            source: Source::Restart(restart),
            inbox,
            from_leader,
            control,
            producer,
            assigned,
            receipts: None,
            epoch,
            clock: SequencedClock::start(time),
            looked: None,
            deadline,
            ticked_for: 0,
            last: through,
            in_ring: through,
            held: Vec::with_capacity(BATCH as usize + TOGETHER_MAX),
            held_next: 0,
        }
    }

    /// From here on it notes when each command was received.
    #[must_use]
    pub fn noting_receipts(self, receipts: ReceiptWriter) -> Self {
        Self { receipts: Some(receipts), ..self }
    }

    /// Moves held records into the ring; whether none is left.
    fn publish_held(&mut self) -> bool {
        while let Some(record) = self.held.get(self.held_next) {
            if self.producer.try_publish(|slot| *slot = *record).is_err() {
                return false;
            }
            self.in_ring = record.sequence();
            self.held_next += 1;
        }
        self.held.clear();
        self.held_next = 0;
        true
    }

    /// Numbers a record, as of `time`.
    fn assign(&mut self, mut record: CommandRecord, receipt: Receipt, time: Timestamp) {
        record.stamp(self.last.next(), time, self.epoch);
        self.place(&record, receipt);
    }

    fn assign_now(&mut self, record: CommandRecord, receipt: Receipt) {
        let time = self.clock.now();
        self.assign(record, receipt, time);
    }

    /// Puts a numbered record into the ring, behind those that found no slot.
    fn place(&mut self, record: &CommandRecord, receipt: Receipt) {
        self.last = record.sequence();
        if let Some(receipts) = &mut self.receipts {
            receipts.note(self.last, receipt);
        }
        if self.held.is_empty() && self.producer.try_publish(|slot| *slot = *record).is_ok() {
            self.in_ring = self.last;
        } else {
            self.held.push(*record);
        }
    }

    /// Takes a record whose numbers are assigned, asserting that it follows.
    fn follow(&mut self, record: &CommandRecord) {
        assert_eq!(record.sequence(), self.last.next(), "records from a journal or a leader are dense");
        assert!(record.epoch() >= self.epoch, "an epoch never goes backwards");
        self.epoch = record.epoch();
        self.clock.not_before(record.time());
        self.place(record, Receipt::NONE);
    }

    fn obey_orders(&mut self) {
        if self.control.is_stopping() {
            self.source = Source::Idle;
            while self.control.next().is_some() {
                self.control.obeyed();
            }
            return;
        }
        // An order waits until everything from the old source is through.
        if matches!(self.source, Source::Restart(_)) {
            return;
        }
        if matches!(self.source, Source::Leader) && !self.from_leader.is_empty() {
            return;
        }
        match self.control.next() {
            Some(SequencerOrder::Lead { epoch, first, genesis }) => {
                assert!(epoch >= self.epoch, "an epoch never goes backwards");
                self.epoch = epoch;
                self.source = Source::Inbox;
                self.clock = SequencedClock::start(self.clock.last);
                if let Some(genesis) = genesis {
                    self.assign_now(genesis, Receipt::NONE);
                }
                self.assign_now(first, Receipt::NONE);
            }
            Some(SequencerOrder::Follow) => self.source = Source::Leader,
            // It was given since the look above; what was given before it and waits is let go by the next round.
            Some(SequencerOrder::Stop) => self.source = Source::Idle,
            None => return,
        }
        self.control.obeyed();
    }

    fn take_from_source(&mut self) -> Result<(), Fatal> {
        match &mut self.source {
            Source::Restart(journal) => {
                let mut records = Vec::with_capacity(BATCH as usize);
                journal.read(BATCH as usize, &mut records)?;
                if records.is_empty() {
                    self.source = Source::Idle;
                }
                for record in &records {
                    self.follow(record);
                }
            }
            Source::Idle => {}
            Source::Leader => {
                for _ in 0..BATCH {
                    let Some(record) = self.from_leader.pop() else { break };
                    self.follow(&record);
                }
            }
            Source::Inbox => {
                self.take_from_inbox();
                self.inbox.announce_space();
                self.tick_if_due();
            }
        }
        Ok(())
    }

    /// What has come in until now, all of it as of one look at the clock, which is the stamp of it, too.
    fn take_from_inbox(&mut self) {
        let start = self.last;
        while self.last.raw() - start.raw() < BATCH
            && let Some(pushed) = self.inbox.pop()
        {
            let (time, _) = *self.looked.get_or_insert_with(|| self.clock.look());
            match pushed {
                Pushed::One(record, receipt) => self.assign(record, receipt, time),
                // In one round: no `Tick` comes between the records of a command. Its last record has its answer.
                Pushed::Together(records, receipt) => {
                    let (last, before) = records.split_last().expect("a command is one record or more");
                    before.iter().for_each(|record| self.assign(*record, Receipt::NONE, time));
                    self.assign(*last, receipt, time);
                }
            }
        }
    }

    fn tick_if_due(&mut self) {
        let due = self.deadline.load(Ordering::Relaxed);
        if self.last == self.assigned.through()
            && due != u64::MAX
            && due != self.ticked_for
            && self.clock.now().nanos() >= due
        {
            self.ticked_for = due;
            self.assign_now(CommandRecord::encode(&CommandHeader::default(), &Command::Tick), Receipt::NONE);
        }
    }
}

impl Stage for Sequencer {
    fn name(&self) -> &'static str {
        "sequencer"
    }

    fn do_work(&mut self) -> Result<usize, Fatal> {
        let before = self.in_ring;
        if self.publish_held() {
            // Nothing is held: what was numbered is in the ring.
            self.obey_orders();
            if self.held.is_empty() {
                self.take_from_source()?;
            }
        }
        let looked = self.looked.take();
        if self.in_ring > before {
            match looked {
                Some((_, at)) => self.assigned.advance_through_at(self.in_ring, at),
                None => self.assigned.advance_through(self.in_ring),
            }
        }
        Ok(usize::try_from(self.in_ring.raw() - before.raw()).expect("a round is short"))
    }
}

/// Time of commands: wall clock at the start of the epoch plus monotonic time since, never before the last one given.
struct SequencedClock {
    wall_at_start_ns: u64,
    since_start: TickTime,
    last: Timestamp,
    rounds_to_check: u32,
}

impl SequencedClock {
    fn start(last: Timestamp) -> Self {
        let (wall_at_start_ns, since_start) = (wall_ns(), TickTime::begin(TickClock::best()));
        Self { wall_at_start_ns, since_start, last, rounds_to_check: WALL_CHECK_ROUNDS }
    }

    fn now(&mut self) -> Timestamp {
        self.look().0
    }

    /// The time of commands, and the same moment as stamps have it.
    fn look(&mut self) -> (Timestamp, Ticks) {
        let (at, elapsed) = self.since_start.look();
        let now = self.wall_at_start_ns.saturating_add(elapsed);
        self.rounds_to_check -= 1;
        if self.rounds_to_check == 0 {
            self.rounds_to_check = WALL_CHECK_ROUNDS;
            let drift = wall_ns().abs_diff(now);
            if drift > WALL_DRIFT_ALARM_NS {
                tracing::warn!(
                    drift_ns = drift,
                    "the wall clock moved away from the sequenced time, which does not follow"
                );
            }
        }
        self.last = self.last.max(Timestamp::from_nanos(now));
        (self.last, at)
    }

    fn not_before(&mut self, time: Timestamp) {
        self.last = self.last.max(time);
    }
}

fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
