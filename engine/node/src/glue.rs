//! The pipeline's contracts, kept by the journal's types.

use tidegate_domain::{CommandRecord, EventRecord, Sequence};
use tidegate_journal::{EventLogWriter, JournalReader};
use tidegate_pipeline::{Fatal, RecordSource, ReleasedEvents};
use tidegate_replicator::JournalSource;

/// The node's own journal, from its first record: what a restart sends through the pipeline again.
pub(crate) struct Restart {
    reader: JournalReader,
    next: Sequence,
    through: Sequence,
}

impl Restart {
    pub(crate) fn new(reader: JournalReader) -> Self {
        let through = reader.appended_through();
        Self { reader, next: Sequence::new(1), through }
    }
}

impl RecordSource for Restart {
    fn read(&mut self, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        if self.next > self.through {
            return Ok(());
        }
        self.reader.read(self.next, max, out)?;
        out.retain(|record| record.sequence() <= self.through);
        self.next = out.last().expect("the journal holds what it said it holds").sequence().next();
        Ok(())
    }
}

/// The journal as the replication link reads it to catch a standby up.
pub(crate) struct CatchUp(pub(crate) JournalReader);

impl JournalSource for CatchUp {
    fn appended_through(&self) -> Sequence {
        self.0.appended_through()
    }

    fn read(&self, first: Sequence, max: usize, out: &mut Vec<CommandRecord>) -> Result<(), Fatal> {
        Ok(self.0.read(first, max, out)?)
    }
}

/// The event log as publish writes it: after a restart it skips what the log has already.
pub(crate) struct Released {
    writer: EventLogWriter,
}

impl Released {
    pub(crate) fn new(writer: EventLogWriter) -> Self {
        Self { writer }
    }
}

impl ReleasedEvents for Released {
    fn append(&mut self, events: &mut [EventRecord]) -> Result<(), Fatal> {
        let known = match self.writer.last() {
            Some(last) => events.partition_point(|event| (event.sequence(), event.index()) <= last),
            None => 0,
        };
        let new = &mut events[known..];
        if new.is_empty() { Ok(()) } else { Ok(self.writer.append(new)?) }
    }
}
