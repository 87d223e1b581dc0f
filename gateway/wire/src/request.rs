//! What a client may ask of the engine.
//!
//!   OrderRequest --for_each_record--> one command record, of a mass quote one for every two quotes
//!
//! Invariants: an [`OrderRequest`] is well-formed, not yet valid: the engine decides that. Owning thread: none, these are
//! values.

use tidegate_domain::{
    AccountId, AssetId, CancelFilter, Command, CommandHeader, CommandRecord, KeyId, MarketId, MassQuote, Nanos,
    NewOrder, OrderOptions, OrderTarget, OrderType, Price, QUOTE_SLOTS_MAX, QUOTES_PER_SLOT, Qty, Quote, QuoteTerms,
    RequestNumber, Side, TimeInForce,
};

/// Most quotes that one message holds: one more than the engine takes, so that too many are answered with a reject.
pub(crate) const WIRE_QUOTES_MAX: usize = QUOTE_SLOTS_MAX * QUOTES_PER_SLOT;

/// A numbered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRequest {
    /// Strictly increasing per key.
    pub request: RequestNumber,
    /// What is asked.
    pub action: OrderAction,
}

/// What a request asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderAction {
    /// A new order. One without options travels in the short message.
    New(NewOrder),
    /// Cancel one order.
    Cancel {
        /// Which.
        target: OrderTarget,
    },
    /// Take quantity off one order; it keeps its priority.
    Reduce {
        /// Which.
        target: OrderTarget,
        /// How much.
        by: Qty,
    },
    /// Give one order another price and another total quantity.
    Replace {
        /// Which.
        target: OrderTarget,
        /// Its new limit.
        price: Price,
        /// Its new quantity, what is filled already included.
        qty: Qty,
    },
    /// Cancel every order of the account that matches.
    CancelAll(CancelFilter),
    /// Put, replace or withdraw two-sided quotes.
    MassQuote {
        /// What they share.
        terms: QuoteTerms,
        /// At most 16, of which the engine takes 15.
        quotes: Vec<Quote>,
    },
    /// Set what pulls the orders of a group.
    SetProtection {
        /// The group.
        group: u8,
        /// How long fills are counted together.
        window: Nanos,
        /// Most that is filled in a window; 0 is none.
        qty_max: Qty,
        /// Most fills in a window; 0 is none.
        count_max: u32,
    },
    /// Let a group whose protection was triggered trade again.
    ResetProtection {
        /// The group.
        group: u8,
    },
    /// Engage or release the kill switch of the account.
    SetKillSwitch {
        /// Whether it is engaged from here on.
        engaged: bool,
    },
    /// Arm the key's own timer anew, or disarm it.
    CancelAllAfter {
        /// From now; 0 disarms it.
        timeout: Nanos,
    },
    /// Ask for one open order.
    QueryOrder {
        /// Which.
        target: OrderTarget,
    },
    /// Ask for every open order of the account.
    QueryOrders {
        /// Where; `None` for all markets.
        market: Option<MarketId>,
    },
    /// Ask what the account has.
    QueryBalances {
        /// Of which asset; `None` for all.
        asset: Option<AssetId>,
    },
}

impl OrderAction {
    /// A limit order without options.
    #[must_use]
    pub fn limit(market: MarketId, side: Side, time_in_force: TimeInForce, price: Price, qty: Qty) -> Self {
        let (order_type, options) = (OrderType::Limit, OrderOptions::default());
        Self::New(NewOrder { market, side, order_type, time_in_force, post_only: false, price, qty, options })
    }
}

impl OrderRequest {
    /// Tokens that [`OrderAction::QueryOrders`] costs: its answer has as many reports as the account has open orders.
    pub const QUERY_ORDERS_COST: u32 = 100;

    /// How many tokens it costs: what takes orders away costs nothing, a mass quote as much as its quotes, a query of all orders
    /// [`Self::QUERY_ORDERS_COST`], and everything else one.
    #[must_use]
    pub fn cost(&self) -> u32 {
        match &self.action {
            OrderAction::Cancel { .. }
            | OrderAction::Reduce { .. }
            | OrderAction::CancelAll(_)
            | OrderAction::CancelAllAfter { .. }
            | OrderAction::SetKillSwitch { engaged: true } => 0,
            OrderAction::MassQuote { quotes, .. } => quotes.len().max(1) as u32,
            OrderAction::QueryOrders { .. } => Self::QUERY_ORDERS_COST,
            _ => 1,
        }
    }

    /// Makes the records of the command that this asks for. The sequencer adds sequence, time and epoch. Those of one
    /// command must reach it together.
    pub fn for_each_record(&self, key: KeyId, account: AccountId, mut take: impl FnMut(CommandRecord)) {
        let header = CommandHeader { request: self.request, key, account, ..CommandHeader::default() };
        let command = match self.action {
            OrderAction::New(order) => Command::NewOrder(order),
            OrderAction::Cancel { target } => Command::CancelOrder { target },
            OrderAction::Reduce { target, by } => Command::ReduceOrder { target, by },
            OrderAction::Replace { target, price, qty } => Command::ReplaceOrder { target, price, qty },
            OrderAction::CancelAll(filter) => Command::CancelAll(filter),
            OrderAction::SetProtection { group, window, qty_max, count_max } => {
                Command::SetProtection { group, window, qty_max, count_max }
            }
            OrderAction::ResetProtection { group } => Command::ResetProtection { group },
            OrderAction::SetKillSwitch { engaged } => Command::SetKillSwitch { engaged },
            OrderAction::CancelAllAfter { timeout } => Command::CancelAllAfter { timeout },
            OrderAction::QueryOrder { target } => Command::QueryOrder { target },
            OrderAction::QueryOrders { market } => Command::QueryOrders { market },
            OrderAction::QueryBalances { asset } => Command::QueryBalances { asset },
            OrderAction::MassQuote { terms, ref quotes } => {
                for slot in MassQuote::slots(terms, quotes) {
                    take(CommandRecord::encode(&header, &Command::MassQuote(slot)));
                }
                return;
            }
        };
        take(CommandRecord::encode(&header, &command));
    }
}
