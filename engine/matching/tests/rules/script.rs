//! A transcript is commands and, indented under each, the events that must come of it. [`check`] plays the commands into
//! an engine, writes down what came of them in the same words, and compares the two texts.
//!
//! ```text
//! a 1 buy 5@100             key a, request 1: limit order, GTC      | ioc | fok | post | in=F for the market F
//! a 2 sell 5@market ioc     market order
//! a 3 cancel a#1            the order that key a made with its request 1, by its id; `cancel 1`: by request number
//! a 4 reduce a#1 2          a 5 cancel-all        a 6 cancel-all M side=buy group=3 from=90 to=99
//! a 7 replace a#1 4@101     quantity and price of the whole order, what is filled included
//! options of orders: post reprice stp=decrement group=3 show=2 until=5000 (with gtd) day stop=105 (5@100: stop-limit)
//!                    away=cancel, away=stay: what becomes of it when its session stays away
//! a 8 buy 5@stop stop=105   a stop without limit;  a 9 buy 0@budget budget=500 ioc
//! a 9 protect 3 1000 20 4   group, window in ms, quantity, count;   a 10 unprotect 3
//! a 11 hold 7 BTC r3   a 12 transfer bob 7 BTC r4   a 13 kill   a 14 unkill   a 15 roles a2 3
//! a 11 quote M 5@99 6@101 F 1@9 - group=3 post      quotes (market, bid, ask; `-`: none), then what they share: group, post,
//!                           reprice, stp; `15x M 5@99 -` is 15 times the same; slot=1: only that slot of the command
//! the bid of its first quote is the order a#11.b0, the ask of its second a#11.s1
//! deposit alice 7 BTC r1    withdraw alice 7 BTC r2          hold alice 7 BTC r3, settle alice r3, release alice r3
//! transfer alice bob 7 BTC r4 (giver `pool`: the fee pool)   any with @MS: its business time
//! halt M, open M            state M cancel_only              rules M maker=-100 qty_min=2 static=100000 reference=100
//! limits alice open=3 market=2 qty=50 notional=5000          owner alice 7, tier alice 1, fee-tier 1 -100 500
//! kill alice, unkill alice  roles alice a 1
//! login a 7 cancel 500      session 7, orders cancelled after 500 ms away; `login a 7 keep`, or `keep 500`       logout a 7
//!                           with `alone` at the end: refused if the key has a session whose client is there
//! a 16 after 500            the key's own timer; 0: disarmed
//! a 17 query a#1, query 3   an order by id or request;   a 18 orders, orders M;   a 19 balances, balances BTC
//! networks alice a 10.0.0.0/8 ::1/128
//! at 1000                   the clock shows 1,000 ms from here on            tick
//! lead 3, lead 3 500        a node takes epoch 3; who was logged on may stay away for 500 ms
//! book M, stops M, funds alice, fees, timer         questions to the engine, not commands
//! ```
//!
//! Events: `a:3 re 2 ..` is report 3 of key a about its request 2; `a:- ..` has no number; `op` is the operator.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tidegate_domain::{
    AccountId, AccountLimits, AssetAmount, AssetId, CancelFilter, ClusterId, Command, CommandHeader, CommandRecord,
    Durability, EngineLimits, Epoch, Event, EventBuffer, EventFlags, EventHeader, FeeRate, Fill, Genesis, KeyId,
    LOGIC_VERSION, MarketId, MarketRules, MarketState, MarketTerms, MassQuote, Name, Nanos, Networks, NewOrder, NodeId,
    OnDisconnect, OrderId, OrderOptions, OrderStatus, OrderTarget, OrderType, Price, Qty, Quote, QuoteMode, QuoteSide,
    QuoteTerms, Reference, RequestNumber, Roles, SelfTrade, Sequence, SessionId, Side, StateMachine, TimeInForce,
    Timestamp,
};
use tidegate_matching::{Engine, Order};

/// Small, so that every limit can be met in a few lines.
const LIMITS: EngineLimits = EngineLimits {
    assets_max: 3,
    markets_max: 3,
    accounts_max: 3,
    keys_max: 4,
    open_orders_max: 6,
    account_open_orders_max: 4,
    references_max: 8,
    balances_max: 64,
    seats_max: 64,
};

/// Two accounts with 1,000 BTC and 100,000 USD each; alice has the keys a and a2, bob has b. M has no fees and units of
/// one; in F a lot is 10 units of BTC, a tick and lot 3 units of USD, fees are 0.1 % and 0.2 %.
const PRELUDE: &str = "
asset BTC 8
asset USD 2
market M BTC USD
market F BTC USD base_units=10 quote_units=3 maker=1000 taker=2000
account alice
account bob
key a alice 1
key a2 alice 2
key b bob 3
deposit alice 1000 BTC seed-1
deposit alice 100000 USD seed-2
deposit bob 1000 BTC seed-3
deposit bob 100000 USD seed-4
";

/// Plays a transcript.
#[track_caller]
pub(crate) fn check(transcript: &str) {
    let mut world = World::new();
    for line in PRELUDE.lines().filter(|line| !line.is_empty()) {
        let events = world.play(line);
        assert!(!events.contains("rejected"), "{line}: {events}");
    }
    let margin = transcript.lines().find(|line| !line.trim().is_empty()).map_or(0, indent);
    let mut expected = String::new();
    let mut actual = String::new();
    for line in transcript.lines().filter(|line| !line.trim().is_empty()) {
        writeln!(expected, "{}", &line[margin..]).unwrap();
        if indent(line) == margin {
            writeln!(actual, "{}", &line[margin..]).unwrap();
            actual += &world.play(line.trim());
        }
    }
    assert!(expected == actual, "the rules differ\n--- expected\n{expected}--- actual\n{actual}");
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    sequence: u64,
    millis: u64,
    epoch: u32,
    admin_request: u64,
    /// Names of the ids that the engine gave.
    keys: BTreeMap<String, (KeyId, AccountId)>,
    accounts: BTreeMap<String, AccountId>,
    assets: BTreeMap<String, AssetId>,
    markets: BTreeMap<String, MarketId>,
    orders: BTreeMap<OrderId, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_limits(LIMITS)
    }

    /// With everything of the prelude and room for so many open orders.
    pub(crate) fn with_room(orders: u32) -> Self {
        let limits = EngineLimits { open_orders_max: orders, account_open_orders_max: orders, ..LIMITS };
        let mut world = Self::with_limits(limits);
        PRELUDE.lines().filter(|line| !line.is_empty()).for_each(|line| drop(world.play(line)));
        world
    }

    fn with_limits(limits: EngineLimits) -> Self {
        let mut world = Self {
            engine: Engine::new(),
            sequence: 0,
            millis: 0,
            epoch: 1,
            admin_request: 0,
            keys: BTreeMap::new(),
            accounts: BTreeMap::new(),
            assets: BTreeMap::new(),
            markets: BTreeMap::new(),
            orders: BTreeMap::new(),
        };
        let genesis = Genesis { cluster: ClusterId::new(7), logic_version: LOGIC_VERSION, limits, seed: 7 };
        world.apply(CommandHeader::default(), Command::Genesis(genesis));
        world
    }

    /// One line: a command or a question. Returns the events or the answer, indented.
    pub(crate) fn play(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["at", millis] => {
                self.millis = number(millis);
                String::new()
            }
            ["book", market] => self.book(self.markets[*market]),
            ["stops", market] => self.stops(self.markets[*market]),
            ["funds", account] => self.funds(self.accounts[*account]),
            ["fees"] => self.fees(),
            [key, request, "quote", rest @ ..] => {
                let (key, account) = self.keys[*key];
                let request = RequestNumber::new(number(request));
                let header = CommandHeader { request, key, account, ..Default::default() };
                let slots = self.mass_quote(rest);
                slots.iter().map(|slot| self.apply(header, Command::MassQuote(*slot))).collect()
            }
            ["timer"] => {
                let due = self.engine.next_deadline().map(|due| due.nanos() / 1_000_000);
                due.map_or("  none\n".into(), |due| format!("  at {due}\n"))
            }
            _ => {
                let (header, command) = self.command(&words);
                self.apply(header, command)
            }
        }
    }

    fn apply(&mut self, mut header: CommandHeader, command: Command) -> String {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.millis * 1_000_000);
        header.epoch = Epoch::new(self.epoch);
        let mut out = EventBuffer::default();
        let room = self.engine.events_per_command_max();
        self.engine.apply(&CommandRecord::encode(&header, &command), &mut out);
        self.engine.verify();
        assert!(out.records().len() <= room);
        let mut text = String::new();
        for (index, record) in out.records().iter().enumerate() {
            let (event_header, event) = record.decode().unwrap();
            assert_eq!(event_header.sequence, header.sequence);
            assert_eq!(event_header.index as usize, index);
            assert_eq!(event_header.time, header.time);
            assert_eq!(event_header.epoch, header.epoch);
            assert!(event_header.previous_report.is_none());
            assert_eq!(event_header.flags.has(EventFlags::LAST), index + 1 == out.records().len());
            self.learn(&event_header, &event);
            writeln!(text, "  {}{}", self.recipient(&event_header), self.words_of(&event_header, &event)).unwrap();
        }
        text
    }

    // Text to command.

    fn command(&mut self, words: &[&str]) -> (CommandHeader, Command) {
        if let Some(&(key, account)) = self.keys.get(words[0]) {
            let header =
                CommandHeader { request: RequestNumber::new(number(words[1])), key, account, ..Default::default() };
            return (header, self.request(&words[2..]));
        }
        let mut header = CommandHeader::default();
        let command = match words {
            ["login" | "logout" | "stranger" | "impostor", ..] => return self.session_or_stranger(words),
            ["tick"] => Command::Tick,
            ["lead", epoch, grace @ ..] => {
                self.epoch = number(epoch);
                let session_grace = Nanos::from_millis(grace.first().map_or(0, |millis| number(millis)));
                Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace }
            }
            ["durability", rule] => {
                Command::SetDurability { durability: Durability::from_name(rule).unwrap(), degraded: true }
            }
            _ => {
                self.admin_request += 1;
                header.request = RequestNumber::new(self.admin_request);
                return self.admin(header, words);
            }
        };
        (header, command)
    }

    fn admin(&self, mut header: CommandHeader, words: &[&str]) -> (CommandHeader, Command) {
        let account = |name: &str| self.accounts.get(name).copied().unwrap_or(AccountId::new(99));
        let command = match *words {
            ["asset", asset, decimals] => Command::CreateAsset { name: name(asset), decimals: number(decimals) },
            ["market", market, base, quote, ref options @ ..] => {
                Command::CreateMarket(terms(market, base, quote, options))
            }
            ["account", account] => Command::CreateAccount { name: name(account) },
            ["key", key, owner, public_key] => {
                header.account = account(owner);
                Command::CreateKey { name: name(key), public_key: [number(public_key); 32], roles: Roles::TRADE }
            }
            ["state", market, state] => {
                Command::SetMarketState { market: name(market), state: MarketState::from_name(state).unwrap() }
            }
            ["rules", market, ref options @ ..] => {
                Command::SetMarketRules { market: name(market), rules: market_rules(options) }
            }
            ["limits", owner, ref options @ ..] => {
                header.account = account(owner);
                Command::SetAccountLimits(account_limits(options))
            }
            ["owner", who, owner] => {
                header.account = account(who);
                Command::SetAccountOwner { owner: number(owner) }
            }
            ["tier", who, tier] => {
                header.account = account(who);
                Command::SetAccountTier { tier: number(tier) }
            }
            ["fee-tier", tier, maker, taker] => Command::SetFeeTier {
                tier: number(tier),
                maker_fee: FeeRate::from_ppm(number(maker)),
                taker_fee: FeeRate::from_ppm(number(taker)),
            },
            ["kill" | "unkill", who] => {
                header.account = account(who);
                Command::SetKillSwitch { engaged: words[0] == "kill" }
            }
            ["roles", who, key, bits] => {
                header.account = account(who);
                let key = self.keys.get(key).map_or(KeyId::new(99), |(key, _)| *key);
                Command::SetKeyRoles { key, roles: Roles::from_bits(number(bits)).unwrap() }
            }
            ["networks", who, key, ref networks @ ..] => {
                header.account = account(who);
                let key = self.keys.get(key).map_or(KeyId::new(99), |(key, _)| *key);
                let all = networks.iter().map(|text| text.parse().unwrap());
                let networks = all.fold(Networks::default(), |all, network| all.with(network).unwrap());
                Command::SetKeyNetworks { key, networks }
            }
            ["settle" | "release", who, reference] => {
                header.account = account(who);
                let reference = Reference::new(reference).unwrap();
                match words[0] {
                    "settle" => Command::SettleWithdrawal { reference },
                    _ => Command::ReleaseWithdrawal { reference },
                }
            }
            ["halt", market] => Command::SetMarketState { market: name(market), state: MarketState::Halted },
            ["open", market] => Command::SetMarketState { market: name(market), state: MarketState::Open },
            ["deposit" | "withdraw" | "hold", owner, amount, asset, reference, ref at @ ..] => {
                header.account = account(owner);
                let (asset, amount) = (name(asset), AssetAmount::from_units(number(amount)));
                let (reference, at) = (Reference::new(reference).unwrap(), self.business_time(at));
                match words[0] {
                    "deposit" => Command::Deposit { asset, amount, reference, at },
                    "withdraw" => Command::Withdraw { asset, amount, reference, at },
                    _ => Command::HoldWithdrawal { asset, amount, reference, at },
                }
            }
            ["transfer", from, to, amount, asset, reference, ref at @ ..] => {
                header.account = if from == "pool" { AccountId::new(0) } else { account(from) };
                let (asset, amount) = (name(asset), AssetAmount::from_units(number(amount)));
                let (reference, at) = (Reference::new(reference).unwrap(), self.business_time(at));
                Command::Transfer { to: account(to), asset, amount, reference, at }
            }
            _ => panic!("no such command: {words:?}"),
        };
        (header, command)
    }

    /// `@MS`, or the clock.
    fn business_time(&self, at: &[&str]) -> Timestamp {
        let millis = at.first().map_or(self.millis, |at| number(at.strip_prefix('@').unwrap()));
        Timestamp::from_nanos(millis * 1_000_000)
    }

    fn session_or_stranger(&self, words: &[&str]) -> (CommandHeader, Command) {
        let of_key = |key: &str| {
            let (key, account) = self.keys.get(key).copied().unwrap_or((KeyId::new(99), AccountId::new(1)));
            CommandHeader { key, account, ..Default::default() }
        };
        let session = |text: &str| SessionId::new(number(text));
        match *words {
            ["login", key, id, mode @ ("keep" | "cancel"), ref rest @ ..] => {
                let (refuse_if_open, millis) = match *rest {
                    [ref millis @ .., "alone"] => (true, millis),
                    ref millis => (false, millis),
                };
                let grace = Nanos::from_millis(millis.first().map_or(0, |millis| number(millis)));
                let (session, cancel_on_disconnect) = (session(id), mode == "cancel");
                (of_key(key), Command::OpenSession { session, cancel_on_disconnect, grace, refuse_if_open })
            }
            ["logout", key, id] => (of_key(key), Command::CloseSession { session: session(id) }),
            // A key that does not exist.
            ["stranger", request, ref rest @ ..] => {
                let request = RequestNumber::new(number(request));
                (CommandHeader { request, ..of_key("nobody") }, self.request(rest))
            }
            // A key that asks for another account.
            ["impostor", key, request, ref rest @ ..] => {
                let (request, account) = (RequestNumber::new(number(request)), AccountId::new(99));
                (CommandHeader { request, account, ..of_key(key) }, self.request(rest))
            }
            _ => panic!("no such command: {words:?}"),
        }
    }

    fn request(&self, words: &[&str]) -> Command {
        let market = |name: &str| self.markets.get(name).copied().unwrap_or(MarketId::new(99));
        match *words {
            [side @ ("buy" | "sell"), what, ref options @ ..] => {
                let (qty, price) = what.split_once('@').unwrap();
                let order_type = match price {
                    "budget" => OrderType::Budget,
                    price if price.starts_with("stop") => OrderType::Stop,
                    price if price.starts_with("market") => OrderType::Market,
                    _ => OrderType::Limit,
                };
                // `market5` is a market order that wrongly names a price.
                let price = price.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
                let mut order = NewOrder {
                    market: MarketId::new(1),
                    side: Side::from_name(side).unwrap(),
                    order_type,
                    time_in_force: TimeInForce::Gtc,
                    post_only: false,
                    price: Price::from_ticks(if price.is_empty() { 0 } else { number(price) }),
                    qty: Qty::from_lots(number(qty)),
                    options: OrderOptions::default(),
                };
                for option in options {
                    self.order_option(&mut order, option);
                }
                Command::NewOrder(order)
            }
            ["replace", target, what] => {
                let (qty, price) = what.split_once('@').unwrap();
                let (price, qty) = (Price::from_ticks(number(price)), Qty::from_lots(number(qty)));
                Command::ReplaceOrder { target: self.target(target), price, qty }
            }
            ["protect", group, millis, qty, count] => Command::SetProtection {
                group: number(group),
                window: Nanos::from_millis(number(millis)),
                qty_max: Qty::from_lots(number(qty)),
                count_max: number(count),
            },
            ["unprotect", group] => Command::ResetProtection { group: number(group) },
            ["hold", amount, asset, reference] => Command::HoldWithdrawal {
                asset: name(asset),
                amount: AssetAmount::from_units(number(amount)),
                reference: Reference::new(reference).unwrap(),
                at: self.business_time(&[]),
            },
            ["transfer", to, amount, asset, reference] => Command::Transfer {
                to: self.accounts.get(to).copied().unwrap_or(AccountId::new(99)),
                asset: name(asset),
                amount: AssetAmount::from_units(number(amount)),
                reference: Reference::new(reference).unwrap(),
                at: self.business_time(&[]),
            },
            ["kill" | "unkill"] => Command::SetKillSwitch { engaged: words[0] == "kill" },
            ["roles", key, bits] => Command::SetKeyRoles {
                key: self.keys.get(key).map_or(KeyId::new(99), |(key, _)| *key),
                roles: Roles::from_bits(number(bits)).unwrap(),
            },
            ["after", millis] => Command::CancelAllAfter { timeout: Nanos::from_millis(number(millis)) },
            ["query", target] => Command::QueryOrder { target: self.target(target) },
            ["orders", ref at @ ..] => Command::QueryOrders { market: at.first().map(|name| market(name)) },
            ["balances", ref of @ ..] => {
                let asset = |name: &&str| self.assets.get(*name).copied().unwrap_or(AssetId::new(99));
                Command::QueryBalances { asset: of.first().map(asset) }
            }
            ["cancel", target] => Command::CancelOrder { target: self.target(target) },
            ["reduce", target, by] => {
                Command::ReduceOrder { target: self.target(target), by: Qty::from_lots(number(by)) }
            }
            ["cancel-all", ref options @ ..] => {
                let mut filter = CancelFilter::default();
                for option in options {
                    match option.split_once('=') {
                        Some(("side", side)) => filter.side = Side::from_name(side),
                        Some(("group", group)) => filter.group = number(group),
                        Some(("from", price)) => filter.price_low = Price::from_ticks(number(price)),
                        Some(("to", price)) => filter.price_high = Price::from_ticks(number(price)),
                        _ => filter.market = Some(market(option)),
                    }
                }
                Command::CancelAll(filter)
            }
            _ => panic!("no such request: {words:?}"),
        }
    }

    fn mass_quote(&self, words: &[&str]) -> Vec<MassQuote> {
        let mut terms = QuoteTerms { group: 0, mode: QuoteMode::MayTake, self_trade: SelfTrade::None };
        let (mut quotes, mut only, mut words) = (Vec::new(), None, words.iter());
        let mut times = 1;
        let side = |text: &str| match text.split_once('@') {
            Some((qty, price)) => {
                QuoteSide { price: Price::from_ticks(number(price)), qty: Qty::from_lots(number(qty)) }
            }
            None => QuoteSide::default(),
        };
        while let Some(word) = words.next() {
            match word.split_once('=') {
                Some(("group", group)) => terms.group = number(group),
                Some(("stp", mode)) => terms.self_trade = SelfTrade::from_name(mode).unwrap(),
                Some(("slot", slot)) => only = Some(number::<usize>(slot)),
                Some(_) => panic!("no such option: {word}"),
                None if *word == "post" => terms.mode = QuoteMode::PostOnly,
                None if *word == "reprice" => terms.mode = QuoteMode::Reprice,
                None if word.ends_with('x') => times = number(word.trim_end_matches('x')),
                None => {
                    let market = self.markets.get(*word).copied().unwrap_or(MarketId::new(99));
                    let (bid, ask) = (side(words.next().unwrap()), side(words.next().unwrap()));
                    quotes.extend(std::iter::repeat_n(Quote { market, bid, ask }, times));
                    times = 1;
                }
            }
        }
        let slots: Vec<MassQuote> = MassQuote::slots(terms, &quotes).collect();
        only.map_or(slots.clone(), |slot| vec![slots[slot]])
    }

    fn order_option(&self, order: &mut NewOrder, option: &str) {
        let market = |name: &str| self.markets.get(name).copied().unwrap_or(MarketId::new(99));
        let options = &mut order.options;
        match option.split_once('=') {
            Some(("in", name)) => order.market = market(name),
            Some(("stp", mode)) => options.self_trade = SelfTrade::from_name(mode).unwrap(),
            Some(("group", group)) => options.group = number(group),
            Some(("show", qty)) => options.display = Qty::from_lots(number(qty)),
            Some(("away", what)) => options.on_disconnect = OnDisconnect::from_name(what).unwrap(),
            Some(("budget", units)) => options.budget = AssetAmount::from_units(number(units)),
            Some(("until", millis)) => options.expires = Timestamp::from_nanos(number::<u64>(millis) * 1_000_000),
            Some(("stop", trigger)) => {
                options.trigger = Price::from_ticks(number(trigger));
                if order.order_type == OrderType::Limit {
                    order.order_type = OrderType::StopLimit;
                }
            }
            None if option == "post" => order.post_only = true,
            None if option == "reprice" => options.reprice = true,
            _ => order.time_in_force = TimeInForce::from_name(option).unwrap(),
        }
    }

    fn target(&self, text: &str) -> OrderTarget {
        if !text.contains('#') {
            return OrderTarget::Request(RequestNumber::new(number(text)));
        }
        let found = self.orders.iter().find(|(_, label)| *label == text);
        OrderTarget::Order(found.map_or(OrderId::new(99_999), |(order, _)| *order))
    }

    // Events to text.

    fn learn(&mut self, header: &EventHeader, event: &Event) {
        match event {
            Event::AssetCreated { asset, name, .. } => drop(self.assets.insert(name.to_string(), *asset)),
            Event::MarketCreated(market) => drop(self.markets.insert(market.name.to_string(), header.market)),
            Event::AccountCreated { name } => drop(self.accounts.insert(name.to_string(), header.account)),
            Event::KeyCreated { key, name, .. } => {
                self.keys.insert(name.to_string(), (*key, header.account));
            }
            Event::OrderAccepted { order, .. } => {
                let mut label = format!("{}#{}", self.key_name(header.key), header.request);
                if let Some(number) = order.age().1.checked_sub(1) {
                    write!(label, ".{}{}", if number % 2 == 0 { 'b' } else { 's' }, number / 2).unwrap();
                }
                self.orders.insert(*order, label);
            }
            _ => {}
        }
    }

    fn key_name(&self, id: KeyId) -> String {
        let found = self.keys.iter().find(|(_, (key, _))| *key == id);
        found.map_or("?".into(), |(name, _)| name.clone())
    }

    fn asset_name(&self, id: AssetId) -> &str {
        self.assets.iter().find(|(_, asset)| **asset == id).map_or("?", |(name, _)| name)
    }

    fn market_name(&self, id: MarketId) -> &str {
        self.markets.iter().find(|(_, market)| **market == id).map_or("?", |(name, _)| name)
    }

    /// Whose report it is, its number, its request, and its market where that is not M.
    fn recipient(&self, header: &EventHeader) -> String {
        let mut text = match header.key {
            KeyId::OPERATOR => "op".into(),
            key => format!(
                "{}:{}",
                self.key_name(key),
                match header.session_sequence.raw() {
                    0 => "-".into(),
                    number => number.to_string(),
                }
            ),
        };
        if header.key != KeyId::OPERATOR && header.request.raw() != 0 {
            write!(text, " re {}", header.request).unwrap();
        }
        if header.market.raw() > 1 {
            write!(text, " in {}", self.market_name(header.market)).unwrap();
        }
        text + " "
    }

    fn words_of(&self, header: &EventHeader, event: &Event) -> String {
        let label = |order: &OrderId| self.orders.get(order).cloned().unwrap_or("?".into());
        match event {
            Event::Rejected { reason, command } => format!("rejected {reason} ({command})"),
            Event::Outcome { original, order, reject, command } => {
                let what = match (order, reject) {
                    (_, Some(reject)) => format!("rejected {reject}"),
                    (Some(order), None) => label(order),
                    (None, None) => "done".into(),
                };
                let when = if *original == header.sequence { "now".into() } else { format!("at {original}") };
                format!("outcome {what}, applied {when} ({command})")
            }
            Event::OrderAccepted { order, side, price, qty, time_in_force, post_only, order_type, options } => {
                let post = if *post_only { " post" } else { "" };
                let price = match order_type {
                    OrderType::Limit | OrderType::StopLimit => price.ticks().to_string(),
                    OrderType::Market | OrderType::Budget | OrderType::Stop => order_type.to_string(),
                };
                let mut text = format!("accepted {} {side} {}@{price} {time_in_force}{post}", label(order), qty.lots());
                let mut add = |name: &str, value: u128| {
                    if value > 0 {
                        write!(text, " {name}={value}").unwrap();
                    }
                };
                add("stop", options.trigger.ticks() as u128);
                add("show", options.display.lots().into());
                add("budget", options.budget.units());
                add("until", u128::from(options.expires.nanos() / 1_000_000));
                if options.on_disconnect != OnDisconnect::Session {
                    write!(text, " away={}", options.on_disconnect).unwrap();
                }
                text
            }
            Event::CancelAllAfterSet { deadline } => match deadline.nanos() / 1_000_000 {
                0 => "timer disarmed".into(),
                millis => format!("timer set to {millis}"),
            },
            Event::CancelAllAfterFired { cancelled } => format!("timer fired, {cancelled} orders"),
            Event::OrderStatus(order) => self.status_words(order),
            Event::BalanceStatus { asset, available, held, pending } => {
                format!("balance {available} {} + {held} held + {pending} pending", self.asset_name(*asset))
            }
            Event::QueryDone { count } => format!("query done, {count}"),
            Event::KeyNetworksSet { networks, .. } => format!("networks {networks}"),
            Event::OrderReplaced { order, price, leaves, displayed, kept_place, .. } => {
                let how = if *kept_place { "in place" } else { "anew" };
                let shown = if displayed == leaves { String::new() } else { format!(", shows {}", displayed.lots()) };
                format!("replaced {} {}@{}{shown} {how}", label(order), leaves.lots(), price.ticks())
            }
            Event::OrderTriggered { order, price, leaves, .. } => {
                format!("triggered {} {}@{}", label(order), leaves.lots(), price.ticks())
            }
            Event::OrderRefreshed { order, price, displayed, .. } => {
                format!("refreshed {} {}@{}", label(order), displayed.lots(), price.ticks())
            }
            Event::ProtectionSet { group, window, qty_max, count_max } => {
                format!(
                    "protection {group} set: {} ms, {} lots, {count_max} fills",
                    window.nanos() / 1_000_000,
                    qty_max.lots()
                )
            }
            Event::ProtectionReset { group } => format!("protection {group} reset"),
            Event::ProtectionTriggered { group } => format!("protection {group} triggered"),
            Event::QuoteRejected { quote, side, reason } => {
                format!("quote {quote} {side} rejected {reason} (mass_quote)")
            }
            Event::MassQuoteDone { accepted, withdrawn, rejected } => {
                format!("quotes done: {accepted} accepted, {withdrawn} withdrawn, {rejected} rejected")
            }
            Event::WithdrawalHeld { asset, amount, .. } => format!("held {amount} {}", self.asset_name(*asset)),
            Event::WithdrawalSettled { asset, amount, .. } => format!("settled {amount} {}", self.asset_name(*asset)),
            Event::WithdrawalReleased { asset, amount, .. } => format!("released {amount} {}", self.asset_name(*asset)),
            Event::Transferred { to, asset, amount, .. } => {
                let to =
                    self.accounts.iter().find(|(_, account)| *account == to).map_or("?", |(name, _)| name.as_str());
                format!("transferred {amount} {} to {to}", self.asset_name(*asset))
            }
            Event::MarketRulesSet(_) => "rules set".into(),
            Event::AccountLimitsSet(_) => "limits set".into(),
            Event::AccountOwnerSet { owner } => format!("owner {owner}"),
            Event::AccountTierSet { tier } => format!("tier {tier}"),
            Event::FeeTierSet { tier, maker_fee, taker_fee } => {
                format!("fee tier {tier}: maker {}, taker {}", maker_fee.ppm(), taker_fee.ppm())
            }
            Event::KillSwitchSet { engaged, cancelled } => {
                format!("kill switch {}, {cancelled} orders", if *engaged { "on" } else { "off" })
            }
            Event::KeyRolesSet { roles, .. } => format!("roles {}", roles.bits()),
            Event::Fill(Fill { order, counter_order, liquidity, price, qty, leaves, fee, is_rebate, .. }) => format!(
                "fill {} {liquidity} {}@{} leaves {} {} {fee} against {}",
                label(order),
                qty.lots(),
                price.ticks(),
                leaves.lots(),
                if *is_rebate { "rebate" } else { "fee" },
                label(counter_order)
            ),
            Event::OrderCancelled { order, cancelled, reason, .. } => {
                format!("cancelled {} {} {reason}", label(order), cancelled.lots())
            }
            Event::OrderReduced { order, by, leaves, .. } => {
                format!("reduced {} by {} leaves {}", label(order), by.lots(), leaves.lots())
            }
            Event::CancelAllDone { cancelled } => format!("cancel-all done, {cancelled} orders"),
            Event::SessionOpened { session, request_mark, report_mark, .. } => {
                format!("session {session} opened, requests to {request_mark}, reports to {report_mark}")
            }
            Event::SessionClosed { session, reason } => format!("session {session} closed {reason}"),
            Event::Deposited { asset, amount, .. } => format!("deposited {amount} {}", self.asset_name(*asset)),
            Event::Withdrawn { asset, amount, .. } => format!("withdrawn {amount} {}", self.asset_name(*asset)),
            Event::AssetCreated { name, .. } => format!("asset {name}"),
            Event::MarketCreated(market) => format!("market {}", market.name),
            Event::AccountCreated { name } => format!("account {name}"),
            Event::KeyCreated { name, .. } => format!("key {name}"),
            Event::MarketStateChanged { state } => format!("{state}"),
            Event::JournalBegun(_) => "journal begun".into(),
            Event::LeadTaken { .. } => format!("lead taken, epoch {}", header.epoch),
            Event::DurabilityChanged { durability, degraded } => format!("durability {durability} degraded {degraded}"),
        }
    }

    fn status_words(&self, order: &OrderStatus) -> String {
        let price = match order.order_type {
            OrderType::Stop => order.order_type.to_string(),
            _ => order.price.ticks().to_string(),
        };
        let label = self.orders.get(&order.order).cloned().unwrap_or("?".into());
        let (leaves, tif) = (order.leaves.lots(), order.time_in_force);
        let mut text = format!("order {label} {} {leaves}@{price} {tif}", order.side);
        for (name, value) in [
            ("filled", order.filled.lots()),
            ("stop", order.trigger.ticks().unsigned_abs()),
            ("until", order.expires.nanos() / 1_000_000),
            ("group", order.group.into()),
        ] {
            if value > 0 {
                write!(text, " {name}={value}").unwrap();
            }
        }
        if order.displayed < order.leaves {
            write!(text, " shows={}", order.displayed.lots()).unwrap();
        }
        for (name, is_so) in [("post", order.post_only), ("reprice", order.reprice), ("quote", order.is_quote)] {
            if is_so {
                write!(text, " {name}").unwrap();
            }
        }
        if order.self_trade != SelfTrade::None {
            write!(text, " stp={}", order.self_trade).unwrap();
        }
        if order.on_disconnect != OnDisconnect::Session {
            write!(text, " away={}", order.on_disconnect).unwrap();
        }
        text + &format!(" by {}:{}", self.key_name(order.key), order.request)
    }

    // Questions.

    fn book(&self, market: MarketId) -> String {
        let mut text = String::new();
        for side in [Side::Buy, Side::Sell] {
            let mut orders = self.engine.resting_orders(market, side).peekable();
            for (price, qty, count) in self.engine.levels(market, side, usize::MAX) {
                write!(text, "  {side} {} lots at {}:", qty.lots(), price.ticks()).unwrap();
                for _ in 0..count {
                    let order = orders.next().unwrap();
                    assert_eq!(order.price, price);
                    write!(text, " {}={}", self.orders[&order.id], order.displayed.lots()).unwrap();
                    if order.displayed < order.leaves {
                        write!(text, "(+{})", order.leaves.minus(order.displayed).lots()).unwrap();
                    }
                }
                text.push('\n');
            }
            assert!(orders.peek().is_none());
        }
        if text.is_empty() { "  empty\n".into() } else { text }
    }

    fn stops(&self, market: MarketId) -> String {
        let one = |order: Order| {
            let (label, leaves) = (&self.orders[&order.id], order.leaves.lots());
            format!("  {} {label} {leaves}@{} at {}\n", order.side, order.price.ticks(), order.trigger.ticks())
        };
        let text: String = self.engine.waiting_stops(market).map(one).collect();
        if text.is_empty() { "  none\n".into() } else { text }
    }

    fn funds(&self, account: AccountId) -> String {
        let one = |(asset, name, _): (AssetId, Name, u8)| {
            let (available, held) = self.engine.balance(account, asset).unwrap();
            let pending = self.engine.pending(account, asset).unwrap();
            let pending = if pending.is_zero() { String::new() } else { format!(" + {pending} pending") };
            format!("{available} {name} + {held} held{pending}")
        };
        format!("  {}\n", self.engine.assets().map(one).collect::<Vec<_>>().join(", "))
    }

    fn fees(&self) -> String {
        let one = |(asset, name, _): (AssetId, Name, u8)| format!("{} {name}", self.engine.fees(asset).unwrap());
        format!("  {}\n", self.engine.assets().map(one).collect::<Vec<_>>().join(", "))
    }
}

fn market_rules(options: &[&str]) -> MarketRules {
    let mut rules = MarketRules {
        maker_fee: FeeRate::from_ppm(0),
        taker_fee: FeeRate::from_ppm(0),
        qty_min: Qty::ZERO,
        qty_max: Qty::from_lots(1_000),
        price_min: Price::from_ticks(0),
        price_max: Price::from_ticks(1_000),
        notional_min: 0,
        static_band_ppm: 0,
        dynamic_band_ppm: 0,
        reference: Price::from_ticks(0),
        day_end_s: 0,
    };
    for option in options {
        let (field, value) = option.split_once('=').unwrap();
        match field {
            "maker" => rules.maker_fee = FeeRate::from_ppm(number(value)),
            "taker" => rules.taker_fee = FeeRate::from_ppm(number(value)),
            "qty_min" => rules.qty_min = Qty::from_lots(number(value)),
            "qty_max" => rules.qty_max = Qty::from_lots(number(value)),
            "price_min" => rules.price_min = Price::from_ticks(number(value)),
            "price_max" => rules.price_max = Price::from_ticks(number(value)),
            "notional_min" => rules.notional_min = number(value),
            "static" => rules.static_band_ppm = number(value),
            "dynamic" => rules.dynamic_band_ppm = number(value),
            "reference" => rules.reference = Price::from_ticks(number(value)),
            "day_end" => rules.day_end_s = number(value),
            _ => panic!("no such rule: {field}"),
        }
    }
    rules
}

fn account_limits(options: &[&str]) -> AccountLimits {
    let mut limits = AccountLimits::default();
    for option in options {
        match option.split_once('=').unwrap() {
            ("open", value) => limits.open_orders_max = number(value),
            ("market", value) => limits.market_open_orders_max = number(value),
            ("qty", value) => limits.qty_max = Qty::from_lots(number(value)),
            ("notional", value) => limits.notional_max = AssetAmount::from_units(number(value)),
            (field, _) => panic!("no such limit: {field}"),
        }
    }
    limits
}

fn terms(market: &str, base: &str, quote: &str, options: &[&str]) -> MarketTerms {
    let mut terms = MarketTerms {
        name: name(market),
        base: name(base),
        quote: name(quote),
        base_units_per_lot: 1,
        quote_units_per_tick_lot: 1,
        maker_fee: FeeRate::from_ppm(0),
        taker_fee: FeeRate::from_ppm(0),
        qty_max: Qty::from_lots(1_000),
        price_max: Price::from_ticks(1_000),
    };
    for option in options {
        let (field, value) = option.split_once('=').unwrap();
        match field {
            "base_units" => terms.base_units_per_lot = number(value),
            "quote_units" => terms.quote_units_per_tick_lot = number(value),
            "maker" => terms.maker_fee = FeeRate::from_ppm(number(value)),
            "taker" => terms.taker_fee = FeeRate::from_ppm(number(value)),
            "qty_max" => terms.qty_max = Qty::from_lots(number(value)),
            "price_max" => terms.price_max = Price::from_ticks(number(value)),
            _ => panic!("no such term: {field}"),
        }
    }
    terms
}
