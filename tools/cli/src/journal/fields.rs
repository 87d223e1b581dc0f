//! Records as fields with names: the one encoding of commands and events that every tool here prints, filters and compares.
//!
//!   128 bytes --[Record::of]--> Record --[Record::head], [Record::body]--> JSON objects, in the order of the columns
//!
//! Invariants: a field ends in its unit (`_ticks`, `_lots`, `_ns`, `_ppm`); amounts of an asset are texts in its smallest unit,
//! since they do not fit a JSON number; names, keys and kinds are texts as everywhere else. A name means one thing in every kind.

use serde_json::{Map, Value, json};
use tidegate_domain::{
    AccountLimits, CancelFilter, Command, CommandHeader, CommandRecord, Event, EventFlags, EventHeader, EventRecord,
    Fill, Genesis, MarketDefinition, MarketRules, MarketTerms, MassQuote, Networks, NewOrder, OrderOptions,
    OrderStatus, OrderTarget, RECORD_LEN_BYTES, Roles,
};
use tidegate_journal::LogKind;

/// Fields that most records do without: a line for people leaves them out where they say nothing.
const OPTIONAL: &[&str] = &[
    "reprice",
    "self_trade",
    "group",
    "trigger_ticks",
    "display_lots",
    "budget",
    "expires_ns",
    "post_only",
    "rebate",
    "on_disconnect",
    "refuse_if_open",
    "is_quote",
];

/// A JSON object in the order of its fields.
pub(super) type Fields = Map<String, Value>;

/// A record of either log.
#[derive(Debug)]
pub(super) enum Record {
    Command(CommandHeader, Command),
    Event(EventHeader, Event),
    /// Its checksums are right and it is from another version of the program.
    Unreadable {
        sequence: u64,
        index: Option<u32>,
        why: String,
        bytes: [u8; RECORD_LEN_BYTES],
    },
}

/// The bytes of a record of a batch.
pub(super) fn bytes_of(record: &[u8]) -> [u8; RECORD_LEN_BYTES] {
    record.try_into().expect("batches hold whole records")
}

impl Record {
    pub(super) fn of(log: LogKind, bytes: [u8; RECORD_LEN_BYTES]) -> Self {
        match log {
            LogKind::Journal => {
                let record = CommandRecord::from_bytes(bytes);
                match record.decode() {
                    Ok((header, command)) => Self::Command(header, command),
                    Err(error) => {
                        let (sequence, why) = (record.sequence().raw(), error.to_string());
                        Self::Unreadable { sequence, index: None, why, bytes }
                    }
                }
            }
            LogKind::Events => {
                let record = EventRecord::from_bytes(bytes);
                match record.decode() {
                    Ok((header, event)) => Self::Event(header, event),
                    Err(error) => {
                        let (sequence, index) = (record.sequence().raw(), Some(record.index()));
                        Self::Unreadable { sequence, index, why: error.to_string(), bytes }
                    }
                }
            }
        }
    }

    pub(super) fn sequence(&self) -> u64 {
        match self {
            Self::Command(header, _) => header.sequence.raw(),
            Self::Event(header, _) => header.sequence.raw(),
            Self::Unreadable { sequence, .. } => *sequence,
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub(super) fn time_ns(&self) -> u64 {
        match self {
            Self::Command(header, _) => header.time.nanos(),
            Self::Event(header, _) => header.time.nanos(),
            Self::Unreadable { bytes, .. } => CommandRecord::from_bytes(*bytes).time().nanos(),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Command(_, command) => command.kind().as_str(),
            Self::Event(_, event) => event.kind().as_str(),
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// What every record of its log has.
    pub(super) fn head(&self) -> Fields {
        object(match self {
            Self::Command(header, _) => json!({
                "sequence": header.sequence.raw(),
                "time_ns": header.time.nanos(),
                "epoch": header.epoch.raw(),
                "key": header.key.raw(),
                "account": header.account.raw(),
                "request": header.request.raw(),
            }),
            Self::Event(header, _) => json!({
                "sequence": header.sequence.raw(),
                "index": header.index,
                "time_ns": header.time.nanos(),
                "epoch": header.epoch.raw(),
                "key": header.key.raw(),
                "account": header.account.raw(),
                "market": header.market.raw(),
                "request": header.request.raw(),
                "session_sequence": header.session_sequence.raw(),
                "previous_report": header.previous_report.raw(),
                "last": header.flags.has(EventFlags::LAST),
                "degraded": header.flags.has(EventFlags::DEGRADED),
            }),
            Self::Unreadable { sequence, index: None, .. } => json!({ "sequence": sequence }),
            Self::Unreadable { sequence, index, .. } => json!({ "sequence": sequence, "index": index }),
        })
    }

    /// What its kind has.
    pub(super) fn body(&self) -> Fields {
        match self {
            Self::Command(_, command) => object(command_body(command)),
            Self::Event(_, event) => object(event_body(event)),
            Self::Unreadable { why, bytes, .. } => object(json!({ "why": why, "bytes": hex::encode(bytes) })),
        }
    }

    /// The whole record.
    pub(super) fn to_json(&self) -> Value {
        let mut fields = self.head();
        fields.insert("kind".to_owned(), self.kind().into());
        fields.insert("body".to_owned(), Value::Object(self.body()));
        Value::Object(fields)
    }

    /// The body for people: without what says nothing.
    pub(super) fn body_for_people(&self) -> Vec<(String, String)> {
        let says_nothing = |name: &str, value: &Value| {
            OPTIONAL.contains(&name)
                && [json!(0), json!("0"), json!(false), json!("none"), json!("session")].contains(value)
        };
        let shown = self.body().into_iter().filter(|(name, value)| !says_nothing(name, value) && !value.is_null());
        shown.map(|(name, value)| (name, text_of(&value))).collect()
    }
}

/// A value without the quotes of JSON.
pub(super) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

fn command_body(command: &Command) -> Value {
    match command {
        Command::Genesis(genesis) => genesis_body(genesis),
        Command::TakeLead { node, incarnation, session_grace } => {
            json!({ "node": node.raw(), "incarnation": incarnation, "session_grace_ms": session_grace.nanos() / 1_000_000 })
        }
        Command::SetDurability { durability, degraded } => {
            json!({ "durability": durability.as_str(), "degraded": degraded })
        }
        Command::Tick => json!({}),
        Command::CreateAsset { name, decimals } => json!({ "name": name.as_str(), "decimals": decimals }),
        Command::CreateMarket(terms) => terms_body(terms),
        Command::CreateAccount { name } => json!({ "name": name.as_str() }),
        Command::CreateKey { name, public_key, roles } => {
            json!({ "name": name.as_str(), "public_key": hex::encode(public_key), "roles": roles_of(*roles) })
        }
        Command::SetMarketState { market, state } => json!({ "market_name": market.as_str(), "state": state.as_str() }),
        Command::SetMarketRules { market, rules } => {
            let mut fields = object(json!({ "market_name": market.as_str() }));
            fields.extend(object(rules_body(rules)));
            Value::Object(fields)
        }
        Command::SetAccountLimits(limits) => limits_body(limits),
        Command::SetAccountOwner { owner } => json!({ "owner": owner }),
        Command::SetAccountTier { tier } => json!({ "tier": tier }),
        Command::SetFeeTier { tier, maker_fee, taker_fee } => {
            json!({ "tier": tier, "maker_fee_ppm": maker_fee.ppm(), "taker_fee_ppm": taker_fee.ppm() })
        }
        Command::SetKillSwitch { engaged } => json!({ "engaged": engaged }),
        Command::SetKeyRoles { key, roles } => json!({ "of_key": key.raw(), "roles": roles_of(*roles) }),
        Command::SetKeyNetworks { key, networks } => json!({ "of_key": key.raw(), "networks": networks_of(networks) }),
        Command::Deposit { asset, amount, reference, at }
        | Command::Withdraw { asset, amount, reference, at }
        | Command::HoldWithdrawal { asset, amount, reference, at } => json!({
            "asset": asset.as_str(),
            "amount": amount.to_string(),
            "reference": reference.as_str(),
            "at_ns": at.nanos(),
        }),
        Command::SettleWithdrawal { reference } | Command::ReleaseWithdrawal { reference } => {
            json!({ "reference": reference.as_str() })
        }
        Command::Transfer { to, asset, amount, reference, at } => json!({
            "to_account": to.raw(),
            "asset": asset.as_str(),
            "amount": amount.to_string(),
            "reference": reference.as_str(),
            "at_ns": at.nanos(),
        }),
        Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open } => json!({
            "session": session.raw(),
            "cancel_on_disconnect": cancel_on_disconnect,
            "grace_ns": grace.nanos(),
            "refuse_if_open": refuse_if_open,
        }),
        Command::CloseSession { session } => json!({ "session": session.raw() }),
        Command::NewOrder(order) => new_order_body(order),
        Command::CancelOrder { target } | Command::QueryOrder { target } => Value::Object(target_fields(*target)),
        Command::ReduceOrder { target, by } => with(target_fields(*target), json!({ "by_lots": by.lots() })),
        Command::CancelAll(filter) => cancel_all_body(filter),
        Command::ReplaceOrder { target, price, qty } => {
            with(target_fields(*target), json!({ "price_ticks": price.ticks(), "qty_lots": qty.lots() }))
        }
        Command::SetProtection { group, window, qty_max, count_max } => json!({
            "group": group,
            "window_ns": window.nanos(),
            "qty_max_lots": qty_max.lots(),
            "count_max": count_max,
        }),
        Command::ResetProtection { group } => json!({ "group": group }),
        Command::MassQuote(slot) => mass_quote_body(slot),
        Command::CancelAllAfter { timeout } => json!({ "timeout_ns": timeout.nanos() }),
        Command::QueryOrders { market } => json!({ "market": market.map(|market| market.raw()) }),
        Command::QueryBalances { asset } => json!({ "asset": asset.map(|asset| asset.raw()) }),
    }
}

fn event_body(event: &Event) -> Value {
    match event {
        Event::Rejected { reason, command } => json!({ "reason": reason.as_str(), "command": command.as_str() }),
        Event::Outcome { original, order, reject, command } => json!({
            "original": original.raw(),
            "order": order.map(|order| order.raw()),
            "reject": reject.map(|reject| reject.as_str()),
            "command": command.as_str(),
        }),
        Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, options } => {
            let fields = object(json!({
                "order": order.raw(),
                "side": side.as_str(),
                "order_type": order_type.as_str(),
                "time_in_force": time_in_force.as_str(),
                "post_only": post_only,
                "price_ticks": price.ticks(),
                "qty_lots": qty.lots(),
            }));
            with(fields, options_body(options))
        }
        Event::Fill(fill) => fill_body(fill),
        Event::OrderCancelled { order, side, price, cancelled, reason } => json!({
            "order": order.raw(),
            "side": side.as_str(),
            "price_ticks": price.ticks(),
            "qty_lots": cancelled.lots(),
            "reason": reason.as_str(),
        }),
        Event::OrderReduced { order, side, price, by, leaves } => json!({
            "order": order.raw(),
            "side": side.as_str(),
            "price_ticks": price.ticks(),
            "by_lots": by.lots(),
            "leaves_lots": leaves.lots(),
        }),
        Event::CancelAllDone { cancelled } | Event::CancelAllAfterFired { cancelled } => {
            json!({ "cancelled": cancelled })
        }
        Event::OrderReplaced { order, side, price, leaves, displayed, kept_place } => json!({
            "order": order.raw(),
            "side": side.as_str(),
            "price_ticks": price.ticks(),
            "leaves_lots": leaves.lots(),
            "displayed_lots": displayed.lots(),
            "kept_place": kept_place,
        }),
        Event::OrderTriggered { order, side, price, leaves } => json!({
            "order": order.raw(),
            "side": side.as_str(),
            "price_ticks": price.ticks(),
            "leaves_lots": leaves.lots(),
        }),
        Event::OrderRefreshed { order, side, price, displayed } => json!({
            "order": order.raw(),
            "side": side.as_str(),
            "price_ticks": price.ticks(),
            "displayed_lots": displayed.lots(),
        }),
        Event::ProtectionSet { group, window, qty_max, count_max } => json!({
            "group": group,
            "window_ns": window.nanos(),
            "qty_max_lots": qty_max.lots(),
            "count_max": count_max,
        }),
        Event::ProtectionReset { group } | Event::ProtectionTriggered { group } => json!({ "group": group }),
        Event::QuoteRejected { quote, side, reason } => {
            json!({ "quote": quote, "side": side.as_str(), "reason": reason.as_str() })
        }
        Event::MassQuoteDone { accepted, withdrawn, rejected } => {
            json!({ "accepted": accepted, "withdrawn": withdrawn, "rejected": rejected })
        }
        Event::SessionOpened { session, request_mark, report_mark, cancel_on_disconnect, grace } => json!({
            "session": session.raw(),
            "request_mark": request_mark.raw(),
            "report_mark": report_mark.raw(),
            "cancel_on_disconnect": cancel_on_disconnect,
            "grace_ns": grace.nanos(),
        }),
        Event::SessionClosed { session, reason } => json!({ "session": session.raw(), "reason": reason.as_str() }),
        Event::Deposited { asset, amount, reference }
        | Event::Withdrawn { asset, amount, reference }
        | Event::WithdrawalHeld { asset, amount, reference }
        | Event::WithdrawalSettled { asset, amount, reference }
        | Event::WithdrawalReleased { asset, amount, reference } => {
            json!({ "asset": asset.raw(), "amount": amount.to_string(), "reference": reference.as_str() })
        }
        Event::Transferred { to, asset, amount, reference } => json!({
            "to_account": to.raw(),
            "asset": asset.raw(),
            "amount": amount.to_string(),
            "reference": reference.as_str(),
        }),
        Event::AssetCreated { asset, name, decimals } => {
            json!({ "asset": asset.raw(), "name": name.as_str(), "decimals": decimals })
        }
        Event::MarketCreated(market) => market_body(market),
        Event::AccountCreated { name } => json!({ "name": name.as_str() }),
        Event::KeyCreated { key, name, public_key, roles } => json!({
            "of_key": key.raw(),
            "name": name.as_str(),
            "public_key": hex::encode(public_key),
            "roles": roles_of(*roles),
        }),
        Event::MarketStateChanged { state } => json!({ "state": state.as_str() }),
        Event::MarketRulesSet(rules) => rules_body(rules),
        Event::AccountLimitsSet(limits) => limits_body(limits),
        Event::AccountOwnerSet { owner } => json!({ "owner": owner }),
        Event::AccountTierSet { tier } => json!({ "tier": tier }),
        Event::FeeTierSet { tier, maker_fee, taker_fee } => {
            json!({ "tier": tier, "maker_fee_ppm": maker_fee.ppm(), "taker_fee_ppm": taker_fee.ppm() })
        }
        Event::KillSwitchSet { engaged, cancelled } => json!({ "engaged": engaged, "cancelled": cancelled }),
        Event::KeyRolesSet { key, roles } => json!({ "of_key": key.raw(), "roles": roles_of(*roles) }),
        Event::KeyNetworksSet { key, networks } => json!({ "of_key": key.raw(), "networks": networks_of(networks) }),
        Event::CancelAllAfterSet { deadline } => json!({ "deadline_ns": deadline.nanos() }),
        Event::OrderStatus(order) => order_status_body(order),
        Event::BalanceStatus { asset, available, held, pending } => json!({
            "asset": asset.raw(),
            "available": available.to_string(),
            "held": held.to_string(),
            "pending": pending.to_string(),
        }),
        Event::QueryDone { count } => json!({ "count": count }),
        Event::JournalBegun(genesis) => genesis_body(genesis),
        Event::LeadTaken { node, incarnation } => json!({ "node": node.raw(), "incarnation": incarnation }),
        Event::DurabilityChanged { durability, degraded } => {
            json!({ "durability": durability.as_str(), "degraded": degraded })
        }
    }
}

/// Both, in this order.
fn with(mut fields: Fields, more: Value) -> Value {
    fields.extend(object(more));
    Value::Object(fields)
}

/// An order by its id, or by the request of the same key that created it.
fn target_fields(target: OrderTarget) -> Fields {
    object(match target {
        OrderTarget::Order(order) => json!({ "order": order.raw() }),
        OrderTarget::Request(request) => json!({ "order_request": request.raw() }),
    })
}

fn roles_of(roles: Roles) -> Vec<&'static str> {
    let all = [(Roles::READ, "read"), (Roles::TRADE, "trade"), (Roles::PAY, "pay"), (Roles::ADMIN, "admin")];
    all.into_iter().filter(|(role, _)| roles.has(*role)).map(|(_, name)| name).collect()
}

fn networks_of(networks: &Networks) -> Vec<String> {
    networks.list().iter().map(ToString::to_string).collect()
}

fn genesis_body(genesis: &Genesis) -> Value {
    let limits = &genesis.limits;
    json!({
        "cluster": format!("{:032x}", genesis.cluster.raw()),
        "logic_version": genesis.logic_version,
        "assets_max": limits.assets_max,
        "markets_max": limits.markets_max,
        "accounts_max": limits.accounts_max,
        "keys_max": limits.keys_max,
        "open_orders_max": limits.open_orders_max,
        "account_open_orders_max": limits.account_open_orders_max,
        "references_max": limits.references_max,
        "balances_max": limits.balances_max,
        "seats_max": limits.seats_max,
    })
}

fn terms_body(terms: &MarketTerms) -> Value {
    json!({
        "market_name": terms.name.as_str(),
        "base": terms.base.as_str(),
        "quote": terms.quote.as_str(),
        "base_units_per_lot": terms.base_units_per_lot,
        "quote_units_per_tick_lot": terms.quote_units_per_tick_lot,
        "maker_fee_ppm": terms.maker_fee.ppm(),
        "taker_fee_ppm": terms.taker_fee.ppm(),
        "qty_max_lots": terms.qty_max.lots(),
        "price_max_ticks": terms.price_max.ticks(),
    })
}

fn market_body(market: &MarketDefinition) -> Value {
    json!({
        "market_name": market.name.as_str(),
        "base_asset": market.base.raw(),
        "quote_asset": market.quote.raw(),
        "base_units_per_lot": market.base_units_per_lot,
        "quote_units_per_tick_lot": market.quote_units_per_tick_lot,
        "maker_fee_ppm": market.maker_fee.ppm(),
        "taker_fee_ppm": market.taker_fee.ppm(),
        "qty_max_lots": market.qty_max.lots(),
        "price_max_ticks": market.price_max.ticks(),
    })
}

fn rules_body(rules: &MarketRules) -> Value {
    json!({
        "maker_fee_ppm": rules.maker_fee.ppm(),
        "taker_fee_ppm": rules.taker_fee.ppm(),
        "qty_min_lots": rules.qty_min.lots(),
        "qty_max_lots": rules.qty_max.lots(),
        "price_min_ticks": rules.price_min.ticks(),
        "price_max_ticks": rules.price_max.ticks(),
        "notional_min": rules.notional_min,
        "static_band_ppm": rules.static_band_ppm,
        "dynamic_band_ppm": rules.dynamic_band_ppm,
        "reference_ticks": rules.reference.ticks(),
        "day_end_s": rules.day_end_s,
    })
}

fn limits_body(limits: &AccountLimits) -> Value {
    json!({
        "open_orders_max": limits.open_orders_max,
        "market_open_orders_max": limits.market_open_orders_max,
        "qty_max_lots": limits.qty_max.lots(),
        "notional_max": limits.notional_max.to_string(),
    })
}

fn options_body(options: &OrderOptions) -> Value {
    json!({
        "reprice": options.reprice,
        "self_trade": options.self_trade.as_str(),
        "group": options.group,
        "trigger_ticks": options.trigger.ticks(),
        "display_lots": options.display.lots(),
        "budget": options.budget.to_string(),
        "expires_ns": options.expires.nanos(),
        "on_disconnect": options.on_disconnect.as_str(),
    })
}

fn order_status_body(order: &OrderStatus) -> Value {
    json!({
        "order": order.order.raw(),
        "of_key": order.key.raw(),
        "order_request": order.request.raw(),
        "side": order.side.as_str(),
        "order_type": order.order_type.as_str(),
        "time_in_force": order.time_in_force.as_str(),
        "post_only": order.post_only,
        "reprice": order.reprice,
        "is_quote": order.is_quote,
        "price_ticks": order.price.ticks(),
        "leaves_lots": order.leaves.lots(),
        "filled_lots": order.filled.lots(),
        "displayed_lots": order.displayed.lots(),
        "trigger_ticks": order.trigger.ticks(),
        "expires_ns": order.expires.nanos(),
        "self_trade": order.self_trade.as_str(),
        "group": order.group,
        "on_disconnect": order.on_disconnect.as_str(),
    })
}

fn new_order_body(order: &NewOrder) -> Value {
    let fields = object(json!({
        "market": order.market.raw(),
        "side": order.side.as_str(),
        "order_type": order.order_type.as_str(),
        "time_in_force": order.time_in_force.as_str(),
        "post_only": order.post_only,
        "price_ticks": order.price.ticks(),
        "qty_lots": order.qty.lots(),
    }));
    with(fields, options_body(&order.options))
}

fn cancel_all_body(filter: &CancelFilter) -> Value {
    json!({
        "market": filter.market.map(|market| market.raw()),
        "side": filter.side.map(|side| side.as_str()),
        "group": filter.group,
        "price_low_ticks": filter.price_low.ticks(),
        "price_high_ticks": filter.price_high.ticks(),
    })
}

fn mass_quote_body(slot: &MassQuote) -> Value {
    let quotes = slot.quotes().iter().map(|quote| {
        json!({
            "market": quote.market.raw(),
            "bid_ticks": quote.bid.price.ticks(),
            "bid_lots": quote.bid.qty.lots(),
            "ask_ticks": quote.ask.price.ticks(),
            "ask_lots": quote.ask.qty.lots(),
        })
    });
    json!({
        "slot": slot.slot,
        "slots": slot.slots,
        "group": slot.terms.group,
        "mode": slot.terms.mode.as_str(),
        "self_trade": slot.terms.self_trade.as_str(),
        "quotes": quotes.collect::<Vec<_>>(),
    })
}

fn fill_body(fill: &Fill) -> Value {
    json!({
        "order": fill.order.raw(),
        "counter_order": fill.counter_order.raw(),
        "counter_account": fill.counter_account.raw(),
        "side": fill.side.as_str(),
        "liquidity": fill.liquidity.as_str(),
        "price_ticks": fill.price.ticks(),
        "qty_lots": fill.qty.lots(),
        "leaves_lots": fill.leaves.lots(),
        "fee": fill.fee.to_string(),
        "rebate": fill.is_rebate,
    })
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{
        CommandKind, FeeRate, MarketId, Name, Price, Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, SelfTrade, Side,
    };

    use super::*;

    #[test]
    fn what_a_record_says_is_in_its_fields_and_a_line_for_people_leaves_out_what_is_not_said() {
        let order = NewOrder {
            market: MarketId::new(3),
            side: Side::Sell,
            order_type: tidegate_domain::OrderType::Limit,
            time_in_force: tidegate_domain::TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(77),
            qty: Qty::from_lots(5),
            options: OrderOptions { display: Qty::from_lots(2), ..OrderOptions::default() },
        };
        let record = CommandRecord::encode(&CommandHeader::default(), &Command::NewOrder(order));
        let record = Record::of(LogKind::Journal, *record.as_bytes());
        let json = record.to_json();
        assert_eq!((&json["kind"], &json["body"]["price_ticks"]), (&json!("new_order"), &json!(77)));
        assert_eq!((&json["body"]["display_lots"], &json["body"]["budget"]), (&json!(2), &json!("0")));
        let people: Vec<String> =
            record.body_for_people().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            people.join(" "),
            "market=3 side=sell order_type=limit time_in_force=gtc price_ticks=77 qty_lots=5 display_lots=2"
        );
    }

    #[test]
    fn every_kind_but_the_tick_has_fields_of_its_own() {
        let quote = Quote {
            market: MarketId::new(2),
            bid: QuoteSide { price: Price::from_ticks(4), qty: Qty::from_lots(5) },
            ask: QuoteSide::default(),
        };
        let terms = QuoteTerms { group: 0, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };
        let slot = MassQuote::slots(terms, &[quote]).next().expect("one slot");
        assert_eq!(command_body(&Command::MassQuote(slot))["quotes"][0]["bid_ticks"], json!(4));
        let roles = Roles::READ.with(Roles::ADMIN);
        assert_eq!(
            command_body(&Command::SetKeyRoles { key: Default::default(), roles })["roles"],
            json!(["read", "admin"])
        );
        let networks = ["10.0.0.0/8", "::1/128"].map(|text| text.parse().expect("a network"));
        let networks = networks.into_iter().try_fold(Networks::default(), Networks::with).expect("there is room");
        let set = Command::SetKeyNetworks { key: Default::default(), networks };
        assert_eq!(command_body(&set), json!({ "of_key": 0, "networks": ["10.0.0.0/8", "::1/128"] }));
        let query = Command::QueryOrders { market: Some(MarketId::new(3)) };
        assert_eq!(command_body(&query), json!({ "market": 3 }));
        let tier = Event::FeeTierSet { tier: 1, maker_fee: FeeRate::from_ppm(-5), taker_fee: FeeRate::from_ppm(9) };
        assert_eq!(event_body(&tier), json!({ "tier": 1, "maker_fee_ppm": -5, "taker_fee_ppm": 9 }));
        let state = Command::SetMarketState {
            market: Name::new("A-B").expect("a name"),
            state: tidegate_domain::MarketState::Halted,
        };
        assert_eq!(
            (state.kind(), command_body(&state)),
            (CommandKind::SetMarketState, json!({ "market_name": "A-B", "state": "halted" }))
        );
        assert_eq!(command_body(&Command::Tick), json!({}));
    }

    #[test]
    fn a_record_of_another_version_is_shown_as_its_bytes() {
        let mut bytes = *CommandRecord::encode(&CommandHeader::default(), &Command::Tick).as_bytes();
        bytes[38] = 9;
        let record = Record::of(LogKind::Journal, bytes).to_json();
        assert_eq!(record["kind"], json!("unreadable"));
        assert_eq!(record["body"]["bytes"].as_str().map(str::len), Some(256));
    }
}
