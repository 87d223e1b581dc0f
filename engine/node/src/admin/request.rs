//! What an operator can ask and what the node answers, as lines of JSON. Names and amounts are texts: the node checks and
//! converts them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::DurabilityName;

/// What an operator can ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdminRequest {
    /// The node's status; with `digest`, a digest of the state as it is now.
    Status {
        /// Whether to compute a digest.
        digest: bool,
    },
    /// Everything that exists.
    List,
    /// A [`crate::latency::NodeSample`]: status, latency of the stages, sessions.
    Sample,
    /// A [`crate::latency::LatencyHistograms`]: every stage since the start, and the slowest orders since this was last asked.
    Histograms,
    /// Has a snapshot taken now, beside the node.
    Snapshot,
    /// Tells clients of this node that it will be stopped, or that it will not.
    AnnounceMaintenance {
        /// In how many seconds, 1 to 604800; absent: not any more.
        in_s: Option<u64>,
        /// What to say of it, at most 64 printable ASCII characters.
        detail: String,
    },
    /// See [`tidegate_domain::Command::CreateAsset`].
    CreateAsset {
        /// Its name.
        name: String,
        /// Its decimal places.
        decimals: u8,
    },
    /// See [`tidegate_domain::Command::CreateMarket`].
    CreateMarket {
        /// Its name.
        name: String,
        /// Name of the base asset.
        base: String,
        /// Name of the quote asset.
        quote: String,
        /// Price step, in quote per base, decimal.
        tick: String,
        /// Quantity step, in base, decimal.
        lot: String,
        /// Fee of the resting side in parts per million.
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million.
        taker_fee_ppm: i32,
        /// Largest quantity of one order, in lots.
        qty_max_lots: u64,
        /// Highest price of one order, in ticks.
        price_max_ticks: i64,
    },
    /// See [`tidegate_domain::Command::SetMarketState`].
    SetMarketState {
        /// Which market.
        market: String,
        /// Name of a [`tidegate_domain::MarketState`].
        state: String,
    },
    /// See [`tidegate_domain::Command::SetMarketRules`]; what is not given stays as it is.
    SetMarketRules {
        /// Which market.
        market: String,
        /// Rules by name: fees in parts per million, prices, quantities and notionals in decimals of the market.
        rules: BTreeMap<String, String>,
    },
    /// See [`tidegate_domain::Command::CreateAccount`].
    CreateAccount {
        /// Its name.
        name: String,
    },
    /// See [`tidegate_domain::Command::SetAccountLimits`]; what is not given stays as it is.
    SetAccountLimits(LimitsRequest),
    /// See [`tidegate_domain::Command::SetAccountOwner`].
    SetAccountOwner {
        /// Which account.
        account: u32,
        /// The owner group; 0 is none.
        owner: u32,
    },
    /// See [`tidegate_domain::Command::SetAccountTier`].
    SetAccountTier {
        /// Which account.
        account: u32,
        /// The fee tier; 0 is the market's own fees.
        tier: u8,
    },
    /// See [`tidegate_domain::Command::SetKillSwitch`].
    SetKillSwitch {
        /// Which account.
        account: u32,
        /// Whether it is engaged from here on.
        engaged: bool,
    },
    /// See [`tidegate_domain::Command::SetFeeTier`].
    SetFeeTier {
        /// Which, from 1.
        tier: u8,
        /// Fee of the resting side in parts per million.
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million.
        taker_fee_ppm: i32,
    },
    /// See [`tidegate_domain::Command::CreateKey`].
    CreateKey {
        /// Its name.
        name: String,
        /// Whose.
        account: u32,
        /// 64 hexadecimal digits.
        public_key: String,
        /// Names of roles, joined by commas, or `none`.
        #[serde(default = "default_roles")]
        roles: String,
    },
    /// See [`tidegate_domain::Command::SetKeyRoles`].
    SetKeyRoles {
        /// Which key.
        key: u32,
        /// Names of roles, joined by commas, or `none`.
        roles: String,
    },
    /// See [`tidegate_domain::Command::SetKeyNetworks`].
    SetKeyNetworks {
        /// Which key.
        key: u32,
        /// Networks such as `10.0.0.0/8`, up to three; none is from anywhere.
        networks: Vec<String>,
    },
    /// See [`tidegate_domain::Command::Deposit`].
    Deposit(MoneyRequest),
    /// See [`tidegate_domain::Command::Withdraw`].
    Withdraw(MoneyRequest),
    /// See [`tidegate_domain::Command::HoldWithdrawal`].
    HoldWithdrawal(MoneyRequest),
    /// See [`tidegate_domain::Command::SettleWithdrawal`].
    SettleWithdrawal {
        /// Whose.
        account: u32,
        /// Of the hold.
        reference: String,
    },
    /// See [`tidegate_domain::Command::ReleaseWithdrawal`].
    ReleaseWithdrawal {
        /// Whose.
        account: u32,
        /// Of the hold.
        reference: String,
    },
    /// See [`tidegate_domain::Command::Transfer`].
    Transfer(TransferRequest),
    /// Makes a standby the primary.
    Promote {
        /// Even while the link to the primary is alive.
        force: bool,
    },
    /// Changes what an acknowledgement needs.
    SetDurability {
        /// The rule.
        durability: DurabilityName,
    },
}

/// The roles of a key whose creation names none.
pub const ROLES_DEFAULT: &str = "read,trade";

fn default_roles() -> String {
    ROLES_DEFAULT.to_owned()
}

/// Limits of an account; 0 is none, what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsRequest {
    /// Which account.
    pub account: u32,
    /// Most open orders in all.
    pub open_orders_max: Option<u32>,
    /// Most open orders in one market.
    pub market_open_orders_max: Option<u32>,
    /// Largest quantity of one order, in lots of whatever market.
    pub qty_max_lots: Option<u64>,
    /// Largest price times quantity of one order, in smallest units of whatever quote asset; up to 96 bits, so a text.
    pub notional_max_units: Option<String>,
}

/// Money of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyRequest {
    /// Whose.
    pub account: u32,
    /// Which asset.
    pub asset: String,
    /// How much, decimal.
    pub amount: String,
    /// The business reference.
    pub reference: String,
    /// Its business time, RFC 3339 or seconds since 1970; absent: now.
    pub at: Option<String>,
}

/// Money from one account, or the fee pool, to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// The giver: an account's number, or `fees`.
    pub from: String,
    /// The receiver.
    pub to: u32,
    /// Which asset.
    pub asset: String,
    /// How much, decimal.
    pub amount: String,
    /// The business reference.
    pub reference: String,
    /// Its business time, RFC 3339 or seconds since 1970; absent: now.
    pub at: Option<String>,
}

/// What the node answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminReply {
    /// It is done; this came of it.
    Done(Value),
    /// It is refused; nothing changed.
    Refused {
        /// Stable name of the refusal, such as a reject of the catalogue.
        reason: String,
        /// What is wrong and what to do.
        message: String,
    },
}
