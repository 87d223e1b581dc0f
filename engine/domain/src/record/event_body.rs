//! Bodies of events: typed values to layouts and back, one arm per kind.

use super::{RecordError, code, flag, genesis_layout, genesis_value, halves, name, put, take, whole};
use crate::command::{CommandKind, Durability, MarketState, OrderType, Side, TimeInForce};
use crate::event::{CancelReason, Event, EventKind, Fill, Liquidity, MarketDefinition, SessionCloseReason};
use crate::layout::*;
use crate::reject::Reject;
use crate::units::{
    AccountId, AssetAmount, AssetId, KeyId, Nanos, NodeId, OrderId, Ppm, Price, Qty, Reference, RequestNumber,
    Sequence, SessionId, SessionSequence,
};

pub(super) fn encode_event_body(body: &mut [u8], event: &Event) {
    match *event {
        Event::Rejected { reason, command } => {
            put(body, &RejectedV1 { reason: reason.code(), command: command.code(), ..Default::default() });
        }
        Event::Outcome { original, order, reject, command } => put(
            body,
            &OutcomeV1 {
                original: original.raw(),
                order: order.map_or(0, OrderId::raw),
                reject: reject.map_or(0, Reject::code),
                command: command.code(),
                ..Default::default()
            },
        ),
        Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty } => put(
            body,
            &OrderAcceptedV1 {
                order: order.raw(),
                price: price.ticks(),
                qty: qty.lots(),
                side: side.code(),
                order_type: order_type.code(),
                time_in_force: time_in_force.code(),
                post_only: post_only.into(),
                ..Default::default()
            },
        ),
        Event::Fill(ref fill) => {
            let (fee_low, fee_high) = halves(fill.fee);
            put(
                body,
                &FillV1 {
                    order: fill.order.raw(),
                    counter_order: fill.counter_order.raw(),
                    price: fill.price.ticks(),
                    qty: fill.qty.lots(),
                    leaves: fill.leaves.lots(),
                    fee_low,
                    fee_high,
                    counter_account: fill.counter_account.raw(),
                    side: fill.side.code(),
                    liquidity: fill.liquidity.code(),
                    ..Default::default()
                },
            );
        }
        Event::OrderCancelled { order, side, price, cancelled, reason } => put(
            body,
            &OrderCancelledV1 {
                order: order.raw(),
                price: price.ticks(),
                cancelled: cancelled.lots(),
                side: side.code(),
                reason: reason.code(),
                ..Default::default()
            },
        ),
        Event::OrderReduced { order, side, price, by, leaves } => put(
            body,
            &OrderReducedV1 {
                order: order.raw(),
                price: price.ticks(),
                by: by.lots(),
                leaves: leaves.lots(),
                side: side.code(),
                ..Default::default()
            },
        ),
        Event::CancelAllDone { cancelled } => put(body, &CancelAllDoneV1 { cancelled }),
        Event::SessionOpened { session, request_mark, report_mark, cancel_on_disconnect, grace } => put(
            body,
            &SessionOpenedV1 {
                session: session.raw(),
                request_mark: request_mark.raw(),
                report_mark: report_mark.raw(),
                grace: grace.nanos(),
                cancel_on_disconnect: cancel_on_disconnect.into(),
                ..Default::default()
            },
        ),
        Event::SessionClosed { session, reason } => {
            put(body, &SessionClosedV1 { session: session.raw(), reason: reason.code(), ..Default::default() });
        }
        Event::Deposited { asset, amount, reference } | Event::Withdrawn { asset, amount, reference } => {
            let (amount_low, amount_high) = halves(amount);
            let (reference, asset) = (reference.bytes(), asset.raw());
            put(body, &MovedV1 { reference, amount_low, amount_high, asset, ..Default::default() });
        }
        Event::AssetCreated { asset, name, decimals } => {
            let (name, asset) = (name.bytes(), asset.raw());
            put(body, &AssetCreatedV1 { name, asset, decimals, ..Default::default() });
        }
        Event::MarketCreated(ref market) => put(
            body,
            &MarketCreatedV1 {
                name: market.name.bytes(),
                base_units_per_lot: market.base_units_per_lot,
                quote_units_per_tick_lot: market.quote_units_per_tick_lot,
                qty_max: market.qty_max.lots(),
                price_max: market.price_max.ticks(),
                base: market.base.raw(),
                quote: market.quote.raw(),
                maker_fee: market.maker_fee.parts(),
                taker_fee: market.taker_fee.parts(),
            },
        ),
        Event::AccountCreated { name } => put(body, &NameV1 { name: name.bytes() }),
        Event::KeyCreated { key, name, public_key } => {
            put(body, &KeyCreatedV1 { name: name.bytes(), public_key, key: key.raw(), ..Default::default() });
        }
        Event::MarketStateChanged { state } => {
            put(body, &MarketStateChangedV1 { state: state.code(), ..Default::default() });
        }
        Event::JournalBegun(ref genesis) => put(body, &genesis_layout(genesis)),
        Event::LeadTaken { node, incarnation } => {
            put(body, &LeadV1 { incarnation, node: node.raw(), ..Default::default() });
        }
        Event::DurabilityChanged { durability, degraded } => {
            let degraded = degraded.into();
            put(body, &DurabilityV1 { durability: durability.code(), degraded, ..Default::default() });
        }
    }
}

pub(super) fn decode_event_body(kind: EventKind, body: &[u8]) -> Result<Event, RecordError> {
    Ok(match kind {
        EventKind::Rejected => {
            let raw: RejectedV1 = take(body, "rejected")?;
            let reason = code!(Reject, raw.reason, "reason");
            Event::Rejected { reason, command: code!(CommandKind, raw.command, "command") }
        }
        EventKind::Outcome => {
            let raw: OutcomeV1 = take(body, "outcome")?;
            let reject = if raw.reject == 0 { None } else { Some(code!(Reject, raw.reject, "reject")) };
            Event::Outcome {
                original: Sequence::new(raw.original),
                order: (raw.order != 0).then_some(OrderId::new(raw.order)),
                reject,
                command: code!(CommandKind, raw.command, "command"),
            }
        }
        EventKind::OrderAccepted => {
            let raw: OrderAcceptedV1 = take(body, "order_accepted")?;
            Event::OrderAccepted {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                order_type: code!(OrderType, raw.order_type, "order_type"),
                time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
                post_only: flag(raw.post_only, "post_only")?,
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
            }
        }
        EventKind::Fill => {
            let raw: FillV1 = take(body, "fill")?;
            Event::Fill(Fill {
                order: OrderId::new(raw.order),
                counter_order: OrderId::new(raw.counter_order),
                counter_account: AccountId::new(raw.counter_account),
                side: code!(Side, raw.side, "side"),
                liquidity: code!(Liquidity, raw.liquidity, "liquidity"),
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
                leaves: Qty::from_lots(raw.leaves),
                fee: AssetAmount::from_units(whole(raw.fee_low, raw.fee_high)),
            })
        }
        EventKind::OrderCancelled => {
            let raw: OrderCancelledV1 = take(body, "order_cancelled")?;
            Event::OrderCancelled {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                price: Price::from_ticks(raw.price),
                cancelled: Qty::from_lots(raw.cancelled),
                reason: code!(CancelReason, raw.reason, "reason"),
            }
        }
        EventKind::OrderReduced => {
            let raw: OrderReducedV1 = take(body, "order_reduced")?;
            Event::OrderReduced {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                price: Price::from_ticks(raw.price),
                by: Qty::from_lots(raw.by),
                leaves: Qty::from_lots(raw.leaves),
            }
        }
        EventKind::CancelAllDone => {
            let raw: CancelAllDoneV1 = take(body, "cancel_all_done")?;
            Event::CancelAllDone { cancelled: raw.cancelled }
        }
        EventKind::SessionOpened => {
            let raw: SessionOpenedV1 = take(body, "session_opened")?;
            Event::SessionOpened {
                session: SessionId::new(raw.session),
                request_mark: RequestNumber::new(raw.request_mark),
                report_mark: SessionSequence::new(raw.report_mark),
                cancel_on_disconnect: flag(raw.cancel_on_disconnect, "cancel_on_disconnect")?,
                grace: Nanos::from_nanos(raw.grace),
            }
        }
        EventKind::SessionClosed => {
            let raw: SessionClosedV1 = take(body, "session_closed")?;
            let reason = code!(SessionCloseReason, raw.reason, "reason");
            Event::SessionClosed { session: SessionId::new(raw.session), reason }
        }
        EventKind::Deposited | EventKind::Withdrawn => {
            let raw: MovedV1 = take(body, "money")?;
            let asset = AssetId::new(raw.asset);
            let reference = Reference::from_bytes(raw.reference).ok_or(RecordError::BadField("reference"))?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            if kind == EventKind::Deposited {
                Event::Deposited { asset, amount, reference }
            } else {
                Event::Withdrawn { asset, amount, reference }
            }
        }
        EventKind::AssetCreated => {
            let raw: AssetCreatedV1 = take(body, "asset_created")?;
            let name = name(raw.name, "name")?;
            Event::AssetCreated { asset: AssetId::new(raw.asset), name, decimals: raw.decimals }
        }
        EventKind::MarketCreated => {
            let raw: MarketCreatedV1 = take(body, "market_created")?;
            Event::MarketCreated(MarketDefinition {
                name: name(raw.name, "name")?,
                base: AssetId::new(raw.base),
                quote: AssetId::new(raw.quote),
                base_units_per_lot: raw.base_units_per_lot,
                quote_units_per_tick_lot: raw.quote_units_per_tick_lot,
                maker_fee: Ppm::new(raw.maker_fee),
                taker_fee: Ppm::new(raw.taker_fee),
                qty_max: Qty::from_lots(raw.qty_max),
                price_max: Price::from_ticks(raw.price_max),
            })
        }
        EventKind::AccountCreated => {
            let raw: NameV1 = take(body, "account_created")?;
            Event::AccountCreated { name: name(raw.name, "name")? }
        }
        EventKind::KeyCreated => {
            let raw: KeyCreatedV1 = take(body, "key_created")?;
            let name = name(raw.name, "name")?;
            Event::KeyCreated { key: KeyId::new(raw.key), name, public_key: raw.public_key }
        }
        EventKind::MarketStateChanged => {
            let raw: MarketStateChangedV1 = take(body, "market_state_changed")?;
            Event::MarketStateChanged { state: code!(MarketState, raw.state, "state") }
        }
        EventKind::JournalBegun => Event::JournalBegun(genesis_value(&take(body, "genesis")?)),
        EventKind::LeadTaken => {
            let raw: LeadV1 = take(body, "lead_taken")?;
            Event::LeadTaken { node: NodeId::new(raw.node), incarnation: raw.incarnation }
        }
        EventKind::DurabilityChanged => {
            let raw: DurabilityV1 = take(body, "durability_changed")?;
            let durability = code!(Durability, raw.durability, "durability");
            Event::DurabilityChanged { durability, degraded: flag(raw.degraded, "degraded")? }
        }
    })
}
