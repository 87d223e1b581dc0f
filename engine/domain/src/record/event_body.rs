//! Bodies of events: typed values to layouts and back, one arm per kind.

use super::command_body::{
    account_limits_layout, account_limits_value, group_value, networks_layout, networks_value, roles,
};
use super::{
    EVENT_BODY_LEN_BYTES, RecordError, check, code, flag, genesis_layout, genesis_value, halves, name, put, reference,
    take, whole,
};
use crate::command::{
    CommandKind, Durability, MarketRules, MarketState, OnDisconnect, OrderOptions, OrderType, SelfTrade, Side,
    TimeInForce,
};
use crate::event::{CancelReason, Event, EventKind, Fill, Liquidity, MarketDefinition, SessionCloseReason};
use crate::layout::*;
use crate::order_status::OrderStatus;
use crate::reject::Reject;
use crate::units::{
    AccountId, AssetAmount, AssetId, FeeRate, KeyId, Nanos, NodeId, OrderId, Price, Qty, Reference, RequestNumber,
    Sequence, SessionId, SessionSequence, Timestamp,
};

fn moved_layout(to: AccountId, asset: AssetId, amount: AssetAmount, reference: Reference) -> MovedV1 {
    let (amount_low, amount_high) = halves(amount);
    MovedV1 { reference: reference.bytes(), amount_low, amount_high, asset: asset.raw(), to: to.raw() }
}

/// Bits of a price band in the event of a market's rules.
const BAND_BITS: u32 = 20;
const BAND_MAX: u32 = (1 << BAND_BITS) - 1;

/// # Panics
/// When one of them is what no market has.
fn bands_and_day_end(rules: &MarketRules) -> u64 {
    let MarketRules { static_band_ppm, dynamic_band_ppm, day_end_s, .. } = *rules;
    assert!(static_band_ppm <= BAND_MAX && dynamic_band_ppm <= BAND_MAX && day_end_s < 1 << (64 - 2 * BAND_BITS));
    u64::from(static_band_ppm) | u64::from(dynamic_band_ppm) << BAND_BITS | u64::from(day_end_s) << (2 * BAND_BITS)
}

const TYPE_SHIFT: u32 = 2;
const TIME_IN_FORCE_SHIFT: u32 = 5;
const ON_DISCONNECT_SHIFT: u32 = 3;
const THREE_BITS: u8 = 7;

/// # Panics
/// When a stop is filled, or another order has a trigger, which the engine says of none.
fn order_status_layout(order: &OrderStatus) -> OrderStatusV1 {
    let is_stop = matches!(order.order_type, OrderType::Stop | OrderType::StopLimit);
    if is_stop {
        assert!(order.filled.is_zero(), "a stop that waits is not filled");
    } else {
        assert!(order.trigger.ticks() == 0, "only a stop has a trigger");
    }
    OrderStatusV1 {
        order: order.order.raw(),
        request: order.request.raw(),
        price: order.price.ticks(),
        leaves: order.leaves.lots(),
        filled: if is_stop { order.trigger.ticks().cast_unsigned() } else { order.filled.lots() },
        displayed: order.displayed.lots(),
        expires: order.expires.nanos(),
        key: order.key.raw(),
        kinds: order.side.code()
            | order.order_type.code() << TYPE_SHIFT
            | order.time_in_force.code() << TIME_IN_FORCE_SHIFT,
        modes: order.self_trade.code() | order.on_disconnect.code() << ON_DISCONNECT_SHIFT,
        flags: u8::from(order.post_only) | u8::from(order.reprice) << 1 | u8::from(order.is_quote) << 2,
        group: order.group,
    }
}

fn order_status_value(raw: &OrderStatusV1) -> Result<OrderStatus, RecordError> {
    let order_type = code!(OrderType, raw.kinds >> TYPE_SHIFT & THREE_BITS, "order_type");
    let is_stop = matches!(order_type, OrderType::Stop | OrderType::StopLimit);
    check(raw.flags <= THREE_BITS, "flags")?;
    Ok(OrderStatus {
        order: OrderId::new(raw.order),
        key: KeyId::new(raw.key),
        request: RequestNumber::new(raw.request),
        side: code!(Side, raw.kinds & 3, "side"),
        order_type,
        time_in_force: code!(TimeInForce, raw.kinds >> TIME_IN_FORCE_SHIFT, "time_in_force"),
        post_only: raw.flags & 1 != 0,
        reprice: raw.flags & 2 != 0,
        is_quote: raw.flags & 4 != 0,
        price: Price::from_ticks(raw.price),
        leaves: Qty::from_lots(raw.leaves),
        filled: Qty::from_lots(if is_stop { 0 } else { raw.filled }),
        displayed: Qty::from_lots(raw.displayed),
        trigger: Price::from_ticks(if is_stop { raw.filled.cast_signed() } else { 0 }),
        expires: Timestamp::from_nanos(raw.expires),
        self_trade: code!(SelfTrade, raw.modes & THREE_BITS, "self_trade"),
        group: raw.group,
        on_disconnect: code!(OnDisconnect, raw.modes >> ON_DISCONNECT_SHIFT, "on_disconnect"),
    })
}

#[inline(always)]
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
        Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, ref options } => {
            let (trigger, display) = match order_type {
                OrderType::Budget => {
                    let (low, high) = halves(options.budget);
                    (low.cast_signed(), high)
                }
                _ => (options.trigger.ticks(), options.display.lots()),
            };
            put(
                body,
                &OrderAcceptedV1 {
                    order: order.raw(),
                    price: price.ticks(),
                    qty: qty.lots(),
                    trigger,
                    display,
                    expires: options.expires.nanos(),
                    side: side.code(),
                    order_type: order_type.code(),
                    time_in_force: time_in_force.code(),
                    flags: u8::from(post_only) | u8::from(options.reprice) << 1,
                    self_trade: options.self_trade.code(),
                    group: options.group,
                    on_disconnect: options.on_disconnect.code(),
                    ..Default::default()
                },
            );
        }
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
                    is_rebate: fill.is_rebate.into(),
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
        Event::OrderReplaced { order, side, price, leaves, displayed, kept_place } => put(
            body,
            &OrderReplacedV1 {
                order: order.raw(),
                price: price.ticks(),
                leaves: leaves.lots(),
                displayed: displayed.lots(),
                side: side.code(),
                kept_place: kept_place.into(),
                ..Default::default()
            },
        ),
        Event::OrderTriggered { order, side, price, leaves } => {
            let (order, price, leaves, side) = (order.raw(), price.ticks(), leaves.lots(), side.code());
            put(body, &OrderTriggeredV1 { order, price, leaves, side, ..Default::default() });
        }
        Event::OrderRefreshed { order, side, price, displayed } => {
            let (order, price, displayed, side) = (order.raw(), price.ticks(), displayed.lots(), side.code());
            put(body, &OrderRefreshedV1 { order, price, displayed, side, ..Default::default() });
        }
        Event::ProtectionSet { group, window, qty_max, count_max } => put(
            body,
            &ProtectionV1 { window: window.nanos(), qty_max: qty_max.lots(), count_max, group, ..Default::default() },
        ),
        Event::ProtectionReset { group } | Event::ProtectionTriggered { group } => {
            put(body, &ProtectionV1 { group, ..Default::default() });
        }
        Event::QuoteRejected { quote, side, reason } => {
            let (reason, side) = (reason.code(), side.code());
            put(body, &QuoteRejectedV1 { reason, quote, side, ..Default::default() });
        }
        Event::MassQuoteDone { accepted, withdrawn, rejected } => {
            put(body, &MassQuoteDoneV1 { accepted, withdrawn, rejected, ..Default::default() });
        }
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
        Event::Deposited { asset, amount, reference }
        | Event::Withdrawn { asset, amount, reference }
        | Event::WithdrawalHeld { asset, amount, reference }
        | Event::WithdrawalSettled { asset, amount, reference }
        | Event::WithdrawalReleased { asset, amount, reference } => {
            put(body, &moved_layout(AccountId::default(), asset, amount, reference));
        }
        Event::Transferred { to, asset, amount, reference } => put(body, &moved_layout(to, asset, amount, reference)),
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
                maker_fee: market.maker_fee.ppm(),
                taker_fee: market.taker_fee.ppm(),
            },
        ),
        Event::AccountCreated { name } => put(body, &NameV1 { name: name.bytes() }),
        Event::KeyCreated { key, name, public_key, roles } => {
            let (name, key, roles) = (name.bytes(), key.raw(), roles.bits());
            put(body, &KeyCreatedV1 { name, public_key, key, roles, ..Default::default() });
        }
        Event::MarketRulesSet(ref rules) => put(
            body,
            &MarketRulesV1 {
                qty_min: rules.qty_min.lots(),
                qty_max: rules.qty_max.lots(),
                price_min: rules.price_min.ticks(),
                price_max: rules.price_max.ticks(),
                notional_min: rules.notional_min,
                reference: rules.reference.ticks(),
                maker_fee: rules.maker_fee.ppm(),
                taker_fee: rules.taker_fee.ppm(),
                bands_and_day_end: bands_and_day_end(rules),
            },
        ),
        Event::AccountLimitsSet(ref limits) => put(body, &account_limits_layout(limits)),
        Event::AccountOwnerSet { owner } => put(body, &OwnerV1 { owner, ..Default::default() }),
        Event::AccountTierSet { tier } => put(body, &FeeTierV1 { tier, ..Default::default() }),
        Event::FeeTierSet { tier, maker_fee, taker_fee } => {
            put(body, &FeeTierV1 { tier, maker_fee: maker_fee.ppm(), taker_fee: taker_fee.ppm(), ..Default::default() })
        }
        Event::KillSwitchSet { engaged, cancelled } => {
            put(body, &KillSwitchV1 { cancelled, engaged: engaged.into(), ..Default::default() });
        }
        Event::KeyRolesSet { key, roles } => {
            put(body, &KeyRolesV1 { key: key.raw(), roles: roles.bits(), ..Default::default() });
        }
        Event::KeyNetworksSet { key, ref networks } => put(body, &networks_layout(key, networks)),
        Event::CancelAllAfterSet { deadline } => put(body, &CancelAllAfterSetV1 { deadline: deadline.nanos() }),
        Event::CancelAllAfterFired { cancelled } => put(body, &CancelAllDoneV1 { cancelled }),
        Event::OrderStatus(ref order) => put(body, &order_status_layout(order)),
        Event::BalanceStatus { asset, available, held, pending } => {
            let (available_low, available_high) = halves(available);
            let (held_low, held_high) = halves(held);
            let (pending_low, pending_high) = halves(pending);
            put(
                body,
                &BalanceStatusV1 {
                    available_low,
                    available_high,
                    held_low,
                    held_high,
                    pending_low,
                    pending_high,
                    asset: asset.raw(),
                    ..Default::default()
                },
            );
        }
        Event::QueryDone { count } => put(body, &QueryDoneV1 { count }),
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

pub(super) fn decode_event_body(kind: EventKind, body: &[u8; EVENT_BODY_LEN_BYTES]) -> Result<Event, RecordError> {
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
            let order_type = code!(OrderType, raw.order_type, "order_type");
            let is_budget = order_type == OrderType::Budget;
            let (trigger, display) = if is_budget { (0, 0) } else { (raw.trigger, raw.display) };
            let budget = if is_budget { whole(raw.trigger.cast_unsigned(), raw.display) } else { 0 };
            Event::OrderAccepted {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                order_type,
                time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
                post_only: flag(raw.flags & 1, "flags")?,
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
                options: OrderOptions {
                    reprice: flag(raw.flags >> 1, "flags")?,
                    self_trade: code!(SelfTrade, raw.self_trade, "self_trade"),
                    group: raw.group,
                    trigger: Price::from_ticks(trigger),
                    display: Qty::from_lots(display),
                    budget: AssetAmount::from_units(budget),
                    expires: Timestamp::from_nanos(raw.expires),
                    on_disconnect: code!(OnDisconnect, raw.on_disconnect, "on_disconnect"),
                },
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
                is_rebate: flag(raw.is_rebate, "is_rebate")?,
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
        EventKind::OrderReplaced => {
            let raw: OrderReplacedV1 = take(body, "order_replaced")?;
            Event::OrderReplaced {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                price: Price::from_ticks(raw.price),
                leaves: Qty::from_lots(raw.leaves),
                displayed: Qty::from_lots(raw.displayed),
                kept_place: flag(raw.kept_place, "kept_place")?,
            }
        }
        EventKind::OrderTriggered => {
            let raw: OrderTriggeredV1 = take(body, "order_triggered")?;
            let (price, leaves) = (Price::from_ticks(raw.price), Qty::from_lots(raw.leaves));
            Event::OrderTriggered { order: OrderId::new(raw.order), side: code!(Side, raw.side, "side"), price, leaves }
        }
        EventKind::OrderRefreshed => {
            let raw: OrderRefreshedV1 = take(body, "order_refreshed")?;
            let (price, displayed) = (Price::from_ticks(raw.price), Qty::from_lots(raw.displayed));
            let side = code!(Side, raw.side, "side");
            Event::OrderRefreshed { order: OrderId::new(raw.order), side, price, displayed }
        }
        EventKind::ProtectionSet => {
            let raw: ProtectionV1 = take(body, "protection_set")?;
            let (window, qty_max) = (Nanos::from_nanos(raw.window), Qty::from_lots(raw.qty_max));
            Event::ProtectionSet { group: raw.group, window, qty_max, count_max: raw.count_max }
        }
        EventKind::ProtectionReset => Event::ProtectionReset { group: group_value(&take(body, "protection_reset")?)? },
        EventKind::ProtectionTriggered => {
            Event::ProtectionTriggered { group: group_value(&take(body, "protection_triggered")?)? }
        }
        EventKind::QuoteRejected => {
            let raw: QuoteRejectedV1 = take(body, "quote_rejected")?;
            let (side, reason) = (code!(Side, raw.side, "side"), code!(Reject, raw.reason, "reason"));
            Event::QuoteRejected { quote: raw.quote, side, reason }
        }
        EventKind::MassQuoteDone => {
            let raw: MassQuoteDoneV1 = take(body, "mass_quote_done")?;
            Event::MassQuoteDone { accepted: raw.accepted, withdrawn: raw.withdrawn, rejected: raw.rejected }
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
        EventKind::Deposited
        | EventKind::Withdrawn
        | EventKind::WithdrawalHeld
        | EventKind::WithdrawalSettled
        | EventKind::WithdrawalReleased
        | EventKind::Transferred => {
            let raw: MovedV1 = take(body, "money")?;
            check(kind == EventKind::Transferred || raw.to == 0, "reserved")?;
            let asset = AssetId::new(raw.asset);
            let reference = reference(raw.reference)?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            match kind {
                EventKind::Deposited => Event::Deposited { asset, amount, reference },
                EventKind::Withdrawn => Event::Withdrawn { asset, amount, reference },
                EventKind::WithdrawalHeld => Event::WithdrawalHeld { asset, amount, reference },
                EventKind::WithdrawalSettled => Event::WithdrawalSettled { asset, amount, reference },
                EventKind::WithdrawalReleased => Event::WithdrawalReleased { asset, amount, reference },
                _ => Event::Transferred { to: AccountId::new(raw.to), asset, amount, reference },
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
                maker_fee: FeeRate::from_ppm(raw.maker_fee),
                taker_fee: FeeRate::from_ppm(raw.taker_fee),
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
            let roles = roles(raw.roles)?;
            Event::KeyCreated { key: KeyId::new(raw.key), name, public_key: raw.public_key, roles }
        }
        EventKind::MarketRulesSet => {
            let raw: MarketRulesV1 = take(body, "market_rules_set")?;
            Event::MarketRulesSet(MarketRules {
                maker_fee: FeeRate::from_ppm(raw.maker_fee),
                taker_fee: FeeRate::from_ppm(raw.taker_fee),
                qty_min: Qty::from_lots(raw.qty_min),
                qty_max: Qty::from_lots(raw.qty_max),
                price_min: Price::from_ticks(raw.price_min),
                price_max: Price::from_ticks(raw.price_max),
                notional_min: raw.notional_min,
                static_band_ppm: raw.bands_and_day_end as u32 & BAND_MAX,
                dynamic_band_ppm: (raw.bands_and_day_end >> BAND_BITS) as u32 & BAND_MAX,
                reference: Price::from_ticks(raw.reference),
                day_end_s: (raw.bands_and_day_end >> (2 * BAND_BITS)) as u32,
            })
        }
        EventKind::AccountLimitsSet => {
            Event::AccountLimitsSet(account_limits_value(&take(body, "account_limits_set")?))
        }
        EventKind::AccountOwnerSet => {
            let raw: OwnerV1 = take(body, "account_owner_set")?;
            Event::AccountOwnerSet { owner: raw.owner }
        }
        EventKind::AccountTierSet => {
            let raw: FeeTierV1 = take(body, "account_tier_set")?;
            check(raw.maker_fee == 0 && raw.taker_fee == 0, "reserved")?;
            Event::AccountTierSet { tier: raw.tier }
        }
        EventKind::FeeTierSet => {
            let raw: FeeTierV1 = take(body, "fee_tier_set")?;
            let (maker_fee, taker_fee) = (FeeRate::from_ppm(raw.maker_fee), FeeRate::from_ppm(raw.taker_fee));
            Event::FeeTierSet { tier: raw.tier, maker_fee, taker_fee }
        }
        EventKind::KillSwitchSet => {
            let raw: KillSwitchV1 = take(body, "kill_switch_set")?;
            Event::KillSwitchSet { engaged: flag(raw.engaged, "engaged")?, cancelled: raw.cancelled }
        }
        EventKind::KeyRolesSet => {
            let raw: KeyRolesV1 = take(body, "key_roles_set")?;
            Event::KeyRolesSet { key: KeyId::new(raw.key), roles: roles(raw.roles)? }
        }
        EventKind::KeyNetworksSet => {
            let (key, networks) = networks_value(&take(body, "key_networks_set")?)?;
            Event::KeyNetworksSet { key, networks }
        }
        EventKind::CancelAllAfterSet => {
            let raw: CancelAllAfterSetV1 = take(body, "cancel_all_after_set")?;
            Event::CancelAllAfterSet { deadline: Timestamp::from_nanos(raw.deadline) }
        }
        EventKind::CancelAllAfterFired => {
            let raw: CancelAllDoneV1 = take(body, "cancel_all_after_fired")?;
            Event::CancelAllAfterFired { cancelled: raw.cancelled }
        }
        EventKind::OrderStatus => Event::OrderStatus(order_status_value(&take(body, "order_status")?)?),
        EventKind::BalanceStatus => {
            let raw: BalanceStatusV1 = take(body, "balance_status")?;
            Event::BalanceStatus {
                asset: AssetId::new(raw.asset),
                available: AssetAmount::from_units(whole(raw.available_low, raw.available_high)),
                held: AssetAmount::from_units(whole(raw.held_low, raw.held_high)),
                pending: AssetAmount::from_units(whole(raw.pending_low, raw.pending_high)),
            }
        }
        EventKind::QueryDone => {
            let raw: QueryDoneV1 = take(body, "query_done")?;
            Event::QueryDone { count: raw.count }
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
