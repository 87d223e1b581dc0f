//! From where a key may log on: networks of addresses.
//!
//!   "10.0.0.0/8" --parse--> [`Network`] --with--> [`Networks`] --allow(address)--> yes or no
//!
//! Invariants: a network has no bits behind its prefix, so it has one form only; an IPv4 address that comes as an IPv6 one
//! (`::ffff:a.b.c.d`) counts as the IPv4 address that it is.
//! Owning thread: none, these are values.

use core::net::{IpAddr, Ipv4Addr};

/// Most networks of a key: what the event that tells of them has room for.
pub const NETWORKS_MAX: usize = 3;

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_len: u8,
}

/// A network that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// The text is no address and a length of its prefix.
    Form,
    /// The prefix is longer than the address.
    PrefixTooLong {
        /// What it is.
        prefix_len: u8,
        /// What it may be at most.
        max: u8,
    },
    /// Bits behind the prefix are set: it names a host, not a network.
    HostBits,
    /// An IPv4 network in IPv6 clothes.
    MappedIpv4,
}

impl core::fmt::Display for NetworkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Form => f.write_str("a network is an address and the length of its prefix, such as 10.0.0.0/8"),
            Self::PrefixTooLong { prefix_len, max } => {
                write!(f, "the network's prefix is {prefix_len} bits long; at most {max} are possible")
            }
            Self::HostBits => f.write_str("bits of the network's address are set behind its prefix"),
            Self::MappedIpv4 => f.write_str("an IPv4 network is written as such, not as ::ffff:a.b.c.d"),
        }
    }
}

impl core::error::Error for NetworkError {}

/// The bits of an address from the left of a word, and how many there are.
fn bits_of(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// What is behind a prefix.
const fn host_bits(bits: u128, prefix_len: u8) -> u128 {
    match bits.checked_shl(prefix_len as u32) {
        Some(host) => host,
        None => 0,
    }
}

impl Network {
    /// All addresses that share the first `prefix_len` bits of `address`.
    ///
    /// # Errors
    /// [`NetworkError`] when the prefix is longer than the address, other bits than those of the prefix are set, or an IPv4 address is
    /// given as an IPv6 one.
    pub fn new(address: IpAddr, prefix_len: u8) -> Result<Self, NetworkError> {
        let (bits, max) = bits_of(address);
        if prefix_len > max {
            return Err(NetworkError::PrefixTooLong { prefix_len, max });
        }
        if host_bits(bits, prefix_len) != 0 {
            return Err(NetworkError::HostBits);
        }
        match address {
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Err(NetworkError::MappedIpv4),
            _ => Ok(Self { address, prefix_len }),
        }
    }

    /// Its first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share.
    #[must_use]
    pub const fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((bits, len), (own, own_len)) = (bits_of(address.to_canonical()), bits_of(self.address));
        let differing = bits ^ own;
        len == own_len && (self.prefix_len == 0 || differing >> (128 - u32::from(self.prefix_len)) == 0)
    }
}

impl core::fmt::Display for Network {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl core::str::FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix_len) = text.split_once('/').ok_or(NetworkError::Form)?;
        // One form only: neither signs nor leading zeros.
        let is_plain =
            prefix_len.bytes().all(|byte| byte.is_ascii_digit()) && !matches!(prefix_len.as_bytes(), [b'0', _, ..]);
        let prefix_len = prefix_len.parse().ok().filter(|_| is_plain).ok_or(NetworkError::Form)?;
        Self::new(address.parse().map_err(|_| NetworkError::Form)?, prefix_len)
    }
}

/// The networks that a key may log on from; none is from anywhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Networks {
    /// Those that are not used are [`UNUSED`].
    all: [Network; NETWORKS_MAX],
    count: u8,
}

const UNUSED: Network = Network { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix_len: 0 };

impl Default for Networks {
    /// From anywhere.
    fn default() -> Self {
        Self { all: [UNUSED; NETWORKS_MAX], count: 0 }
    }
}

impl Networks {
    /// Those and one more; `None` where there are [`NETWORKS_MAX`] already.
    #[must_use]
    pub fn with(mut self, network: Network) -> Option<Self> {
        *self.all.get_mut(usize::from(self.count))? = network;
        self.count += 1;
        Some(self)
    }

    /// Each, in the order in which they were given.
    #[must_use]
    pub fn list(&self) -> &[Network] {
        &self.all[..usize::from(self.count)]
    }

    /// Whether a client with this address may log on.
    #[must_use]
    pub fn allow(&self, address: IpAddr) -> bool {
        self.count == 0 || self.list().iter().any(|network| network.contains(address))
    }
}

impl core::fmt::Debug for Networks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

impl core::fmt::Display for Networks {
    /// Joined by commas; `any` where there is none.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Some((first, others)) = self.list().split_first() else { return f.write_str("any") };
        write!(f, "{first}")?;
        others.iter().try_for_each(|network| write!(f, ",{network}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, NetworkError> {
        text.parse()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_printed_is_read_again_and_other_forms_are_refused() {
        extern crate std;
        use std::string::ToString;
        for text in ["10.0.0.0/8", "0.0.0.0/0", "192.168.1.7/32", "::/0", "2001:db8::/32", "2001:db8::1/128"] {
            assert_eq!(network(text).map(|network| network.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "a/8",
            "10.0.0.0/256",
        ] {
            assert_eq!(network(text), Err(NetworkError::Form), "{text}");
        }
        assert_eq!(network("10.0.0.0/33"), Err(NetworkError::PrefixTooLong { prefix_len: 33, max: 32 }));
        assert_eq!(network("::/129"), Err(NetworkError::PrefixTooLong { prefix_len: 129, max: 128 }));
        for text in ["10.0.0.1/8", "10.0.0.0/6", "1.0.0.0/0", "2001:db8::1/127", "::1/0"] {
            assert_eq!(network(text), Err(NetworkError::HostBits), "{text}");
        }
        assert_eq!(network("::ffff:10.0.0.0/104"), Err(NetworkError::MappedIpv4));
    }

    #[test]
    fn a_network_contains_what_begins_like_it() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:0"]),
            ("10.0.0.4/31", ["10.0.0.4", "10.0.0.5", "::ffff:10.0.0.5"], ["10.0.0.3", "10.0.0.6", "::ffff:10.0.0.6"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"], ["::1", "::", "2001:db8::1"]),
            (
                "2001:db8::/33",
                ["2001:db8::", "2001:db8:7fff::1", "2001:db8::1"],
                ["2001:db8:8000::", "2001:db7::", "32.1.13.184"],
            ),
            ("::/0", ["::", "ffff::", "2001:db8::1"], ["0.0.0.0", "::ffff:1.2.3.4", "255.255.255.255"]),
        ] {
            let network = network(text).expect("a network");
            assert!(inside.iter().all(|inside| network.contains(address(inside))), "{text}");
            assert!(!outside.iter().any(|outside| network.contains(address(outside))), "{text}");
        }
    }

    #[test]
    fn without_networks_a_key_may_come_from_anywhere_and_with_them_only_from_there() {
        let mut networks = Networks::default();
        assert!(networks.allow(address("1.2.3.4")) && networks.allow(address("::1")));
        for (at, text) in ["10.0.0.0/8", "2001:db8::/32", "1.2.3.4/32"].into_iter().enumerate() {
            assert_eq!(networks.list().len(), at);
            networks = networks.with(network(text).expect("a network")).expect("there is room");
        }
        assert_eq!(networks.with(UNUSED), None);
        assert!(["10.9.9.9", "2001:db8::7", "1.2.3.4"].iter().all(|inside| networks.allow(address(inside))));
        assert!(!["1.2.3.5", "::1"].iter().any(|outside| networks.allow(address(outside))));
    }
}
