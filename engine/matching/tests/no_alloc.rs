//! Once its tables are made, the engine allocates nothing: a million commands of every kind that clients send.

#![allow(clippy::unwrap_used, missing_docs)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use tidegate_domain::*;
use tidegate_matching::Engine;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ACCOUNTS: u32 = 50;
const COMMANDS: u64 = 1_000_000;

struct Desk {
    engine: Engine,
    out: EventBuffer,
    random: u64,
}

impl Desk {
    fn send(&mut self, key: u32, request: u64, account: u32, command: &Command) {
        let sequence = self.engine.applied_through().next();
        let header = CommandHeader {
            sequence,
            time: Timestamp::from_nanos(sequence.raw() * 1_000),
            request: RequestNumber::new(request),
            key: KeyId::new(key),
            account: AccountId::new(account),
            epoch: Epoch::new(1),
        };
        self.out.clear();
        self.engine.apply(&CommandRecord::encode(&header, command), &mut self.out);
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    fn setup(&mut self) {
        let limits = EngineLimits { open_orders_max: 20_000, ..EngineLimits::default() };
        let cluster = ClusterId::new(7);
        self.send(0, 0, 0, &Command::Genesis(Genesis { cluster, logic_version: LOGIC_VERSION, limits, seed: 7 }));
        self.out.reserve_total(self.engine.events_per_command_max());
        let name = |text: &str| Name::new(text).unwrap();
        for asset in ["BTC", "USD"] {
            self.send(0, 1, 0, &Command::CreateAsset { name: name(asset), decimals: 2 });
        }
        let terms = MarketTerms {
            name: name("M"),
            base: name("BTC"),
            quote: name("USD"),
            base_units_per_lot: 1,
            quote_units_per_tick_lot: 1,
            maker_fee: FeeRate::from_ppm(-100),
            taker_fee: FeeRate::from_ppm(500),
            qty_max: Qty::from_lots(1_000),
            price_max: Price::from_ticks(1 << 40),
        };
        self.send(0, 1, 0, &Command::CreateMarket(terms));
        for account in 1..=ACCOUNTS {
            self.send(0, 1, 0, &Command::CreateAccount { name: name(&format!("a{account}")) });
            let (name_of_key, public_key) = (name(&format!("k{account}")), [account as u8; 32]);
            let roles = Roles::READ.with(Roles::TRADE);
            self.send(0, 1, account, &Command::CreateKey { name: name_of_key, public_key, roles });
            for asset in ["BTC", "USD"] {
                let reference = Reference::new(&format!("{account}-{asset}")).unwrap();
                let (amount, at) = (AssetAmount::from_units(1 << 60), Timestamp::from_nanos(0));
                self.send(0, 1, account, &Command::Deposit { asset: name(asset), amount, reference, at });
            }
        }
        for account in 1..=ACCOUNTS {
            let protection =
                Command::SetProtection { group: 3, window: Nanos::from_millis(1), qty_max: Qty::ZERO, count_max: 9 };
            self.send(account, 1, account, &protection);
        }
    }

    fn command(&mut self, newest: u64) -> Command {
        let target = OrderTarget::Request(RequestNumber::new(newest.saturating_sub(1 + self.below(30))));
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = Price::from_ticks(100_000 + self.below(60) as i64 + if side == Side::Sell { 20 } else { 0 });
        if self.below(5_000) == 0 {
            return Command::CancelAllAfter { timeout: CANCEL_ALL_AFTER_MIN };
        }
        match self.below(23) {
            20 => Command::QueryOrder { target },
            21 => Command::QueryOrders { market: Some(MarketId::new(2)) },
            22 => Command::QueryBalances { asset: None },
            0..9 => Command::NewOrder(self.order(side, price)),
            9..13 => Command::ReplaceOrder { target, price, qty: Qty::from_lots(1 + self.below(100)) },
            13..17 => Command::CancelOrder { target },
            17 => Command::ReduceOrder { target, by: Qty::from_lots(1) },
            18 => Command::ResetProtection { group: 3 },
            _ => Command::CancelAll(CancelFilter { group: 9, ..CancelFilter::default() }),
        }
    }

    /// A mass quote of 1 to 15 quotes around the middle, some of them far away, crossed or withdrawn.
    fn quotes(&mut self) -> Vec<Command> {
        let mode = QuoteMode::ALL[self.below(3) as usize];
        let terms =
            QuoteTerms { group: self.below(10) as u8, mode, self_trade: SelfTrade::ALL[self.below(5) as usize] };
        let mut quotes = [Quote::default(); QUOTES_MAX];
        let count = 1 + self.below(QUOTES_MAX as u64) as usize;
        for quote in &mut quotes[..count] {
            quote.market = MarketId::new(1 + self.below(40) as u32 / 39);
            quote.bid.price = Price::from_ticks(100_000 + self.below(60) as i64);
            quote.ask.price = Price::from_ticks(100_020 + self.below(60) as i64);
            (quote.bid.qty, quote.ask.qty) = (Qty::from_lots(self.below(20)), Qty::from_lots(1 + self.below(20)));
            if self.below(8) == 0 {
                quote.ask = QuoteSide::default();
            }
        }
        MassQuote::slots(terms, &quotes[..count]).map(Command::MassQuote).collect()
    }

    fn order(&mut self, side: Side, price: Price) -> NewOrder {
        let mut order = NewOrder {
            market: MarketId::new(1),
            side,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            price,
            qty: Qty::from_lots(1 + self.below(100)),
            options: OrderOptions { group: self.below(10) as u8, ..OrderOptions::default() },
        };
        order.options.self_trade = SelfTrade::ALL[self.below(5) as usize];
        match self.below(12) {
            0 => order.time_in_force = TimeInForce::Ioc,
            1 => order.time_in_force = TimeInForce::Fok,
            2 => order.time_in_force = TimeInForce::Day,
            3 => {
                order.time_in_force = TimeInForce::Gtd;
                let now = self.engine.applied_through().raw() * 1_000;
                order.options.expires = Timestamp::from_nanos(now + 1 + self.below(100_000_000));
            }
            4 => order.options.display = Qty::from_lots(1 + self.below(20)),
            5 => (order.post_only, order.options.reprice) = (true, true),
            6 => {
                (order.order_type, order.price) = (OrderType::Stop, Price::from_ticks(0));
                order.options.trigger = price;
            }
            7 => {
                (order.order_type, order.price, order.qty) = (OrderType::Budget, Price::from_ticks(0), Qty::ZERO);
                order.time_in_force = TimeInForce::Ioc;
                order.options.budget = AssetAmount::from_units(u128::from(1 + self.below(10_000_000)));
            }
            // Far from everything: levels of their own.
            8 => order.price = Price::from_ticks(1 + self.below(1 << 39) as i64),
            _ => {}
        }
        if order.price.ticks() > 1_000_000 && side == Side::Buy {
            order.price = Price::from_ticks(1);
        }
        order
    }
}

/// Numbers of requests so far, by account.
type Requests = [u64; ACCOUNTS as usize + 1];

/// Plays commands of clients and counts their events by kind.
fn play(desk: &mut Desk, requests: &mut Requests, commands: u64) -> [u64; 128] {
    let mut kinds = [0_u64; 128];
    // Made before they are counted.
    let mass_quotes: Vec<Vec<Command>> = (0..1_000).map(|_| desk.quotes()).collect();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..commands {
        let account = 1 + desk.below(ACCOUNTS.into()) as u32;
        requests[account as usize] += 1;
        let request = requests[account as usize];
        let one = [desk.command(request)];
        let commands = match desk.below(10) {
            0 => &mass_quotes[desk.below(1_000) as usize][..],
            _ => &one,
        };
        for command in commands {
            desk.send(account, request, account, command);
            for record in desk.out.records() {
                let (_, event) = record.decode().unwrap();
                kinds[event.kind().code() as usize] += 1;
            }
        }
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    desk.engine.verify();
    kinds
}

#[test]
fn a_million_commands_of_clients_allocate_nothing() {
    let mut desk = Desk { engine: Engine::new(), out: EventBuffer::default(), random: 1 };
    desk.setup();
    let mut requests = [1; ACCOUNTS as usize + 1];
    let kinds = play(&mut desk, &mut requests, COMMANDS);
    for kind in [
        EventKind::Fill,
        EventKind::OrderReplaced,
        EventKind::OrderTriggered,
        EventKind::OrderRefreshed,
        EventKind::ProtectionTriggered,
        EventKind::OrderReduced,
        EventKind::QuoteRejected,
        EventKind::MassQuoteDone,
        EventKind::OrderStatus,
        EventKind::BalanceStatus,
        EventKind::QueryDone,
        EventKind::CancelAllAfterSet,
    ] {
        assert!(kinds[kind.code() as usize] > 100, "hardly any {kind}: {}", kinds[kind.code() as usize]);
    }
    assert!(kinds[EventKind::CancelAllAfterFired.code() as usize] > 0, "no key's timer was due");
    restored_engines_allocate_nothing();
}

/// Restored early, while there is little of everything: room is what the limits say, not what the snapshot has. A part
/// of the one test, since its threads would count each other's allocations.
fn restored_engines_allocate_nothing() {
    let mut desk = Desk { engine: Engine::new(), out: EventBuffer::default(), random: 2 };
    desk.setup();
    let mut requests = [1; ACCOUNTS as usize + 1];
    play(&mut desk, &mut requests, 2_000);
    desk.engine = Engine::restore(&desk.engine.snapshot()).unwrap();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for group in 4..=18 {
        let (window, qty_max) = (Nanos::from_millis(1), Qty::from_lots(1_000));
        requests[1] += 1;
        desk.send(1, requests[1], 1, &Command::SetProtection { group, window, qty_max, count_max: 0 });
    }
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0);
    play(&mut desk, &mut requests, COMMANDS / 4);
}
