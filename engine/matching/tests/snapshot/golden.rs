//! What was written by this format version before must be read by every build that has it.
//!
//! When a test here fails, the bytes of a snapshot have changed. That is one of:
//!
//! * the format: raise `SNAPSHOT_FORMAT_VERSION`, and keep a reader for the version before with its fixture as long as the rules
//!   (`LOGIC_VERSION`) are the same;
//! * the rules, or what the digest is made of: raise `LOGIC_VERSION`. Snapshots of other rules are refused, so the fixture is
//!   made again and the old one goes;
//! * neither on purpose: then it is a bug.
//!
//! `SNAPSHOT_GOLDEN=write cargo test -p tidegate-matching --test snapshot golden` makes the fixture again.

use std::fmt::Write;

use tidegate_domain::*;
use tidegate_matching::{Engine, SNAPSHOT_FORMAT_VERSION, SnapshotHeader};

use crate::{apply, restored};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshot/fixtures/snapshot-v3.hex");

#[test]
fn the_golden_snapshot_is_restored_and_written_as_it_was() {
    let (engine, written) = (small_state(), small_state().snapshot());
    if std::env::var("SNAPSHOT_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(FIXTURE, to_lines(&written)).unwrap();
    }
    let advice = "see the head of tests/snapshot/golden.rs for what to do";
    assert!(FIXTURE.contains(&format!("snapshot-v{SNAPSHOT_FORMAT_VERSION}.")), "another version, {advice}");
    let golden = from_lines(&std::fs::read_to_string(FIXTURE).unwrap());
    let header = SnapshotHeader::read(&golden).unwrap_or_else(|error| panic!("{error}; {advice}"));
    assert_eq!(header.len_bytes, golden.len() as u64, "{advice}");
    assert_eq!((header.applied, header.digest), (engine.applied_through(), engine.digest()), "{advice}");
    let first_difference = golden.iter().zip(&written).position(|(golden, written)| golden != written);
    assert_eq!(first_difference, None, "the bytes changed; {advice}");
    assert_eq!(golden.len(), written.len(), "the length changed; {advice}");
    restored(&engine, &golden);
}

/// 32 bytes a line, so that a difference can be read.
fn to_lines(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn from_lines(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// Something of everything: markets in two states, orders of every kind that stays, money on its way, sessions,
/// outcomes.
pub(crate) fn small_state() -> Engine {
    let mut desk = Desk { engine: Engine::new() };
    let limits = EngineLimits {
        assets_max: 4,
        markets_max: 4,
        accounts_max: 8,
        keys_max: 8,
        open_orders_max: 64,
        account_open_orders_max: 32,
        references_max: 32,
        balances_max: 16,
        seats_max: 16,
    };
    let genesis = Genesis { cluster: ClusterId::new(0x7169), logic_version: LOGIC_VERSION, limits, seed: 0x5eed };
    desk.send(0, 0, 0, Command::Genesis(genesis));
    desk.send(0, 0, 0, Command::TakeLead { node: NodeId::new(1), incarnation: 7, session_grace: Nanos::default() });
    desk.set_up();
    desk.trade();
    desk.engine.verify();
    desk.engine
}

struct Desk {
    engine: Engine,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn units(units: u128) -> AssetAmount {
    AssetAmount::from_units(units)
}

impl Desk {
    fn send(&mut self, account: u32, key: u32, request: u64, command: Command) {
        let sequence = self.engine.applied_through().next();
        let header = CommandHeader {
            sequence,
            time: Timestamp::from_nanos(sequence.raw() * 1_000_000_000),
            request: RequestNumber::new(request),
            key: KeyId::new(key),
            account: AccountId::new(account),
            epoch: Epoch::new(3),
        };
        apply(&mut self.engine, &CommandRecord::encode(&header, &command));
    }

    fn set_up(&mut self) {
        self.send(0, 0, 0, Command::CreateAsset { name: name("BTC"), decimals: 8 });
        self.send(0, 0, 0, Command::CreateAsset { name: name("USD"), decimals: 2 });
        for market in ["BTC-USD", "BTC-USD-2"] {
            let (base, quote) = (name("BTC"), name("USD"));
            let terms = MarketTerms {
                name: name(market),
                base,
                quote,
                base_units_per_lot: 1_000,
                quote_units_per_tick_lot: 2,
                maker_fee: FeeRate::from_ppm(-100),
                taker_fee: FeeRate::from_ppm(900),
                qty_max: Qty::from_lots(10_000),
                price_max: Price::from_ticks(1_000_000),
            };
            self.send(0, 0, 0, Command::CreateMarket(terms));
        }
        self.send(0, 0, 0, Command::SetMarketState { market: name("BTC-USD-2"), state: MarketState::CancelOnly });
        for (account, name) in (1..).zip(["alice", "bob", "carol"].map(name)) {
            self.send(0, 0, 0, Command::CreateAccount { name });
            let public_key = [account as u8; 32];
            self.send(account, 0, 0, Command::CreateKey { name, public_key, roles: Roles::READ.with(Roles::TRADE) });
        }
        for (account, asset, amount) in
            [(1, "BTC", 1 << 40), (1, "USD", 1 << 40), (2, "BTC", 900_000), (2, "USD", 1 << 70)]
        {
            let (at, reference) = (Timestamp::from_nanos(5), Reference::new(&format!("in-{account}-{asset}")).unwrap());
            self.send(account, 0, 0, Command::Deposit { asset: name(asset), amount: units(amount), reference, at });
        }
        let (asset, at) = (name("USD"), Timestamp::from_nanos(6));
        for (reference, amount) in [("out-1", 500), ("out-2", 700)] {
            let (reference, amount) = (Reference::new(reference).unwrap(), units(amount));
            self.send(2, 0, 0, Command::HoldWithdrawal { asset, amount, reference, at });
        }
        self.send(2, 0, 0, Command::SettleWithdrawal { reference: Reference::new("out-1").unwrap() });
        let limits = AccountLimits { open_orders_max: 20, notional_max: units(1 << 60), ..Default::default() };
        self.send(1, 0, 0, Command::SetAccountLimits(limits));
        self.send(2, 0, 0, Command::SetAccountOwner { owner: 9 });
        let (maker_fee, taker_fee) = (FeeRate::from_ppm(10), FeeRate::from_ppm(20));
        self.send(0, 0, 0, Command::SetFeeTier { tier: 4, maker_fee, taker_fee });
        self.send(2, 0, 0, Command::SetAccountTier { tier: 4 });
        self.send(3, 0, 0, Command::SetKillSwitch { engaged: true });
        let grace = Nanos::from_millis(60_000);
        for key in [1, 2] {
            let session = SessionId::new(100 + u64::from(key));
            self.send(
                key,
                key,
                0,
                Command::OpenSession { session, cancel_on_disconnect: true, grace, refuse_if_open: true },
            );
        }
        self.send(2, 2, 0, Command::CloseSession { session: SessionId::new(102) });
        let all = ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse::<Network>().unwrap());
        let networks = all.into_iter().try_fold(Networks::default(), Networks::with).unwrap();
        self.send(1, 0, 0, Command::SetKeyNetworks { key: KeyId::new(1), networks });
    }

    fn trade(&mut self) {
        let limit = |side, price, qty| NewOrder {
            market: MarketId::new(1),
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price: Price::from_ticks(price),
            qty: Qty::from_lots(qty),
            options: OrderOptions::default(),
        };
        let protection = Command::SetProtection {
            group: 7,
            window: Nanos::from_millis(9_000_000),
            qty_max: Qty::from_lots(5_000),
            count_max: 3,
        };
        self.send(1, 1, 1, protection);
        let mut iceberg = limit(Side::Sell, 101, 50);
        (iceberg.options.display, iceberg.options.group) = (Qty::from_lots(8), 7);
        let mut until = limit(Side::Buy, 98, 4);
        (until.time_in_force, until.options.expires) = (TimeInForce::Gtd, Timestamp::from_nanos(1 << 50));
        let mut day = limit(Side::Buy, 99, 3);
        (day.time_in_force, day.post_only) = (TimeInForce::Day, true);
        let mut stop = limit(Side::Sell, 0, 6);
        (stop.order_type, stop.options.trigger) = (OrderType::Stop, Price::from_ticks(90));
        let mut stop_limit = limit(Side::Buy, 120, 5);
        (stop_limit.order_type, stop_limit.options.trigger) = (OrderType::StopLimit, Price::from_ticks(110));
        stop_limit.options.self_trade = SelfTrade::Decrement;
        let mut stop_buy = limit(Side::Buy, 0, 2);
        (stop_buy.order_type, stop_buy.options.trigger) = (OrderType::Stop, Price::from_ticks(110));
        let orders = [iceberg, limit(Side::Sell, 101, 9), until, day, stop, stop_limit, stop_buy];
        for (request, order) in (2..).zip(orders) {
            self.send(1, 1, request, Command::NewOrder(order));
        }
        // One fills a part of the iceberg twice, one is refused, one moves.
        self.send(2, 2, 1, Command::NewOrder(limit(Side::Buy, 101, 11)));
        self.send(2, 2, 2, Command::NewOrder(limit(Side::Sell, 105, 100_000)));
        self.send(2, 2, 5, Command::NewOrder(limit(Side::Buy, 97, 20)));
        let (target, price, qty) =
            (OrderTarget::Request(RequestNumber::new(5)), Price::from_ticks(98), Qty::from_lots(21));
        self.send(2, 2, 6, Command::ReplaceOrder { target, price, qty });
        let mut staying = limit(Side::Buy, 96, 3);
        staying.options.on_disconnect = OnDisconnect::Stay;
        self.send(2, 2, 7, Command::NewOrder(staying));
        self.send(2, 2, 8, Command::CancelAllAfter { timeout: CANCEL_ALL_AFTER_MAX });
        self.send(3, 3, 1, Command::NewOrder(limit(Side::Buy, 97, 20)));
        // Both sides of one quote rest; of another mass quote only the first slot is here.
        let side = |price, qty| QuoteSide { price: Price::from_ticks(price), qty: Qty::from_lots(qty) };
        let quote = |bid, ask| Quote { market: MarketId::new(1), bid: side(bid, 4), ask: side(ask, 5) };
        let terms = QuoteTerms { group: 3, mode: QuoteMode::PostOnly, self_trade: SelfTrade::CancelOldest };
        for slot in MassQuote::slots(terms, &[quote(95, 130)]) {
            self.send(1, 1, 9, Command::MassQuote(slot));
        }
        let quotes = [quote(94, 131), quote(93, 132), quote(92, 133)];
        let first = MassQuote::slots(terms, &quotes).next().unwrap();
        self.send(1, 1, 10, Command::MassQuote(first));
    }
}
