//! What a query says of an open order: all that a client needs to know it again.
//!
//!   QueryOrder, QueryOrders --> [`OrderStatus`], ..
//!
//! Invariants: of a stop that waits nothing is filled; no other order has a trigger.
//! Owning thread: none, these are values.

use crate::command::{OnDisconnect, OrderType, SelfTrade, Side, TimeInForce};
use crate::units::{KeyId, OrderId, Price, Qty, RequestNumber, Timestamp};

/// An open order as a query found it. Its account and its market are in the header, whose key and request are the asker's.
///
/// Not in it, for want of room: how much of an iceberg is shown at a time, and its place among the orders of its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderStatus {
    /// Its id.
    pub order: OrderId,
    /// Which key created it.
    pub key: KeyId,
    /// With which request of that key.
    pub request: RequestNumber,
    /// Its side.
    pub side: Side,
    /// What it is now: a stop-limit order that was triggered is a limit order.
    pub order_type: OrderType,
    /// How long it stays.
    pub time_in_force: TimeInForce,
    /// Whether it may only rest.
    pub post_only: bool,
    /// Whether it is re-priced where it would take, if it may only rest.
    pub reprice: bool,
    /// Whether it is one side of a quote.
    pub is_quote: bool,
    /// Its limit; 0 for a stop without.
    pub price: Price,
    /// All that is left of it.
    pub leaves: Qty,
    /// What was filled before; nothing of a stop that waits.
    pub filled: Qty,
    /// How much of what is left is shown.
    pub displayed: Qty,
    /// Of a stop that waits: where it triggers; else 0.
    pub trigger: Price,
    /// When it leaves; 0 is never.
    pub expires: Timestamp,
    /// See [`SelfTrade`].
    pub self_trade: SelfTrade,
    /// The client's own grouping; 0 is none.
    pub group: u8,
    /// See [`OnDisconnect`].
    pub on_disconnect: OnDisconnect,
}
