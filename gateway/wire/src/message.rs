//! The typed messages: what a client may say and what the gateway may say.
//!
//!   OrderRequest --to_command--> (CommandHeader, Command)        (EventHeader, Event) --from_event--> Report
//!
//! Invariants: an [`OrderRequest`] is well-formed, not yet valid: the engine decides that. A [`Report`] never carries
//! the other side's account. Owning thread: none, these are values.

use tidegate_domain::{
    AccountId, AssetAmount, CancelFilter, CancelReason, ClusterId, Command, CommandHeader, CommandKind, Epoch, Event,
    EventFlags, EventHeader, KeyId, Liquidity, MarketDefinition, MarketId, MarketState, Nanos, NewOrder, NodeId,
    OrderId, OrderOptions, OrderTarget, OrderType, Price, Qty, Reject, RequestNumber, Sequence, SessionId,
    SessionSequence, Side, TimeInForce, Timestamp,
};

use crate::reason::{GatewayReject, LogoutReason, RefusedField};

/// Longest text in a message. A longer one is cut by the encoder.
pub const TEXT_LEN_MAX_BYTES: usize = 64;

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Answers the challenge.
    Logon(Logon),
    /// "I am here."
    Heartbeat,
    /// Ends the session.
    Logout,
    /// Asks the engine for something.
    Order(OrderRequest),
}

/// Answer to the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logon {
    /// The key that signs.
    pub key: KeyId,
    /// The last report that the client has; 0 for none.
    pub last_session_sequence: SessionSequence,
    /// Each side sends something at least this often.
    pub heartbeat_ms: u32,
    /// How long the client may stay away before its orders go.
    pub grace_ms: u32,
    /// Whether they go at all.
    pub cancel_on_disconnect: bool,
    /// Ed25519 over [`logon_bytes`].
    pub signature: [u8; 64],
}

/// A numbered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Strictly increasing per key.
    pub request: RequestNumber,
    /// What is asked.
    pub action: OrderAction,
}

/// What a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderAction {
    /// A new order.
    New {
        /// Where.
        market: MarketId,
        /// Which side.
        side: Side,
        /// How its price is found.
        order_type: OrderType,
        /// How long it stays.
        time_in_force: TimeInForce,
        /// Reject it rather than let it take.
        post_only: bool,
        /// Limit price; 0 for a market order.
        price: Price,
        /// How much.
        qty: Qty,
    },
    /// Cancel one order.
    Cancel {
        /// Which.
        target: OrderTarget,
    },
    /// Take quantity off one order.
    Reduce {
        /// Which.
        target: OrderTarget,
        /// How much.
        by: Qty,
    },
    /// Cancel every order of the account.
    CancelAll {
        /// Where; `None` for all markets.
        market: Option<MarketId>,
    },
}

impl OrderRequest {
    /// The command that this asks for, ready for a record. The sequencer adds sequence, time and epoch.
    #[must_use]
    pub fn to_command(&self, key: KeyId, account: AccountId) -> (CommandHeader, Command) {
        let header = CommandHeader { request: self.request, key, account, ..CommandHeader::default() };
        let command = match self.action {
            OrderAction::New { market, side, order_type, time_in_force, post_only, price, qty } => {
                Command::NewOrder(NewOrder {
                    market,
                    side,
                    order_type,
                    time_in_force,
                    post_only,
                    price,
                    qty,
                    options: OrderOptions::default(),
                })
            }
            OrderAction::Cancel { target } => Command::CancelOrder { target },
            OrderAction::Reduce { target, by } => Command::ReduceOrder { target, by },
            OrderAction::CancelAll { market } => Command::CancelAll(CancelFilter::in_market(market)),
        };
        (header, command)
    }
}

/// What the gateway sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// What the client must sign; the first message of a connection.
    Challenge {
        /// Random, good for one logon.
        nonce: [u8; 32],
        /// The cluster.
        cluster: ClusterId,
        /// The node.
        node: NodeId,
        /// Its leadership term.
        epoch: Epoch,
    },
    /// This node does not lead.
    NotPrimary {
        /// The highest term that it knows.
        epoch: Epoch,
        /// Where the primary takes orders; empty where it does not know. At most [`TEXT_LEN_MAX_BYTES`].
        address: String,
    },
    /// The session is open.
    LogonAccepted {
        /// The gateway's number for it.
        session: SessionId,
        /// Highest request number that was applied for this key.
        request_mark: RequestNumber,
        /// Number of the last report made for this key.
        report_mark: SessionSequence,
        /// The leadership term.
        epoch: Epoch,
        /// The interval that holds for both sides.
        heartbeat_ms: u32,
    },
    /// Every report up to `report_mark` was sent; requests are taken from here on.
    ReplayDone {
        /// Number of the last replayed report.
        report_mark: SessionSequence,
    },
    /// A market.
    MarketDefinition {
        /// Its id.
        market: MarketId,
        /// Its terms.
        definition: MarketDefinition,
        /// What it accepts.
        state: MarketState,
    },
    /// "I am here."
    Heartbeat,
    /// The gateway ends the connection.
    Logout {
        /// Why.
        reason: LogoutReason,
        /// The last report that was sent on this connection.
        resume_after: SessionSequence,
        /// Field, value and limit, for people. At most [`TEXT_LEN_MAX_BYTES`].
        detail: String,
    },
    /// A request was refused before it became a command; its number is not used up.
    RequestRefused {
        /// Which; 0 where it could not be read.
        request: RequestNumber,
        /// Why.
        reason: GatewayReject,
        /// Which field.
        field: RefusedField,
        /// What the field held.
        value: u64,
        /// The limit that it broke; 0 where the rule is not a limit.
        limit: u64,
    },
    /// What came of a request or of an order.
    Report(Report),
}

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
    /// Released by a primary without a standby.
    pub degraded: bool,
    /// The last event of its command.
    pub last: bool,
    /// What happened.
    pub body: ReportBody,
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
            degraded: header.flags.has(EventFlags::DEGRADED),
            last: header.flags.has(EventFlags::LAST),
            body: ReportBody::from_event(event)?,
        })
    }
}

impl ReportBody {
    fn from_event(event: &Event) -> Option<Self> {
        Some(match *event {
            Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, .. } => {
                Self::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty }
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
            Event::MarketRulesSet(_)
            | Event::AccountLimitsSet(_)
            | Event::AccountOwnerSet { .. }
            | Event::AccountTierSet { .. }
            | Event::FeeTierSet { .. }
            | Event::KillSwitchSet { .. }
            | Event::KeyRolesSet { .. }
            | Event::KeyNetworksSet { .. }
            | Event::CancelAllAfterSet { .. }
            | Event::CancelAllAfterFired { .. }
            | Event::OrderStatus(_)
            | Event::BalanceStatus { .. }
            | Event::QueryDone { .. }
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

/// What a client signs: a text that no other use of the key shares, then cluster, node, nonce and key, so that a
/// signature is good for one connection to one node.
#[must_use]
pub fn logon_bytes(cluster: ClusterId, node: NodeId, nonce: &[u8; 32], key: KeyId) -> Vec<u8> {
    let mut bytes = b"tidegate-logon-v1".to_vec();
    bytes.extend_from_slice(&cluster.raw().to_le_bytes());
    bytes.extend_from_slice(&node.raw().to_le_bytes());
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(&key.raw().to_le_bytes());
    bytes
}
