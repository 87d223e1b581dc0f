//! Who a peer is, as far as limits go.
//!
//! ```text
//!   IpAddr --[Address::of]--> IPv4 address, however it is written, or IPv6 network --> key of a table of limits
//! ```
//!
//! Invariants: whoever has one IPv6 address has its /64, so the /64 is one address; an IPv4 address that is written as an
//! IPv6 one (`::ffff:a.b.c.d`, as a listener for both sees it) is the IPv4 address. Owning thread: none, it is a value.

use std::net::IpAddr;

/// Key of limits by address: the bits of the address or of the network, and whether it is IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(u64, bool);

impl Address {
    /// Whose this address is.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_bits() as u64, false),
            IpAddr::V6(ip) => Self((ip.to_bits() >> 64) as u64, true),
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
    fn an_ipv6_network_is_one_address_and_the_next_one_is_another() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }

    #[test]
    fn an_ipv4_address_is_itself_however_it_is_written() {
        assert_eq!(of("10.0.0.1"), of("::ffff:10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
        // The same bits as an address of the other kind.
        assert_ne!(of("10.0.0.1"), of("0:0:a00:1::"));
    }
}
