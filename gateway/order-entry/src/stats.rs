//! Counters of the server, for metrics and status.
//!
//! Invariants: written by the order-entry thread only, read by anyone; each is exact, two of them need not agree with
//! each other at one instant.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the server has done so far, and two gauges of what it holds now.
#[derive(Debug, Default)]
pub struct OrderEntryStats {
    /// Gauge: open connections.
    pub connections: AtomicU64,
    /// Gauge: sessions that are logged on.
    pub sessions: AtomicU64,
    /// Connections accepted.
    pub connections_total: AtomicU64,
    /// Logons that took effect.
    pub logons_total: AtomicU64,
    /// Logons refused: unknown key, bad signature, too busy, not primary, too late.
    pub logons_refused_total: AtomicU64,
    /// Order requests handed to the inbox.
    pub requests_total: AtomicU64,
    /// Reports encoded for clients, replayed ones included.
    pub reports_total: AtomicU64,
    /// Gauge: drop copies.
    pub drop_copies: AtomicU64,
    /// Requests that the gateway refused by itself, the throttled ones included.
    pub refused_total: AtomicU64,
    /// Requests that were refused because their key or address had no token left.
    pub throttled_total: AtomicU64,
    /// Clients that were asked whether they are there.
    pub test_requests_total: AtomicU64,
    /// Connections that ended because of a malformed frame.
    pub malformed_total: AtomicU64,
    /// Sessions that ended because their client did not read.
    pub slow_consumers_total: AtomicU64,
    /// Sessions that ended because their client fell silent.
    pub heartbeats_missed_total: AtomicU64,
    /// Sessions that ended because their key logged on again.
    pub taken_over_total: AtomicU64,
    /// Times that the inbox was full and a record had to wait.
    pub inbox_full_total: AtomicU64,
    /// Bytes read.
    pub bytes_in_total: AtomicU64,
    /// Bytes written.
    pub bytes_out_total: AtomicU64,
}

/// Adds to a counter. There is one writer, so relaxed order suffices.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// Takes from a gauge.
pub(crate) fn sub(gauge: &AtomicU64, count: u64) {
    gauge.fetch_sub(count, Ordering::Relaxed);
}
