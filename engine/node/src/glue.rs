//! The pipeline's contracts, kept by the journal's types.

use tidegate_domain::{CommandRecord, Sequence};
use tidegate_journal::JournalReader;
use tidegate_pipeline::{Fatal, RecordSource, Resume};
use tidegate_replicator::JournalSource;

/// The node's own journal after a snapshot, or from its first record: what a restart sends through the pipeline again.
pub(crate) struct Restart {
    reader: JournalReader,
    resume: Resume,
    next: Sequence,
    through: Sequence,
}

impl Restart {
    pub(crate) fn new(reader: JournalReader, resume: Resume) -> Self {
        let through = reader.appended_through();
        Self { reader, resume, next: resume.through.next(), through }
    }
}

impl RecordSource for Restart {
    fn resume(&self) -> Resume {
        self.resume
    }

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
