//! How a journal begins: whose it is, under which rules it is read, and how much the engine makes room for.
//!
//! Invariants: fixed for the life of a journal; every node has it from the journal, never from its configuration.

use crate::units::ClusterId;

/// Version of the rules in `matching`. A node refuses a journal whose [`Genesis`] names another one.
pub const LOGIC_VERSION: u32 = 4;

/// Limits that decide rejects and sizes, fixed for the life of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineLimits {
    /// Most assets.
    pub assets_max: u32,
    /// Most markets.
    pub markets_max: u32,
    /// Most accounts.
    pub accounts_max: u32,
    /// Most keys.
    pub keys_max: u32,
    /// Most resting orders in all.
    pub open_orders_max: u32,
    /// Most resting orders of one account.
    pub account_open_orders_max: u32,
    /// Most business references kept; a money command beyond it is rejected, not forgotten.
    pub references_max: u32,
    /// Most pairs of account and asset that ever had a balance.
    pub balances_max: u32,
    /// Most pairs of account and market that ever had an order.
    pub seats_max: u32,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            assets_max: 1_024,
            markets_max: 1_024,
            accounts_max: 65_536,
            keys_max: 4_096,
            open_orders_max: 262_144,
            account_open_orders_max: 131_072,
            references_max: 262_144,
            balances_max: 524_288,
            seats_max: 262_144,
        }
    }
}

/// A limit that is none: the engine makes room for all of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOutOfRange {
    /// Which, as it is called in [`Genesis`].
    pub field: &'static str,
    /// What it is.
    pub value: u32,
    /// What is allowed.
    pub allowed: &'static str,
}

impl core::fmt::Display for LimitOutOfRange {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { field, value, allowed } = self;
        write!(f, "{field} is {value}; must be {allowed}")
    }
}

impl core::error::Error for LimitOutOfRange {}

impl EngineLimits {
    /// Checks every limit.
    ///
    /// # Errors
    /// The first that is out of range.
    pub const fn check(&self) -> Result<(), LimitOutOfRange> {
        const TABLE: (u32, &str) = (1 << 20, "1 to 1048576");
        const PAIRS: (u32, &str) = (1 << 24, "1 to 16777216");
        let limits = [
            ("limits.assets_max", self.assets_max, TABLE),
            ("limits.markets_max", self.markets_max, TABLE),
            ("limits.accounts_max", self.accounts_max, TABLE),
            ("limits.keys_max", self.keys_max, TABLE),
            ("limits.references_max", self.references_max, TABLE),
            ("limits.open_orders_max", self.open_orders_max, PAIRS),
            ("limits.account_open_orders_max", self.account_open_orders_max, PAIRS),
            ("limits.balances_max", self.balances_max, PAIRS),
            ("limits.seats_max", self.seats_max, PAIRS),
        ];
        let mut at = 0;
        while at < limits.len() {
            let (field, value, (max, allowed)) = limits[at];
            if value == 0 || value > max {
                return Err(LimitOutOfRange { field, value, allowed });
            }
            at += 1;
        }
        Ok(())
    }
}

/// The first command of every journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// The cluster that this journal belongs to.
    pub cluster: ClusterId,
    /// See [`LOGIC_VERSION`].
    pub logic_version: u32,
    /// See [`EngineLimits`].
    pub limits: EngineLimits,
    /// Where things are in the engine's hash tables, and nothing else, depends on it: drawn at random for each journal, and told to
    /// no client, who could otherwise compute names that fall onto one place.
    pub seed: u64,
}
