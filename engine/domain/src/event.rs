//! Events: facts that the engine produced, identified by (sequence, index).
//!
//!   Command --apply--> Event, Event, .. --publish--> event log --> reports, feeds, SQL
//!
//! Invariants: an event is released only when its command is safe. `session_sequence` is dense per key, so a client that
//! sees n and n + 2 knows that it missed one. The events of one trade are the taker's [`Fill`] and, at the very next
//! index, the maker's: a trade is identified by (sequence, index) of the taker's.

use crate::command::{
    AccountLimits, CommandKind, Durability, MarketRules, MarketState, OrderOptions, OrderType, Side, TimeInForce, coded,
};
use crate::genesis::Genesis;
use crate::network::Networks;
use crate::order_status::OrderStatus;
use crate::reject::Reject;
use crate::roles::Roles;
use crate::units::{
    AccountId, AssetAmount, AssetId, Epoch, FeeRate, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Price, Qty,
    Reference, RequestNumber, Sequence, SessionId, SessionSequence, Timestamp,
};

coded!(
    /// Kind of an event, its dispatch code in a record.
    EventKind: u16 {
        /// See [`Event::Rejected`].
        Rejected = 1 "rejected",
        /// See [`Event::Outcome`].
        Outcome = 2 "outcome",
        /// See [`Event::OrderAccepted`].
        OrderAccepted = 16 "order_accepted",
        /// See [`Event::Fill`].
        Fill = 17 "fill",
        /// See [`Event::OrderCancelled`].
        OrderCancelled = 18 "order_cancelled",
        /// See [`Event::OrderReduced`].
        OrderReduced = 19 "order_reduced",
        /// See [`Event::CancelAllDone`].
        CancelAllDone = 20 "cancel_all_done",
        /// See [`Event::OrderReplaced`].
        OrderReplaced = 21 "order_replaced",
        /// See [`Event::OrderTriggered`].
        OrderTriggered = 22 "order_triggered",
        /// See [`Event::OrderRefreshed`].
        OrderRefreshed = 23 "order_refreshed",
        /// See [`Event::ProtectionSet`].
        ProtectionSet = 24 "protection_set",
        /// See [`Event::ProtectionReset`].
        ProtectionReset = 25 "protection_reset",
        /// See [`Event::ProtectionTriggered`].
        ProtectionTriggered = 26 "protection_triggered",
        /// See [`Event::QuoteRejected`].
        QuoteRejected = 27 "quote_rejected",
        /// See [`Event::MassQuoteDone`].
        MassQuoteDone = 28 "mass_quote_done",
        /// See [`Event::CancelAllAfterSet`].
        CancelAllAfterSet = 29 "cancel_all_after_set",
        /// See [`Event::CancelAllAfterFired`].
        CancelAllAfterFired = 30 "cancel_all_after_fired",
        /// See [`Event::SessionOpened`].
        SessionOpened = 32 "session_opened",
        /// See [`Event::SessionClosed`].
        SessionClosed = 33 "session_closed",
        /// See [`Event::OrderStatus`].
        OrderStatus = 36 "order_status",
        /// See [`Event::BalanceStatus`].
        BalanceStatus = 37 "balance_status",
        /// See [`Event::QueryDone`].
        QueryDone = 38 "query_done",
        /// See [`Event::Deposited`].
        Deposited = 48 "deposited",
        /// See [`Event::Withdrawn`].
        Withdrawn = 49 "withdrawn",
        /// See [`Event::WithdrawalHeld`].
        WithdrawalHeld = 50 "withdrawal_held",
        /// See [`Event::WithdrawalSettled`].
        WithdrawalSettled = 51 "withdrawal_settled",
        /// See [`Event::WithdrawalReleased`].
        WithdrawalReleased = 52 "withdrawal_released",
        /// See [`Event::Transferred`].
        Transferred = 53 "transferred",
        /// See [`Event::AssetCreated`].
        AssetCreated = 64 "asset_created",
        /// See [`Event::MarketCreated`].
        MarketCreated = 65 "market_created",
        /// See [`Event::AccountCreated`].
        AccountCreated = 66 "account_created",
        /// See [`Event::KeyCreated`].
        KeyCreated = 67 "key_created",
        /// See [`Event::MarketStateChanged`].
        MarketStateChanged = 68 "market_state_changed",
        /// See [`Event::MarketRulesSet`].
        MarketRulesSet = 69 "market_rules_set",
        /// See [`Event::AccountLimitsSet`].
        AccountLimitsSet = 70 "account_limits_set",
        /// See [`Event::AccountOwnerSet`].
        AccountOwnerSet = 71 "account_owner_set",
        /// See [`Event::AccountTierSet`].
        AccountTierSet = 72 "account_tier_set",
        /// See [`Event::FeeTierSet`].
        FeeTierSet = 73 "fee_tier_set",
        /// See [`Event::KillSwitchSet`].
        KillSwitchSet = 74 "kill_switch_set",
        /// See [`Event::KeyRolesSet`].
        KeyRolesSet = 75 "key_roles_set",
        /// See [`Event::KeyNetworksSet`].
        KeyNetworksSet = 76 "key_networks_set",
        /// See [`Event::JournalBegun`].
        JournalBegun = 80 "journal_begun",
        /// See [`Event::LeadTaken`].
        LeadTaken = 81 "lead_taken",
        /// See [`Event::DurabilityChanged`].
        DurabilityChanged = 82 "durability_changed",
    }
);

coded!(
    /// Which side of a trade a fill was.
    Liquidity: u8 {
        /// It rested.
        Maker = 1 "maker",
        /// It came in.
        Taker = 2 "taker",
    }
);

coded!(
    /// Why an order left without a fill for all of it.
    CancelReason: u8 {
        /// Its owner asked for this order.
        Requested = 1 "requested",
        /// Its owner asked for all of them.
        CancelAll = 2 "cancel_all",
        /// Its owner took off all that was left.
        ReducedToZero = 3 "reduced_to_zero",
        /// Remainder of an immediate-or-cancel or market order.
        ImmediateOrCancel = 4 "immediate_or_cancel",
        /// A market order's account ran out of money for the next fill.
        InsufficientFunds = 5 "insufficient_funds",
        /// Its session stayed away longer than its grace time.
        Disconnected = 6 "disconnected",
        /// It would have traded with an order of its own owner.
        SelfTrade = 7 "self_trade",
        /// Its time is over.
        Expired = 8 "expired",
        /// Its group's protection was triggered.
        Protection = 9 "protection",
        /// Its account's kill switch was engaged.
        KillSwitch = 10 "kill_switch",
        /// Its market was closed.
        MarketClosed = 11 "market_closed",
        /// It was triggered, and the other side of the book was empty.
        NoLiquidity = 12 "no_liquidity",
        /// Its side of a mass quote was withdrawn, or the quote that should replace it was refused.
        QuoteWithdrawn = 13 "quote_withdrawn",
        /// Its key's own timer was due: the client did not set it anew in time.
        DeadMan = 14 "dead_man",
    }
);

coded!(
    /// Why a session ended.
    SessionCloseReason: u8 {
        /// Its connection ended.
        Disconnected = 1 "disconnected",
        /// The same key logged on again.
        TakenOver = 2 "taken_over",
    }
);

/// Address of an event in one node's event log: an opaque place that the log resolves without a search. Zero is "none".
/// Addresses of two nodes differ; the events do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogAddress(u64);

impl LogAddress {
    /// "There is none".
    pub const NONE: Self = Self(0);

    /// Wraps the raw number.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw)
    }
    /// The raw number.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
    /// Whether it points at nothing.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Bits that go with an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EventFlags(u8);

impl EventFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The last event of its command.
    pub const LAST: Self = Self(1);
    /// Released by a primary without a standby: safe on one disk only. Stamped by publish, so a derived log that is made
    /// again may differ in this bit and in no other.
    pub const DEGRADED: Self = Self(2);

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether all flags of `other` are set.
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
        if bits & !3 == 0 { Some(Self(bits)) } else { None }
    }
}

/// What every event has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventHeader {
    /// Of the command that caused it.
    pub sequence: Sequence,
    /// Position among the events of that command, from 0.
    pub index: u32,
    /// The command's time.
    pub time: Timestamp,
    /// The term in which the command was sequenced.
    pub epoch: Epoch,
    /// Whose report this is; zero where it is nobody's.
    pub key: KeyId,
    /// Whose account it concerns; zero where none.
    pub account: AccountId,
    /// Which market it concerns; zero where none.
    pub market: MarketId,
    /// Correlation: the request that this answers; on a later report of an order, the request that created the order.
    pub request: RequestNumber,
    /// Position among the key's reports, dense from 1; zero on events that are not sequenced reports.
    pub session_sequence: SessionSequence,
    /// Where this key's report before this one is in the same log; filled in by publish.
    pub previous_report: LogAddress,
    /// See [`EventFlags`].
    pub flags: EventFlags,
}

/// One side of one trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order that was filled.
    pub order: OrderId,
    /// The order on the other side.
    pub counter_order: OrderId,
    /// Its account: for the books and SQL, never on a client's wire.
    pub counter_account: AccountId,
    /// Side of `order`.
    pub side: Side,
    /// Whether `order` rested or came in.
    pub liquidity: Liquidity,
    /// Price of the trade: always the resting order's.
    pub price: Price,
    /// Quantity of the trade.
    pub qty: Qty,
    /// What is left of `order` after it.
    pub leaves: Qty,
    /// Fee of this side, in the asset that this side receives (buyer: base, seller: quote).
    pub fee: AssetAmount,
    /// `fee` is none but a rebate: this side, the maker, gets it in the asset that it pays (buyer: quote, seller: base).
    pub is_rebate: bool,
}

/// A market as the engine created it: terms with the ids that it assigned. The market's own id is in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketDefinition {
    /// Its name.
    pub name: Name,
    /// The asset that is traded.
    pub base: AssetId,
    /// The asset that pays.
    pub quote: AssetId,
    /// See [`crate::MarketTerms`].
    pub base_units_per_lot: u64,
    /// See [`crate::MarketTerms`].
    pub quote_units_per_tick_lot: u64,
    /// Fee of the resting side.
    pub maker_fee: FeeRate,
    /// Fee of the incoming side.
    pub taker_fee: FeeRate,
    /// Largest quantity of one order.
    pub qty_max: Qty,
    /// Highest price of one order.
    pub price_max: Price,
}

impl MarketDefinition {
    /// The rules that the market begins with.
    #[must_use]
    pub const fn first_rules(&self) -> MarketRules {
        MarketRules {
            maker_fee: self.maker_fee,
            taker_fee: self.taker_fee,
            qty_min: Qty::from_lots(0),
            qty_max: self.qty_max,
            price_min: Price::from_ticks(0),
            price_max: self.price_max,
            notional_min: 0,
            static_band_ppm: 0,
            dynamic_band_ppm: 0,
            reference: Price::from_ticks(0),
            day_end_s: 0,
        }
    }

    /// Amount of the base asset in `qty`: exact.
    #[must_use]
    #[inline]
    pub const fn base_amount(&self, qty: Qty) -> AssetAmount {
        AssetAmount::from_units(qty.lots() as u128 * self.base_units_per_lot as u128)
    }

    /// Amount of the quote asset that `qty` costs at `price`: exact, below 2^96 by the checks at creation.
    ///
    /// # Panics
    /// On a negative price, which no order can have.
    #[must_use]
    #[inline]
    pub const fn quote_amount(&self, price: Price, qty: Qty) -> AssetAmount {
        assert!(price.ticks() >= 0);
        let ticks = price.ticks() as u128;
        AssetAmount::from_units(ticks * qty.lots() as u128 * self.quote_units_per_tick_lot as u128)
    }

    /// What one side of a trade pays and receives, before its fee: the one rule that the ledger and every sink share.
    #[must_use]
    pub const fn settlement(&self, side: Side, price: Price, qty: Qty) -> Settlement {
        let (base, quote) = (self.base_amount(qty), self.quote_amount(price, qty));
        match side {
            Side::Buy => Settlement { pays: self.quote, paid: quote, receives: self.base, received: base },
            Side::Sell => Settlement { pays: self.base, paid: base, receives: self.quote, received: quote },
        }
    }
}

/// See [`MarketDefinition::settlement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The asset that it gives.
    pub pays: AssetId,
    /// How much of it.
    pub paid: AssetAmount,
    /// The asset that it gets; its fee is taken from this.
    pub receives: AssetId,
    /// How much of it, before the fee.
    pub received: AssetAmount,
}

/// A fact that the engine produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command was refused and changed nothing.
    Rejected {
        /// Why.
        reason: Reject,
        /// What was asked.
        command: CommandKind,
    },
    /// Answer to a request that was applied before: what came of it then. Nothing is executed twice.
    Outcome {
        /// The command that was applied.
        original: Sequence,
        /// The order that it created, cancelled or reduced, if it did.
        order: Option<OrderId>,
        /// Its reject, if it was refused.
        reject: Option<Reject>,
        /// What was asked.
        command: CommandKind,
    },
    /// A new order was taken. Fills, a cancelled remainder or resting follow from it.
    OrderAccepted {
        /// Its id.
        order: OrderId,
        /// Its side.
        side: Side,
        /// How its price is found.
        order_type: OrderType,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// Whether it may only rest.
        post_only: bool,
        /// Its limit; 0 for a market order.
        price: Price,
        /// Its quantity; 0 for a budget order.
        qty: Qty,
        /// What most orders do without.
        options: OrderOptions,
    },
    /// See [`Fill`].
    Fill(Fill),
    /// An order, or what was left of it, is gone.
    OrderCancelled {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit price.
        price: Price,
        /// What was left of it.
        cancelled: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// An order became smaller and kept its priority.
    OrderReduced {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit price.
        price: Price,
        /// What was taken off.
        by: Qty,
        /// What is left.
        leaves: Qty,
    },
    /// A cancel-all is complete: its [`Event::OrderCancelled`] came before this.
    CancelAllDone {
        /// How many orders went.
        cancelled: u64,
    },
    /// An order has another price and quantity. Fills, a cancelled remainder or resting follow unless it kept its place.
    OrderReplaced {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit from here on.
        price: Price,
        /// What is left of it from here on.
        leaves: Qty,
        /// How much of that is shown while it rests.
        displayed: Qty,
        /// Whether it kept its place in the queue.
        kept_place: bool,
    },
    /// A stop order was triggered and trades from here on.
    OrderTriggered {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit; 0 for a stop without.
        price: Price,
        /// Its quantity.
        leaves: Qty,
    },
    /// The next part of an iceberg is shown, at the tail of its price.
    OrderRefreshed {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit.
        price: Price,
        /// What is shown.
        displayed: Qty,
    },
    /// A group's protection was set.
    ProtectionSet {
        /// The group.
        group: u8,
        /// How long fills are counted together.
        window: Nanos,
        /// Most that is filled in a window; 0 is none.
        qty_max: Qty,
        /// Most fills in a window; 0 is none.
        count_max: u32,
    },
    /// A group may trade again.
    ProtectionReset {
        /// The group.
        group: u8,
    },
    /// A group's fills reached a limit: its orders are cancelled next.
    ProtectionTriggered {
        /// The group.
        group: u8,
    },
    /// One side of a quote was refused; what its account quoted there before is cancelled next. The market is in the header.
    QuoteRejected {
        /// Which quote of the mass quote, from 0.
        quote: u8,
        /// Which side of it.
        side: Side,
        /// Why.
        reason: Reject,
    },
    /// A mass quote is complete: what became of its sides came before this.
    MassQuoteDone {
        /// Sides that were taken, as new orders or as replacements.
        accepted: u32,
        /// Orders that were withdrawn as asked.
        withdrawn: u32,
        /// Sides that were refused.
        rejected: u32,
    },
    /// A client's login took effect.
    SessionOpened {
        /// The gateway's number for it.
        session: SessionId,
        /// Highest request number that was applied for this key.
        request_mark: RequestNumber,
        /// Number of the last report made for this key.
        report_mark: SessionSequence,
        /// Whether its orders go when it stays away.
        cancel_on_disconnect: bool,
        /// How long it may stay away.
        grace: Nanos,
    },
    /// A session ended.
    SessionClosed {
        /// Which.
        session: SessionId,
        /// Why.
        reason: SessionCloseReason,
    },
    /// The account in the header was credited.
    Deposited {
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// The account in the header was debited.
    Withdrawn {
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// A withdrawal was taken from what is available and waits.
    WithdrawalHeld {
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// A held withdrawal is out.
    WithdrawalSettled {
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// A held withdrawal is available again.
    WithdrawalReleased {
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// The account in the header, or with 0 the fee pool, gave to another.
    Transferred {
        /// The receiver.
        to: AccountId,
        /// What.
        asset: AssetId,
        /// How much.
        amount: AssetAmount,
        /// The business reference.
        reference: Reference,
    },
    /// A new asset.
    AssetCreated {
        /// Its id.
        asset: AssetId,
        /// Its name.
        name: Name,
        /// Decimal places of its smallest unit.
        decimals: u8,
    },
    /// A new market, open; its id is in the header.
    MarketCreated(MarketDefinition),
    /// A new account; its id is in the header.
    AccountCreated {
        /// Its name.
        name: Name,
    },
    /// A new key of the account in the header.
    KeyCreated {
        /// Its id.
        key: KeyId,
        /// Its name.
        name: Name,
        /// Ed25519 public key.
        public_key: [u8; 32],
        /// What it may do.
        roles: Roles,
    },
    /// The market in the header has this state now.
    MarketStateChanged {
        /// Its state.
        state: MarketState,
    },
    /// The market in the header has these rules now.
    MarketRulesSet(MarketRules),
    /// The account in the header has these limits now.
    AccountLimitsSet(AccountLimits),
    /// The account in the header belongs to this owner group now.
    AccountOwnerSet {
        /// The group; 0 is none.
        owner: u32,
    },
    /// The account in the header has this fee tier now.
    AccountTierSet {
        /// The tier; 0 is the market's own fees.
        tier: u8,
    },
    /// A tier has these fees now.
    FeeTierSet {
        /// Which.
        tier: u8,
        /// Fee of the resting side.
        maker_fee: FeeRate,
        /// Fee of the incoming side.
        taker_fee: FeeRate,
    },
    /// The kill switch of the account in the header. Its cancelled orders came before this.
    KillSwitchSet {
        /// Whether it is engaged.
        engaged: bool,
        /// How many orders went.
        cancelled: u64,
    },
    /// A key of the account in the header has these roles now.
    KeyRolesSet {
        /// Which.
        key: KeyId,
        /// What it may do.
        roles: Roles,
    },
    /// A key of the account in the header may log on from these networks now.
    KeyNetworksSet {
        /// Which.
        key: KeyId,
        /// From where; none is from anywhere.
        networks: Networks,
    },
    /// The key's own timer was set.
    CancelAllAfterSet {
        /// When its orders go; 0: it is disarmed.
        deadline: Timestamp,
    },
    /// The key's own timer was due, and is disarmed: its [`Event::OrderCancelled`] came before this.
    CancelAllAfterFired {
        /// How many orders went.
        cancelled: u64,
    },
    /// See [`OrderStatus`].
    OrderStatus(OrderStatus),
    /// What the account in the header has of an asset.
    BalanceStatus {
        /// Which.
        asset: AssetId,
        /// What it can use.
        available: AssetAmount,
        /// What its open orders hold.
        held: AssetAmount,
        /// What waits as withdrawals.
        pending: AssetAmount,
    },
    /// A query is answered: its [`Event::OrderStatus`] or [`Event::BalanceStatus`] came before this.
    QueryDone {
        /// How many.
        count: u64,
    },
    /// The journal began.
    JournalBegun(Genesis),
    /// A node leads, in the header's epoch.
    LeadTaken {
        /// The node.
        node: NodeId,
        /// Count of its starts.
        incarnation: u64,
    },
    /// The acknowledgement rule was changed.
    DurabilityChanged {
        /// The rule.
        durability: Durability,
        /// Whether acknowledgements are flagged DEGRADED.
        degraded: bool,
    },
}

impl Event {
    /// Its dispatch code.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Rejected { .. } => EventKind::Rejected,
            Self::Outcome { .. } => EventKind::Outcome,
            Self::OrderAccepted { .. } => EventKind::OrderAccepted,
            Self::Fill(_) => EventKind::Fill,
            Self::OrderCancelled { .. } => EventKind::OrderCancelled,
            Self::OrderReduced { .. } => EventKind::OrderReduced,
            Self::CancelAllDone { .. } => EventKind::CancelAllDone,
            Self::OrderReplaced { .. } => EventKind::OrderReplaced,
            Self::OrderTriggered { .. } => EventKind::OrderTriggered,
            Self::OrderRefreshed { .. } => EventKind::OrderRefreshed,
            Self::ProtectionSet { .. } => EventKind::ProtectionSet,
            Self::ProtectionReset { .. } => EventKind::ProtectionReset,
            Self::ProtectionTriggered { .. } => EventKind::ProtectionTriggered,
            Self::QuoteRejected { .. } => EventKind::QuoteRejected,
            Self::MassQuoteDone { .. } => EventKind::MassQuoteDone,
            Self::SessionOpened { .. } => EventKind::SessionOpened,
            Self::SessionClosed { .. } => EventKind::SessionClosed,
            Self::Deposited { .. } => EventKind::Deposited,
            Self::Withdrawn { .. } => EventKind::Withdrawn,
            Self::WithdrawalHeld { .. } => EventKind::WithdrawalHeld,
            Self::WithdrawalSettled { .. } => EventKind::WithdrawalSettled,
            Self::WithdrawalReleased { .. } => EventKind::WithdrawalReleased,
            Self::Transferred { .. } => EventKind::Transferred,
            Self::AssetCreated { .. } => EventKind::AssetCreated,
            Self::MarketCreated(_) => EventKind::MarketCreated,
            Self::AccountCreated { .. } => EventKind::AccountCreated,
            Self::KeyCreated { .. } => EventKind::KeyCreated,
            Self::MarketStateChanged { .. } => EventKind::MarketStateChanged,
            Self::MarketRulesSet(_) => EventKind::MarketRulesSet,
            Self::AccountLimitsSet(_) => EventKind::AccountLimitsSet,
            Self::AccountOwnerSet { .. } => EventKind::AccountOwnerSet,
            Self::AccountTierSet { .. } => EventKind::AccountTierSet,
            Self::FeeTierSet { .. } => EventKind::FeeTierSet,
            Self::KillSwitchSet { .. } => EventKind::KillSwitchSet,
            Self::KeyRolesSet { .. } => EventKind::KeyRolesSet,
            Self::KeyNetworksSet { .. } => EventKind::KeyNetworksSet,
            Self::CancelAllAfterSet { .. } => EventKind::CancelAllAfterSet,
            Self::CancelAllAfterFired { .. } => EventKind::CancelAllAfterFired,
            Self::OrderStatus(_) => EventKind::OrderStatus,
            Self::BalanceStatus { .. } => EventKind::BalanceStatus,
            Self::QueryDone { .. } => EventKind::QueryDone,
            Self::JournalBegun(_) => EventKind::JournalBegun,
            Self::LeadTaken { .. } => EventKind::LeadTaken,
            Self::DurabilityChanged { .. } => EventKind::DurabilityChanged,
        }
    }
}
