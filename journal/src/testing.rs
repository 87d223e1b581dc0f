//! Records for the unit tests of this crate.

use tidegate_domain::{Command, CommandHeader, CommandRecord, Epoch, Sequence};

/// Ticks `first..first + count`, of epoch 1.
pub(crate) fn ticks(first: u64, count: u64) -> Vec<CommandRecord> {
    let tick = |sequence| {
        let (sequence, epoch) = (Sequence::new(sequence), Epoch::new(1));
        CommandRecord::encode(&CommandHeader { sequence, epoch, ..CommandHeader::default() }, &Command::Tick)
    };
    (first..first + count).map(tick).collect()
}
