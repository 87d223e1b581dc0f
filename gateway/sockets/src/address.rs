//! Who connects, as far as limits go.
//!
//! Invariants: an IPv4 address is the same whether it came as one or mapped into IPv6; the addresses of one IPv6 network of
//! 64 bits are one, since whoever has one of them has all of them.

use std::net::{IpAddr, Ipv4Addr};

/// What a limit of an address counts for: the key of every table of such limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The upper 64 bits of an IPv6 address.
    V6Network(u64),
    /// `::1`.
    V6Loopback,
}

impl Address {
    /// Whose address this is.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) if ip.is_loopback() => Self::V6Loopback,
            IpAddr::V6(ip) => Self::V6Network((ip.to_bits() >> 64) as u64),
        }
    }

    /// Whether it is this machine's own.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        match self {
            Self::V4(ip) => ip.is_loopback(),
            Self::V6Network(_) => false,
            Self::V6Loopback => true,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(text: &str) -> Address {
        Address::of(text.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_is_the_same_when_it_is_mapped_into_ipv6() {
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_address() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn only_what_never_leaves_the_machine_is_loopback() {
        for loopback in ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "::1"] {
            assert!(of(loopback).is_loopback(), "{loopback}");
        }
        for other in ["10.0.0.1", "::2", "2001:db8::1"] {
            assert!(!of(other).is_loopback(), "{other}");
        }
    }
}
