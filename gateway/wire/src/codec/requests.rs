//! Requests to blocks and back.

use tidegate_domain::{
    CancelFilter, NewOrder, OrderId, OrderOptions, OrderTarget, Quote, QuoteSide, QuoteTerms, RequestNumber,
};

use super::{DecodeError, append, append_with};
use crate::blocks::*;
use crate::field::{FieldError, Pad};
use crate::layout::Block;
use crate::reason::TargetKind;
use crate::request::{OrderAction, OrderRequest, WIRE_QUOTES_MAX};

/// The request in a block, and in the group after it.
pub(super) fn decode(template: u16, block: &[u8], group: &[u8]) -> Result<OrderRequest, DecodeError> {
    let request = block.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let request = RequestNumber::new(request);
    let action = action(template, block, group).map_err(|error| DecodeError::Request { request, error })?;
    Ok(OrderRequest { request, action })
}

fn action(template: u16, block: &[u8], group: &[u8]) -> Result<OrderAction, FieldError> {
    Ok(match template {
        NewOrderBlock::TEMPLATE => {
            let NewOrderBlock { price, qty, market, side, order_type, time_in_force, post_only, .. } =
                NewOrderBlock::get(block)?;
            let options = OrderOptions::default();
            OrderAction::New(NewOrder { market, side, order_type, time_in_force, post_only, price, qty, options })
        }
        CancelOrderBlock::TEMPLATE => {
            let block = CancelOrderBlock::get(block)?;
            OrderAction::Cancel { target: target(block.target, block.target_kind) }
        }
        ReduceOrderBlock::TEMPLATE => {
            let block = ReduceOrderBlock::get(block)?;
            OrderAction::Reduce { target: target(block.target, block.target_kind), by: block.by }
        }
        CancelAllBlock::TEMPLATE => {
            let CancelAllBlock { market, side, group, price_low, price_high, .. } = CancelAllBlock::get(block)?;
            OrderAction::CancelAll(CancelFilter { market, side, group, price_low, price_high })
        }
        NewOrderFullBlock::TEMPLATE => OrderAction::New(new_order(&NewOrderFullBlock::get(block)?)),
        ReplaceOrderBlock::TEMPLATE => {
            let block = ReplaceOrderBlock::get(block)?;
            let target = target(block.target, block.target_kind);
            OrderAction::Replace { target, price: block.price, qty: block.qty }
        }
        SetProtectionBlock::TEMPLATE => {
            let SetProtectionBlock { window, qty_max, count_max, group, .. } = SetProtectionBlock::get(block)?;
            OrderAction::SetProtection { group, window, qty_max, count_max }
        }
        ResetProtectionBlock::TEMPLATE => {
            OrderAction::ResetProtection { group: ResetProtectionBlock::get(block)?.group }
        }
        SetKillSwitchBlock::TEMPLATE => OrderAction::SetKillSwitch { engaged: SetKillSwitchBlock::get(block)?.engaged },
        MassQuoteBlock::TEMPLATE => {
            let block = MassQuoteBlock::get(block)?;
            let terms = QuoteTerms { group: block.group, mode: block.mode, self_trade: block.self_trade };
            OrderAction::MassQuote { terms, quotes: quotes(group)? }
        }
        CancelAllAfterBlock::TEMPLATE => {
            OrderAction::CancelAllAfter { timeout: CancelAllAfterBlock::get(block)?.timeout }
        }
        QueryOrderBlock::TEMPLATE => {
            let block = QueryOrderBlock::get(block)?;
            OrderAction::QueryOrder { target: target(block.target, block.target_kind) }
        }
        QueryOrdersBlock::TEMPLATE => OrderAction::QueryOrders { market: QueryOrdersBlock::get(block)?.market },
        QueryBalancesBlock::TEMPLATE => OrderAction::QueryBalances { asset: QueryBalancesBlock::get(block)?.asset },
        unknown => {
            return Err(FieldError {
                message: "Request",
                field: "template",
                value: u64::from(unknown),
                allowed: "16 to 29",
                limit: 0,
            });
        }
    })
}

fn new_order(block: &NewOrderFullBlock) -> NewOrder {
    NewOrder {
        market: block.market,
        side: block.side,
        order_type: block.order_type,
        time_in_force: block.time_in_force,
        post_only: block.post_only,
        price: block.price,
        qty: block.qty,
        options: OrderOptions {
            reprice: block.reprice,
            self_trade: block.self_trade,
            group: block.group,
            trigger: block.trigger,
            display: block.display,
            budget: block.budget,
            expires: block.expires,
            on_disconnect: block.on_disconnect,
        },
    }
}

/// The entries of a mass quote. A newer sender's entries may be longer; their known part is read.
fn quotes(group: &[u8]) -> Result<Vec<Quote>, FieldError> {
    let wrong = |field, value, allowed, limit| FieldError { message: "MassQuote", field, value, allowed, limit };
    let size = GroupSize::get(group)?;
    let (entry_len_bytes, count) = (usize::from(size.entry_length), usize::from(size.count));
    if entry_len_bytes < QuoteEntry::LEN {
        return Err(wrong("entry_length", entry_len_bytes as u64, "at least 40", QuoteEntry::LEN as u64));
    }
    if count > WIRE_QUOTES_MAX {
        return Err(wrong("count", count as u64, "at most 16", WIRE_QUOTES_MAX as u64));
    }
    let entries = &group[GroupSize::LEN..];
    if entries.len() != entry_len_bytes * count {
        let needed = GroupSize::LEN + entry_len_bytes * count;
        return Err(wrong("length", group.len() as u64, "what the group says", needed as u64));
    }
    entries.chunks_exact(entry_len_bytes).map(|entry| QuoteEntry::get(entry).map(|entry| quote(&entry))).collect()
}

fn quote(entry: &QuoteEntry) -> Quote {
    Quote {
        market: entry.market,
        bid: QuoteSide { price: entry.bid_price, qty: entry.bid_qty },
        ask: QuoteSide { price: entry.ask_price, qty: entry.ask_qty },
    }
}

fn target(raw: u64, kind: TargetKind) -> OrderTarget {
    match kind {
        TargetKind::Order => OrderTarget::Order(OrderId::new(raw)),
        TargetKind::Request => OrderTarget::Request(RequestNumber::new(raw)),
    }
}

fn target_parts(target: OrderTarget) -> (u64, TargetKind) {
    match target {
        OrderTarget::Order(order) => (order.raw(), TargetKind::Order),
        OrderTarget::Request(request) => (request.raw(), TargetKind::Request),
    }
}

/// Appends a request as one frame.
///
/// # Panics
/// With more than 16 quotes.
pub fn encode_request(order: &OrderRequest, out: &mut Vec<u8>) {
    let request = order.request;
    match &order.action {
        OrderAction::New(order) => encode_new(request, order, out),
        OrderAction::Cancel { target } => {
            let (target, target_kind) = target_parts(*target);
            append(&CancelOrderBlock { request, target, target_kind, padding: Pad }, out);
        }
        OrderAction::Reduce { target, by } => {
            let (target, target_kind) = target_parts(*target);
            append(&ReduceOrderBlock { request, target, by: *by, target_kind, padding: Pad }, out);
        }
        OrderAction::Replace { target, price, qty } => {
            let (target, target_kind) = target_parts(*target);
            let (price, qty) = (*price, *qty);
            append(&ReplaceOrderBlock { request, target, price, qty, target_kind, padding: Pad }, out);
        }
        OrderAction::CancelAll(filter) => {
            let CancelFilter { market, side, group, price_low, price_high } = *filter;
            append(&CancelAllBlock { request, price_low, price_high, market, side, group, padding: Pad }, out);
        }
        OrderAction::MassQuote { terms, quotes } => encode_quotes(request, *terms, quotes, out),
        OrderAction::SetProtection { group, window, qty_max, count_max } => {
            let (window, qty_max, count_max, group) = (*window, *qty_max, *count_max, *group);
            append(&SetProtectionBlock { request, window, qty_max, count_max, group, padding: Pad }, out);
        }
        OrderAction::ResetProtection { group } => {
            append(&ResetProtectionBlock { request, group: *group, padding: Pad }, out);
        }
        OrderAction::SetKillSwitch { engaged } => {
            append(&SetKillSwitchBlock { request, engaged: *engaged, padding: Pad }, out);
        }
        OrderAction::CancelAllAfter { timeout } => append(&CancelAllAfterBlock { request, timeout: *timeout }, out),
        OrderAction::QueryOrder { target } => {
            let (target, target_kind) = target_parts(*target);
            append(&QueryOrderBlock { request, target, target_kind, padding: Pad }, out);
        }
        OrderAction::QueryOrders { market } => {
            append(&QueryOrdersBlock { request, market: *market, padding: Pad }, out);
        }
        OrderAction::QueryBalances { asset } => {
            append(&QueryBalancesBlock { request, asset: *asset, padding: Pad }, out);
        }
    }
}

fn encode_new(request: RequestNumber, order: &NewOrder, out: &mut Vec<u8>) {
    let NewOrder { market, side, order_type, time_in_force, post_only, price, qty, options } = *order;
    if options == OrderOptions::default() {
        let block = NewOrderBlock { request, price, qty, market, side, order_type, time_in_force, post_only };
        return append(&block, out);
    }
    let OrderOptions { reprice, self_trade, group, trigger, display, budget, expires, on_disconnect } = options;
    let block = NewOrderFullBlock {
        request,
        price,
        qty,
        trigger,
        display,
        expires,
        budget,
        market,
        side,
        order_type,
        time_in_force,
        post_only,
        reprice,
        self_trade,
        group,
        on_disconnect,
        padding: Pad,
    };
    append(&block, out);
}

fn encode_quotes(request: RequestNumber, terms: QuoteTerms, quotes: &[Quote], out: &mut Vec<u8>) {
    assert!(quotes.len() <= WIRE_QUOTES_MAX, "no mass quote has {} quotes", quotes.len());
    let QuoteTerms { group, mode, self_trade } = terms;
    let block = MassQuoteBlock { request, group, mode, self_trade, padding: Pad };
    let group_len_bytes = GroupSize::LEN + quotes.len() * QuoteEntry::LEN;
    append_with(MassQuoteBlock::TEMPLATE, MassQuoteBlock::LEN, group_len_bytes, out, |room| {
        block.put(room);
        let (size, entries) = room[MassQuoteBlock::LEN..].split_at_mut(GroupSize::LEN);
        GroupSize { entry_length: QuoteEntry::LEN as u16, count: quotes.len() as u16, padding: Pad }.put(size);
        for (quote, place) in quotes.iter().zip(entries.chunks_exact_mut(QuoteEntry::LEN)) {
            let (bid, ask) = (quote.bid, quote.ask);
            let entry = QuoteEntry {
                bid_price: bid.price,
                bid_qty: bid.qty,
                ask_price: ask.price,
                ask_qty: ask.qty,
                market: quote.market,
                padding: Pad,
            };
            entry.put(place);
        }
    });
}
