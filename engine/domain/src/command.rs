//! Commands: validated intent. What is sequenced, journaled, replicated and applied; there is no second way in.
//!
//! Invariants: a command says what is wanted, never what came of it. Every limit that can decide a reject is in
//! [`Genesis`] or in a market's terms, never in a node's configuration.

use crate::genesis::Genesis;
use crate::network::Networks;
use crate::quote::MassQuote;
use crate::roles::Roles;
use crate::units::{
    AccountId, AssetAmount, AssetId, Epoch, FeeRate, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Price, Qty,
    Reference, RequestNumber, Sequence, SessionId, Timestamp,
};

/// Declares an enum whose variants have a stable number on disk and on the wire, and a name for people.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[doc = $sentence:literal])+ $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $($(#[doc = $sentence])+ $variant = $code,)*
        }

        impl $name {
            /// Every value, in the order of the codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable number on disk and on the wire.
            #[must_use]
            pub const fn code(self) -> $repr {
                self as $repr
            }

            /// The value with this number.
            #[must_use]
            pub const fn from_code(code: $repr) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The name in configs, SQL columns, JSON and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($sentence),+).trim_ascii(),)*
                }
            }

            /// The value with this name.
            #[must_use]
            pub fn from_name(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use coded;

coded!(
    /// Kind of a command, its dispatch code in a record.
    CommandKind: u16 {
        /// See [`Command::Genesis`].
        Genesis = 1 "genesis",
        /// See [`Command::TakeLead`].
        TakeLead = 2 "take_lead",
        /// See [`Command::SetDurability`].
        SetDurability = 3 "set_durability",
        /// See [`Command::Tick`].
        Tick = 4 "tick",
        /// See [`Command::CreateAsset`].
        CreateAsset = 16 "create_asset",
        /// See [`Command::CreateMarket`].
        CreateMarket = 17 "create_market",
        /// See [`Command::CreateAccount`].
        CreateAccount = 18 "create_account",
        /// See [`Command::CreateKey`].
        CreateKey = 19 "create_key",
        /// See [`Command::SetMarketState`].
        SetMarketState = 20 "set_market_state",
        /// See [`Command::SetMarketRules`].
        SetMarketRules = 21 "set_market_rules",
        /// See [`Command::SetAccountLimits`].
        SetAccountLimits = 22 "set_account_limits",
        /// See [`Command::SetAccountOwner`].
        SetAccountOwner = 23 "set_account_owner",
        /// See [`Command::SetAccountTier`].
        SetAccountTier = 24 "set_account_tier",
        /// See [`Command::SetFeeTier`].
        SetFeeTier = 25 "set_fee_tier",
        /// See [`Command::SetKillSwitch`].
        SetKillSwitch = 26 "set_kill_switch",
        /// See [`Command::SetKeyRoles`].
        SetKeyRoles = 27 "set_key_roles",
        /// See [`Command::SetKeyNetworks`].
        SetKeyNetworks = 28 "set_key_networks",
        /// See [`Command::Deposit`].
        Deposit = 32 "deposit",
        /// See [`Command::Withdraw`].
        Withdraw = 33 "withdraw",
        /// See [`Command::HoldWithdrawal`].
        HoldWithdrawal = 34 "hold_withdrawal",
        /// See [`Command::SettleWithdrawal`].
        SettleWithdrawal = 35 "settle_withdrawal",
        /// See [`Command::ReleaseWithdrawal`].
        ReleaseWithdrawal = 36 "release_withdrawal",
        /// See [`Command::Transfer`].
        Transfer = 37 "transfer",
        /// See [`Command::OpenSession`].
        OpenSession = 48 "open_session",
        /// See [`Command::CloseSession`].
        CloseSession = 49 "close_session",
        /// See [`Command::NewOrder`].
        NewOrder = 64 "new_order",
        /// See [`Command::CancelOrder`].
        CancelOrder = 65 "cancel_order",
        /// See [`Command::ReduceOrder`].
        ReduceOrder = 66 "reduce_order",
        /// See [`Command::CancelAll`].
        CancelAll = 67 "cancel_all",
        /// See [`Command::ReplaceOrder`].
        ReplaceOrder = 68 "replace_order",
        /// See [`Command::SetProtection`].
        SetProtection = 69 "set_protection",
        /// See [`Command::ResetProtection`].
        ResetProtection = 70 "reset_protection",
        /// See [`Command::MassQuote`].
        MassQuote = 71 "mass_quote",
        /// See [`Command::CancelAllAfter`].
        CancelAllAfter = 72 "cancel_all_after",
        /// See [`Command::QueryOrder`].
        QueryOrder = 73 "query_order",
        /// See [`Command::QueryOrders`].
        QueryOrders = 74 "query_orders",
        /// See [`Command::QueryBalances`].
        QueryBalances = 75 "query_balances",
    }
);

coded!(
    /// Side of an order.
    Side: u8 {
        /// Wants the base asset, pays with the quote asset.
        Buy = 1 "buy",
        /// Gives the base asset for the quote asset.
        Sell = 2 "sell",
    }
);

impl Side {
    /// The side that this one trades with.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

coded!(
    /// How the price of an order is found.
    OrderType: u8 {
        /// At its price or better.
        Limit = 1 "limit",
        /// At whatever the book offers; never rests, its price is 0 and its time in force IOC or FOK.
        Market = 2 "market",
        /// A market order for as much as an amount of the quote asset buys or brings; its quantity is 0.
        Budget = 3 "budget",
        /// Waits until the last price reaches its trigger, then a market order.
        Stop = 4 "stop",
        /// Waits until the last price reaches its trigger, then a limit order.
        StopLimit = 5 "stop_limit",
    }
);

coded!(
    /// How long an order stays.
    TimeInForce: u8 {
        /// Good till cancelled: the remainder rests.
        Gtc = 1 "gtc",
        /// Immediate or cancel: the remainder is cancelled.
        Ioc = 2 "ioc",
        /// Fill or kill: all at once, or rejected.
        Fok = 3 "fok",
        /// Good till date: the remainder rests until its expiry.
        Gtd = 4 "gtd",
        /// The remainder rests until the market's next end of day.
        Day = 5 "day",
    }
);

impl TimeInForce {
    /// Whether a remainder rests.
    #[must_use]
    pub const fn rests(self) -> bool {
        matches!(self, Self::Gtc | Self::Gtd | Self::Day)
    }
}

coded!(
    /// What becomes of two orders of one owner that would trade with each other. The incoming order's mode decides.
    SelfTrade: u8 {
        /// They trade.
        None = 0 "none",
        /// What is left of the incoming order is cancelled.
        CancelNewest = 1 "cancel_newest",
        /// The resting order is cancelled.
        CancelOldest = 2 "cancel_oldest",
        /// Both are cancelled.
        CancelBoth = 3 "cancel_both",
        /// The smaller is cancelled, the larger becomes smaller by as much.
        Decrement = 4 "decrement",
    }
);

coded!(
    /// What becomes of an order when its key's session stays away longer than its grace.
    OnDisconnect: u8 {
        /// What the session said when it was opened.
        Session = 0 "session",
        /// It is cancelled.
        Cancel = 1 "cancel",
        /// It stays.
        Stay = 2 "stay",
    }
);

coded!(
    /// What a market accepts.
    MarketState: u8 {
        /// Everything.
        Open = 1 "open",
        /// Cancels only; resting orders stay.
        Halted = 2 "halted",
        /// Everything that does not take.
        PostOnly = 3 "post_only",
        /// Cancels and reduces only.
        CancelOnly = 4 "cancel_only",
        /// Nothing; its orders were cancelled.
        Closed = 5 "closed",
    }
);

coded!(
    /// What an acknowledgement needs (ARCHITECTURE.md, "Acknowledgement"). Single node: `async`, `local`.
    Durability: u8 {
        /// In the mapped journal: survives the end of the process, not of the machine.
        Async = 1 "async",
        /// Synced to this node's disk.
        Local = 2 "local",
        /// In this node's mapped journal and received by the standby.
        Replicated = 3 "replicated",
    }
);

/// What the sequencer and the gateway know of a command, beside its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandHeader {
    /// Position in the order of everything; zero until the sequencer assigns it.
    pub sequence: Sequence,
    /// When the sequencer took it.
    pub time: Timestamp,
    /// The client's own number for it; for the operator's commands a number that the node draws to find the answer.
    pub request: RequestNumber,
    /// Who asks.
    pub key: KeyId,
    /// For whom; zero where no account is concerned.
    pub account: AccountId,
    /// The leadership term in which it was sequenced.
    pub epoch: Epoch,
}

/// What a market trades, and how prices and quantities become amounts.
///
/// `amount(base) = lots * base_units_per_lot`, `amount(quote) = ticks * lots * quote_units_per_tick_lot`: both exact, so
/// a trade never rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketTerms {
    /// The market's name, unique, such as `BTC-USDT`.
    pub name: Name,
    /// Name of the asset that is traded.
    pub base: Name,
    /// Name of the asset that pays.
    pub quote: Name,
    /// Smallest units of the base asset in one lot; at least 1.
    pub base_units_per_lot: u64,
    /// Smallest units of the quote asset that one lot costs per tick of price; at least 1.
    pub quote_units_per_tick_lot: u64,
    /// Fee of the resting side, taken from what it receives, rounded up; -1,000,000 to 1,000,000 ppm.
    pub maker_fee: FeeRate,
    /// Fee of the incoming side, taken from what it receives, rounded up; 0 to 1,000,000 ppm.
    pub taker_fee: FeeRate,
    /// Largest quantity of one order.
    pub qty_max: Qty,
    /// Highest price of one order; the lowest is 1 tick.
    pub price_max: Price,
}

/// What of a market can be replaced while it trades. RULES.md of `matching`, 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketRules {
    /// Fee of the resting side; -1,000,000 to 1,000,000 ppm.
    pub maker_fee: FeeRate,
    /// Fee of the incoming side; 0 to 1,000,000 ppm.
    pub taker_fee: FeeRate,
    /// Smallest quantity of one order; 0 is as 1.
    pub qty_min: Qty,
    /// Largest quantity of one order.
    pub qty_max: Qty,
    /// Lowest price of one order; 0 is as 1.
    pub price_min: Price,
    /// Highest price of one order.
    pub price_max: Price,
    /// Least price times quantity of one order, in ticks times lots; 0 is none.
    pub notional_min: u64,
    /// How far a limit may be from the reference price, in ppm of it; 0 is no band.
    pub static_band_ppm: u32,
    /// How far a limit may be from the last price, in ppm of it; 0 is no band.
    pub dynamic_band_ppm: u32,
    /// The middle of the static band, which the operator moves; 0 is none.
    pub reference: Price,
    /// When a day ends, in seconds after midnight UTC.
    pub day_end_s: u32,
}

/// Limits of an account; 0 is none. The journal's limits stand above them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// Most open orders in all.
    pub open_orders_max: u32,
    /// Most open orders in one market.
    pub market_open_orders_max: u32,
    /// Largest quantity of one order.
    pub qty_max: Qty,
    /// Largest price times quantity of one order, in smallest units of the quote asset.
    pub notional_max: AssetAmount,
}

/// Which order a cancel, reduce, replace or query means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderTarget {
    /// By the engine's id.
    Order(OrderId),
    /// By the request number with which the same key created it.
    Request(RequestNumber),
}

/// A new order. Account and key are in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Where.
    pub market: MarketId,
    /// Which side.
    pub side: Side,
    /// How its price is found.
    pub order_type: OrderType,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Reject it rather than let it take; only for limit GTC.
    pub post_only: bool,
    /// Limit price; 0 for a market order.
    pub price: Price,
    /// How much; 0 for a budget order.
    pub qty: Qty,
    /// What most orders do without.
    pub options: OrderOptions,
}

/// What most orders do without; the default is "without".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderOptions {
    /// A post-only order that would take is re-priced instead of rejected.
    pub reprice: bool,
    /// See [`SelfTrade`].
    pub self_trade: SelfTrade,
    /// The client's own grouping, 1 to 255, for cancels and protection; 0 is none.
    pub group: u8,
    /// Of a stop order: where it triggers.
    pub trigger: Price,
    /// Of an iceberg: how much of it is shown at a time.
    pub display: Qty,
    /// Of a budget order: smallest units of the quote asset.
    pub budget: AssetAmount,
    /// Of a good-till-date order: when it leaves.
    pub expires: Timestamp,
    /// See [`OnDisconnect`].
    pub on_disconnect: OnDisconnect,
}

impl Default for OrderOptions {
    fn default() -> Self {
        Self {
            reprice: false,
            self_trade: SelfTrade::None,
            group: 0,
            trigger: Price::from_ticks(0),
            display: Qty::ZERO,
            budget: AssetAmount::from_units(0),
            expires: Timestamp::from_nanos(0),
            on_disconnect: OnDisconnect::Session,
        }
    }
}

/// Which orders of an account a cancel-all means: those that match everything that is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelFilter {
    /// Where.
    pub market: Option<MarketId>,
    /// On which side.
    pub side: Option<Side>,
    /// Of which group; 0 is any.
    pub group: u8,
    /// Lowest limit price; 0 is any.
    pub price_low: Price,
    /// Highest limit price; 0 is any.
    pub price_high: Price,
}

impl CancelFilter {
    /// Everything in a market, or, with `None`, in all.
    #[must_use]
    pub fn in_market(market: Option<MarketId>) -> Self {
        Self { market, ..Self::default() }
    }
}

/// What can be asked of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Begins a journal.
    Genesis(Genesis),
    /// A node takes the lead, or retakes it after a restart: header.epoch is its term from here on.
    TakeLead {
        /// The node.
        node: NodeId,
        /// Count of its starts.
        incarnation: u64,
        /// How long the client of every open session may take to log on again; 0 is 10 s, as in journals that did not say.
        session_grace: Nanos,
    },
    /// The acknowledgement rule was changed; recorded for the audit, changes no balance and no book.
    SetDurability {
        /// The rule from here on.
        durability: Durability,
        /// Whether acknowledgements are flagged DEGRADED from here on.
        degraded: bool,
    },
    /// Lets due timers fire when nothing else arrives.
    Tick,
    /// A new asset.
    CreateAsset {
        /// Its name, unique.
        name: Name,
        /// Decimal places of its smallest unit, for people; at most 30.
        decimals: u8,
    },
    /// A new market; opens at once.
    CreateMarket(MarketTerms),
    /// A new account.
    CreateAccount {
        /// Its name, unique.
        name: Name,
    },
    /// A new key of the account in the header.
    CreateKey {
        /// Its name, unique.
        name: Name,
        /// Ed25519 public key, unique.
        public_key: [u8; 32],
        /// What it may do.
        roles: Roles,
    },
    /// Opens, restricts, halts or closes a market.
    SetMarketState {
        /// The market's name.
        market: Name,
        /// Its state from here on.
        state: MarketState,
    },
    /// Replaces the rules of a market.
    SetMarketRules {
        /// The market's name.
        market: Name,
        /// From here on.
        rules: MarketRules,
    },
    /// Replaces the limits of the account in the header.
    SetAccountLimits(AccountLimits),
    /// Puts the account in the header into an owner group, whose orders count as one owner's; 0 is none.
    SetAccountOwner {
        /// The group.
        owner: u32,
    },
    /// Puts the account in the header into a fee tier; 0 is the market's own fees.
    SetAccountTier {
        /// The tier.
        tier: u8,
    },
    /// Sets the fees of a tier, from 1.
    SetFeeTier {
        /// Which.
        tier: u8,
        /// Fee of the resting side.
        maker_fee: FeeRate,
        /// Fee of the incoming side.
        taker_fee: FeeRate,
    },
    /// Cancels every order of the account in the header and refuses new ones, or releases it.
    SetKillSwitch {
        /// Whether it is engaged from here on.
        engaged: bool,
    },
    /// Replaces the roles of a key of the account in the header.
    SetKeyRoles {
        /// Which.
        key: KeyId,
        /// From here on.
        roles: Roles,
    },
    /// Credits the account in the header.
    Deposit {
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
        /// Business time of the reference.
        at: Timestamp,
    },
    /// Debits the account in the header; only what is available.
    Withdraw {
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
        /// Business time of the reference.
        at: Timestamp,
    },
    /// Takes from what is available of the account in the header until the withdrawal is settled or released.
    HoldWithdrawal {
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
        /// Business time of the reference.
        at: Timestamp,
    },
    /// A held withdrawal of the account in the header was paid out.
    SettleWithdrawal {
        /// Of the hold.
        reference: Reference,
    },
    /// A held withdrawal of the account in the header failed: the amount is available again.
    ReleaseWithdrawal {
        /// Of the hold.
        reference: Reference,
    },
    /// Moves from the account in the header, or with 0 from the fee pool, to another.
    Transfer {
        /// The receiver.
        to: AccountId,
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
        /// Business time of the reference.
        at: Timestamp,
    },
    /// Replaces the networks that a key of the account in the header may log on from.
    SetKeyNetworks {
        /// Which.
        key: KeyId,
        /// From here on; none is from anywhere.
        networks: Networks,
    },
    /// A client logged on with the key in the header; an older session of the key ends.
    OpenSession {
        /// The gateway's number for it.
        session: SessionId,
        /// Whether its orders that do not say it themselves go when it ends without coming back within `grace`.
        cancel_on_disconnect: bool,
        /// How long it may stay away.
        grace: Nanos,
        /// Refused if the key has a session whose client is there, instead of taking over from it.
        refuse_if_open: bool,
    },
    /// The connection of a session ended. Changes nothing if the key has a newer session.
    CloseSession {
        /// Which.
        session: SessionId,
    },
    /// See [`NewOrder`].
    NewOrder(NewOrder),
    /// Cancels one order of the account.
    CancelOrder {
        /// Which.
        target: OrderTarget,
    },
    /// Takes quantity off one order of the account; it keeps its priority. Taking all of it, or more, cancels it.
    ReduceOrder {
        /// Which.
        target: OrderTarget,
        /// How much to take off; at least 1 lot.
        by: Qty,
    },
    /// Cancels every order of the account that matches.
    CancelAll(CancelFilter),
    /// Gives one order of the account another price and another total quantity.
    ReplaceOrder {
        /// Which.
        target: OrderTarget,
        /// Its new limit.
        price: Price,
        /// Its new quantity, what is filled already included.
        qty: Qty,
    },
    /// Sets what pulls the orders of a group of the account, and clears its counts. All 0: no protection.
    SetProtection {
        /// The group, from 1.
        group: u8,
        /// How long fills are counted together.
        window: Nanos,
        /// Most that is filled in a window; 0 is none.
        qty_max: Qty,
        /// Most fills in a window; 0 is none.
        count_max: u32,
    },
    /// Lets a group whose protection was triggered trade again.
    ResetProtection {
        /// The group.
        group: u8,
    },
    /// Puts, replaces or withdraws up to [`crate::QUOTES_MAX`] two-sided quotes of the account: one of its slots.
    MassQuote(MassQuote),
    /// Arms the key's own timer anew: when it is due, every open order that this key created is cancelled.
    CancelAllAfter {
        /// From now; [`CANCEL_ALL_AFTER_MIN`] to [`CANCEL_ALL_AFTER_MAX`], or 0 to disarm it.
        timeout: Nanos,
    },
    /// Asks for one open order of the account.
    QueryOrder {
        /// Which.
        target: OrderTarget,
    },
    /// Asks for every open order of the account.
    QueryOrders {
        /// Where; `None` is in all markets.
        market: Option<MarketId>,
    },
    /// Asks what the account has.
    QueryBalances {
        /// Of which asset; `None` is of all.
        asset: Option<AssetId>,
    },
}

/// Shortest time that [`Command::CancelAllAfter`] may be set to.
pub const CANCEL_ALL_AFTER_MIN: Nanos = Nanos::from_millis(100);
/// Longest time that [`Command::CancelAllAfter`] may be set to: a day.
pub const CANCEL_ALL_AFTER_MAX: Nanos = Nanos::from_millis(86_400_000);

impl Command {
    /// Its dispatch code.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Genesis(_) => CommandKind::Genesis,
            Self::TakeLead { .. } => CommandKind::TakeLead,
            Self::SetDurability { .. } => CommandKind::SetDurability,
            Self::Tick => CommandKind::Tick,
            Self::CreateAsset { .. } => CommandKind::CreateAsset,
            Self::CreateMarket(_) => CommandKind::CreateMarket,
            Self::CreateAccount { .. } => CommandKind::CreateAccount,
            Self::CreateKey { .. } => CommandKind::CreateKey,
            Self::SetMarketState { .. } => CommandKind::SetMarketState,
            Self::SetMarketRules { .. } => CommandKind::SetMarketRules,
            Self::SetAccountLimits(_) => CommandKind::SetAccountLimits,
            Self::SetAccountOwner { .. } => CommandKind::SetAccountOwner,
            Self::SetAccountTier { .. } => CommandKind::SetAccountTier,
            Self::SetFeeTier { .. } => CommandKind::SetFeeTier,
            Self::SetKillSwitch { .. } => CommandKind::SetKillSwitch,
            Self::SetKeyRoles { .. } => CommandKind::SetKeyRoles,
            Self::SetKeyNetworks { .. } => CommandKind::SetKeyNetworks,
            Self::Deposit { .. } => CommandKind::Deposit,
            Self::Withdraw { .. } => CommandKind::Withdraw,
            Self::HoldWithdrawal { .. } => CommandKind::HoldWithdrawal,
            Self::SettleWithdrawal { .. } => CommandKind::SettleWithdrawal,
            Self::ReleaseWithdrawal { .. } => CommandKind::ReleaseWithdrawal,
            Self::Transfer { .. } => CommandKind::Transfer,
            Self::OpenSession { .. } => CommandKind::OpenSession,
            Self::CloseSession { .. } => CommandKind::CloseSession,
            Self::NewOrder(_) => CommandKind::NewOrder,
            Self::CancelOrder { .. } => CommandKind::CancelOrder,
            Self::ReduceOrder { .. } => CommandKind::ReduceOrder,
            Self::CancelAll(_) => CommandKind::CancelAll,
            Self::ReplaceOrder { .. } => CommandKind::ReplaceOrder,
            Self::SetProtection { .. } => CommandKind::SetProtection,
            Self::ResetProtection { .. } => CommandKind::ResetProtection,
            Self::MassQuote(_) => CommandKind::MassQuote,
            Self::CancelAllAfter { .. } => CommandKind::CancelAllAfter,
            Self::QueryOrder { .. } => CommandKind::QueryOrder,
            Self::QueryOrders { .. } => CommandKind::QueryOrders,
            Self::QueryBalances { .. } => CommandKind::QueryBalances,
        }
    }

    /// Whether the command goes on in the next slot.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        matches!(self, Self::MassQuote(slot) if !slot.is_last())
    }
}
