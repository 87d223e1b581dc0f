//! Whether fast is also right: the released events beside those of the engine alone.
//!
//!   commands --Engine::apply--> events --[`Sum`]-->  equal?  <--[`Sum`]-- event log of a pipeline
//!
//! Invariants: times differ between the two, nothing else may.
//! Owning thread: the caller's.

use tidegate_domain::{CommandRecord, Event, EventBuffer, EventRecord, Sequence, StateMachine};
use tidegate_journal::EventLog;
use tidegate_matching::Engine;

/// Events read at once.
const BATCH: usize = 4_096;

/// A sum over events in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    hash: u64,
    /// How many.
    pub(crate) events: u64,
}

impl Sum {
    fn word(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn add(&mut self, record: &EventRecord) {
        let (header, event) = record.decode().expect("the engine's own events decode");
        self.events += 1;
        self.word(header.sequence.raw());
        self.word(u64::from(header.index) << 32 | u64::from(header.market.raw()));
        self.word(u64::from(header.key.raw()) << 32 | u64::from(header.account.raw()));
        self.word(header.request.raw());
        self.word(header.session_sequence.raw());
        self.word(event.kind() as u64);
        if let Event::Fill(fill) = event {
            self.word(fill.order.raw());
            self.word(fill.counter_order.raw());
            self.word(fill.price.ticks().unsigned_abs());
            self.word(fill.qty.lots());
        }
    }
}

/// What the engine alone says to commands, and sums after some of them.
pub(crate) struct Reference {
    engine: Engine,
    out: EventBuffer,
    sum: Sum,
}

impl Reference {
    pub(crate) fn new() -> Self {
        Self { engine: Engine::new(), out: EventBuffer::default(), sum: Sum::default() }
    }

    /// Applies what comes next; the sum over everything so far.
    pub(crate) fn apply(&mut self, records: &[CommandRecord]) -> Sum {
        for record in records {
            self.out.clear();
            self.engine.apply(record, &mut self.out);
            self.out.records().iter().for_each(|event| self.sum.add(event));
        }
        self.sum
    }
}

/// Of everything in an event log, through a command.
pub(crate) fn sum_of(log: &EventLog, through: Sequence) -> Result<Sum, String> {
    let (mut cursor, mut sum, mut batch) = (log.cursor_at_start(), Sum::default(), Vec::with_capacity(BATCH));
    loop {
        batch.clear();
        if cursor.next_batch(BATCH, &mut batch).map_err(|error| error.to_string())? == 0 {
            return Ok(sum);
        }
        batch.iter().filter(|event| event.sequence() <= through).for_each(|event| sum.add(event));
    }
}

/// The first command whose events differ from those of the engine alone, in words.
pub(crate) fn first_difference<'a>(
    log: &EventLog,
    records: impl Iterator<Item = &'a CommandRecord>,
) -> Result<String, String> {
    let (mut cursor, mut engine, mut out) = (log.cursor_at_start(), Engine::new(), EventBuffer::default());
    let (mut released, mut at) = (Vec::new(), 0);
    for record in records {
        out.clear();
        engine.apply(record, &mut out);
        for expected in out.records() {
            if at == released.len() {
                (at, _) = (0, released.clear());
                cursor.next_batch(BATCH, &mut released).map_err(|error| error.to_string())?;
            }
            let (mut is, mut should) = (Sum::default(), Sum::default());
            should.add(expected);
            if let Some(event) = released.get(at) {
                is.add(event);
            }
            if is != should {
                let event = released.get(at).map(EventRecord::decode);
                return Ok(format!("command {record:?}: released {event:?}, expected {:?}", expected.decode()));
            }
            at += 1;
        }
    }
    Ok("there are more released events than expected ones".to_owned())
}
