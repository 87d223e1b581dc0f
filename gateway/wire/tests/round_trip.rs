//! Every message survives the wire, and no bytes panic the decoders.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tidegate_domain::{
    AccountId, AssetAmount, AssetId, CancelFilter, CancelReason, ClusterId, Command, CommandKind, Epoch, FeeRate,
    KeyId, Liquidity, MarketDefinition, MarketId, MarketState, Name, Nanos, NewOrder, NodeId, OnDisconnect, OrderId,
    OrderOptions, OrderStatus, OrderTarget, OrderType, Price, Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, Reject,
    RequestNumber, SelfTrade, Sequence, SessionId, SessionSequence, Side, TimeInForce, Timestamp,
};
use tidegate_wire::{
    ClientMessage, DecodeError, FRAME_LEN_MAX_BYTES, FillReport, FrameReader, GapFillReason, GatewayReject,
    GatewayStamps, Logon, LogoutReason, OrderAction, OrderRequest, Position, RefusedField, Report, ReportBody,
    ServerMessage, SessionMode, decode_client, decode_server, encode_client, encode_server,
};

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn target() -> impl Strategy<Value = OrderTarget> {
    prop_oneof![
        any::<u64>().prop_map(|raw| OrderTarget::Order(OrderId::new(raw))),
        any::<u64>().prop_map(|raw| OrderTarget::Request(RequestNumber::new(raw))),
    ]
}

fn new_order() -> impl Strategy<Value = OrderAction> {
    (
        any::<u32>(),
        one_of(Side::ALL),
        one_of(OrderType::ALL),
        one_of(TimeInForce::ALL),
        any::<bool>(),
        any::<i64>(),
        any::<u64>(),
        options(),
    )
        .prop_map(|(market, side, order_type, time_in_force, post_only, price, qty, options)| {
            OrderAction::New(NewOrder {
                market: MarketId::new(market),
                side,
                order_type,
                time_in_force,
                post_only,
                price: Price::from_ticks(price),
                qty: Qty::from_lots(qty),
                options,
            })
        })
}

fn options() -> impl Strategy<Value = OrderOptions> {
    let full = (any::<bool>(), one_of(SelfTrade::ALL), any::<u8>(), any::<[u64; 3]>(), any::<u128>()).prop_map(
        |(reprice, self_trade, group, [trigger, display, expires], budget)| OrderOptions {
            reprice,
            self_trade,
            group,
            trigger: Price::from_ticks(trigger as i64),
            display: Qty::from_lots(display),
            budget: AssetAmount::from_units(budget),
            expires: Timestamp::from_nanos(expires),
            on_disconnect: OnDisconnect::ALL[(expires % 3) as usize],
        },
    );
    prop_oneof![Just(OrderOptions::default()), full]
}

fn quote() -> impl Strategy<Value = Quote> {
    (any::<u32>(), any::<[u64; 4]>()).prop_map(|(market, [bid, bid_qty, ask, ask_qty])| {
        let side = |price, qty| QuoteSide { price: Price::from_ticks(price as i64), qty: Qty::from_lots(qty) };
        Quote { market: MarketId::new(market), bid: side(bid, bid_qty), ask: side(ask, ask_qty) }
    })
}

fn mass_quote() -> impl Strategy<Value = OrderAction> {
    let terms = (any::<u8>(), one_of(QuoteMode::ALL), one_of(SelfTrade::ALL));
    (terms, prop::collection::vec(quote(), 0..=16)).prop_map(|((group, mode, self_trade), quotes)| {
        OrderAction::MassQuote { terms: QuoteTerms { group, mode, self_trade }, quotes }
    })
}

fn cancel_filter() -> impl Strategy<Value = CancelFilter> {
    let side = prop::option::of(one_of(Side::ALL));
    (prop::option::of(1..=u32::MAX), side, any::<u8>(), any::<i64>(), any::<i64>()).prop_map(
        |(market, side, group, low, high)| CancelFilter {
            market: market.map(MarketId::new),
            side,
            group,
            price_low: Price::from_ticks(low),
            price_high: Price::from_ticks(high),
        },
    )
}

fn action() -> impl Strategy<Value = OrderAction> {
    prop_oneof![
        new_order(),
        target().prop_map(|target| OrderAction::Cancel { target }),
        (target(), any::<u64>()).prop_map(|(target, by)| OrderAction::Reduce { target, by: Qty::from_lots(by) }),
        cancel_filter().prop_map(OrderAction::CancelAll),
        (target(), any::<i64>(), any::<u64>()).prop_map(|(target, price, qty)| {
            OrderAction::Replace { target, price: Price::from_ticks(price), qty: Qty::from_lots(qty) }
        }),
        (any::<u8>(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(|(group, window, qty, count_max)| {
            let (window, qty_max) = (Nanos::from_nanos(window), Qty::from_lots(qty));
            OrderAction::SetProtection { group, window, qty_max, count_max }
        }),
        any::<u8>().prop_map(|group| OrderAction::ResetProtection { group }),
        any::<bool>().prop_map(|engaged| OrderAction::SetKillSwitch { engaged }),
        any::<u64>().prop_map(|timeout| OrderAction::CancelAllAfter { timeout: Nanos::from_nanos(timeout) }),
        target().prop_map(|target| OrderAction::QueryOrder { target }),
        prop::option::of(1..=u32::MAX)
            .prop_map(|market| OrderAction::QueryOrders { market: market.map(MarketId::new) }),
        prop::option::of(1..=u32::MAX).prop_map(|asset| OrderAction::QueryBalances { asset: asset.map(AssetId::new) }),
        mass_quote(),
    ]
}

fn logon() -> impl Strategy<Value = Logon> {
    let place = (any::<u64>(), any::<u32>(), any::<u32>(), one_of(SessionMode::ALL));
    (any::<u32>(), any::<u64>(), any::<u32>(), any::<u32>(), any::<bool>(), any::<[u8; 32]>(), place).prop_map(
        |(key, last, heartbeat_ms, grace_ms, cancel_on_disconnect, half, (sequence, index, replay_max, mode))| {
            let mut signature = [7; 64];
            signature[16..48].copy_from_slice(&half);
            let (key, last_session_sequence) = (KeyId::new(key), SessionSequence::new(last));
            let resume_after = Position { sequence: Sequence::new(sequence), index };
            Logon {
                key,
                mode,
                last_session_sequence,
                replay_max,
                resume_after,
                heartbeat_ms,
                grace_ms,
                cancel_on_disconnect,
                signature,
            }
        },
    )
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    prop_oneof![
        1 => logon().prop_map(ClientMessage::Logon),
        1 => Just(ClientMessage::Heartbeat),
        1 => Just(ClientMessage::Logout),
        1 => any::<u64>().prop_map(|id| ClientMessage::TestRequest { id }),
        1 => any::<u64>().prop_map(|id| ClientMessage::TestReply { id }),
        5 => (any::<u64>(), action())
            .prop_map(|(request, action)| ClientMessage::Order(OrderRequest { request: RequestNumber::new(request), action })),
    ]
}

fn order_report() -> impl Strategy<Value = ReportBody> {
    let numbers = (any::<u64>(), any::<i64>(), any::<u64>(), any::<u64>(), one_of(Side::ALL));
    (numbers, 0..17u8, any::<u128>(), one_of(Liquidity::ALL), one_of(CancelReason::ALL)).prop_map(
        |((order, price, qty, more, side), kind, fee, liquidity, reason)| {
            let (order, price, qty, leaves) =
                (OrderId::new(order), Price::from_ticks(price), Qty::from_lots(qty), Qty::from_lots(more));
            match kind {
                0 => ReportBody::OrderAccepted {
                    order,
                    side,
                    order_type: OrderType::ALL[more as usize % OrderType::ALL.len()],
                    time_in_force: TimeInForce::ALL[more as usize % TimeInForce::ALL.len()],
                    post_only: more % 2 == 1,
                    price,
                    qty,
                    options: OrderOptions { group: fee as u8, ..OrderOptions::default() },
                },
                1 => ReportBody::Fill(FillReport {
                    order,
                    counter_order: OrderId::new(more),
                    side,
                    liquidity,
                    price,
                    qty,
                    leaves,
                    fee: AssetAmount::from_units(fee),
                    is_rebate: more % 2 == 0,
                }),
                2 => ReportBody::OrderCancelled { order, side, price, cancelled: qty, reason },
                3 => ReportBody::OrderReduced { order, side, price, by: qty, leaves },
                4 => {
                    let kept_place = more % 2 == 1;
                    ReportBody::OrderReplaced { order, side, price, leaves, displayed: qty, kept_place }
                }
                5 => ReportBody::OrderTriggered { order, side, price, leaves },
                6 => ReportBody::OrderRefreshed { order, side, price, displayed: qty },
                7 => ReportBody::ProtectionSet {
                    group: fee as u32,
                    window: Nanos::from_nanos(more),
                    qty_max: qty,
                    count_max: more as u32,
                },
                8 => ReportBody::ProtectionReset { group: more as u32 },
                9 => ReportBody::ProtectionTriggered { group: more as u32 },
                10 => {
                    let reason = Reject::ALL[more as usize % Reject::ALL.len()];
                    ReportBody::QuoteRejected { quote: fee as u32, side, reason }
                }
                11 => ReportBody::OrderStatus(OrderStatus {
                    order,
                    key: KeyId::new(fee as u32),
                    request: RequestNumber::new(more),
                    side,
                    order_type: OrderType::ALL[more as usize % OrderType::ALL.len()],
                    time_in_force: TimeInForce::ALL[more as usize % TimeInForce::ALL.len()],
                    post_only: more % 2 == 1,
                    reprice: more % 3 == 1,
                    is_quote: more % 5 == 1,
                    price,
                    leaves,
                    filled: qty,
                    displayed: qty,
                    trigger: price,
                    expires: Timestamp::from_nanos(more),
                    self_trade: SelfTrade::ALL[more as usize % SelfTrade::ALL.len()],
                    group: fee as u8,
                    on_disconnect: OnDisconnect::ALL[more as usize % OnDisconnect::ALL.len()],
                }),
                12 => ReportBody::BalanceStatus {
                    asset: AssetId::new(more as u32),
                    available: AssetAmount::from_units(fee),
                    held: AssetAmount::from_units(fee.rotate_left(40)),
                    pending: AssetAmount::from_units(fee.rotate_left(80)),
                },
                13 => ReportBody::QueryDone { count: more },
                14 => ReportBody::CancelAllAfterSet { deadline: Timestamp::from_nanos(more) },
                15 => ReportBody::CancelAllAfterFired { cancelled: more },
                _ => {
                    let (accepted, withdrawn, rejected) = (fee as u32, more as u32, order.raw() as u32);
                    ReportBody::MassQuoteDone { accepted, withdrawn, rejected }
                }
            }
        },
    )
}

fn report_body() -> impl Strategy<Value = ReportBody> {
    prop_oneof![
        4 => order_report(),
        1 => any::<u64>().prop_map(|cancelled| ReportBody::CancelAllDone { cancelled }),
        1 => (one_of(Reject::ALL), one_of(CommandKind::ALL))
            .prop_map(|(reason, command)| ReportBody::Rejected { reason, command }),
        1 => (any::<u64>(), prop::option::of(1..=u64::MAX), prop::option::of(one_of(Reject::ALL)), one_of(CommandKind::ALL))
            .prop_map(|(original, order, reject, command)| ReportBody::Outcome {
                original: Sequence::new(original), order: order.map(OrderId::new), reject, command,
            }),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let stamps = (any::<u64>(), any::<u64>(), any::<u16>());
    let flags = any::<(bool, bool)>();
    (numbers, any::<[u32; 5]>(), flags, stamps, report_body()).prop_map(
        |((session_sequence, request, sequence, time), ids, (degraded, last), (received, sent, tokens), body)| {
            let [index, epoch, account, market, key] = ids;
            Report {
                session_sequence: SessionSequence::new(session_sequence),
                request: RequestNumber::new(request),
                sequence: Sequence::new(sequence),
                index,
                epoch: Epoch::new(epoch),
                time: Timestamp::from_nanos(time),
                account: AccountId::new(account),
                market: MarketId::new(market),
                key: KeyId::new(key),
                degraded,
                last,
                stamps: GatewayStamps {
                    received: Timestamp::from_nanos(received),
                    sent: Timestamp::from_nanos(sent),
                    tokens,
                },
                body,
            }
        },
    )
}

fn market_definition() -> impl Strategy<Value = ServerMessage> {
    (any::<[u64; 4]>(), any::<[u32; 5]>(), "[!-~]{1,16}", one_of(MarketState::ALL)).prop_map(
        |([base_units_per_lot, quote_units_per_tick_lot, qty, price], ids, name, state)| {
            ServerMessage::MarketDefinition {
                market: MarketId::new(ids[0]),
                definition: MarketDefinition {
                    name: Name::new(&name).unwrap(),
                    base: AssetId::new(ids[1]),
                    quote: AssetId::new(ids[2]),
                    base_units_per_lot,
                    quote_units_per_tick_lot,
                    maker_fee: FeeRate::from_ppm(ids[3].cast_signed()),
                    taker_fee: FeeRate::from_ppm(ids[4].cast_signed()),
                    qty_max: Qty::from_lots(qty),
                    price_max: Price::from_ticks(price as i64),
                },
                state,
            }
        },
    )
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let refused = (any::<[u64; 3]>(), one_of(GatewayReject::ALL), one_of(RefusedField::ALL)).prop_map(
        |([request, value, limit], reason, field)| ServerMessage::RequestRefused {
            request: RequestNumber::new(request),
            reason,
            field,
            value,
            limit,
        },
    );
    prop_oneof![
        (any::<[u8; 32]>(), any::<u128>(), any::<u32>(), any::<u32>()).prop_map(|(nonce, cluster, node, epoch)| {
            let (cluster, node, epoch) = (ClusterId::new(cluster), NodeId::new(node), Epoch::new(epoch));
            ServerMessage::Challenge { nonce, cluster, node, epoch }
        }),
        (any::<u32>(), "[ -~]{0,64}")
            .prop_map(|(epoch, address)| ServerMessage::NotPrimary { epoch: Epoch::new(epoch), address }),
        (any::<[u64; 3]>(), any::<[u32; 4]>()).prop_map(|([session, request, report], limits)| {
            let [epoch, heartbeat_ms, tokens_per_s, tokens_max] = limits;
            ServerMessage::LogonAccepted {
                session: SessionId::new(session),
                request_mark: RequestNumber::new(request),
                report_mark: SessionSequence::new(report),
                epoch: Epoch::new(epoch),
                heartbeat_ms,
                tokens_per_s,
                tokens_max,
            }
        }),
        (any::<u64>(), any::<u64>(), one_of(GapFillReason::ALL)).prop_map(|(first, last, reason)| {
            let (first, last) = (SessionSequence::new(first), SessionSequence::new(last));
            ServerMessage::GapFill { first, last, reason }
        }),
        (any::<u64>(), any::<u32>()).prop_map(|(sequence, index)| {
            ServerMessage::DropCopyPosition(Position { sequence: Sequence::new(sequence), index })
        }),
        (any::<u64>(), "[ -~]{0,64}")
            .prop_map(|(at, detail)| ServerMessage::Maintenance { at: Timestamp::from_nanos(at), detail }),
        any::<u64>().prop_map(|id| ServerMessage::TestRequest { id }),
        any::<u64>().prop_map(|id| ServerMessage::TestReply { id }),
        any::<u64>().prop_map(|mark| ServerMessage::ReplayDone { report_mark: SessionSequence::new(mark) }),
        market_definition(),
        Just(ServerMessage::Heartbeat),
        (one_of(LogoutReason::ALL), any::<u64>(), "[ -~]{0,64}").prop_map(|(reason, after, detail)| {
            ServerMessage::Logout { reason, resume_after: SessionSequence::new(after), detail }
        }),
        refused,
        report().prop_map(ServerMessage::Report),
    ]
}

fn client_bytes(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_client(message, &mut bytes);
    bytes
}

fn server_bytes(message: &ServerMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_server(message, &mut bytes);
    bytes
}

/// A newer version of the same message: its block is longer.
fn grown(bytes: &[u8]) -> Vec<u8> {
    let (end, block_len) = block_end(bytes);
    let mut grown = [&bytes[..end], &[0xab; 8], &bytes[end..]].concat();
    let length = grown.len();
    grown[0..4].copy_from_slice(&(length as u32).to_le_bytes());
    grown[8..10].copy_from_slice(&(block_len + 8).to_le_bytes());
    grown[14] = 2;
    grown
}

/// The same message with a block that is `by` bytes shorter.
fn shrunk(bytes: &[u8], by: usize) -> Vec<u8> {
    let (end, block_len) = block_end(bytes);
    let mut shrunk = [&bytes[..end - by], &bytes[end..]].concat();
    let length = shrunk.len();
    shrunk[0..4].copy_from_slice(&(length as u32).to_le_bytes());
    shrunk[8..10].copy_from_slice(&(block_len - by as u16).to_le_bytes());
    shrunk
}

/// Where the block ends, and its length.
fn block_end(bytes: &[u8]) -> (usize, u16) {
    let block_len = u16::from_le_bytes([bytes[8], bytes[9]]);
    (16 + usize::from(block_len), block_len)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_message_survives_the_wire(message in client_message()) {
        let bytes = client_bytes(&message);
        prop_assert!(bytes.len() <= FRAME_LEN_MAX_BYTES && bytes.len().is_multiple_of(8));
        prop_assert_eq!(decode_client(&bytes), Ok(message.clone()));
        prop_assert_eq!(decode_client(&grown(&bytes)), Ok(message));
    }

    #[test]
    fn a_server_message_survives_the_wire(message in server_message()) {
        let bytes = server_bytes(&message);
        prop_assert!(bytes.len() <= FRAME_LEN_MAX_BYTES && bytes.len().is_multiple_of(8));
        prop_assert_eq!(decode_server(&bytes), Ok(message.clone()));
        prop_assert_eq!(decode_server(&grown(&bytes)), Ok(message));
    }

    #[test]
    fn a_shorter_block_is_refused(message in server_message(), order in client_message(), by in 1..8usize) {
        let bytes = server_bytes(&message);
        if bytes.len() > 16 {
            let is_refused = matches!(decode_server(&shrunk(&bytes, by)), Err(DecodeError::Session(_)));
            prop_assert!(is_refused);
        }
        if let ClientMessage::Order(OrderRequest { request: number, .. }) = order {
            match decode_client(&shrunk(&client_bytes(&order), by)) {
                Err(DecodeError::Request { request, error }) => {
                    prop_assert_eq!(request, number);
                    prop_assert_eq!(error.field, "block_length");
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn a_truncated_or_flipped_frame_never_panics(
        client in client_message(), server in server_message(), cut in 0..1_024usize, flips in prop::collection::vec(any::<u16>(), 1..4)
    ) {
        for mut bytes in [client_bytes(&client), server_bytes(&server)] {
            let short = &bytes[..cut.min(bytes.len() - 1)];
            prop_assert!(decode_client(short).is_err() && decode_server(short).is_err());
            for flip in &flips {
                let bit = usize::from(*flip) % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            let _ = decode_client(&bytes);
            let _ = decode_server(&bytes);
        }
    }

    #[test]
    fn random_bytes_never_panic_and_never_loop(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000), header in any::<bool>(), piece in 1..600usize
    ) {
        let mut bytes = bytes;
        if header && bytes.len() >= 16 {
            // A plausible header, so that the blocks are reached too.
            let length = bytes.len().min(1_024) as u16;
            let template = bytes[10] % 120;
            bytes[..16].copy_from_slice(&[
                length as u8, (length >> 8) as u8, 0, 0, 1, 0, 0, 0,
                (length - 16) as u8, ((length - 16) >> 8) as u8, template, 0, 1, 0, 1, 0,
            ]);
        }
        let mut reader = FrameReader::new();
        let mut frames = 0;
        'stream: for mut input in bytes.chunks(piece) {
            loop {
                match reader.next_frame(&mut input) {
                    Ok(Some(frame)) => {
                        frames += 1;
                        let _ = frame.client_message();
                        let _ = frame.server_message();
                    }
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
        prop_assert!(frames <= bytes.len() / 16);
        if header && bytes.len() >= 16 {
            prop_assert!(frames >= 1);
        }
    }
}

fn buy(request: u64) -> ClientMessage {
    ClientMessage::Order(OrderRequest {
        request: RequestNumber::new(request),
        action: OrderAction::limit(
            MarketId::new(1),
            Side::Buy,
            TimeInForce::Gtc,
            Price::from_ticks(5),
            Qty::from_lots(2),
        ),
    })
}

#[test]
fn a_wrong_field_of_a_request_refuses_the_request_and_names_the_field() {
    for (block_offset, value, field) in
        [(28, 3, RefusedField::Side), (29, 0, RefusedField::OrderType), (30, 9, RefusedField::TimeInForce)]
    {
        let mut bytes = client_bytes(&buy(77));
        bytes[16 + block_offset] = value;
        let error = decode_client(&bytes).unwrap_err();
        let refused = ServerMessage::RequestRefused {
            request: RequestNumber::new(77),
            reason: GatewayReject::Malformed,
            field,
            value: u64::from(value),
            limit: 0,
        };
        assert_eq!(error.refusal(), Some(refused), "{error}");
        assert!(error.to_string().contains(field.as_str()), "{error}");
    }
}

#[test]
fn padding_that_is_not_zero_refuses_the_request() {
    let cancel =
        OrderRequest { request: RequestNumber::new(9), action: OrderAction::CancelAll(CancelFilter::default()) };
    let mut bytes = client_bytes(&ClientMessage::Order(cancel));
    *bytes.last_mut().unwrap() = 0x55;
    let error = decode_client(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "request 9: CancelAll.padding is 85, allowed: zeros");
    assert!(matches!(error.refusal(), Some(ServerMessage::RequestRefused { field: RefusedField::Padding, .. })));
}

#[test]
fn an_unknown_template_among_requests_is_refused_and_anywhere_else_ends_the_connection() {
    let mut bytes = client_bytes(&buy(12));
    bytes[10] = 60;
    match decode_client(&bytes) {
        Err(DecodeError::Request { request, error }) => {
            assert_eq!((request.raw(), error.field, error.value), (12, "template", 60));
        }
        other => panic!("{other:?}"),
    }
    bytes[10] = 64;
    let error = decode_client(&bytes).unwrap_err();
    assert!(matches!(error, DecodeError::Frame(_)) && error.refusal().is_none(), "{error}");
}

#[test]
fn a_request_too_short_for_its_number_is_refused_without_one() {
    let bytes = shrunk(&client_bytes(&buy(12)), 28);
    assert!(matches!(
        decode_client(&bytes).unwrap_err().refusal(),
        Some(ServerMessage::RequestRefused { request, field: RefusedField::BlockLength, value: 4, limit: 32, .. })
            if request.raw() == 0
    ));
}

#[test]
fn a_wrong_logon_ends_the_connection() {
    let logon = Logon {
        key: KeyId::new(1),
        mode: SessionMode::Trading,
        replay_max: 0,
        resume_after: Position::default(),
        last_session_sequence: SessionSequence::new(0),
        heartbeat_ms: 1_000,
        grace_ms: 0,
        cancel_on_disconnect: false,
        signature: [0; 64],
    };
    let mut bytes = client_bytes(&ClientMessage::Logon(logon));
    bytes[16 + 20] = 2;
    let error = decode_client(&bytes).unwrap_err();
    assert!(matches!(error, DecodeError::Session(_)));
    assert_eq!(error.to_string(), "Logon.cancel_on_disconnect is 2, allowed: 0 no, 1 yes");
}

#[test]
fn a_request_becomes_the_command_of_its_key_and_account() {
    let ClientMessage::Order(request) = buy(31) else { unreachable!() };
    let mut records = Vec::new();
    request.for_each_record(KeyId::new(4), AccountId::new(6), |record| records.push(record));
    let [record] = records[..] else { panic!("one record") };
    let (header, command) = record.decode().unwrap();
    assert_eq!((header.request.raw(), header.key.raw(), header.account.raw()), (31, 4, 6));
    assert_eq!((header.sequence.raw(), header.epoch.raw()), (0, 0), "the sequencer assigns these");
    assert!(matches!(command, Command::NewOrder(order) if order.price.ticks() == 5 && order.qty.lots() == 2));
}

#[test]
fn a_mass_quote_becomes_one_record_for_every_two_quotes() {
    let terms = QuoteTerms { group: 1, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };
    for (count, records_expected) in [(0, 1), (1, 1), (2, 1), (3, 2), (15, 8), (16, 8)] {
        let request = OrderRequest {
            request: RequestNumber::new(5),
            action: OrderAction::MassQuote { terms, quotes: vec![Quote::default(); count] },
        };
        let mut records = Vec::new();
        request.for_each_record(KeyId::new(4), AccountId::new(6), |record| records.push(record));
        assert_eq!(records.len(), records_expected, "{count} quotes");
        let slots: Vec<_> = records.iter().map(|record| record.decode().unwrap()).collect();
        assert!(slots.iter().all(|(header, _)| header.request.raw() == 5));
        assert!(slots[..slots.len() - 1].iter().all(|(_, command)| command.has_more()));
        assert!(!slots[slots.len() - 1].1.has_more());
        assert_eq!(request.cost(), count.max(1) as u32, "it costs as much as its quotes");
    }
}

#[test]
fn a_group_that_does_not_fit_its_frame_refuses_the_request_and_names_what_is_wrong() {
    let terms = QuoteTerms { group: 1, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };
    let action = OrderAction::MassQuote { terms, quotes: vec![Quote::default(); 2] };
    let good = client_bytes(&ClientMessage::Order(OrderRequest { request: RequestNumber::new(8), action }));
    // The dimensions are after the block of 16 bytes: entry length, count, padding.
    let cases: [(usize, u16, &str); 6] = [
        (32, 39, "request 8: MassQuote.entry_length is 39, allowed: at least 40"),
        (32, 48, "request 8: MassQuote.length is 88, allowed: what the group says"),
        (34, 17, "request 8: MassQuote.count is 17, allowed: at most 16"),
        (34, 1, "request 8: MassQuote.length is 88, allowed: what the group says"),
        (34, 3, "request 8: MassQuote.length is 88, allowed: what the group says"),
        (36, 1, "request 8: GroupSize.padding is 1, allowed: zeros"),
    ];
    for (at, value, expected) in cases {
        let mut bytes = good.clone();
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let error = decode_client(&bytes).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.refusal().is_some(), "the session goes on");
    }
}

#[test]
fn what_takes_orders_away_costs_no_token() {
    let cost = |action| OrderRequest { request: RequestNumber::new(1), action }.cost();
    let target = OrderTarget::Order(OrderId::new(1));
    assert_eq!(cost(OrderAction::Cancel { target }), 0);
    assert_eq!(cost(OrderAction::Reduce { target, by: Qty::from_lots(1) }), 0);
    assert_eq!(cost(OrderAction::CancelAll(CancelFilter::default())), 0);
    assert_eq!(cost(OrderAction::SetKillSwitch { engaged: true }), 0);
    assert_eq!(cost(OrderAction::SetKillSwitch { engaged: false }), 1);
    assert_eq!(cost(OrderAction::QueryOrders { market: None }), 100, "it is answered at length");
    let (price, qty) = (Price::from_ticks(1), Qty::from_lots(1));
    assert_eq!(cost(OrderAction::Replace { target, price, qty }), 1);
}
