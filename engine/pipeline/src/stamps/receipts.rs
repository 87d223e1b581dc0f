//! When each command was received, and by which gateway: an array by sequence, written by the sequencer.
//!
//! Invariants: every command that gets a number writes its place, also those that nobody received (timers, the operator, a
//! restart, a leader's records): what stood there before belongs to another command.
//! Owning threads: the writer the sequencer's, the reader its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use tidegate_domain::Sequence;

use super::ticks::Ticks;

/// Commands that are remembered.
pub const RECEIPTS_KEPT: u64 = 1 << 16;
/// The sequencer may be so many commands ahead of the watermark that it shows; see its batch.
const AHEAD_MAX: u64 = 1_024;
/// Bits of a place that are the gateway. The others are the low ones of the moment; the reader adds the high ones.
const GATEWAY_BITS: u32 = 8;

/// That a gateway received a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// When; none for what no gateway received.
    pub at: Ticks,
    /// Which of the gateways.
    pub gateway: u8,
}

impl Receipt {
    /// Of what no gateway received.
    pub const NONE: Self = Self { at: Ticks::NONE, gateway: 0 };
}

/// The sequencer's end; not `Clone`.
#[derive(Debug)]
pub struct ReceiptWriter {
    places: Arc<[AtomicU64]>,
}

/// The reader's end.
#[derive(Debug)]
pub struct ReceiptReader {
    places: Arc<[AtomicU64]>,
}

/// An array of [`RECEIPTS_KEPT`].
#[must_use]
pub fn receipts() -> (ReceiptWriter, ReceiptReader) {
    let places: Arc<[AtomicU64]> = (0..RECEIPTS_KEPT).map(|_| AtomicU64::new(0)).collect();
    (ReceiptWriter { places: Arc::clone(&places) }, ReceiptReader { places })
}

const fn place_of(sequence: Sequence) -> usize {
    (sequence.raw() & (RECEIPTS_KEPT - 1)) as usize
}

impl ReceiptWriter {
    /// Notes a command's receipt, before its number can be seen.
    #[inline]
    pub fn note(&mut self, sequence: Sequence, receipt: Receipt) {
        // Both in one word, so that they cannot disagree.
        let word = (receipt.at.raw() << GATEWAY_BITS) | u64::from(receipt.gateway);
        // A reader that sees this also sees how far the sequencer had come before.
        fence(Ordering::Release);
        self.places[place_of(sequence)].store(word, Ordering::Relaxed);
    }
}

impl ReceiptReader {
    /// The oldest command that is remembered for certain while the sequencer has numbered `assigned`.
    #[must_use]
    pub fn oldest(assigned: Sequence) -> Sequence {
        Sequence::new((assigned.raw() + AHEAD_MAX + 1).saturating_sub(RECEIPTS_KEPT))
    }

    /// A command's receipt, provided that the sequencer has numbered it and that [`Self::oldest`] is not above it, asked after
    /// this. `assigned` is when it was numbered.
    #[inline]
    #[must_use]
    pub fn get(&self, sequence: Sequence, assigned: Ticks) -> Receipt {
        let word = self.places[place_of(sequence)].load(Ordering::Relaxed);
        if word == 0 {
            return Receipt::NONE;
        }
        // A counter that runs since the machine's start may need more bits than a place has.
        let low = word >> GATEWAY_BITS;
        const RANGE: u64 = u64::MAX >> GATEWAY_BITS;
        let before = assigned.raw().wrapping_sub(low) & RANGE;
        // Half of the range and more is "later": a gateway on a thread of its own received it while the sequencer's round, which has one
        // look at the clock, was under way.
        let at = if before > RANGE / 2 {
            assigned.raw() + (low.wrapping_sub(assigned.raw()) & RANGE)
        } else {
            assigned.raw() - before
        };
        let at = Ticks::from_raw(at);
        Receipt { at, gateway: (word & ((1 << GATEWAY_BITS) - 1)) as u8 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_that_of_its_command_also_when_the_counter_is_very_high() {
        let (mut writer, reader) = receipts();
        for received in [1, 12_345, (1 << 56) - 1, (1 << 56) + 3, (1 << 63) + 7] {
            let receipt = Receipt { at: Ticks::from_raw(received), gateway: 63 };
            let sequence = Sequence::new(received);
            writer.note(sequence, receipt);
            assert_eq!(reader.get(sequence, Ticks::from_raw(received + 1_000)), receipt);
            assert_eq!(reader.get(sequence, Ticks::from_raw(received)), receipt);
            writer.note(sequence, Receipt::NONE);
            assert_eq!(reader.get(sequence, Ticks::from_raw(received + 1_000)), Receipt::NONE);
        }
    }

    #[test]
    fn a_receipt_may_be_later_than_its_number() {
        let (mut writer, reader) = receipts();
        writer.note(Sequence::new(1), Receipt { at: Ticks::from_raw(1_010), gateway: 0 });
        assert_eq!(reader.get(Sequence::new(1), Ticks::from_raw(1_000)).at, Ticks::from_raw(1_010));
    }

    #[test]
    fn what_may_be_written_over_is_not_remembered() {
        assert_eq!(ReceiptReader::oldest(Sequence::new(10)), Sequence::ZERO);
        let assigned = Sequence::new(RECEIPTS_KEPT * 3);
        assert!(ReceiptReader::oldest(assigned).raw() + RECEIPTS_KEPT > assigned.raw() + AHEAD_MAX);
    }
}
