//! How many requests a key, and an address, may send: token buckets.
//!
//! A bucket holds at most `burst` tokens and gets `per_second` back in a second. It is one number, the moment at which it
//! is full again (the generic cell rate algorithm, ITU-T I.371): taking a token moves that moment on, and what is left
//! follows from how far away it is. So a bucket needs no timer, and several threads can share one.
//!
//! Invariants: what takes orders away costs no token, so nobody is kept from leaving a market; a refusal costs none
//! either. A bucket outlives its connections until it is full, so logging on again does not fill it.
//! Owning thread: any; the tables are locked only at a logon.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tidegate_domain::{KeyId, Nanos};
use tidegate_sockets::Address;
use tidegate_wire::{GatewayStamps, OrderRequest};

/// Buckets of a kind that are kept before full ones without a user are dropped.
const KEPT_MAX: usize = 4_096;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Tokens of a bucket. The default is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Tokens that come back in a second; 0 is no limit.
    pub per_second: u32,
    /// Most tokens that there can be; 0 where there is no limit.
    pub burst: u32,
}

impl RateLimit {
    /// Fewest tokens of a bucket: what costs most must be possible.
    pub const BURST_MIN: u32 = OrderRequest::QUERY_ORDERS_COST;
    /// Most tokens per second, and of a bucket.
    pub const MAX: u32 = 100_000_000;

    /// Whether both numbers are within their bounds.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self == Self::default()
            || ((1..=Self::MAX).contains(&self.per_second) && (Self::BURST_MIN..=Self::MAX).contains(&self.burst))
    }
}

/// One bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: RateLimit,
    /// How long a token takes to come back, rounded up; 0 where there is no limit.
    interval_ns: u64,
    full_at_ns: AtomicU64,
}

impl Bucket {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let interval_ns = if limit.per_second == 0 { 0 } else { NANOS_PER_SECOND.div_ceil(limit.per_second.into()) };
        Self { limit, interval_ns, full_at_ns: AtomicU64::new(0) }
    }

    /// Takes `cost` tokens.
    ///
    /// # Errors
    /// How long until there are enough.
    pub(crate) fn take(&self, cost: u32, now: Nanos) -> Result<(), Nanos> {
        if cost == 0 || self.interval_ns == 0 {
            return Ok(());
        }
        let (price_ns, depth_ns) = (self.ns(cost), self.ns(self.limit.burst));
        let mut wait = Nanos::default();
        let taken = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at_ns| {
            let full_at_ns = full_at_ns.max(now.nanos()).saturating_add(price_ns);
            let over_ns = (full_at_ns - now.nanos()).saturating_sub(depth_ns);
            wait = Nanos::from_nanos(over_ns);
            (over_ns == 0).then_some(full_at_ns)
        });
        if taken.is_ok() { Ok(()) } else { Err(wait) }
    }

    /// Gives `cost` tokens back that were taken for nothing.
    pub(crate) fn give_back(&self, cost: u32) {
        let price_ns = self.ns(cost);
        let earlier = |full_at_ns: u64| Some(full_at_ns.saturating_sub(price_ns));
        let _ = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earlier);
    }

    /// Tokens that are left, as a report says them.
    pub(crate) fn left(&self, now: Nanos) -> u16 {
        if self.interval_ns == 0 {
            return GatewayStamps::UNLIMITED;
        }
        let missing_ns = self.full_at_ns.load(Ordering::Relaxed).saturating_sub(now.nanos());
        let left_ns = self.ns(self.limit.burst).saturating_sub(missing_ns);
        u16::try_from(left_ns / self.interval_ns).unwrap_or(GatewayStamps::UNLIMITED)
    }

    /// Its terms.
    pub(crate) fn limit(&self) -> RateLimit {
        self.limit
    }

    pub(crate) fn is_full(&self, now: Nanos) -> bool {
        self.full_at_ns.load(Ordering::Relaxed) <= now.nanos()
    }

    /// How long so many tokens take to come back.
    fn ns(&self, tokens: u32) -> u64 {
        u64::from(tokens) * self.interval_ns
    }
}

/// The buckets of every key and every address.
#[derive(Debug)]
pub(crate) struct Throttles {
    keys: Table<KeyId>,
    addresses: Table<Address>,
}

impl Throttles {
    pub(crate) fn new(key: RateLimit, address: RateLimit) -> Self {
        Self { keys: Table::new(key), addresses: Table::new(address) }
    }

    /// The bucket of a key.
    pub(crate) fn key(&self, key: KeyId, now: Nanos) -> Arc<Bucket> {
        self.keys.bucket(key, now)
    }

    /// The bucket of the address that this one counts as.
    pub(crate) fn address(&self, ip: IpAddr, now: Nanos) -> Arc<Bucket> {
        self.addresses.bucket(Address::of(ip), now)
    }
}

#[derive(Debug)]
struct Table<K> {
    limit: RateLimit,
    buckets: Mutex<HashMap<K, Arc<Bucket>>>,
}

impl<K: Eq + Hash> Table<K> {
    fn new(limit: RateLimit) -> Self {
        Self { limit, buckets: Mutex::default() }
    }

    fn bucket(&self, whose: K, now: Nanos) -> Arc<Bucket> {
        let mut buckets = self.buckets.lock().expect("no holder of this lock panics");
        if buckets.len() >= KEPT_MAX {
            buckets.retain(|_, bucket| Arc::strong_count(bucket) > 1 || !bucket.is_full(now));
        }
        Arc::clone(buckets.entry(whose).or_insert_with(|| Arc::new(Bucket::new(self.limit))))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(ns: u64) -> Nanos {
        Nanos::from_nanos(ns)
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_as_fast_as_tokens_come_back() {
        let bucket = Bucket::new(RateLimit { per_second: 10, burst: 20 });
        for left in (0..20).rev() {
            bucket.take(1, at(SECOND)).unwrap();
            assert_eq!(bucket.left(at(SECOND)), left);
        }
        assert_eq!(bucket.take(1, at(SECOND)), Err(at(SECOND / 10)), "the next token is a tenth of a second away");
        assert_eq!(bucket.take(5, at(SECOND)), Err(at(SECOND / 2)));
        assert_eq!(bucket.take(1, at(SECOND + SECOND / 10 - 1)), Err(at(1)));
        bucket.take(1, at(SECOND + SECOND / 10)).unwrap();
        assert_eq!(bucket.left(at(10 * SECOND)), 20, "it is full again, and never more than full");
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_has_its_whole_burst() {
        let bucket = Bucket::new(RateLimit { per_second: 3, burst: 16 });
        for left in (0..16).rev() {
            bucket.take(1, at(SECOND)).unwrap();
            assert_eq!(bucket.left(at(SECOND)), left);
        }
        assert_eq!(bucket.take(1, at(SECOND)), Err(at(333_333_334)), "a third of a second, rounded up");
    }

    #[test]
    fn what_costs_nothing_is_never_refused_and_a_refusal_takes_nothing() {
        let bucket = Bucket::new(RateLimit { per_second: 1, burst: 16 });
        bucket.take(16, at(0)).unwrap();
        for _ in 0..100 {
            bucket.take(0, at(0)).unwrap();
            assert_eq!(bucket.take(1, at(0)), Err(at(SECOND)));
        }
        bucket.take(1, at(SECOND)).unwrap();
    }

    #[test]
    fn what_was_given_back_can_be_taken_again() {
        let bucket = Bucket::new(RateLimit { per_second: 1, burst: 16 });
        bucket.take(16, at(0)).unwrap();
        bucket.give_back(3);
        assert_eq!(bucket.left(at(0)), 3);
        bucket.take(3, at(0)).unwrap();
        assert!(bucket.take(1, at(0)).is_err());
    }

    #[test]
    fn without_a_limit_nothing_is_refused() {
        let bucket = Bucket::new(RateLimit::default());
        for _ in 0..1_000 {
            bucket.take(u32::MAX, at(0)).unwrap();
        }
        assert_eq!(bucket.left(at(0)), GatewayStamps::UNLIMITED);
    }

    #[test]
    fn a_bucket_is_the_same_after_another_logon_and_dropped_only_when_full_and_unused() {
        let throttles = Throttles::new(RateLimit { per_second: 1, burst: 16 }, RateLimit::default());
        throttles.key(KeyId::new(1), at(0)).take(16, at(0)).unwrap();
        for key in 2..2 * KEPT_MAX as u32 {
            throttles.key(KeyId::new(key), at(1));
        }
        assert!(throttles.keys.buckets.lock().unwrap().len() <= KEPT_MAX + 1, "full buckets without a user went");
        assert!(throttles.key(KeyId::new(1), at(1)).take(1, at(1)).is_err(), "the empty one is remembered");
    }

    #[test]
    fn all_names_of_one_address_share_a_bucket() {
        let limit = RateLimit { per_second: 1, burst: 16 };
        for (one, same, other) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
            ("10.0.0.1", "::ffff:10.0.0.1", "::ffff:10.0.0.2"),
        ] {
            let throttles = Throttles::new(RateLimit::default(), limit);
            let bucket = |ip: &str| throttles.address(ip.parse().unwrap(), at(0));
            bucket(one).take(16, at(0)).unwrap();
            assert!(bucket(same).take(1, at(0)).is_err(), "{same} has spent what {one} has");
            assert!(bucket(other).take(16, at(0)).is_ok(), "{other} has not");
        }
    }

    /// Against a bucket that counts tokens in exact fractions.
    #[test]
    fn a_bucket_agrees_with_one_that_counts_tokens() {
        // An eighth of a second is a whole number of nanoseconds, so both are exact.
        let (per_second, burst) = (8_u32, 16_u32);
        let bucket = Bucket::new(RateLimit { per_second, burst });
        let (mut now, mut scaled, mut seed) = (0_u64, u128::from(burst) * u128::from(SECOND), 0x9e37_79b9_u64);
        let mut refused = 0;
        for step in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let passed = (seed >> 33) % SECOND;
            now += passed;
            scaled = (scaled + u128::from(passed) * u128::from(per_second)).min(u128::from(burst) * u128::from(SECOND));
            assert_eq!(u128::from(bucket.left(at(now))), scaled / u128::from(SECOND), "step {step}");
            let cost = (seed >> 60) as u32;
            let price = u128::from(cost) * u128::from(SECOND);
            let there = scaled >= price;
            assert_eq!(bucket.take(cost, at(now)).is_ok(), there, "step {step}: {cost} tokens");
            scaled -= if there { price } else { 0 };
            refused += u32::from(!there);
        }
        assert!(refused > 1_000, "both ways were taken: {refused}");
    }
}
