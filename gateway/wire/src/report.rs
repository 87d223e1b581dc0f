//! Reports: what a client is told of its requests and orders.
//!
//!   (EventHeader, Event) --from_event--> Report --stamps of the gateway--> client
//!
//! Invariants: a [`Report`] never carries the other side's account. Owning thread: none, these are values.

use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelReason, CommandKind, Epoch, Event, EventFlags, EventHeader, KeyId,
    Liquidity, MarketId, Nanos, OrderId, OrderOptions, OrderStatus, OrderType, Price, Qty, Reject, RequestNumber,
    Sequence, SessionSequence, Side, TimeInForce, Timestamp,
};

/// A client's view of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Position among the key's reports: dense, from 1.
    pub session_sequence: SessionSequence,
    /// The request that this answers; on a later report of an order, the one that created the order.
    pub request: RequestNumber,
    /// The command that caused it.
    pub sequence: Sequence,
    /// Position among the events of that command.
    pub index: u32,
    /// The leadership term of that command.
    pub epoch: Epoch,
    /// When the sequencer took that command.
    pub time: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Where; zero where no market is concerned.
    pub market: MarketId,
    /// The key whose report it is: on a drop copy, any of the owner group.
    pub key: KeyId,
    /// Released by a primary without a standby.
    pub degraded: bool,
    /// The last event of its command.
    pub last: bool,
    /// What the gateway adds.
    pub stamps: GatewayStamps,
    /// What happened.
    pub body: ReportBody,
}

/// What the gateway adds to a report when it sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatewayStamps {
    /// When it read the request that the report answers; 0 where it is no answer to a request of this connection.
    pub received: Timestamp,
    /// When it wrote the report; 0 before that.
    pub sent: Timestamp,
    /// Tokens that the key has left; [`GatewayStamps::UNLIMITED`] where there are as many or more, or no limit.
    pub tokens: u16,
}

impl GatewayStamps {
    /// The most that the field can say.
    pub const UNLIMITED: u16 = u16::MAX;
}

/// What a report says; see the events of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportBody {
    /// See [`Event::OrderAccepted`].
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
        /// Its limit.
        price: Price,
        /// Its quantity.
        qty: Qty,
        /// What most orders do without.
        options: OrderOptions,
    },
    /// See [`FillReport`].
    Fill(FillReport),
    /// See [`Event::OrderCancelled`].
    OrderCancelled {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit.
        price: Price,
        /// What was left of it.
        cancelled: Qty,
        /// Why.
        reason: CancelReason,
    },
    /// See [`Event::OrderReduced`].
    OrderReduced {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit.
        price: Price,
        /// What was taken off.
        by: Qty,
        /// What is left.
        leaves: Qty,
    },
    /// See [`Event::CancelAllDone`].
    CancelAllDone {
        /// How many orders went.
        cancelled: u64,
    },
    /// See [`Event::Rejected`].
    Rejected {
        /// Why.
        reason: Reject,
        /// What was asked.
        command: CommandKind,
    },
    /// See [`Event::Outcome`].
    Outcome {
        /// The command that was applied.
        original: Sequence,
        /// The order that it created.
        order: Option<OrderId>,
        /// Its reject.
        reject: Option<Reject>,
        /// What was asked.
        command: CommandKind,
    },
    /// See [`Event::OrderReplaced`].
    OrderReplaced {
        /// Which.
        order: OrderId,
        /// Its side.
        side: Side,
        /// Its limit from here on.
        price: Price,
        /// What is left of it from here on.
        leaves: Qty,
        /// How much of that is shown.
        displayed: Qty,
        /// Whether it kept its place.
        kept_place: bool,
    },
    /// See [`Event::OrderTriggered`].
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
    /// See [`Event::OrderRefreshed`].
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
    /// See [`Event::ProtectionSet`].
    ProtectionSet {
        /// The group.
        group: u32,
        /// How long fills are counted together.
        window: Nanos,
        /// Most that is filled in a window.
        qty_max: Qty,
        /// Most fills in a window.
        count_max: u32,
    },
    /// See [`Event::ProtectionReset`].
    ProtectionReset {
        /// The group.
        group: u32,
    },
    /// See [`Event::ProtectionTriggered`].
    ProtectionTriggered {
        /// The group.
        group: u32,
    },
    /// See [`Event::QuoteRejected`].
    QuoteRejected {
        /// Which quote of the mass quote, from 0.
        quote: u32,
        /// Which side of it.
        side: Side,
        /// Why.
        reason: Reject,
    },
    /// See [`Event::MassQuoteDone`].
    MassQuoteDone {
        /// Sides that were taken.
        accepted: u32,
        /// Orders that were withdrawn as asked.
        withdrawn: u32,
        /// Sides that were refused.
        rejected: u32,
    },
    /// See [`OrderStatus`].
    OrderStatus(OrderStatus),
    /// See [`Event::BalanceStatus`].
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
    /// See [`Event::QueryDone`].
    QueryDone {
        /// How many.
        count: u64,
    },
    /// See [`Event::CancelAllAfterSet`].
    CancelAllAfterSet {
        /// When its orders go; 0: it is disarmed.
        deadline: Timestamp,
    },
    /// See [`Event::CancelAllAfterFired`].
    CancelAllAfterFired {
        /// How many orders went.
        cancelled: u64,
    },
}

/// One side of one trade, as its owner may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillReport {
    /// The order that was filled.
    pub order: OrderId,
    /// The order on the other side.
    pub counter_order: OrderId,
    /// Side of `order`.
    pub side: Side,
    /// Whether `order` rested or came in.
    pub liquidity: Liquidity,
    /// Price of the trade.
    pub price: Price,
    /// Quantity of the trade.
    pub qty: Qty,
    /// What is left of `order`.
    pub leaves: Qty,
    /// Fee, in the asset that this side receives.
    pub fee: AssetAmount,
    /// The fee is none but a rebate: this side gets it, in the asset that it pays.
    pub is_rebate: bool,
}

impl ReportBody {
    /// Whether it answers a query: a later reading of it would be out of date.
    #[must_use]
    pub const fn is_query_answer(&self) -> bool {
        matches!(self, Self::OrderStatus(_) | Self::BalanceStatus { .. } | Self::QueryDone { .. })
    }
}

impl Report {
    /// The report that an event is to its owner; `None` for events that are nobody's report.
    #[must_use]
    pub fn from_event(header: &EventHeader, event: &Event) -> Option<Self> {
        if header.key == KeyId::OPERATOR || header.session_sequence.raw() == 0 {
            return None;
        }
        Some(Self {
            session_sequence: header.session_sequence,
            request: header.request,
            sequence: header.sequence,
            index: header.index,
            epoch: header.epoch,
            time: header.time,
            account: header.account,
            market: header.market,
            key: header.key,
            degraded: header.flags.has(EventFlags::DEGRADED),
            last: header.flags.has(EventFlags::LAST),
            stamps: GatewayStamps::default(),
            body: ReportBody::from_event(event)?,
        })
    }
}

impl ReportBody {
    fn from_event(event: &Event) -> Option<Self> {
        Some(match *event {
            Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options } => {
                Self::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options }
            }
            Event::Fill(fill) => Self::Fill(FillReport {
                order: fill.order,
                counter_order: fill.counter_order,
                side: fill.side,
                liquidity: fill.liquidity,
                price: fill.price,
                qty: fill.qty,
                leaves: fill.leaves,
                fee: fill.fee,
                is_rebate: fill.is_rebate,
            }),
            Event::OrderCancelled { order, side, price, cancelled, reason } => {
                Self::OrderCancelled { order, side, price, cancelled, reason }
            }
            Event::OrderReduced { order, side, price, by, leaves } => {
                Self::OrderReduced { order, side, price, by, leaves }
            }
            Event::CancelAllDone { cancelled } => Self::CancelAllDone { cancelled },
            Event::Rejected { reason, command } => Self::Rejected { reason, command },
            Event::Outcome { original, order, reject, command } => Self::Outcome { original, order, reject, command },
            Event::OrderReplaced { order, side, price, leaves, displayed, kept_place } => {
                Self::OrderReplaced { order, side, price, leaves, displayed, kept_place }
            }
            Event::OrderTriggered { order, side, price, leaves } => Self::OrderTriggered { order, side, price, leaves },
            Event::OrderRefreshed { order, side, price, displayed } => {
                Self::OrderRefreshed { order, side, price, displayed }
            }
            Event::ProtectionSet { group, window, qty_max, count_max } => {
                Self::ProtectionSet { group: group.into(), window, qty_max, count_max }
            }
            Event::ProtectionReset { group } => Self::ProtectionReset { group: group.into() },
            Event::ProtectionTriggered { group } => Self::ProtectionTriggered { group: group.into() },
            Event::QuoteRejected { quote, side, reason } => Self::QuoteRejected { quote: quote.into(), side, reason },
            Event::MassQuoteDone { accepted, withdrawn, rejected } => {
                Self::MassQuoteDone { accepted, withdrawn, rejected }
            }
            Event::OrderStatus(status) => Self::OrderStatus(status),
            Event::BalanceStatus { asset, available, held, pending } => {
                Self::BalanceStatus { asset, available, held, pending }
            }
            Event::QueryDone { count } => Self::QueryDone { count },
            Event::CancelAllAfterSet { deadline } => Self::CancelAllAfterSet { deadline },
            Event::CancelAllAfterFired { cancelled } => Self::CancelAllAfterFired { cancelled },
            Event::MarketRulesSet(_)
            | Event::AccountLimitsSet(_)
            | Event::AccountOwnerSet { .. }
            | Event::AccountTierSet { .. }
            | Event::FeeTierSet { .. }
            | Event::KillSwitchSet { .. }
            | Event::KeyRolesSet { .. }
            | Event::KeyNetworksSet { .. }
            | Event::WithdrawalHeld { .. }
            | Event::WithdrawalSettled { .. }
            | Event::WithdrawalReleased { .. }
            | Event::Transferred { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. }
            | Event::Deposited { .. }
            | Event::Withdrawn { .. }
            | Event::AssetCreated { .. }
            | Event::MarketCreated(_)
            | Event::AccountCreated { .. }
            | Event::KeyCreated { .. }
            | Event::MarketStateChanged { .. }
            | Event::JournalBegun(_)
            | Event::LeadTaken { .. }
            | Event::DurabilityChanged { .. } => return None,
        })
    }
}
