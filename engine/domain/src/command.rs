//! Commands: validated intent. What is sequenced, journaled, replicated and applied; there is no second way in.
//!
//! Invariants: a command says what is wanted, never what came of it. Every limit that can decide a reject is in
//! [`Genesis`] or in a market's terms, never in a node's configuration.

use crate::units::{
    AccountId, AssetAmount, ClusterId, Epoch, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Ppm, Price, Qty,
    Reference, RequestNumber, Sequence, SessionId, Timestamp,
};

/// Version of the rules in `matching`. A node refuses a journal whose [`Genesis`] names another one.
pub const LOGIC_VERSION: u32 = 1;

/// Declares an enum whose variants have a stable number on disk and on the wire, and a name for people.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident: $repr:ty { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code,)*
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
        /// See [`Command::Deposit`].
        Deposit = 32 "deposit",
        /// See [`Command::Withdraw`].
        Withdraw = 33 "withdraw",
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
    }
);

coded!(
    /// What a market accepts.
    MarketState: u8 {
        /// Everything.
        Open = 1 "open",
        /// Cancels and reduces only; resting orders stay.
        Halted = 2 "halted",
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
        }
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
    /// Fee of the resting side, taken from what it receives, rounded up; at most 1,000,000.
    pub maker_fee: Ppm,
    /// Fee of the incoming side, taken from what it receives, rounded up; at most 1,000,000.
    pub taker_fee: Ppm,
    /// Largest quantity of one order.
    pub qty_max: Qty,
    /// Highest price of one order; the lowest is 1 tick.
    pub price_max: Price,
}

/// Which order a cancel or reduce means.
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
    /// How much.
    pub qty: Qty,
}

/// What can be asked of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Begins a journal.
    Genesis(Genesis),
    /// A node takes the lead, or retakes it after a restart: header.epoch is its term from here on. Every open session
    /// gets its grace time.
    TakeLead {
        /// The node.
        node: NodeId,
        /// Count of its starts.
        incarnation: u64,
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
    },
    /// Opens or halts a market.
    SetMarketState {
        /// The market's name.
        market: Name,
        /// Its state from here on.
        state: MarketState,
    },
    /// Credits the account in the header.
    Deposit {
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
    },
    /// Debits the account in the header; only what is available.
    Withdraw {
        /// Name of the asset.
        asset: Name,
        /// How much; at least 1 unit.
        amount: AssetAmount,
        /// Applied once per reference.
        reference: Reference,
    },
    /// A client logged on with the key in the header; an older session of the key ends.
    OpenSession {
        /// The gateway's number for it.
        session: SessionId,
        /// Whether its orders go when it ends without coming back within `grace`.
        cancel_on_disconnect: bool,
        /// How long it may stay away.
        grace: Nanos,
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
    /// Cancels every order of the account, in one market or, with `None`, in all.
    CancelAll {
        /// Where.
        market: Option<MarketId>,
    },
}

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
            Self::Deposit { .. } => CommandKind::Deposit,
            Self::Withdraw { .. } => CommandKind::Withdraw,
            Self::OpenSession { .. } => CommandKind::OpenSession,
            Self::CloseSession { .. } => CommandKind::CloseSession,
            Self::NewOrder(_) => CommandKind::NewOrder,
            Self::CancelOrder { .. } => CommandKind::CancelOrder,
            Self::ReduceOrder { .. } => CommandKind::ReduceOrder,
            Self::CancelAll { .. } => CommandKind::CancelAll,
        }
    }
}
