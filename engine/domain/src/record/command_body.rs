//! Bodies of commands: typed values to layouts and back, one arm per kind.

use super::{RecordError, code, flag, genesis_layout, genesis_value, halves, name, put, take, whole};
use crate::command::{
    Command, CommandKind, Durability, MarketState, MarketTerms, NewOrder, OrderTarget, OrderType, Side, TimeInForce,
};
use crate::layout::*;
use crate::units::{
    AssetAmount, MarketId, Nanos, NodeId, OrderId, Ppm, Price, Qty, Reference, RequestNumber, SessionId,
};

fn target_layout(target: OrderTarget, by: Qty) -> ChangeOrderV1 {
    let (target, by_request) = match target {
        OrderTarget::Order(order) => (order.raw(), 0),
        OrderTarget::Request(request) => (request.raw(), 1),
    };
    ChangeOrderV1 { target, by: by.lots(), by_request, reserved: [0; 7] }
}

fn target_value(raw: &ChangeOrderV1) -> Result<OrderTarget, RecordError> {
    Ok(if flag(raw.by_request, "by_request")? {
        OrderTarget::Request(RequestNumber::new(raw.target))
    } else {
        OrderTarget::Order(OrderId::new(raw.target))
    })
}

pub(super) fn encode_command_body(body: &mut [u8], command: &Command) {
    match *command {
        Command::Genesis(ref genesis) => put(body, &genesis_layout(genesis)),
        Command::TakeLead { node, incarnation } => {
            put(body, &LeadV1 { incarnation, node: node.raw(), ..Default::default() });
        }
        Command::SetDurability { durability, degraded } => {
            let degraded = degraded.into();
            put(body, &DurabilityV1 { durability: durability.code(), degraded, ..Default::default() });
        }
        Command::Tick => put(body, &EmptyV1::default()),
        Command::CreateAsset { name, decimals } => {
            put(body, &CreateAssetV1 { name: name.bytes(), decimals, ..Default::default() });
        }
        Command::CreateMarket(ref terms) => put(
            body,
            &CreateMarketV1 {
                name: terms.name.bytes(),
                base: terms.base.bytes(),
                quote: terms.quote.bytes(),
                base_units_per_lot: terms.base_units_per_lot,
                quote_units_per_tick_lot: terms.quote_units_per_tick_lot,
                qty_max: terms.qty_max.lots(),
                price_max: terms.price_max.ticks(),
                maker_fee: terms.maker_fee.parts(),
                taker_fee: terms.taker_fee.parts(),
            },
        ),
        Command::CreateAccount { name } => put(body, &NameV1 { name: name.bytes() }),
        Command::CreateKey { name, public_key } => put(body, &CreateKeyV1 { name: name.bytes(), public_key }),
        Command::SetMarketState { market, state } => {
            let market = market.bytes();
            put(body, &SetMarketStateV1 { market, state: state.code(), ..Default::default() });
        }
        Command::Deposit { asset, amount, reference } | Command::Withdraw { asset, amount, reference } => {
            let (amount_low, amount_high) = halves(amount);
            put(body, &MoneyV1 { asset: asset.bytes(), reference: reference.bytes(), amount_low, amount_high });
        }
        Command::OpenSession { session, cancel_on_disconnect, grace } => put(
            body,
            &OpenSessionV1 {
                session: session.raw(),
                grace: grace.nanos(),
                cancel_on_disconnect: cancel_on_disconnect.into(),
                ..Default::default()
            },
        ),
        Command::CloseSession { session } => put(body, &CloseSessionV1 { session: session.raw() }),
        Command::NewOrder(ref order) => put(
            body,
            &NewOrderV1 {
                price: order.price.ticks(),
                qty: order.qty.lots(),
                market: order.market.raw(),
                side: order.side.code(),
                order_type: order.order_type.code(),
                time_in_force: order.time_in_force.code(),
                post_only: order.post_only.into(),
            },
        ),
        Command::CancelOrder { target } => put(body, &target_layout(target, Qty::ZERO)),
        Command::ReduceOrder { target, by } => put(body, &target_layout(target, by)),
        Command::CancelAll { market } => {
            put(body, &CancelAllV1 { market: market.map_or(0, MarketId::raw), ..Default::default() });
        }
    }
}

pub(super) fn decode_command_body(kind: CommandKind, body: &[u8]) -> Result<Command, RecordError> {
    Ok(match kind {
        CommandKind::Genesis => Command::Genesis(genesis_value(&take(body, "genesis")?)),
        CommandKind::TakeLead => {
            let raw: LeadV1 = take(body, "take_lead")?;
            Command::TakeLead { node: NodeId::new(raw.node), incarnation: raw.incarnation }
        }
        CommandKind::SetDurability => {
            let raw: DurabilityV1 = take(body, "set_durability")?;
            let durability = code!(Durability, raw.durability, "durability");
            Command::SetDurability { durability, degraded: flag(raw.degraded, "degraded")? }
        }
        CommandKind::Tick => Command::Tick,
        CommandKind::CreateAsset => {
            let raw: CreateAssetV1 = take(body, "create_asset")?;
            Command::CreateAsset { name: name(raw.name, "name")?, decimals: raw.decimals }
        }
        CommandKind::CreateMarket => {
            let raw: CreateMarketV1 = take(body, "create_market")?;
            Command::CreateMarket(MarketTerms {
                name: name(raw.name, "name")?,
                base: name(raw.base, "base")?,
                quote: name(raw.quote, "quote")?,
                base_units_per_lot: raw.base_units_per_lot,
                quote_units_per_tick_lot: raw.quote_units_per_tick_lot,
                maker_fee: Ppm::new(raw.maker_fee),
                taker_fee: Ppm::new(raw.taker_fee),
                qty_max: Qty::from_lots(raw.qty_max),
                price_max: Price::from_ticks(raw.price_max),
            })
        }
        CommandKind::CreateAccount => {
            let raw: NameV1 = take(body, "create_account")?;
            Command::CreateAccount { name: name(raw.name, "name")? }
        }
        CommandKind::CreateKey => {
            let raw: CreateKeyV1 = take(body, "create_key")?;
            Command::CreateKey { name: name(raw.name, "name")?, public_key: raw.public_key }
        }
        CommandKind::SetMarketState => {
            let raw: SetMarketStateV1 = take(body, "set_market_state")?;
            let state = code!(MarketState, raw.state, "state");
            Command::SetMarketState { market: name(raw.market, "market")?, state }
        }
        CommandKind::Deposit | CommandKind::Withdraw => {
            let raw: MoneyV1 = take(body, "money")?;
            let asset = name(raw.asset, "asset")?;
            let reference = Reference::from_bytes(raw.reference).ok_or(RecordError::BadField("reference"))?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            if kind == CommandKind::Deposit {
                Command::Deposit { asset, amount, reference }
            } else {
                Command::Withdraw { asset, amount, reference }
            }
        }
        CommandKind::OpenSession => {
            let raw: OpenSessionV1 = take(body, "open_session")?;
            Command::OpenSession {
                session: SessionId::new(raw.session),
                cancel_on_disconnect: flag(raw.cancel_on_disconnect, "cancel_on_disconnect")?,
                grace: Nanos::from_nanos(raw.grace),
            }
        }
        CommandKind::CloseSession => {
            let raw: CloseSessionV1 = take(body, "close_session")?;
            Command::CloseSession { session: SessionId::new(raw.session) }
        }
        CommandKind::NewOrder => {
            let raw: NewOrderV1 = take(body, "new_order")?;
            Command::NewOrder(NewOrder {
                market: MarketId::new(raw.market),
                side: code!(Side, raw.side, "side"),
                order_type: code!(OrderType, raw.order_type, "order_type"),
                time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
                post_only: flag(raw.post_only, "post_only")?,
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
            })
        }
        CommandKind::CancelOrder => Command::CancelOrder { target: target_value(&take(body, "cancel_order")?)? },
        CommandKind::ReduceOrder => {
            let raw: ChangeOrderV1 = take(body, "reduce_order")?;
            Command::ReduceOrder { target: target_value(&raw)?, by: Qty::from_lots(raw.by) }
        }
        CommandKind::CancelAll => {
            let raw: CancelAllV1 = take(body, "cancel_all")?;
            Command::CancelAll { market: (raw.market != 0).then_some(MarketId::new(raw.market)) }
        }
    })
}
