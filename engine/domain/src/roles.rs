//! What a key may do.
//!
//!   "read,trade" --parse--> [`Roles`] --has--> yes or no
//!
//! Invariants: no bit is set that is not a role.
//! Owning thread: none, these are values.

/// What a key may do: a set of the bits here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);

impl Roles {
    /// See its account.
    pub const READ: Self = Self(1);
    /// Send and change orders.
    pub const TRADE: Self = Self(2);
    /// Move money.
    pub const PAY: Self = Self(4);
    /// Change keys and limits.
    pub const ADMIN: Self = Self(8);
    /// Each role with its name for people.
    pub const NAMED: [(Self, &'static str); 4] =
        [(Self::READ, "read"), (Self::TRADE, "trade"), (Self::PAY, "pay"), (Self::ADMIN, "admin")];

    /// The roles of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all roles of `other` are there.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
    /// From bits; `None` where an unknown one is set.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !15 == 0 { Some(Self(bits)) } else { None }
    }
}

impl core::fmt::Display for Roles {
    /// The names, joined by commas; `none` where there is none.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut names = Self::NAMED.iter().filter(|(role, _)| self.has(*role)).map(|(_, name)| name);
        f.write_str(names.next().unwrap_or(&"none"))?;
        names.try_for_each(|name| write!(f, ",{name}"))
    }
}

impl core::str::FromStr for Roles {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        if text == "none" {
            return Ok(Self::default());
        }
        text.split(',').try_fold(Self::default(), |roles, name| {
            let role = Self::NAMED.iter().find(|(_, known)| *known == name);
            role.map(|(role, _)| roles.with(*role)).ok_or(UnknownRole)
        })
    }
}

/// A text that is no list of [`Roles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl core::fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("roles are read, trade, pay and admin, joined by commas, or none")
    }
}

impl core::error::Error for UnknownRole {}
