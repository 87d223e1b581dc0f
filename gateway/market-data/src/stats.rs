//! Counters of the feed, for metrics: written by its thread, read by anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once: field, and what a snapshot of them has.
macro_rules! counters {
    ($($field:ident $doc:literal,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $field: AtomicU64,)*
        }

        /// The counters at one moment.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct FeedStatus {
            $(#[doc = $doc] pub $field: u64,)*
        }

        impl FeedStats {
            /// What they are now.
            #[must_use]
            pub fn get(&self) -> FeedStatus {
                FeedStatus { $($field: self.0.$field.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    through "The last sequence that is in the feed.",
    orders "The last number of the channel orders.",
    levels "The last number of the channel levels.",
    trades "The last number of the channel trades.",
    resumed_at "The sequence that the start had from a checkpoint; 0: from the event log's beginning.",
    connections "Connections at this moment.",
    refused_connections "Connections that were over a limit, since the start.",
    slow_consumers "Connections that were ended because they did not read, since the start.",
    refused_requests "Requests that were refused, since the start.",
    retransmitted "Messages that were sent again over TCP, since the start.",
    packets "Datagrams that were sent to each group, since the start.",
    packet_errors "Datagrams that the system did not take, since the start.",
}

/// A handle; clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct FeedStats(pub(crate) Arc<Counters>);

impl FeedStats {
    pub(crate) fn set(&self, of: impl Fn(&Counters) -> &AtomicU64, value: u64) {
        of(&self.0).store(value, Ordering::Relaxed);
    }

    pub(crate) fn count(&self, of: impl Fn(&Counters) -> &AtomicU64, more: u64) {
        of(&self.0).fetch_add(more, Ordering::Relaxed);
    }
}
