//! Counters of the server, for metrics and status.
//!
//! Invariants: written by every thread that carries sessions, read by anyone; each is exact, two of them need not agree
//! with each other at one instant.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters: the struct, and its list for metrics.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($field:ident $sentence:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            $(#[doc = $sentence] pub $field: AtomicU64,)*
        }

        impl $name {
            /// Each by name, with what it is and its value now.
            #[must_use]
            pub fn each(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($field), $sentence, self.$field.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters!(
    /// What the server has done so far, and what it holds now.
    OrderEntryStats {
        connections "Gauge: open connections.",
        sessions "Gauge: sessions that are logged on.",
        accepted_connections_total "Connections accepted.",
        logons_total "Logons that took effect.",
        logons_refused_total "Logons refused: unknown key, bad signature, too busy, not primary, too late.",
        requests_total "Order requests handed to the inbox.",
        reports_total "Reports encoded for clients, replayed ones included.",
        drop_copies "Gauge: drop copies.",
        refused_total "Requests that the gateway refused by itself, the throttled ones included.",
        throttled_total "Requests that were refused because their key or address had no token left.",
        test_requests_total "Clients that were asked whether they are there.",
        malformed_total "Connections that ended because of a malformed frame.",
        slow_consumers_total "Sessions that ended because their client did not read.",
        heartbeats_missed_total "Sessions that ended because their client fell silent.",
        taken_over_total "Sessions that ended because their key logged on again.",
        inbox_full_total "Times that the inbox was full and a record had to wait.",
        bytes_in_total "Bytes read.",
        bytes_out_total "Bytes written.",
    }
);

/// Adds to a counter. Several threads may; nothing else is published by it, so relaxed order suffices.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Takes from a gauge.
pub(crate) fn sub(gauge: &AtomicU64, count: u64) {
    gauge.fetch_sub(count, Ordering::Relaxed);
}
