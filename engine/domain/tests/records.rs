//! Records: every kind survives the way to bytes and back, its bytes never change, and no bytes make the decoder panic.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write;

use proptest::prelude::*;
use tidegate_domain::*;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn reference() -> Reference {
    Reference::new("wire-2026-00017").unwrap()
}

fn header() -> CommandHeader {
    CommandHeader {
        sequence: Sequence::new(0x0102_0304_0506_0708),
        time: Timestamp::from_nanos(0x1112_1314_1516_1718),
        request: RequestNumber::new(0x2122_2324_2526_2728),
        key: KeyId::new(0x3132_3334),
        account: AccountId::new(0x4142_4344),
        epoch: Epoch::new(0x5152_5354),
    }
}

fn commands() -> Vec<Command> {
    let terms = MarketTerms {
        name: name("BTC-USDT"),
        base: name("BTC"),
        quote: name("USDT"),
        base_units_per_lot: 10_000,
        quote_units_per_tick_lot: 3,
        maker_fee: FeeRate::from_ppm(200),
        taker_fee: FeeRate::from_ppm(500),
        qty_max: Qty::from_lots(1_000_000),
        price_max: Price::from_ticks(9_999_999),
    };
    let order = NewOrder {
        market: MarketId::new(7),
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Fok,
        post_only: true,
        price: Price::from_ticks(-5),
        qty: Qty::from_lots(9),
        options: options(),
    };
    let amount = AssetAmount::from_units((1 << 95) + 12_345);
    let genesis = Genesis {
        cluster: ClusterId::new(u128::MAX - 3),
        logic_version: 3,
        limits: EngineLimits::default(),
        seed: 0xa1a2_a3a4_a5a6_a7a8,
    };
    vec![
        Command::Genesis(genesis),
        Command::TakeLead { node: NodeId::new(2), incarnation: 77, session_grace: Nanos::default() },
        Command::SetDurability { durability: Durability::Replicated, degraded: true },
        Command::Tick,
        Command::CreateAsset { name: name("BTC"), decimals: 8 },
        Command::CreateMarket(terms),
        Command::CreateAccount { name: name("acme") },
        Command::CreateKey { name: name("acme-1"), public_key: [0xab; 32], roles: Roles::READ.with(Roles::PAY) },
        Command::SetMarketState { market: name("BTC-USDT"), state: MarketState::Halted },
        Command::Deposit { asset: name("BTC"), amount, reference: reference(), at: Timestamp::from_nanos(17) },
        Command::Withdraw { asset: name("BTC"), amount, reference: reference(), at: Timestamp::from_nanos(18) },
        Command::HoldWithdrawal { asset: name("BTC"), amount, reference: reference(), at: Timestamp::from_nanos(19) },
        Command::SettleWithdrawal { reference: reference() },
        Command::ReleaseWithdrawal { reference: reference() },
        Command::Transfer {
            to: AccountId::new(6),
            asset: name("BTC"),
            amount,
            reference: reference(),
            at: Timestamp::from_nanos(20),
        },
        Command::SetMarketRules { market: name("BTC-USDT"), rules: rules() },
        Command::SetAccountLimits(limits()),
        Command::SetAccountOwner { owner: 12 },
        Command::SetAccountTier { tier: 3 },
        Command::SetFeeTier { tier: 3, maker_fee: FeeRate::from_ppm(-7), taker_fee: FeeRate::from_ppm(70) },
        Command::SetKillSwitch { engaged: true },
        Command::SetKeyRoles { key: KeyId::new(4), roles: Roles::TRADE.with(Roles::ADMIN) },
        Command::ReplaceOrder {
            target: OrderTarget::Request(RequestNumber::new(42)),
            price: Price::from_ticks(77),
            qty: Qty::from_lots(8),
        },
        Command::SetProtection { group: 9, window: Nanos::from_millis(100), qty_max: Qty::from_lots(50), count_max: 3 },
        Command::ResetProtection { group: 9 },
        Command::OpenSession {
            session: SessionId::new(5),
            cancel_on_disconnect: true,
            grace: Nanos::from_millis(10_000),
            refuse_if_open: false,
        },
        Command::CloseSession { session: SessionId::new(5) },
        Command::NewOrder(order),
        Command::CancelOrder { target: OrderTarget::Order(OrderId::new(41)) },
        Command::ReduceOrder { target: OrderTarget::Request(RequestNumber::new(42)), by: Qty::from_lots(3) },
        Command::CancelAll(CancelFilter::default()),
        Command::CancelAll(CancelFilter {
            market: Some(MarketId::new(7)),
            side: Some(Side::Sell),
            group: 200,
            price_low: Price::from_ticks(5),
            price_high: Price::from_ticks(6),
        }),
        mass_quote(3)[0],
        mass_quote(3)[1],
        Command::SetKeyNetworks { key: KeyId::new(4), networks: networks() },
        Command::SetKeyNetworks { key: KeyId::new(4), networks: Networks::default() },
        Command::OpenSession {
            session: SessionId::new(5),
            cancel_on_disconnect: false,
            grace: Nanos::from_millis(10_000),
            refuse_if_open: true,
        },
        Command::NewOrder(NewOrder {
            options: OrderOptions { on_disconnect: OnDisconnect::Stay, ..options() },
            ..order
        }),
        Command::CancelAllAfter { timeout: CANCEL_ALL_AFTER_MIN },
        Command::QueryOrder { target: OrderTarget::Request(RequestNumber::new(42)) },
        Command::QueryOrders { market: Some(MarketId::new(7)) },
        Command::QueryOrders { market: None },
        Command::QueryBalances { asset: Some(AssetId::new(1)) },
    ]
}

/// The slots of a mass quote of so many quotes, no two fields of which are the same.
fn mass_quote(quotes: u8) -> Vec<Command> {
    let side = |at: i64| QuoteSide { price: Price::from_ticks(at), qty: Qty::from_lots(at.unsigned_abs() + 1) };
    let quotes: Vec<Quote> = (1..=i64::from(quotes))
        .map(|at| Quote { market: MarketId::new(at as u32), bid: side(at * 100), ask: side(at * -1_000) })
        .collect();
    let terms = QuoteTerms { group: 9, mode: QuoteMode::Reprice, self_trade: SelfTrade::CancelBoth };
    MassQuote::slots(terms, &quotes).map(Command::MassQuote).collect()
}

fn networks() -> Networks {
    let network = |text: &str| text.parse::<Network>().unwrap();
    let networks = Networks::default().with(network("10.0.0.0/8")).unwrap();
    networks.with(network("2001:db8::1/128")).unwrap().with(network("0.0.0.0/0")).unwrap()
}

fn order_status() -> OrderStatus {
    OrderStatus {
        order: OrderId::new(41),
        key: KeyId::new(4),
        request: RequestNumber::new(0x2122_2324_2526_2728),
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Day,
        post_only: true,
        reprice: false,
        is_quote: true,
        price: Price::from_ticks(100),
        leaves: Qty::from_lots(8),
        filled: Qty::from_lots(5),
        displayed: Qty::from_lots(3),
        trigger: Price::from_ticks(0),
        expires: Timestamp::from_nanos(14),
        self_trade: SelfTrade::Decrement,
        group: 11,
        on_disconnect: OnDisconnect::Stay,
    }
}

fn options() -> OrderOptions {
    OrderOptions {
        reprice: true,
        self_trade: SelfTrade::Decrement,
        group: 11,
        trigger: Price::from_ticks(12),
        display: Qty::from_lots(13),
        budget: AssetAmount::from_units(0),
        expires: Timestamp::from_nanos(14),
        on_disconnect: OnDisconnect::Session,
    }
}

fn rules() -> MarketRules {
    MarketRules {
        maker_fee: FeeRate::from_ppm(-100),
        taker_fee: FeeRate::from_ppm(500),
        qty_min: Qty::from_lots(2),
        qty_max: Qty::from_lots(1_000),
        price_min: Price::from_ticks(3),
        price_max: Price::from_ticks(9_999),
        notional_min: 40,
        static_band_ppm: 1_000_000,
        dynamic_band_ppm: 50_000,
        reference: Price::from_ticks(60),
        day_end_s: 86_399,
    }
}

fn limits() -> AccountLimits {
    AccountLimits {
        open_orders_max: 5,
        market_open_orders_max: 6,
        qty_max: Qty::from_lots(7),
        notional_max: AssetAmount::from_units((1 << 95) + 8),
    }
}

fn events() -> Vec<Event> {
    let order = OrderId::new(41);
    let (side, price) = (Side::Buy, Price::from_ticks(100));
    let market = MarketDefinition {
        name: name("BTC-USDT"),
        base: AssetId::new(1),
        quote: AssetId::new(2),
        base_units_per_lot: 10_000,
        quote_units_per_tick_lot: 3,
        maker_fee: FeeRate::from_ppm(200),
        taker_fee: FeeRate::from_ppm(500),
        qty_max: Qty::from_lots(1_000_000),
        price_max: Price::from_ticks(9_999_999),
    };
    let genesis = Genesis { cluster: ClusterId::new(9), logic_version: 1, limits: EngineLimits::default(), seed: 7 };
    let amount = AssetAmount::from_units((1 << 95) + 1);
    vec![
        Event::Rejected { reason: Reject::PriceTooHigh, command: CommandKind::NewOrder },
        Event::Outcome {
            original: Sequence::new(17),
            order: Some(order),
            reject: None,
            command: CommandKind::NewOrder,
        },
        Event::Outcome {
            original: Sequence::new(17),
            order: None,
            reject: Some(Reject::UnknownOrder),
            command: CommandKind::CancelOrder,
        },
        Event::OrderAccepted {
            order,
            side,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            price,
            qty: Qty::from_lots(4),
            options: options(),
        },
        Event::OrderAccepted {
            order,
            side,
            order_type: OrderType::Budget,
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            price: Price::from_ticks(0),
            qty: Qty::ZERO,
            options: OrderOptions { budget: amount, ..OrderOptions::default() },
        },
        Event::Fill(Fill {
            order,
            counter_order: OrderId::new(40),
            counter_account: AccountId::new(3),
            side,
            liquidity: Liquidity::Maker,
            price,
            qty: Qty::from_lots(4),
            leaves: Qty::ZERO,
            fee: amount,
            is_rebate: true,
        }),
        Event::OrderReplaced {
            order,
            side,
            price,
            leaves: Qty::from_lots(8),
            displayed: Qty::from_lots(3),
            kept_place: true,
        },
        Event::OrderTriggered { order, side, price, leaves: Qty::from_lots(8) },
        Event::OrderRefreshed { order, side, price, displayed: Qty::from_lots(3) },
        Event::ProtectionSet { group: 9, window: Nanos::from_millis(100), qty_max: Qty::from_lots(50), count_max: 3 },
        Event::ProtectionReset { group: 9 },
        Event::ProtectionTriggered { group: 9 },
        Event::QuoteRejected { quote: 14, side: Side::Sell, reason: Reject::QuoteCrossed },
        Event::MassQuoteDone { accepted: 1, withdrawn: 2, rejected: 3 },
        Event::MarketRulesSet(rules()),
        Event::AccountLimitsSet(limits()),
        Event::AccountOwnerSet { owner: 12 },
        Event::AccountTierSet { tier: 3 },
        Event::FeeTierSet { tier: 3, maker_fee: FeeRate::from_ppm(-7), taker_fee: FeeRate::from_ppm(70) },
        Event::KillSwitchSet { engaged: true, cancelled: 5 },
        Event::KeyRolesSet { key: KeyId::new(4), roles: Roles::TRADE },
        Event::WithdrawalHeld { asset: AssetId::new(1), amount, reference: reference() },
        Event::WithdrawalSettled { asset: AssetId::new(1), amount, reference: reference() },
        Event::WithdrawalReleased { asset: AssetId::new(1), amount, reference: reference() },
        Event::Transferred { to: AccountId::new(6), asset: AssetId::new(1), amount, reference: reference() },
        Event::OrderCancelled { order, side, price, cancelled: Qty::from_lots(2), reason: CancelReason::Disconnected },
        Event::OrderReduced { order, side, price, by: Qty::from_lots(1), leaves: Qty::from_lots(1) },
        Event::CancelAllDone { cancelled: 3 },
        Event::SessionOpened {
            session: SessionId::new(5),
            request_mark: RequestNumber::new(6),
            report_mark: SessionSequence::new(7),
            cancel_on_disconnect: true,
            grace: Nanos::from_millis(1),
        },
        Event::SessionClosed { session: SessionId::new(5), reason: SessionCloseReason::TakenOver },
        Event::Deposited { asset: AssetId::new(1), amount, reference: reference() },
        Event::Withdrawn { asset: AssetId::new(1), amount, reference: reference() },
        Event::AssetCreated { asset: AssetId::new(1), name: name("BTC"), decimals: 8 },
        Event::MarketCreated(market),
        Event::AccountCreated { name: name("acme") },
        Event::KeyCreated { key: KeyId::new(1), name: name("acme-1"), public_key: [0xcd; 32], roles: Roles::TRADE },
        Event::MarketStateChanged { state: MarketState::Open },
        Event::JournalBegun(genesis),
        Event::LeadTaken { node: NodeId::new(2), incarnation: 77 },
        Event::DurabilityChanged { durability: Durability::Local, degraded: false },
        Event::KeyNetworksSet { key: KeyId::new(4), networks: networks() },
        Event::CancelAllAfterSet { deadline: Timestamp::from_nanos(15) },
        Event::CancelAllAfterFired { cancelled: 3 },
        Event::OrderStatus(order_status()),
        Event::OrderStatus(OrderStatus {
            side: Side::Buy,
            order_type: OrderType::StopLimit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reprice: true,
            is_quote: false,
            filled: Qty::ZERO,
            trigger: Price::from_ticks(105),
            self_trade: SelfTrade::None,
            on_disconnect: OnDisconnect::Cancel,
            ..order_status()
        }),
        Event::BalanceStatus {
            asset: AssetId::new(1),
            available: amount,
            held: AssetAmount::from_units((1 << 94) + 2),
            pending: AssetAmount::from_units((1 << 93) + 3),
        },
        Event::QueryDone { count: 4 },
        Event::OrderAccepted {
            order,
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price,
            qty: Qty::from_lots(4),
            options: OrderOptions { on_disconnect: OnDisconnect::Cancel, ..OrderOptions::default() },
        },
        Event::OrderCancelled { order, side, price, cancelled: Qty::from_lots(2), reason: CancelReason::DeadMan },
    ]
}

fn event_header() -> EventHeader {
    EventHeader {
        sequence: Sequence::new(0x0102_0304_0506_0708),
        index: 0x6162_6364,
        time: Timestamp::from_nanos(0x1112_1314_1516_1718),
        epoch: Epoch::new(0x5152_5354),
        key: KeyId::new(0x3132_3334),
        account: AccountId::new(0x4142_4344),
        market: MarketId::new(0x7172_7374),
        request: RequestNumber::new(0x2122_2324_2526_2728),
        session_sequence: SessionSequence::new(0x8182_8384_8586_8788),
        previous_report: LogAddress::new(0x9192_9394_9596_9798),
        flags: EventFlags::LAST.with(EventFlags::DEGRADED),
    }
}

#[test]
fn every_kind_comes_back_as_it_was() {
    for command in commands() {
        let record = CommandRecord::encode(&header(), &command);
        assert_eq!(record.decode(), Ok((header(), command)));
        assert_eq!(
            (record.sequence(), record.time(), record.epoch()),
            (header().sequence, header().time, header().epoch)
        );
    }
    for event in events() {
        let record = EventRecord::encode(&event_header(), &event);
        assert_eq!(record.decode(), Ok((event_header(), event)));
        let wanted = event_header();
        assert_eq!((record.sequence(), record.index(), record.key()), (wanted.sequence, wanted.index, wanted.key));
        assert_eq!(record.session_sequence(), wanted.session_sequence);
        assert_eq!(record.previous_report(), wanted.previous_report);
    }
}

#[test]
fn every_kind_is_in_these_tests() {
    let kinds: Vec<_> = commands().iter().map(Command::kind).collect();
    assert!(CommandKind::ALL.iter().all(|kind| kinds.contains(kind)));
    let kinds: Vec<_> = events().iter().map(Event::kind).collect();
    assert!(EventKind::ALL.iter().all(|kind| kinds.contains(kind)));
}

/// A published layout never changes. With `UPDATE_FIXTURES=1` the file is written: only for kinds that are new.
#[test]
fn the_bytes_of_version_1_are_as_they_were_published() {
    let mut text = String::new();
    let mut line = |kind: &str, bytes: &[u8; 128]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{kind} {hex}").unwrap();
    };
    for command in commands() {
        line(command.kind().as_str(), CommandRecord::encode(&header(), &command).as_bytes());
    }
    for event in events() {
        line(event.kind().as_str(), EventRecord::encode(&event_header(), &event).as_bytes());
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/records-v1.txt");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let published = std::fs::read_to_string(file).unwrap();
    for (now, then) in text.lines().zip(published.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(text.lines().count(), published.lines().count());
}

#[test]
fn a_mass_quote_is_as_many_slots_as_it_needs_and_all_but_the_last_are_marked() {
    for (quotes, slots) in [(0, 1), (1, 1), (2, 1), (3, 2), (15, 8), (16, 8)] {
        let commands = mass_quote(quotes);
        assert_eq!(commands.len(), slots);
        for (at, command) in commands.iter().enumerate() {
            let record = CommandRecord::encode(&header(), command);
            assert_eq!(record.has_more(), at + 1 < slots);
            assert_eq!(record.decode(), Ok((header(), *command)));
        }
        let slots = commands.iter().map(|command| match command {
            Command::MassQuote(slot) => slot.quotes().len(),
            _ => unreachable!(),
        });
        assert_eq!(slots.sum::<usize>(), usize::from(quotes));
    }
}

#[test]
fn a_slot_that_no_mass_quote_has_is_refused() {
    let good = *CommandRecord::encode(&header(), &mass_quote(3)[1]).as_bytes();
    let (slots, slot, count, mode, self_trade, flags) = (112, 113, 114, 116, 117, 39);
    assert_eq!((good[slots], good[slot], good[count]), (2, 1, 1));
    for (at, value, field) in [
        (slots, 0, "slot"),
        (slots, 9, "slot"),
        (slots, 3, "slot"),
        (slot, 2, "slot"),
        (slot, 255, "slot"),
        (count, 0, "slot"),
        (count, 3, "count"),
        (mode, 3, "mode"),
        (self_trade, 5, "self_trade"),
        (flags, 1, "flags"),
        (flags, 2, "flags"),
    ] {
        let mut bytes = good;
        bytes[at] = value;
        assert_eq!(CommandRecord::from_bytes(bytes).decode(), Err(RecordError::BadField(field)), "{at} = {value}");
    }
    let mut unmarked = *CommandRecord::encode(&header(), &mass_quote(3)[0]).as_bytes();
    unmarked[flags] = 0;
    assert_eq!(CommandRecord::from_bytes(unmarked).decode(), Err(RecordError::BadField("flags")));
}

#[test]
fn limits_are_checked_at_both_ends() {
    assert_eq!(EngineLimits::default().check(), Ok(()));
    let largest = EngineLimits { markets_max: 1 << 20, balances_max: 1 << 24, ..EngineLimits::default() };
    assert_eq!(largest.check(), Ok(()));
    for (limits, said) in [
        (EngineLimits { assets_max: 0, ..largest }, "limits.assets_max is 0; must be 1 to 1048576"),
        (EngineLimits { keys_max: (1 << 20) + 1, ..largest }, "limits.keys_max is 1048577; must be 1 to 1048576"),
        (EngineLimits { seats_max: u32::MAX, ..largest }, "limits.seats_max is 4294967295; must be 1 to 16777216"),
        (EngineLimits { open_orders_max: 0, ..largest }, "limits.open_orders_max is 0; must be 1 to 16777216"),
    ] {
        assert_eq!(limits.check().unwrap_err().to_string(), said);
    }
}

#[test]
fn ids_of_quotes_are_unique_and_exact_in_a_double() {
    let mut ids = std::collections::BTreeSet::new();
    for sequence in [1, 2, (1 << 48) - 1].map(Sequence::new) {
        assert!(ids.insert(OrderId::of_command(sequence)));
        for (quote, side) in (0..15).flat_map(|quote| [(quote, Side::Buy), (quote, Side::Sell)]) {
            let id = OrderId::of_quote(sequence, quote, side);
            assert!(ids.insert(id) && id.raw() < 1 << 53);
            assert_eq!(id.age(), (sequence, u64::from(quote) * 2 + u64::from(side.code())));
        }
    }
}

#[test]
fn a_stamp_changes_sequence_time_and_epoch_and_nothing_else() {
    let command = commands().into_iter().find(|command| command.kind() == CommandKind::NewOrder).unwrap();
    let mut record =
        CommandRecord::encode(&CommandHeader { request: header().request, ..CommandHeader::default() }, &command);
    let payload = record.payload().to_vec();
    record.stamp(Sequence::new(9), Timestamp::from_nanos(8), Epoch::new(7));
    let (stamped, same) = record.decode().unwrap();
    assert_eq!((stamped.sequence.raw(), stamped.time.nanos(), stamped.epoch.raw()), (9, 8, 7));
    assert_eq!((stamped.request, same), (header().request, command));
    assert_eq!(record.payload(), payload);
}

/// Each byte of each record with each other value: what is taken all the same is another command, written in its only way.
#[test]
fn a_record_with_another_byte_is_refused_or_means_something_else() {
    for command in commands() {
        let record = CommandRecord::encode(&header(), &command);
        for (at, value) in (0..128).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let mut bytes = *record.as_bytes();
            bytes[at] = value;
            let other = CommandRecord::from_bytes(bytes);
            if let Ok((header, command)) = other.decode() {
                assert!(CommandRecord::encode(&header, &command) == other, "{}, byte {at} = {value}", command.kind());
            }
        }
    }
    for event in events() {
        let record = EventRecord::encode(&event_header(), &event);
        for (at, value) in (0..128).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let mut bytes = *record.as_bytes();
            bytes[at] = value;
            let other = EventRecord::from_bytes(bytes);
            if let Ok((header, event)) = other.decode() {
                assert!(EventRecord::encode(&header, &event) == other, "{}, byte {at} = {value}", event.kind());
            }
        }
    }
}

#[test]
fn bytes_without_a_meaning_must_be_zero() {
    let refused = |command: &Command, at: usize| {
        let mut bytes = *CommandRecord::encode(&header(), command).as_bytes();
        assert_eq!(bytes[at], 0);
        bytes[at] = 1;
        CommandRecord::from_bytes(bytes).decode() == Err(RecordError::BadField("reserved"))
    };
    let of_kind = |kind| commands().into_iter().find(|command| command.kind() == kind).unwrap();
    // Of an order the bytes after its last field, which are its layout's, and those after the layout.
    for at in 108..128 {
        assert!(refused(&of_kind(CommandKind::NewOrder), at), "byte {at} of an order");
    }
    for at in 40..128 {
        assert!(refused(&Command::Tick, at), "byte {at} of a tick");
    }
    // Fields that only another kind with the same layout has.
    assert!(refused(&of_kind(CommandKind::CancelOrder), 48));
    assert!(refused(&of_kind(CommandKind::Deposit), 112));
    assert!(refused(&of_kind(CommandKind::SetAccountTier), 40));
    assert!(refused(&of_kind(CommandKind::SetKillSwitch), 40));
    assert!(refused(&of_kind(CommandKind::ResetProtection), 40));
    // The second quote of a slot that has one.
    assert!(refused(&mass_quote(3)[1], 48));
}

#[test]
fn a_name_or_a_reference_that_is_empty_is_refused() {
    let (at, amount) = (Timestamp::from_nanos(1), AssetAmount::from_units(1));
    let (name, reference, none) = (name("BTC"), reference(), Name::default());
    for (command, field) in [
        (Command::CreateAsset { name: none, decimals: 1 }, "name"),
        (Command::CreateAccount { name: none }, "name"),
        (Command::SetMarketState { market: none, state: MarketState::Open }, "market"),
        (Command::Deposit { asset: none, amount, reference, at }, "asset"),
        (Command::Deposit { asset: name, amount, reference: Reference::default(), at }, "reference"),
        (Command::SettleWithdrawal { reference: Reference::default() }, "reference"),
    ] {
        let record = CommandRecord::encode(&header(), &command);
        assert_eq!(record.decode(), Err(RecordError::BadField(field)), "{}", command.kind());
    }
    let event = Event::AccountCreated { name: none };
    assert_eq!(EventRecord::encode(&event_header(), &event).decode(), Err(RecordError::BadField("name")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes: no panic; and what decodes encodes to the same.
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::array::uniform32(any::<[u8; 4]>()), kind in 0_u16..96) {
        // Half of the cases get a kind and version that exist, so that the bodies are reached.
        let mut flat: [u8; 128] = std::array::from_fn(|at| bytes[at / 4][at % 4]);
        if bytes[0][0] % 2 == 0 {
            flat[36..38].copy_from_slice(&kind.to_le_bytes());
            flat[38] = 1;
            flat[39] = 0;
            flat[60..62].copy_from_slice(&kind.to_le_bytes());
            flat[62] = 1;
            flat[63] &= 3;
        }
        if let Ok((header, command)) = CommandRecord::from_bytes(flat).decode() {
            prop_assert_eq!(*CommandRecord::encode(&header, &command).as_bytes(), flat);
        }
        if let Ok((header, event)) = EventRecord::from_bytes(flat).decode() {
            prop_assert_eq!(*EventRecord::encode(&header, &event).as_bytes(), flat);
        }
    }
}

#[test]
fn networks_that_no_writer_writes_are_refused() {
    let good = *CommandRecord::encode(&header(), &Command::SetKeyNetworks { key: KeyId::new(4), networks: networks() })
        .as_bytes();
    let (address, prefixes, kinds) = (40, 92, 95);
    assert_eq!(
        (&good[address..address + 4], &good[prefixes..=kinds]),
        (&[10, 0, 0, 0][..], &[8, 128, 0, 0b01_10_01][..])
    );
    for (at, value, field) in [
        (address + 1, 1, "prefixes"),
        (address + 4, 1, "reserved"),
        (prefixes, 33, "prefixes"),
        (prefixes + 1, 129, "prefixes"),
        // A hole in the list, a kind that is none, a fourth network.
        (kinds, 0b01_00_01, "kinds"),
        (kinds, 0b01_11_01, "kinds"),
        (kinds, 0b01_01_10_01, "kinds"),
        // An IPv6 address where an IPv4 one is said to be.
        (kinds, 0b01_01_01, "reserved"),
        (kinds, 0, "kinds"),
        (kinds + 1, 1, "reserved"),
    ] {
        let mut bytes = good;
        bytes[at] = value;
        assert_eq!(CommandRecord::from_bytes(bytes).decode(), Err(RecordError::BadField(field)), "{at} = {value}");
    }
}

#[test]
fn an_order_status_with_a_code_that_means_nothing_is_refused() {
    let good = *EventRecord::encode(&event_header(), &Event::OrderStatus(order_status())).as_bytes();
    let (kinds, modes, flags) = (124, 125, 126);
    assert_eq!((good[kinds], good[modes], good[flags]), (2 | 1 << 2 | 5 << 5, 4 | 2 << 3, 5));
    for (at, value, field) in [
        (kinds, 3 | 1 << 2 | 5 << 5, "side"),
        (kinds, 2 | 5 << 5, "order_type"),
        (kinds, 2 | 6 << 2 | 5 << 5, "order_type"),
        (kinds, 2 | 1 << 2, "time_in_force"),
        (kinds, 2 | 1 << 2 | 6 << 5, "time_in_force"),
        (modes, 5, "self_trade"),
        (modes, 3 << 3, "on_disconnect"),
        (modes, 1 << 5, "on_disconnect"),
        (flags, 8, "flags"),
    ] {
        let mut bytes = good;
        bytes[at] = value;
        assert_eq!(EventRecord::from_bytes(bytes).decode(), Err(RecordError::BadField(field)), "{at} = {value}");
    }
}
