//! Random but repeatable order flow through the real engine, as released events: two markets, four accounts, five keys,
//! every kind of order, cancels, reduces, sessions whose orders go, money in and out, rejects, halts, what operators set.
//!
//! Shared by the tests of the SQL sink and of the HTTP views, which must both agree with the engine.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub)]

use std::path::Path;

use tidegate_domain::*;
use tidegate_journal::{LogConfig, OpenedEventLog, SEGMENT_LEN_BYTES_MIN, open_event_log};
use tidegate_matching::Engine;

pub const CLUSTER: ClusterId = ClusterId::new(0x71de);
pub const KEYS: u32 = 5;
pub const MARKETS: [(u32, &str); 2] = [(1, "BTC-USDT"), (2, "ETH-BTC")];
const STEP_NANOS: u64 = 7_000_000;

pub struct Flow {
    pub engine: Engine,
    /// The leadership term of what comes.
    pub epoch: Epoch,
    random: u64,
    time: u64,
    requests: [u64; KEYS as usize + 1],
    orders: Vec<OrderId>,
    references: u64,
    /// Withdrawals that an account wanted to be held.
    holds: Vec<(u32, Reference)>,
    /// An operator set something that could refuse an order.
    is_restricted: bool,
    out: EventBuffer,
}

impl Flow {
    pub fn new(seed: u64) -> Self {
        Self {
            engine: Engine::new(),
            epoch: Epoch::new(1),
            random: seed,
            time: 1_700_000_000_000_000_000,
            requests: [0; KEYS as usize + 1],
            orders: Vec::new(),
            references: 0,
            holds: Vec::new(),
            is_restricted: false,
            out: EventBuffer::default(),
        }
    }

    /// Everything that exists before the first order.
    pub fn prelude(&mut self) -> Vec<EventRecord> {
        let limits = EngineLimits { assets_max: 8, markets_max: 8, accounts_max: 8, keys_max: 8, ..Default::default() };
        let genesis = Genesis { cluster: CLUSTER, logic_version: LOGIC_VERSION, limits, seed: 7 };
        let mut events = self.apply(0, 0, Command::Genesis(genesis));
        let at = Timestamp::from_nanos(self.time);
        let mut then = |account, command| events.extend(self.apply(0, account, command));
        then(0, Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace: Nanos::default() });
        for (asset, decimals) in [("BTC", 8), ("USDT", 6), ("ETH", 8)] {
            then(0, Command::CreateAsset { name: name(asset), decimals });
        }
        for (market, base, quote, base_units, quote_units) in
            [("BTC-USDT", "BTC", "USDT", 10_000, 1), ("ETH-BTC", "ETH", "BTC", 1_000_000, 100)]
        {
            then(
                0,
                Command::CreateMarket(MarketTerms {
                    name: name(market),
                    base: name(base),
                    quote: name(quote),
                    base_units_per_lot: base_units,
                    quote_units_per_tick_lot: quote_units,
                    maker_fee: FeeRate::from_ppm(if market == "ETH-BTC" { -1_500 } else { 1_000 }),
                    taker_fee: FeeRate::from_ppm(2_500),
                    qty_max: Qty::from_lots(1_000),
                    price_max: Price::from_ticks(1_000_000),
                }),
            );
        }
        for account in ["alice", "bob", "carol", "dave"] {
            then(0, Command::CreateAccount { name: name(account) });
        }
        for (n, account) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 1)] {
            then(
                account,
                Command::CreateKey { name: name(&format!("key-{n}")), public_key: [n; 32], roles: Roles::TRADE },
            );
        }
        for account in 1..=4 {
            for asset in ["BTC", "USDT", "ETH"] {
                let reference = Reference::new(&format!("seed-{account}-{asset}")).unwrap();
                let amount = AssetAmount::from_units(2_000_000_000_000_000);
                then(account, Command::Deposit { asset: name(asset), amount, reference, at });
            }
        }
        events
    }

    /// The events of the next random command; perhaps none.
    pub fn step(&mut self) -> Vec<EventRecord> {
        let key = u32::try_from(1 + self.below(KEYS.into())).unwrap();
        let account = if key == 5 { 1 } else { key };
        match self.below(100) {
            0..52 => {
                let order = self.order();
                self.apply(key, account, order)
            }
            52..62 => self.mass_quote(key, account),
            62..70 => {
                let target = OrderTarget::Order(self.some_order());
                let (price, qty) = (Price::from_ticks(990 + self.below(20) as i64), Qty::from_lots(self.below(30)));
                self.apply(key, account, Command::ReplaceOrder { target, price, qty })
            }
            70..80 => {
                let target = OrderTarget::Order(self.some_order());
                self.apply(key, account, Command::CancelOrder { target })
            }
            80..90 => {
                let (target, by) = (OrderTarget::Order(self.some_order()), Qty::from_lots(self.below(20)));
                self.apply(key, account, Command::ReduceOrder { target, by })
            }
            90 => {
                let market = [None, Some(MarketId::new(1)), Some(MarketId::new(2))][self.below(3) as usize];
                self.apply(key, account, Command::CancelAll(CancelFilter::in_market(market)))
            }
            91..93 => {
                let (session, grace) = (SessionId::new(key.into()), Nanos::from_millis(self.below(50)));
                let (cancel_on_disconnect, refuse_if_open) = (self.below(2) == 0, self.below(4) == 0);
                let opened = Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open };
                self.apply(key, account, opened)
            }
            93..95 => self.apply(key, account, Command::CloseSession { session: SessionId::new(key.into()) }),
            95..97 => {
                self.references += 1;
                let reference = Reference::new(&format!("money-{}", self.references)).unwrap();
                let (asset, amount) = (name("USDT"), AssetAmount::from_units(1 + u128::from(self.below(1 << 40))));
                let at = Timestamp::from_nanos(self.time);
                let to = AccountId::new(1 + self.below(4) as u32);
                let command = match self.below(6) {
                    0 => Command::Deposit { asset, amount, reference, at },
                    1 => Command::Withdraw { asset, amount, reference, at },
                    2 => Command::HoldWithdrawal { asset, amount, reference, at },
                    3 => Command::Transfer { to, asset, amount, reference, at },
                    4 => {
                        let command =
                            Command::Transfer { to, asset, amount: AssetAmount::from_units(7), reference, at };
                        return self.apply(0, 0, command);
                    }
                    _ => {
                        // One of the last that were held: it may have ended, and once in a while the account is another.
                        let back = self.below(4) as usize;
                        let Some(&(of, reference)) = self.holds.iter().rev().nth(back) else {
                            return Vec::new();
                        };
                        let account = if self.below(8) == 0 { account } else { of };
                        let settles = self.below(2) == 0;
                        let command = if settles {
                            Command::SettleWithdrawal { reference }
                        } else {
                            Command::ReleaseWithdrawal { reference }
                        };
                        return self.apply(0, account, command);
                    }
                };
                if let Command::HoldWithdrawal { reference, .. } = command {
                    self.holds.push((account, reference));
                }
                self.apply(0, account, command)
            }
            97 => {
                let state = if self.below(4) == 0 { MarketState::Halted } else { MarketState::Open };
                self.apply(0, 0, Command::SetMarketState { market: name("ETH-BTC"), state })
            }
            98 => self.setting(key, account),
            _ => self.apply(0, 0, Command::Tick),
        }
    }

    /// What an operator sets of a market, an account or a key, mild enough that most orders still go through.
    fn setting(&mut self, key: u32, account: u32) -> Vec<EventRecord> {
        self.is_restricted = true;
        let tier = self.below(3) as u8;
        let (maker_fee, taker_fee) = (FeeRate::from_ppm(self.below(900) as i32 - 300), FeeRate::from_ppm(2_000));
        let (account, command) = match self.below(9) {
            8 => {
                let texts = ["10.0.0.0/8", "2001:db8::/32", "192.168.7.7/32"];
                let networks = (0..self.below(4)).fold(Networks::default(), |networks, _| {
                    networks.with(texts[self.below(3) as usize].parse().unwrap()).unwrap()
                });
                (account, Command::SetKeyNetworks { key: KeyId::new(key), networks })
            }
            0 | 1 => {
                let rules = MarketRules {
                    maker_fee,
                    taker_fee,
                    qty_min: Qty::from_lots(self.below(3)),
                    qty_max: Qty::from_lots(900 + self.below(100)),
                    price_min: Price::from_ticks(self.below(10) as i64),
                    price_max: Price::from_ticks(900_000),
                    notional_min: self.below(500),
                    static_band_ppm: 0,
                    dynamic_band_ppm: 500_000 + self.below(1_000) as u32,
                    reference: Price::from_ticks(1_000),
                    day_end_s: self.below(86_400) as u32,
                };
                (0, Command::SetMarketRules { market: name(MARKETS[self.below(2) as usize].1), rules })
            }
            2 => {
                let limits = AccountLimits {
                    open_orders_max: 500 + self.below(9) as u32,
                    market_open_orders_max: 400 + self.below(9) as u32,
                    qty_max: Qty::from_lots(25 + self.below(9)),
                    notional_max: AssetAmount::from_units(1 << 90),
                };
                (account, Command::SetAccountLimits(limits))
            }
            3 => (account, Command::SetAccountOwner { owner: self.below(3) as u32 }),
            4 => (account, Command::SetAccountTier { tier }),
            5 => (0, Command::SetFeeTier { tier, maker_fee, taker_fee }),
            6 => {
                let mut events = self.apply(0, account, Command::SetKillSwitch { engaged: true });
                if self.below(8) > 0 {
                    events.extend(self.apply(0, account, Command::SetKillSwitch { engaged: false }));
                }
                return events;
            }
            _ => {
                let roles = if self.below(9) == 0 { Roles::READ } else { Roles::READ.with(Roles::TRADE) };
                (account, Command::SetKeyRoles { key: KeyId::new(key), roles })
            }
        };
        self.apply(0, account, command)
    }

    /// Up to 15 quotes, some of them twice, in all of its slots; sometimes the last one does not come.
    fn mass_quote(&mut self, key: u32, account: u32) -> Vec<EventRecord> {
        let terms = QuoteTerms {
            group: self.below(3) as u8,
            mode: QuoteMode::ALL[self.below(3) as usize],
            self_trade: SelfTrade::ALL[self.below(5) as usize],
        };
        let count = if self.below(6) == 0 { 15 } else { 1 + self.below(4) };
        let side = |flow: &mut Self, lowest: u64| match flow.below(8) {
            0 => QuoteSide::default(),
            _ => QuoteSide {
                price: Price::from_ticks((lowest + flow.below(12)) as i64),
                qty: Qty::from_lots(flow.below(30)),
            },
        };
        let quotes: Vec<Quote> = (0..count)
            .map(|_| Quote {
                market: MarketId::new(if self.below(3) == 0 { 2 } else { 1 }),
                bid: side(self, 990),
                ask: side(self, 998),
            })
            .collect();
        let mut slots: Vec<MassQuote> = MassQuote::slots(terms, &quotes).collect();
        if self.below(20) == 0 {
            slots.pop();
        }
        let request = self.requests[key as usize] + 1;
        let mut events = Vec::new();
        for slot in slots {
            self.requests[key as usize] = request - 1;
            events.extend(self.apply(key, account, Command::MassQuote(slot)));
        }
        events
    }

    /// One lot bought from a resting order of one lot: one trade.
    pub fn trade(&mut self, price: i64) -> Vec<EventRecord> {
        let mut events = self.lift_settings();
        for (key, side) in [(1, Side::Sell), (2, Side::Buy)] {
            let order = new_order(side, OrderType::Limit, TimeInForce::Gtc, price, 1);
            events.extend(self.apply(key, key, Command::NewOrder(order)));
        }
        events
    }

    /// Takes back what [`Self::setting`] set and what could refuse an order of keys 1 and 2 in the first market.
    fn lift_settings(&mut self) -> Vec<EventRecord> {
        if !std::mem::take(&mut self.is_restricted) {
            return Vec::new();
        }
        let (_, definition, _) = self.engine.markets().next().unwrap();
        let rules = definition.first_rules();
        let mut events = self.apply(0, 0, Command::SetMarketRules { market: name(MARKETS[0].1), rules });
        for account in [1, 2] {
            let (key, roles) = (KeyId::new(account), Roles::TRADE);
            for command in [
                Command::SetAccountLimits(AccountLimits::default()),
                Command::SetAccountOwner { owner: 0 },
                Command::SetKillSwitch { engaged: false },
                Command::SetKeyRoles { key, roles },
            ] {
                events.extend(self.apply(0, account, command));
            }
        }
        events
    }

    fn order(&mut self) -> Command {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        // Sides overlap by a few ticks, so about half of the orders trade.
        let price = 1_000 + i64::try_from(self.below(20)).unwrap() - if side == Side::Buy { 12 } else { 7 };
        let qty = self.below(30);
        let (order_type, time_in_force, price) = match self.below(12) {
            0 => (OrderType::Market, TimeInForce::Ioc, 0),
            1 => (OrderType::Market, TimeInForce::Fok, 0),
            2 => (OrderType::Limit, TimeInForce::Ioc, price),
            3 => (OrderType::Limit, TimeInForce::Fok, price),
            _ => (OrderType::Limit, TimeInForce::Gtc, price),
        };
        let mut order = new_order(side, order_type, time_in_force, price, qty);
        order.market = MarketId::new(if self.below(3) == 0 { 2 } else { 1 });
        order.post_only = time_in_force == TimeInForce::Gtc && self.below(8) == 0;
        order.options.self_trade = SelfTrade::ALL[self.below(5) as usize];
        if time_in_force == TimeInForce::Gtc && !order.post_only {
            match self.below(8) {
                0 => order.options.display = Qty::from_lots(1 + self.below(9)),
                1 => order.time_in_force = TimeInForce::Day,
                2 => {
                    order.order_type = OrderType::StopLimit;
                    order.options.trigger = Price::from_ticks(995 + self.below(12) as i64);
                }
                3 => {
                    (order.order_type, order.price) = (OrderType::Stop, Price::from_ticks(0));
                    order.options.trigger = Price::from_ticks(995 + self.below(12) as i64);
                }
                _ => {}
            }
        }
        Command::NewOrder(order)
    }

    fn some_order(&mut self) -> OrderId {
        let back = usize::try_from(self.below(40)).unwrap();
        let at = self.orders.len().checked_sub(1 + back);
        at.map_or(OrderId::new(1), |at| self.orders[at])
    }

    pub fn apply(&mut self, key: u32, account: u32, command: Command) -> Vec<EventRecord> {
        self.time += self.below(STEP_NANOS);
        self.requests[key as usize] += 1;
        let header = CommandHeader {
            sequence: self.engine.applied_through().next(),
            time: Timestamp::from_nanos(self.time),
            request: RequestNumber::new(self.requests[key as usize]),
            key: KeyId::new(key),
            account: AccountId::new(account),
            epoch: self.epoch,
        };
        self.out.clear();
        self.engine.apply(&CommandRecord::encode(&header, &command), &mut self.out);
        let events = self.out.records().to_vec();
        for event in &events {
            if let (_, Event::OrderAccepted { order, .. }) = event.decode().unwrap() {
                self.orders.push(order);
            }
        }
        events
    }

    /// SplitMix64: the same on every machine and in every version.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

fn new_order(side: Side, order_type: OrderType, time_in_force: TimeInForce, price: i64, qty: u64) -> NewOrder {
    NewOrder {
        market: MarketId::new(1),
        side,
        order_type,
        time_in_force,
        post_only: false,
        price: Price::from_ticks(price),
        qty: Qty::from_lots(qty),
        options: OrderOptions::default(),
    }
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// An event log in a folder.
pub fn open_log(dir: &Path) -> OpenedEventLog {
    let config = LogConfig::new(dir, CLUSTER, SEGMENT_LEN_BYTES_MIN);
    open_event_log(&config, None).unwrap()
}

/// The events of a prelude and `steps` random commands.
pub fn events(seed: u64, steps: usize) -> (Flow, Vec<EventRecord>) {
    println!("seed {seed}");
    let mut flow = Flow::new(seed);
    let mut events = flow.prelude();
    for _ in 0..steps {
        events.extend(flow.step());
    }
    (flow, events)
}
