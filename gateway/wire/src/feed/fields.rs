//! Words of the feed that stand in its fields: positions, channels, reasons.
//!
//! Invariants: a code is never reused or renumbered. Owning thread: none.

use std::fmt;

use crate::field::{Field, code_list, coded_field};
use crate::layout::{Code, CodeList};
use crate::reason::catalogue;

/// Positions that reset at different times are different types.
macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// Wraps the raw number.
            #[must_use]
            pub const fn new(raw: u64) -> Self {
                Self(raw)
            }
            /// The raw number.
            #[must_use]
            pub const fn raw(self) -> u64 {
                self.0
            }
            /// The one after it; the largest stays, which only a forged message can have.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
            /// The one before it; 0 stays.
            #[must_use]
            pub const fn previous(self) -> Self {
                Self(self.0.saturating_sub(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl Field for $name {
            const LEN: usize = 8;
            const ALIGN: usize = 8;
            const TYPE: &'static str = "u64";

            fn put(&self, bytes: &mut [u8]) {
                self.0.put(bytes);
            }
            fn get(bytes: &[u8]) -> Result<Self, u64> {
                u64::get(bytes).map(Self)
            }
        }
    };
}

position!(
    /// Position of a message on its channel: dense from 1 since the journal's first event. 0 is "before the first".
    FeedNumber
);
position!(
    /// Position of a message among those of its market on its channel: dense from 1. 0 is "before the first".
    MarketNumber
);

catalogue!(
    /// One stream of the feed, with numbers of its own.
    FeedChannel: u8 {
        Orders = 1 "orders" "Every displayed order (L3): added, executed, changed, deleted.",
        Levels = 2 "levels" "Every price level (L2), as it is after a command that changed it.",
        Trades = 3 "trades" "Every trade.",
    }
);

impl FeedChannel {
    /// Position in an array with one place for each channel.
    #[must_use]
    pub const fn at(self) -> usize {
        self as usize - 1
    }
}

catalogue!(
    /// What a datagram is.
    FeedService: u8 {
        Increments = 1 "increments" "Numbered messages of one channel, first_number the first of them; or a heartbeat without any.",
        Snapshot = 2 "snapshot" "A piece of one market's snapshot on one channel.",
    }
);

catalogue!(
    /// Why a request of a feed client was refused. The connection goes on.
    FeedRefusal: u16 {
        TooOld = 1 "too_old" "The first message asked for is not kept any more; take a snapshot.",
        TooNew = 2 "too_new" "Not all of what was asked for exists yet.",
        TooMany = 3 "too_many" "More messages than one request may ask for.",
        Rate = 4 "rate" "This address asked for more than its share; try again after retry_after_ms.",
        UnknownMarket = 5 "unknown_market" "No market has this id.",
        TailLost = 6 "tail_lost" "The newest messages that the client has were lost with the node that led before; forget the channel and take snapshots.",
    }
);

catalogue!(
    /// Why the server ends a connection.
    FeedLogoutReason: u16 {
        SlowConsumer = 1 "slow_consumer" "The client did not read for so long that its next message is not kept any more; subscribe again from resume.",
        NodeStopping = 2 "node_stopping" "The node is being stopped; go to the other node.",
        MalformedFrame = 3 "malformed_frame" "The bytes are not a frame of this protocol; the detail names the field and what it allows.",
        TooManyConnections = 4 "too_many_connections" "The node, or this address, has as many connections as it may.",
        HeartbeatMissed = 5 "heartbeat_missed" "Nothing came from the client for ten heartbeat intervals.",
    }
);

coded_field! {
    FeedChannel: u8, "u8", "1 orders, 2 levels, 3 trades";
    FeedService: u8, "u8", "1 increments, 2 snapshot";
    FeedRefusal: u16, "u16", "a feed refusal";
    FeedLogoutReason: u16, "u16", "a feed logout reason";
}
