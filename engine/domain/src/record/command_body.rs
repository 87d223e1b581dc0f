//! Bodies of commands: typed values to layouts and back, one arm per kind.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    COMMAND_BODY_LEN_BYTES, RecordError, check, code, flag, genesis_layout, genesis_value, halves, is_blank, name, put,
    reference, take, whole,
};
use crate::command::{
    AccountLimits, CancelFilter, Command, CommandKind, Durability, MarketRules, MarketState, MarketTerms, NewOrder,
    OnDisconnect, OrderOptions, OrderTarget, OrderType, SelfTrade, Side, TimeInForce,
};
use crate::layout::*;
use crate::network::{NETWORKS_MAX, Network, Networks};
use crate::quote::{MassQuote, QUOTES_PER_SLOT, Quote, QuoteMode, QuoteSide, QuoteTerms};
use crate::roles::Roles;
use crate::units::{
    AccountId, AssetAmount, AssetId, FeeRate, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Price, Qty, Reference,
    RequestNumber, SessionId, Timestamp,
};

fn target_layout(target: OrderTarget, by: Qty) -> ChangeOrderV1 {
    let (target, by_request) = match target {
        OrderTarget::Order(order) => (order.raw(), 0),
        OrderTarget::Request(request) => (request.raw(), 1),
    };
    ChangeOrderV1 { target, by: by.lots(), by_request, reserved: [0; 7] }
}

#[inline]
fn target_value(raw: &ChangeOrderV1) -> Result<OrderTarget, RecordError> {
    Ok(if flag(raw.by_request, "by_request")? {
        OrderTarget::Request(RequestNumber::new(raw.target))
    } else {
        OrderTarget::Order(OrderId::new(raw.target))
    })
}

fn money_layout(to: AccountId, asset: Name, amount: AssetAmount, reference: Reference, at: Timestamp) -> MoneyV1 {
    let (amount_low, amount_high) = halves(amount);
    let (asset, reference, at, to) = (asset.bytes(), reference.bytes(), at.nanos(), to.raw());
    MoneyV1 { asset, reference, amount_low, amount_high, at, to, ..Default::default() }
}

pub(super) fn account_limits_layout(limits: &AccountLimits) -> AccountLimitsV1 {
    let (notional_low, notional_high) = halves(limits.notional_max);
    AccountLimitsV1 {
        qty_max: limits.qty_max.lots(),
        notional_low,
        notional_high,
        open_orders_max: limits.open_orders_max,
        market_open_orders_max: limits.market_open_orders_max,
    }
}

pub(super) fn account_limits_value(raw: &AccountLimitsV1) -> AccountLimits {
    AccountLimits {
        open_orders_max: raw.open_orders_max,
        market_open_orders_max: raw.market_open_orders_max,
        qty_max: Qty::from_lots(raw.qty_max),
        notional_max: AssetAmount::from_units(whole(raw.notional_low, raw.notional_high)),
    }
}

fn mass_quote_layout(slot: &MassQuote) -> MassQuoteV1 {
    let mut raw = MassQuoteV1 {
        slots: slot.slots,
        slot: slot.slot,
        count: slot.quotes().len() as u8,
        group: slot.terms.group,
        mode: slot.terms.mode.code(),
        self_trade: slot.terms.self_trade.code(),
        ..Default::default()
    };
    for (at, quote) in slot.quotes().iter().enumerate() {
        raw.market[at] = quote.market.raw();
        (raw.bid_price[at], raw.bid_qty[at]) = (quote.bid.price.ticks(), quote.bid.qty.lots());
        (raw.ask_price[at], raw.ask_qty[at]) = (quote.ask.price.ticks(), quote.ask.qty.lots());
    }
    raw
}

fn mass_quote_value(raw: &MassQuoteV1) -> Result<MassQuote, RecordError> {
    let quotes: [Quote; QUOTES_PER_SLOT] = core::array::from_fn(|at| Quote {
        market: MarketId::new(raw.market[at]),
        bid: QuoteSide { price: Price::from_ticks(raw.bid_price[at]), qty: Qty::from_lots(raw.bid_qty[at]) },
        ask: QuoteSide { price: Price::from_ticks(raw.ask_price[at]), qty: Qty::from_lots(raw.ask_qty[at]) },
    });
    let terms = QuoteTerms {
        group: raw.group,
        mode: code!(QuoteMode, raw.mode, "mode"),
        self_trade: code!(SelfTrade, raw.self_trade, "self_trade"),
    };
    let (used, unused) = quotes.split_at_checked(raw.count.into()).ok_or(RecordError::BadField("count"))?;
    let slot = MassQuote::new(terms, raw.slots, raw.slot, used).ok_or(RecordError::BadField("slot"))?;
    check(unused.iter().all(|quote| *quote == Quote::default()), "reserved")?;
    Ok(slot)
}

/// Of a protection of which only the group is told.
pub(super) fn group_value(raw: &ProtectionV1) -> Result<u8, RecordError> {
    let ProtectionV1 { window, qty_max, count_max, group, reserved: _ } = *raw;
    check(window == 0 && qty_max == 0 && count_max == 0, "reserved")?;
    Ok(group)
}

pub(super) fn roles(bits: u8) -> Result<Roles, RecordError> {
    Roles::from_bits(bits).ok_or(RecordError::BadField("roles"))
}

const NO_NETWORK: u8 = 0;
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const KIND_BITS: usize = 2;

pub(super) fn networks_layout(key: KeyId, networks: &Networks) -> KeyNetworksV1 {
    let mut raw =
        KeyNetworksV1 { addresses: [[0; 16]; NETWORKS_MAX], key: key.raw(), prefixes: [0; NETWORKS_MAX], kinds: 0 };
    for (at, network) in networks.list().iter().enumerate() {
        let room = &mut raw.addresses[at];
        let kind = match network.address() {
            IpAddr::V4(address) => {
                room[..4].copy_from_slice(&address.octets());
                IPV4
            }
            IpAddr::V6(address) => {
                *room = address.octets();
                IPV6
            }
        };
        raw.prefixes[at] = network.prefix_len();
        raw.kinds |= kind << (KIND_BITS * at);
    }
    raw
}

pub(super) fn networks_value(raw: &KeyNetworksV1) -> Result<(KeyId, Networks), RecordError> {
    let mut networks = Networks::default();
    let mut kinds = raw.kinds;
    for (address, prefix_len) in raw.addresses.iter().zip(raw.prefixes) {
        let kind = kinds & ((1 << KIND_BITS) - 1);
        kinds >>= KIND_BITS;
        let used = match kind {
            NO_NETWORK => {
                // The list has no holes.
                check(kinds == 0 && prefix_len == 0, "kinds")?;
                0
            }
            IPV4 => 4,
            IPV6 => 16,
            _ => return Err(RecordError::BadField("kinds")),
        };
        check(is_blank(&address[used..]), "reserved")?;
        let address = match kind {
            NO_NETWORK => continue,
            IPV4 => IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3])),
            _ => IpAddr::V6(Ipv6Addr::from(*address)),
        };
        let network = Network::new(address, prefix_len).map_err(|_| RecordError::BadField("prefixes"))?;
        networks = networks.with(network).ok_or(RecordError::BadField("kinds"))?;
    }
    check(kinds == 0, "kinds")?;
    Ok((KeyId::new(raw.key), networks))
}

pub(super) fn encode_command_body(body: &mut [u8], command: &Command) {
    match *command {
        Command::Genesis(ref genesis) => put(body, &genesis_layout(genesis)),
        Command::TakeLead { node, incarnation, session_grace } => {
            let (node, session_grace) = (node.raw(), session_grace.nanos());
            put(body, &TakeLeadV1 { incarnation, node, session_grace, ..Default::default() });
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
                maker_fee: terms.maker_fee.ppm(),
                taker_fee: terms.taker_fee.ppm(),
            },
        ),
        Command::CreateAccount { name } => put(body, &NameV1 { name: name.bytes() }),
        Command::CreateKey { name, public_key, roles } => {
            put(body, &CreateKeyV1 { name: name.bytes(), public_key, roles: roles.bits(), ..Default::default() });
        }
        Command::SetMarketRules { market, ref rules } => put(
            body,
            &SetMarketRulesV1 {
                market: market.bytes(),
                qty_min: rules.qty_min.lots(),
                qty_max: rules.qty_max.lots(),
                price_min: rules.price_min.ticks(),
                price_max: rules.price_max.ticks(),
                notional_min: rules.notional_min,
                reference: rules.reference.ticks(),
                maker_fee: rules.maker_fee.ppm(),
                taker_fee: rules.taker_fee.ppm(),
                static_band_ppm: rules.static_band_ppm,
                dynamic_band_ppm: rules.dynamic_band_ppm,
                day_end_s: rules.day_end_s,
                ..Default::default()
            },
        ),
        Command::SetAccountLimits(ref limits) => put(body, &account_limits_layout(limits)),
        Command::SetAccountOwner { owner } => put(body, &OwnerV1 { owner, ..Default::default() }),
        Command::SetAccountTier { tier } => put(body, &FeeTierV1 { tier, ..Default::default() }),
        Command::SetFeeTier { tier, maker_fee, taker_fee } => {
            put(body, &FeeTierV1 { tier, maker_fee: maker_fee.ppm(), taker_fee: taker_fee.ppm(), ..Default::default() })
        }
        Command::SetKillSwitch { engaged } => {
            put(body, &KillSwitchV1 { engaged: engaged.into(), ..Default::default() });
        }
        Command::SetKeyRoles { key, roles } => {
            put(body, &KeyRolesV1 { key: key.raw(), roles: roles.bits(), ..Default::default() });
        }
        Command::SetKeyNetworks { key, ref networks } => put(body, &networks_layout(key, networks)),
        Command::SetMarketState { market, state } => {
            let market = market.bytes();
            put(body, &SetMarketStateV1 { market, state: state.code(), ..Default::default() });
        }
        Command::Deposit { asset, amount, reference, at }
        | Command::Withdraw { asset, amount, reference, at }
        | Command::HoldWithdrawal { asset, amount, reference, at } => {
            put(body, &money_layout(AccountId::default(), asset, amount, reference, at));
        }
        Command::Transfer { to, asset, amount, reference, at } => {
            put(body, &money_layout(to, asset, amount, reference, at));
        }
        Command::SettleWithdrawal { reference } | Command::ReleaseWithdrawal { reference } => {
            put(body, &ReferenceV1 { reference: reference.bytes() });
        }
        Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open } => put(
            body,
            &OpenSessionV1 {
                session: session.raw(),
                grace: grace.nanos(),
                cancel_on_disconnect: cancel_on_disconnect.into(),
                refuse_if_open: refuse_if_open.into(),
                ..Default::default()
            },
        ),
        Command::CloseSession { session } => put(body, &CloseSessionV1 { session: session.raw() }),
        Command::NewOrder(ref order) => {
            let (budget_low, budget_high) = halves(order.options.budget);
            put(
                body,
                &NewOrderV1 {
                    price: order.price.ticks(),
                    qty: order.qty.lots(),
                    trigger: order.options.trigger.ticks(),
                    display: order.options.display.lots(),
                    expires: order.options.expires.nanos(),
                    budget_low,
                    budget_high,
                    market: order.market.raw(),
                    side: order.side.code(),
                    order_type: order.order_type.code(),
                    time_in_force: order.time_in_force.code(),
                    post_only: order.post_only.into(),
                    reprice: order.options.reprice.into(),
                    self_trade: order.options.self_trade.code(),
                    group: order.options.group,
                    on_disconnect: order.options.on_disconnect.code(),
                    ..Default::default()
                },
            );
        }
        Command::CancelOrder { target } | Command::QueryOrder { target } => {
            put(body, &target_layout(target, Qty::ZERO))
        }
        Command::ReduceOrder { target, by } => put(body, &target_layout(target, by)),
        Command::CancelAll(ref filter) => put(
            body,
            &CancelAllV1 {
                price_low: filter.price_low.ticks(),
                price_high: filter.price_high.ticks(),
                market: filter.market.map_or(0, MarketId::raw),
                side: filter.side.map_or(0, Side::code),
                group: filter.group,
                ..Default::default()
            },
        ),
        Command::ReplaceOrder { target, price, qty } => {
            let ChangeOrderV1 { target, by_request, reserved, .. } = target_layout(target, Qty::ZERO);
            put(body, &ReplaceOrderV1 { target, price: price.ticks(), qty: qty.lots(), by_request, reserved });
        }
        Command::SetProtection { group, window, qty_max, count_max } => put(
            body,
            &ProtectionV1 { window: window.nanos(), qty_max: qty_max.lots(), count_max, group, ..Default::default() },
        ),
        Command::ResetProtection { group } => put(body, &ProtectionV1 { group, ..Default::default() }),
        Command::MassQuote(ref slot) => put(body, &mass_quote_layout(slot)),
        Command::CancelAllAfter { timeout } => put(body, &CancelAllAfterV1 { timeout: timeout.nanos() }),
        Command::QueryOrders { market } => {
            put(body, &QueryV1 { id: market.map_or(0, MarketId::raw), ..Default::default() });
        }
        Command::QueryBalances { asset } => {
            put(body, &QueryV1 { id: asset.map_or(0, AssetId::raw), ..Default::default() });
        }
    }
}

/// Those that come all the time are decoded where they are wanted, all others by a call.
#[inline(always)]
pub(super) fn decode_command_body(
    kind: CommandKind,
    body: &[u8; COMMAND_BODY_LEN_BYTES],
) -> Result<Command, RecordError> {
    match kind {
        CommandKind::NewOrder => decode_new_order(body),
        CommandKind::CancelOrder => {
            let raw: ChangeOrderV1 = take(body, "cancel_order")?;
            check(raw.by == 0, "reserved")?;
            Ok(Command::CancelOrder { target: target_value(&raw)? })
        }
        CommandKind::ReplaceOrder => {
            let raw: ReplaceOrderV1 = take(body, "replace_order")?;
            let ReplaceOrderV1 { target, by_request, reserved, .. } = raw;
            let target = target_value(&ChangeOrderV1 { target, by: 0, by_request, reserved })?;
            Ok(Command::ReplaceOrder { target, price: Price::from_ticks(raw.price), qty: Qty::from_lots(raw.qty) })
        }
        _ => decode_other_body(kind, body),
    }
}

#[inline(always)]
fn decode_new_order(body: &[u8; COMMAND_BODY_LEN_BYTES]) -> Result<Command, RecordError> {
    let raw: NewOrderV1 = take(body, "new_order")?;
    Ok(Command::NewOrder(NewOrder {
        market: MarketId::new(raw.market),
        side: code!(Side, raw.side, "side"),
        order_type: code!(OrderType, raw.order_type, "order_type"),
        time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
        post_only: flag(raw.post_only, "post_only")?,
        price: Price::from_ticks(raw.price),
        qty: Qty::from_lots(raw.qty),
        options: OrderOptions {
            reprice: flag(raw.reprice, "reprice")?,
            self_trade: code!(SelfTrade, raw.self_trade, "self_trade"),
            group: raw.group,
            trigger: Price::from_ticks(raw.trigger),
            display: Qty::from_lots(raw.display),
            budget: AssetAmount::from_units(whole(raw.budget_low, raw.budget_high)),
            expires: Timestamp::from_nanos(raw.expires),
            on_disconnect: code!(OnDisconnect, raw.on_disconnect, "on_disconnect"),
        },
    }))
}

#[inline(never)]
fn decode_other_body(kind: CommandKind, body: &[u8; COMMAND_BODY_LEN_BYTES]) -> Result<Command, RecordError> {
    Ok(match kind {
        CommandKind::Genesis => Command::Genesis(genesis_value(&take(body, "genesis")?)),
        CommandKind::TakeLead => {
            let TakeLeadV1 { incarnation, node, session_grace, .. } = take(body, "take_lead")?;
            Command::TakeLead { node: NodeId::new(node), incarnation, session_grace: Nanos::from_nanos(session_grace) }
        }
        CommandKind::SetDurability => {
            let raw: DurabilityV1 = take(body, "set_durability")?;
            let durability = code!(Durability, raw.durability, "durability");
            Command::SetDurability { durability, degraded: flag(raw.degraded, "degraded")? }
        }
        CommandKind::Tick => {
            let EmptyV1 { .. } = take(body, "tick")?;
            Command::Tick
        }
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
                maker_fee: FeeRate::from_ppm(raw.maker_fee),
                taker_fee: FeeRate::from_ppm(raw.taker_fee),
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
            let roles = roles(raw.roles)?;
            Command::CreateKey { name: name(raw.name, "name")?, public_key: raw.public_key, roles }
        }
        CommandKind::SetMarketRules => {
            let raw: SetMarketRulesV1 = take(body, "set_market_rules")?;
            let rules = MarketRules {
                maker_fee: FeeRate::from_ppm(raw.maker_fee),
                taker_fee: FeeRate::from_ppm(raw.taker_fee),
                qty_min: Qty::from_lots(raw.qty_min),
                qty_max: Qty::from_lots(raw.qty_max),
                price_min: Price::from_ticks(raw.price_min),
                price_max: Price::from_ticks(raw.price_max),
                notional_min: raw.notional_min,
                static_band_ppm: raw.static_band_ppm,
                dynamic_band_ppm: raw.dynamic_band_ppm,
                reference: Price::from_ticks(raw.reference),
                day_end_s: raw.day_end_s,
            };
            Command::SetMarketRules { market: name(raw.market, "market")?, rules }
        }
        CommandKind::SetAccountLimits => {
            Command::SetAccountLimits(account_limits_value(&take(body, "set_account_limits")?))
        }
        CommandKind::SetAccountOwner => {
            let raw: OwnerV1 = take(body, "set_account_owner")?;
            Command::SetAccountOwner { owner: raw.owner }
        }
        CommandKind::SetAccountTier => {
            let raw: FeeTierV1 = take(body, "set_account_tier")?;
            check(raw.maker_fee == 0 && raw.taker_fee == 0, "reserved")?;
            Command::SetAccountTier { tier: raw.tier }
        }
        CommandKind::SetFeeTier => {
            let raw: FeeTierV1 = take(body, "set_fee_tier")?;
            let (maker_fee, taker_fee) = (FeeRate::from_ppm(raw.maker_fee), FeeRate::from_ppm(raw.taker_fee));
            Command::SetFeeTier { tier: raw.tier, maker_fee, taker_fee }
        }
        CommandKind::SetKillSwitch => {
            let raw: KillSwitchV1 = take(body, "set_kill_switch")?;
            check(raw.cancelled == 0, "reserved")?;
            Command::SetKillSwitch { engaged: flag(raw.engaged, "engaged")? }
        }
        CommandKind::SetKeyRoles => {
            let raw: KeyRolesV1 = take(body, "set_key_roles")?;
            Command::SetKeyRoles { key: KeyId::new(raw.key), roles: roles(raw.roles)? }
        }
        CommandKind::SetKeyNetworks => {
            let (key, networks) = networks_value(&take(body, "set_key_networks")?)?;
            Command::SetKeyNetworks { key, networks }
        }
        CommandKind::SetMarketState => {
            let raw: SetMarketStateV1 = take(body, "set_market_state")?;
            let state = code!(MarketState, raw.state, "state");
            Command::SetMarketState { market: name(raw.market, "market")?, state }
        }
        CommandKind::Deposit | CommandKind::Withdraw | CommandKind::HoldWithdrawal | CommandKind::Transfer => {
            let raw: MoneyV1 = take(body, "money")?;
            check(kind == CommandKind::Transfer || raw.to == 0, "reserved")?;
            let asset = name(raw.asset, "asset")?;
            let reference = reference(raw.reference)?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            let at = Timestamp::from_nanos(raw.at);
            match kind {
                CommandKind::Deposit => Command::Deposit { asset, amount, reference, at },
                CommandKind::Withdraw => Command::Withdraw { asset, amount, reference, at },
                CommandKind::HoldWithdrawal => Command::HoldWithdrawal { asset, amount, reference, at },
                _ => Command::Transfer { to: AccountId::new(raw.to), asset, amount, reference, at },
            }
        }
        CommandKind::SettleWithdrawal | CommandKind::ReleaseWithdrawal => {
            let raw: ReferenceV1 = take(body, "reference")?;
            let reference = reference(raw.reference)?;
            if kind == CommandKind::SettleWithdrawal {
                Command::SettleWithdrawal { reference }
            } else {
                Command::ReleaseWithdrawal { reference }
            }
        }
        CommandKind::OpenSession => {
            let raw: OpenSessionV1 = take(body, "open_session")?;
            Command::OpenSession {
                session: SessionId::new(raw.session),
                cancel_on_disconnect: flag(raw.cancel_on_disconnect, "cancel_on_disconnect")?,
                grace: Nanos::from_nanos(raw.grace),
                refuse_if_open: flag(raw.refuse_if_open, "refuse_if_open")?,
            }
        }
        CommandKind::CloseSession => {
            let raw: CloseSessionV1 = take(body, "close_session")?;
            Command::CloseSession { session: SessionId::new(raw.session) }
        }
        CommandKind::ReduceOrder => {
            let raw: ChangeOrderV1 = take(body, "reduce_order")?;
            Command::ReduceOrder { target: target_value(&raw)?, by: Qty::from_lots(raw.by) }
        }
        CommandKind::CancelAll => {
            let raw: CancelAllV1 = take(body, "cancel_all")?;
            let side = if raw.side == 0 { None } else { Some(code!(Side, raw.side, "side")) };
            Command::CancelAll(CancelFilter {
                market: (raw.market != 0).then_some(MarketId::new(raw.market)),
                side,
                group: raw.group,
                price_low: Price::from_ticks(raw.price_low),
                price_high: Price::from_ticks(raw.price_high),
            })
        }
        CommandKind::SetProtection => {
            let raw: ProtectionV1 = take(body, "set_protection")?;
            let (window, qty_max) = (Nanos::from_nanos(raw.window), Qty::from_lots(raw.qty_max));
            Command::SetProtection { group: raw.group, window, qty_max, count_max: raw.count_max }
        }
        CommandKind::ResetProtection => {
            Command::ResetProtection { group: group_value(&take(body, "reset_protection")?)? }
        }
        CommandKind::CancelAllAfter => {
            let raw: CancelAllAfterV1 = take(body, "cancel_all_after")?;
            Command::CancelAllAfter { timeout: Nanos::from_nanos(raw.timeout) }
        }
        CommandKind::QueryOrder => {
            let raw: ChangeOrderV1 = take(body, "query_order")?;
            check(raw.by == 0, "reserved")?;
            Command::QueryOrder { target: target_value(&raw)? }
        }
        CommandKind::QueryOrders => {
            let raw: QueryV1 = take(body, "query_orders")?;
            Command::QueryOrders { market: (raw.id != 0).then_some(MarketId::new(raw.id)) }
        }
        CommandKind::QueryBalances => {
            let raw: QueryV1 = take(body, "query_balances")?;
            Command::QueryBalances { asset: (raw.id != 0).then_some(AssetId::new(raw.id)) }
        }
        CommandKind::MassQuote => Command::MassQuote(mass_quote_value(&take(body, "mass_quote")?)?),
        CommandKind::NewOrder | CommandKind::CancelOrder | CommandKind::ReplaceOrder => {
            decode_command_body(kind, body)?
        }
    })
}
