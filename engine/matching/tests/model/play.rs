//! Random commands that collide: few prices, small funds, wrong ids, resends, halts, sessions, timers, new leaders.
//!
//!   seed --proptest--> [Op], [Op], .. --[Script::record]--> CommandRecord
//!
//! An op is relative ("the third newest order", "the next number of this key"), so a shrunk list still makes sense.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use std::hash::{BuildHasher, Hasher};
use tidegate_domain::*;

/// Small, so that tables fill up.
pub(crate) const LIMITS: EngineLimits = EngineLimits {
    assets_max: 3,
    markets_max: 3,
    accounts_max: 4,
    keys_max: 5,
    open_orders_max: 14,
    account_open_orders_max: 7,
    references_max: 14,
    balances_max: 64,
    seats_max: 64,
};

/// Which number a request has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Next { gap: u64 },
    Back { by: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    Newest(usize),
    Request { back: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    New(NewOrder),
    Cancel(Target),
    Reduce(Target, u64),
    CancelAll(u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// `stranger`: the header names another account than the key's.
    Ask {
        key: u32,
        stranger: bool,
        number: Number,
        ask: Ask,
    },
    /// An older request again, byte for byte.
    Resend {
        back: usize,
    },
    Money {
        account: u32,
        asset: u8,
        amount: u128,
        reference: u8,
        is_deposit: bool,
    },
    Halt {
        market: u8,
        state: MarketState,
    },
    Create {
        kind: u8,
        name: u8,
        account: u32,
        extra: u8,
    },
    Login {
        key: u32,
        cancels: bool,
        grace_ms: u64,
    },
    Logout {
        key: u32,
        back: u64,
    },
    Lead {
        step: u32,
    },
    Durability,
    Tick,
}

/// An op, and how many milliseconds pass before it.
pub(crate) type Step = (u64, Op);

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![20 => Just(0_u64), 6 => 1..20_u64, 1 => Just(40), 1 => Just(11_000)];
    prop::collection::vec((wait, op()), 1..300)
}

fn op() -> impl Strategy<Value = Op> {
    let key = || prop_oneof![40 => 1..=4_u32, 1 => 0..=6_u32];
    let asks = (key(), prop::bool::weighted(0.02), number(), ask());
    prop_oneof![
        60 => asks.prop_map(|(key, stranger, number, ask)| Op::Ask { key, stranger, number, ask }),
        4 => (0..40_usize).prop_map(|back| Op::Resend { back }),
        4 => (prop_oneof![12 => 1..=3_u32, 1 => Just(0_u32), 1 => Just(4)], prop_oneof![12 => 0..=1_u8, 1 => 2..=3_u8], amount(), 0..16_u8, any::<bool>()).prop_map(
            |(account, asset, amount, reference, is_deposit)| Op::Money { account, asset, amount, reference, is_deposit }
        ),
        1 => (1..=3_u8, prop_oneof![1 => Just(MarketState::Halted), 3 => Just(MarketState::Open)])
            .prop_map(|(market, state)| Op::Halt { market, state }),
        1 => (0..4_u8, 0..6_u8, 0..5_u32, 0..40_u8)
            .prop_map(|(kind, name, account, extra)| Op::Create { kind, name, account, extra }),
        4 => (key(), any::<bool>(), prop_oneof![Just(0_u64), Just(5), Just(30), Just(20_000)])
            .prop_map(|(key, cancels, grace_ms)| Op::Login { key, cancels, grace_ms }),
        4 => (key(), prop_oneof![4 => Just(0_u64), 2 => 1..5_u64]).prop_map(|(key, back)| Op::Logout { key, back }),
        1 => (0..2_u32).prop_map(|step| Op::Lead { step }),
        1 => Just(Op::Durability),
        3 => Just(Op::Tick),
    ]
}

fn amount() -> impl Strategy<Value = u128> {
    prop_oneof![12 => 0..60_u128, 1 => Just((1 << 96) - 1), 1 => Just(1 << 96), 1 => Just(u128::MAX)]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        60 => Just(Number::Next { gap: 0 }),
        4 => (0..4_u64).prop_map(|gap| Number::Next { gap }),
        3 => (0..6_u64).prop_map(|by| Number::Back { by }),
        1 => Just(Number::Back { by: u64::MAX }),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        9 => (0..5_usize).prop_map(Target::Newest),
        2 => (0..30_usize).prop_map(Target::Newest),
        4 => (0..6_u64).prop_map(|back| Target::Request { back }),
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        24 => new_order().prop_map(Ask::New),
        5 => target().prop_map(Ask::Cancel),
        4 => (target(), 0..6_u64).prop_map(|(target, by)| Ask::Reduce(target, by)),
        1 => (0..=3_u32).prop_map(Ask::CancelAll),
    ]
}

fn new_order() -> impl Strategy<Value = NewOrder> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let price = prop_oneof![40 => 1..=6_i64, 1 => -1..=0_i64, 1 => 100..=101_i64];
    let qty = prop_oneof![40 => 1..=9_u64, 3 => 30..=51_u64, 1 => Just(0_u64)];
    let rule = prop_oneof![
        12 => Just((OrderType::Limit, TimeInForce::Gtc, false)),
        4 => Just((OrderType::Limit, TimeInForce::Gtc, true)),
        4 => Just((OrderType::Limit, TimeInForce::Ioc, false)),
        4 => Just((OrderType::Limit, TimeInForce::Fok, false)),
        4 => Just((OrderType::Market, TimeInForce::Ioc, false)),
        3 => Just((OrderType::Market, TimeInForce::Fok, false)),
        1 => Just((OrderType::Market, TimeInForce::Gtc, false)),
        1 => Just((OrderType::Market, TimeInForce::Ioc, true)),
        1 => Just((OrderType::Limit, TimeInForce::Ioc, true)),
    ];
    let market = prop_oneof![20 => Just(1_u32), 12 => Just(2_u32), 1 => 0..=3_u32];
    let stray_price = prop::bool::weighted(0.05);
    (market, side, rule, price, qty, stray_price).prop_map(|(market, side, rule, price, qty, stray_price)| {
        let (order_type, time_in_force, post_only) = rule;
        let is_priced = order_type == OrderType::Limit || stray_price;
        NewOrder {
            market: MarketId::new(market),
            side,
            order_type,
            time_in_force,
            post_only,
            price: Price::from_ticks(if is_priced { price } else { 0 }),
            qty: Qty::from_lots(qty),
            options: OrderOptions::default(),
        }
    })
}

/// Turns ops into the records that a sequencer would make of them.
#[derive(Default)]
pub(crate) struct Script {
    sequence: u64,
    millis: u64,
    epoch: u32,
    admin_request: u64,
    session: u64,
    marks: [u64; 8],
    requests: Vec<(CommandHeader, Command)>,
    orders: Vec<OrderId>,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn asset_name(asset: u8) -> Name {
    name(["BTC", "USD", "EUR", "GBP"][asset as usize % 4])
}

fn market_name(market: u8) -> Name {
    name(["M1", "M2", "M3", "M4"][(market as usize).wrapping_sub(1) % 4])
}

impl Script {
    /// What every run begins with: two assets, a plain market and one with fees and odd units, three accounts with
    /// little money, four keys of which two share an account.
    pub(crate) fn prelude(&mut self) -> Vec<CommandRecord> {
        let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits: LIMITS };
        let operator = |account| CommandHeader { account: AccountId::new(account), ..Default::default() };
        let mut commands = vec![(operator(0), Command::Genesis(genesis))];
        commands.extend([0, 1].map(|at| (operator(0), Command::CreateAsset { name: asset_name(at), decimals: 2 })));
        commands.push((operator(0), Command::CreateMarket(terms(1, 0))));
        commands.push((operator(0), Command::CreateMarket(terms(2, 7))));
        let accounts = [name("alice"), name("bob"), name("carol")];
        commands.extend(accounts.map(|name| (operator(0), Command::CreateAccount { name })));
        for (at, account) in [1, 1, 2, 3].into_iter().enumerate() {
            let name = name(["a", "a2", "b", "c"][at]);
            commands.push((
                operator(account),
                Command::CreateKey { name, public_key: [at as u8; 32], roles: Roles::TRADE },
            ));
        }
        for account in 1..=3 {
            for (asset, amount) in [(0, 60), (1, 90)] {
                let (asset, amount) = (asset_name(asset), AssetAmount::from_units(amount));
                let reference = Reference::new(&format!("seed-{account}-{asset}")).unwrap();
                commands.push((
                    operator(account),
                    Command::Deposit { asset, amount, reference, at: Timestamp::from_nanos(0) },
                ));
            }
        }
        commands.into_iter().map(|(header, command)| self.stamp(header, &command)).collect()
    }

    /// The next record.
    pub(crate) fn record(&mut self, (wait, op): &Step) -> CommandRecord {
        self.millis += wait;
        let (header, command) = self.command(op);
        self.stamp(header, &command)
    }

    /// What it learns from the engine's answer: ids of orders.
    pub(crate) fn learn(&mut self, event: &Event) {
        if let Event::OrderAccepted { order, .. } = event {
            self.orders.push(*order);
        }
    }

    fn stamp(&mut self, mut header: CommandHeader, command: &Command) -> CommandRecord {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.millis * 1_000_000);
        header.epoch = Epoch::new(self.epoch);
        CommandRecord::encode(&header, command)
    }

    fn command(&mut self, op: &Op) -> (CommandHeader, Command) {
        let mut header = CommandHeader::default();
        let command = match *op {
            Op::Ask { key, stranger, number, ask } => return self.ask(key, stranger, number, ask),
            Op::Resend { back } => {
                let older = self.requests.len().checked_sub(1 + back).and_then(|at| self.requests.get(at));
                return older.copied().unwrap_or((header, Command::Tick));
            }
            Op::Login { key, cancels, grace_ms } => {
                self.session += 1;
                header.key = KeyId::new(key);
                let (session, grace) = (SessionId::new(self.session), Nanos::from_millis(grace_ms));
                Command::OpenSession { session, cancel_on_disconnect: cancels, grace }
            }
            Op::Logout { key, back } => {
                // The newest sessions, most likely one of this key: a wrong one must change nothing.
                header.key = KeyId::new(key);
                Command::CloseSession { session: SessionId::new(self.session.saturating_sub(back)) }
            }
            Op::Lead { step } => {
                self.epoch += step;
                Command::TakeLead { node: NodeId::new(1), incarnation: self.sequence }
            }
            Op::Durability => Command::SetDurability { durability: Durability::Local, degraded: true },
            Op::Tick => Command::Tick,
            Op::Money { account, .. } | Op::Create { account, .. } => {
                header.account = AccountId::new(account);
                self.admin(op)
            }
            Op::Halt { .. } => self.admin(op),
        };
        if header.key == KeyId::OPERATOR {
            self.admin_request += 1;
            header.request = RequestNumber::new(self.admin_request);
        }
        (header, command)
    }

    fn admin(&self, op: &Op) -> Command {
        match *op {
            Op::Money { asset, amount, reference, is_deposit, .. } => {
                let (asset, amount) = (asset_name(asset), AssetAmount::from_units(amount));
                let reference = Reference::new(&format!("r{reference}")).unwrap();
                if is_deposit {
                    Command::Deposit { asset, amount, reference, at: Timestamp::from_nanos(0) }
                } else {
                    Command::Withdraw { asset, amount, reference, at: Timestamp::from_nanos(0) }
                }
            }
            Op::Halt { market, state } => Command::SetMarketState { market: market_name(market), state },
            Op::Create { kind: 0, name, extra, .. } => Command::CreateAsset { name: asset_name(name), decimals: extra },
            Op::Create { kind: 1, name: at, .. } => {
                Command::CreateAccount { name: name(["alice", "dave", "erin"][at as usize % 3]) }
            }
            Op::Create { kind: 2, name: at, extra, .. } => Command::CreateKey {
                name: name(["a", "d", "e"][at as usize % 3]),
                public_key: [extra; 32],
                roles: Roles::TRADE,
            },
            Op::Create { name, extra, .. } => Command::CreateMarket(terms(name, extra)),
            _ => unreachable!(),
        }
    }

    fn ask(&mut self, key: u32, stranger: bool, number: Number, ask: Ask) -> (CommandHeader, Command) {
        let mark = &mut self.marks[key as usize];
        let number = match number {
            Number::Next { gap } => mark.saturating_add(1 + gap),
            Number::Back { by } => mark.saturating_sub(by),
        };
        *mark = number.max(*mark);
        let (mark, owner) = (*mark, [0, 1, 1, 2, 3, 4, 4][key as usize] + u32::from(stranger));
        let target = |target| match target {
            Target::Newest(back) => {
                let order = self.orders.len().checked_sub(1 + back).map(|at| self.orders[at]);
                OrderTarget::Order(order.unwrap_or(OrderId::new(0)))
            }
            Target::Request { back } => OrderTarget::Request(RequestNumber::new(mark.saturating_sub(back))),
        };
        let command = match ask {
            Ask::New(order) => Command::NewOrder(order),
            Ask::Cancel(order) => Command::CancelOrder { target: target(order) },
            Ask::Reduce(order, by) => Command::ReduceOrder { target: target(order), by: Qty::from_lots(by) },
            Ask::CancelAll(0) => Command::CancelAll(CancelFilter::in_market(None)),
            Ask::CancelAll(market) => Command::CancelAll(CancelFilter::in_market(Some(MarketId::new(market)))),
        };
        let header = CommandHeader {
            request: RequestNumber::new(number),
            key: KeyId::new(key),
            account: AccountId::new(owner),
            ..Default::default()
        };
        self.requests.push((header, command));
        (header, command)
    }
}

/// Markets 1 and 2 are the prelude's; others vary, into what must be refused.
fn terms(market: u8, extra: u8) -> MarketTerms {
    let is_large = extra >= 35;
    MarketTerms {
        name: market_name(market),
        base: asset_name(0),
        quote: asset_name(if extra == 20 { 0 } else { 1 + extra / 33 }),
        base_units_per_lot: if extra == 0 { 1 } else { 3 },
        quote_units_per_tick_lot: if extra == 30 { 0 } else { 1 + u64::from(extra % 5) },
        maker_fee: FeeRate::from_ppm(i32::from(extra) * 1_000),
        taker_fee: FeeRate::from_ppm(if extra == 31 { 1_000_001 } else { i32::from(extra) * 30_000 }.min(1_000_001)),
        qty_max: Qty::from_lots(if is_large { u64::MAX } else { 50 }),
        price_max: Price::from_ticks(if extra == 32 { 0 } else { 100 }),
    }
}

/// A configuration whose seed is printed; `PROPTEST_RNG_SEED` repeats a run.
pub(crate) fn config(cases: u32) -> Config {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => std::collections::hash_map::RandomState::new().build_hasher().finish(),
    };
    println!("PROPTEST_RNG_SEED={seed} repeats this run");
    config.rng_seed = RngSeed::Fixed(seed);
    config
}
