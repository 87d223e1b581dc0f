//! The newest messages of a channel, as frames, in a ring of fixed size: what a connection reads from, and what is sent again.
//!
//! Invariants: numbers are dense; the oldest goes when the ring is full, whoever still wanted it. So a reader that is
//! slow costs nobody memory. Owning thread: `market-data`.

use std::collections::VecDeque;

use tidegate_domain::MarketId;
use tidegate_wire::feed::{FeedMessage, FeedNumber, encode_feed_message};

/// Longest frame of a numbered message: `FeedMarket`.
const FRAME_LEN_MAX_BYTES: usize = 152;

#[derive(Clone, Debug)]
struct Stored {
    market: MarketId,
    len: u8,
    bytes: [u8; FRAME_LEN_MAX_BYTES],
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Recent {
    frames: VecDeque<Stored>,
    capacity: usize,
    next: FeedNumber,
    scratch: Vec<u8>,
}

impl Recent {
    /// Empty; `next` is the number of the first message that will come.
    pub(crate) fn new(capacity: usize, next: FeedNumber) -> Self {
        Self { frames: VecDeque::new(), capacity, next, scratch: Vec::new() }
    }

    pub(crate) fn push(&mut self, message: &FeedMessage) {
        assert_eq!(message.head.number, self.next, "messages of a channel are dense");
        self.scratch.clear();
        encode_feed_message(message, &mut self.scratch);
        let len = self.scratch.len();
        assert!(len <= FRAME_LEN_MAX_BYTES, "no numbered message is longer");
        let mut bytes = [0; FRAME_LEN_MAX_BYTES];
        bytes[..len].copy_from_slice(&self.scratch);
        if self.frames.len() == self.capacity {
            self.frames.pop_front();
        }
        self.frames.push_back(Stored { market: message.head.market, len: len as u8, bytes });
        self.next = self.next.next();
    }

    /// The next message to come.
    pub(crate) fn next(&self) -> FeedNumber {
        self.next
    }

    /// The oldest that is there; [`Self::next`] where none is.
    pub(crate) fn oldest(&self) -> FeedNumber {
        FeedNumber::new(self.next.raw() - self.frames.len() as u64)
    }

    /// A message's market and frame, while it is there.
    pub(crate) fn get(&self, number: FeedNumber) -> Option<(MarketId, &[u8])> {
        let at = number.raw().checked_sub(self.oldest().raw())?;
        let stored = self.frames.get(usize::try_from(at).ok()?)?;
        Some((stored.market, &stored.bytes[..usize::from(stored.len)]))
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{Epoch, MarketState, Sequence, Timestamp};
    use tidegate_wire::feed::{FeedBody, FeedChannel, FeedHead, MarketNumber};

    use super::*;

    fn message(number: u64) -> FeedMessage {
        let head = FeedHead {
            number: FeedNumber::new(number),
            market_number: MarketNumber::new(number),
            sequence: Sequence::new(number),
            time: Timestamp::from_nanos(number),
            market: MarketId::new(3),
            epoch: Epoch::new(1),
            index: 0,
            market_last: true,
            last: true,
            channel: FeedChannel::Trades,
        };
        FeedMessage { head, body: FeedBody::State { state: MarketState::Halted } }
    }

    #[test]
    fn the_newest_messages_are_there_and_no_others() {
        let mut recent = Recent::new(3, FeedNumber::new(10));
        assert_eq!((recent.oldest(), recent.next()), (FeedNumber::new(10), FeedNumber::new(10)));
        for number in 10..15 {
            recent.push(&message(number));
        }
        assert_eq!((recent.oldest(), recent.next()), (FeedNumber::new(12), FeedNumber::new(15)));
        for number in [0, 9, 11, 15, u64::MAX] {
            assert!(recent.get(FeedNumber::new(number)).is_none(), "{number}");
        }
        for number in 12..15 {
            let mut frame = Vec::new();
            encode_feed_message(&message(number), &mut frame);
            assert_eq!(recent.get(FeedNumber::new(number)), Some((MarketId::new(3), frame.as_slice())));
        }
    }
}
