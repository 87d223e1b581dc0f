//! What one address may ask for: connections, and messages that are sent again.
//!
//! Invariants: the recovery budget is a token bucket that may go into debt by one answer: whoever has any token gets a whole
//! answer, then waits until the debt is paid. So one large snapshot passes, and the long-term rate holds. Time comes in.
//! The table is bounded: an address without a connection and with a full bucket is forgotten. An IPv6 network is one address.
//! Owning thread: `market-data`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use tidegate_sockets::Address;

/// Addresses that are remembered before those that have nothing open are looked through.
const FORGET_FROM: usize = 4_096;

#[derive(Debug)]
struct Used {
    connections: usize,
    /// Thousandths of a token.
    tokens_milli: i64,
    /// When they were counted, since the start.
    at: Duration,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Limits {
    connections_max: usize,
    per_ip_max: usize,
    per_second: u32,
    connections: usize,
    addresses: HashMap<Address, Used>,
}

impl Limits {
    pub(crate) fn new(connections_max: usize, per_ip_max: usize, per_second: u32) -> Self {
        Self { connections_max, per_ip_max, per_second, connections: 0, addresses: HashMap::new() }
    }

    /// A second's worth: what an address that asked for nothing has.
    fn full_milli(&self) -> i64 {
        i64::from(self.per_second) * 1_000
    }

    /// Counts a connection in.
    ///
    /// # Errors
    /// Which limit it breaks, for the logout's detail.
    pub(crate) fn connect(&mut self, ip: IpAddr, now: Duration) -> Result<(), String> {
        if self.connections >= self.connections_max {
            return Err(format!("connections: {} of {}", self.connections, self.connections_max));
        }
        if self.addresses.len() >= FORGET_FROM {
            self.forget(now);
        }
        let (full, max) = (self.full_milli(), self.per_ip_max);
        let new = Used { connections: 0, tokens_milli: full, at: now };
        let used = self.addresses.entry(Address::of(ip)).or_insert(new);
        if used.connections >= max {
            return Err(format!("connections of this address: {} of {max}", used.connections));
        }
        used.connections += 1;
        self.connections += 1;
        Ok(())
    }

    pub(crate) fn disconnect(&mut self, ip: IpAddr) {
        let used = self.addresses.get_mut(&Address::of(ip)).expect("who disconnects has connected");
        used.connections -= 1;
        self.connections -= 1;
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections
    }

    /// Takes the cost of an answer from the address's budget.
    ///
    /// # Errors
    /// How long until it may ask again.
    pub(crate) fn spend(&mut self, ip: IpAddr, cost: u64, now: Duration) -> Result<(), Duration> {
        let (full, rate) = (self.full_milli(), i64::from(self.per_second));
        let used = self.addresses.get_mut(&Address::of(ip)).expect("who asks has connected");
        let passed_ms = i64::try_from(now.saturating_sub(used.at).as_millis()).unwrap_or(i64::MAX);
        // Of whole milliseconds only; the rest of one counts next time.
        used.at += Duration::from_millis(passed_ms as u64);
        used.tokens_milli = used.tokens_milli.saturating_add(passed_ms.saturating_mul(rate)).min(full);
        if used.tokens_milli <= 0 {
            let wait_ms = (1 - used.tokens_milli).div_euclid(rate) + 1;
            return Err(Duration::from_millis(wait_ms as u64));
        }
        self.charge(ip, cost);
        Ok(())
    }

    /// Takes what an answer that was allowed turned out to cost on top.
    pub(crate) fn charge(&mut self, ip: IpAddr, cost: u64) {
        let used = self.addresses.get_mut(&Address::of(ip)).expect("who asks has connected");
        let cost = i64::try_from(cost).unwrap_or(i64::MAX).saturating_mul(1_000);
        used.tokens_milli = used.tokens_milli.saturating_sub(cost);
    }

    fn forget(&mut self, now: Duration) {
        let (full, rate) = (self.full_milli(), i64::from(self.per_second));
        self.addresses.retain(|_, used| {
            let passed_ms = i64::try_from(now.saturating_sub(used.at).as_millis()).unwrap_or(i64::MAX);
            used.connections > 0 || used.tokens_milli.saturating_add(passed_ms.saturating_mul(rate)) < full
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn connections_are_limited_in_all_and_by_address() {
        let mut limits = Limits::new(3, 2, 10);
        let now = Duration::ZERO;
        assert_eq!(limits.connect(IP, now), Ok(()));
        assert_eq!(limits.connect(IP, now), Ok(()));
        assert_eq!(limits.connect(IP, now), Err("connections of this address: 2 of 2".to_owned()));
        assert_eq!(limits.connect(OTHER, now), Ok(()));
        assert_eq!(limits.connect(OTHER, now), Err("connections: 3 of 3".to_owned()));
        limits.disconnect(IP);
        assert_eq!(limits.connect(OTHER, now), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_so_is_ipv4_however_it_is_written() {
        let ip = |text: &str| -> IpAddr { text.parse().expect("it is an address") };
        let mut limits = Limits::new(9, 1, 10);
        let now = Duration::ZERO;
        assert_eq!(limits.connect(ip("2001:db8:1:2::1"), now), Ok(()));
        assert!(limits.connect(ip("2001:db8:1:2:ffff::9"), now).is_err());
        assert_eq!(limits.connect(ip("2001:db8:1:3::1"), now), Ok(()));
        assert_eq!(limits.connect(ip("10.0.0.1"), now), Ok(()));
        assert!(limits.connect(ip("::ffff:10.0.0.1"), now).is_err());
    }

    #[test]
    fn a_large_answer_is_paid_for_before_the_next_one() {
        let mut limits = Limits::new(9, 9, 100);
        let at = Duration::from_millis;
        limits.connect(IP, at(0)).expect("there is room");
        limits.connect(OTHER, at(0)).expect("there is room");
        assert_eq!(limits.spend(IP, 300, at(0)), Ok(()), "a second's worth is 100: two seconds of debt");
        let wait = limits.spend(IP, 1, at(0)).expect_err("it is in debt");
        assert!((2_000..=2_020).contains(&(wait.as_millis() as u64)), "{wait:?}");
        assert_eq!(limits.spend(OTHER, 1, at(0)), Ok(()), "another address does not notice");
        assert!(limits.spend(IP, 1, at(1_990)).is_err());
        assert_eq!(limits.spend(IP, 1, wait), Ok(()), "as it was told");
    }

    #[test]
    fn an_address_with_nothing_open_is_forgotten_only_when_its_debt_is_paid() {
        let mut limits = Limits::new(9, 9, 100);
        limits.connect(IP, Duration::ZERO).expect("there is room");
        assert_eq!(limits.spend(IP, 500, Duration::ZERO), Ok(()));
        limits.disconnect(IP);
        limits.forget(Duration::from_millis(4_900));
        assert_eq!(limits.addresses.len(), 1);
        limits.forget(Duration::from_millis(5_000));
        assert_eq!(limits.addresses.len(), 0);
    }
}
