//! What one address may do before it has logged on: so many connections at a time, so many logons a second.
//!
//!   accept --connect--> [Admission] <--attempt-- logon          authenticated or gone --leave--> [Admission]
//!
//! Invariants: what is remembered of an [`Address`] that does nothing any more is forgotten by a sweep, and the table has a
//! bound: a new address beyond it is refused.
//! Owning thread: the accepting gateway's; the TLS door has one of its own.

use std::collections::HashMap;
use std::net::IpAddr;

use tidegate_domain::Nanos;
use tidegate_sockets::Address;

use crate::throttle::{Bucket, RateLimit};

/// Most addresses remembered.
const ADDRESSES_MAX: usize = 65_536;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Debug)]
struct Seen {
    unauthenticated: u32,
    /// Of logons; one second's are its burst.
    logons: Bucket,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Admission {
    unauthenticated_max: u32,
    logons: RateLimit,
    limit_loopback: bool,
    seen: HashMap<Address, Seen>,
    next_sweep: Nanos,
}

impl Admission {
    pub(crate) fn new(unauthenticated_max: u32, logons_per_second: u32, limit_loopback: bool) -> Self {
        let logons = RateLimit { per_second: logons_per_second, burst: logons_per_second };
        Self { unauthenticated_max, logons, limit_loopback, seen: HashMap::new(), next_sweep: Nanos::default() }
    }

    /// A connection came in: its address, to be given back by [`Self::leave`], unless it has too many or is exempt.
    pub(crate) fn connect(&mut self, ip: IpAddr) -> Result<Option<Address>, String> {
        let address = Address::of(ip);
        if self.is_exempt(address) {
            return Ok(None);
        }
        let max = self.unauthenticated_max;
        let Some(seen) = self.seen(address) else {
            return Err("too many addresses at a time; try again shortly".to_owned());
        };
        if seen.unauthenticated >= max {
            return Err(format!("{max} connections of this address are not logged on; allowed: {max}"));
        }
        seen.unauthenticated += 1;
        Ok(Some(address))
    }

    /// A connection that was not counted any more counts again, whatever the limit: its address, unless that is exempt, or not
    /// remembered and there is no room for it.
    pub(crate) fn remain(&mut self, ip: IpAddr) -> Option<Address> {
        let address = Address::of(ip);
        let seen = if self.is_exempt(address) { None } else { self.seen(address) };
        seen.map(|seen| {
            seen.unauthenticated += 1;
            address
        })
    }

    /// The connection logged on, or is gone.
    pub(crate) fn leave(&mut self, address: Address) {
        let seen = self.seen.get_mut(&address).expect("remembered while a connection counts");
        seen.unauthenticated -= 1;
    }

    /// A logon came in of an address that is not exempt; whether it may be looked at.
    pub(crate) fn attempt(&mut self, address: Address, now: Nanos) -> bool {
        let seen = self.seen.get_mut(&address).expect("remembered while a connection counts");
        seen.logons.take(1, now).is_ok()
    }

    /// Forgets whoever did nothing for a while; looks once a second.
    pub(crate) fn sweep(&mut self, now: Nanos) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = Nanos::from_nanos(now.nanos() + NANOS_PER_SECOND);
        self.seen.retain(|_, seen| seen.unauthenticated > 0 || !seen.logons.is_full(now));
    }

    fn is_exempt(&self, address: Address) -> bool {
        !self.limit_loopback && address.is_loopback()
    }

    /// What is remembered of an address, from now on if it is new; none where there is no room.
    fn seen(&mut self, address: Address) -> Option<&mut Seen> {
        if self.seen.len() >= ADDRESSES_MAX && !self.seen.contains_key(&address) {
            return None;
        }
        let logons = self.logons;
        let new = || Seen { unauthenticated: 0, logons: Bucket::new(logons) };
        Some(self.seen.entry(address).or_insert_with(new))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Nanos {
        Nanos::from_millis(millis)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_of_one_address_are_counted_and_another_address_is_free() {
        let mut admission = Admission::new(2, 10, true);
        let one = admission.connect(ip("10.0.0.1")).unwrap().unwrap();
        admission.connect(ip("::ffff:10.0.0.1")).unwrap().unwrap();
        assert!(admission.connect(ip("10.0.0.1")).unwrap_err().contains("allowed: 2"));
        assert!(admission.connect(ip("10.0.0.2")).is_ok());
        admission.leave(one);
        assert!(admission.connect(ip("10.0.0.1")).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let mut admission = Admission::new(1, 10, true);
        assert!(admission.connect(ip("2001:db8:1:2::1")).is_ok());
        assert!(admission.connect(ip("2001:db8:1:2:ffff::9")).is_err());
        assert!(admission.connect(ip("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn logons_are_limited_to_a_rate_with_one_second_of_burst() {
        let mut admission = Admission::new(9, 4, true);
        let address = admission.connect(ip("10.0.0.1")).unwrap().unwrap();
        let now = |admission: &mut Admission, millis| admission.attempt(address, at(millis));
        assert_eq!([(); 5].map(|()| now(&mut admission, 1_000)), [true, true, true, true, false]);
        assert!(!now(&mut admission, 1_249));
        assert!(now(&mut admission, 1_250));
        assert!(!now(&mut admission, 1_250));
        assert_eq!([(); 5].map(|()| now(&mut admission, 9_000)), [true, true, true, true, false]);
    }

    #[test]
    fn loopback_is_exempt_only_where_that_is_said() {
        assert!(Admission::new(1, 1, true).connect(ip("127.0.0.1")).unwrap().is_some());
        assert_eq!(Admission::new(1, 1, false).connect(ip("127.0.0.1")), Ok(None));
        assert!(Admission::new(1, 1, false).connect(ip("10.0.0.1")).unwrap().is_some());
    }

    #[test]
    fn a_quiet_address_is_forgotten() {
        let mut admission = Admission::new(9, 4, true);
        let address = admission.connect(ip("10.0.0.1")).unwrap().unwrap();
        admission.attempt(address, at(0));
        admission.leave(address);
        admission.sweep(at(100));
        assert_eq!(admission.seen.len(), 1, "its logon still counts");
        admission.sweep(at(1_099));
        assert_eq!(admission.seen.len(), 1, "one look a second is enough");
        admission.sweep(at(1_100));
        assert_eq!(admission.seen.len(), 0);
    }
}
