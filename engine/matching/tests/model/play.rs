//! Random commands that collide: few prices, small funds, wrong ids, resends, states, sessions, timers, new leaders.
//!
//! ```text
//!   rolls --[Step::draw]--> Step, Step, .. --[Script::record]--> CommandRecord
//! ```

// The test of replays includes this file too, and has less use for it.
#![allow(dead_code, unused_imports)]

use std::hash::{BuildHasher, Hasher};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tidegate_domain::*;

// Named from this file's own folder: another test includes it from elsewhere.
#[path = "play/dice.rs"]
mod dice;
#[path = "play/ops.rs"]
mod ops;
#[path = "play/orders.rs"]
mod orders;
#[path = "play/quotes.rs"]
mod quotes;

pub(crate) use dice::RollSource;
use dice::any_rolls;

use ops::Wait;
use ops::{AccountOp, Ask, Number, Op, Pay, Payment, Target};
pub(crate) use ops::{Profile, Step};
use quotes::Cut;

/// Small, so that tables fill up.
pub(crate) const LIMITS: EngineLimits = EngineLimits {
    assets_max: 3,
    markets_max: 3,
    accounts_max: 5,
    keys_max: 6,
    open_orders_max: 18,
    account_open_orders_max: 7,
    references_max: 20,
    balances_max: 11,
    seats_max: 10,
};

const DAY_NS: u64 = 86_400_000_000_000;

/// When the steps begin, long after the prelude: an evening, so that a day ends soon after.
const START_NS: u64 = 1_700_000_000_000_000_000;

/// Turns ops into the records that a sequencer would make of them.
pub(crate) struct Script {
    sequence: u64,
    /// 0 in the prelude.
    now_ns: u64,
    epoch: u32,
    /// Account of the newest command.
    asked_for: AccountId,
    admin_request: u64,
    session: u64,
    marks: [u64; 8],
    /// Account of each key.
    owners: [u32; 8],
    requests: Vec<(CommandHeader, Vec<Command>)>,
    /// Of each key, which of the requests have an outcome of their own, as far as it is known here.
    answered: [Vec<usize>; 8],
    payments: Vec<(CommandHeader, Command)>,
    orders: Vec<OrderId>,
    open: Vec<(AccountId, OrderId)>,
    holds: Vec<(AccountId, Reference)>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            sequence: 0,
            now_ns: 0,
            epoch: 0,
            asked_for: AccountId::default(),
            admin_request: 0,
            session: 0,
            marks: [0; 8],
            owners: [0, 1, 1, 2, 3, 4, 4, 4],
            requests: Vec::new(),
            answered: Default::default(),
            payments: Vec::new(),
            orders: Vec::new(),
            open: Vec::new(),
            holds: Vec::new(),
        }
    }
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
    /// What every run begins with: two assets, two markets with fees and odd units, one of them with a rebate, four
    /// accounts with little money, two of one owner, five keys of which two share an account.
    pub(crate) fn prelude(&mut self) -> Vec<CommandRecord> {
        let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits: LIMITS, seed: 7 };
        let operator = |account| CommandHeader { account: AccountId::new(account), ..Default::default() };
        let mut commands = vec![(operator(0), Command::Genesis(genesis))];
        commands.extend([0, 1].map(|at| (operator(0), Command::CreateAsset { name: asset_name(at), decimals: 2 })));
        commands.push((operator(0), Command::CreateMarket(terms(1, 9))));
        commands.push((operator(0), Command::CreateMarket(terms(2, 7))));
        let accounts = [name("alice"), name("bob"), name("carol"), name("dave")];
        commands.extend(accounts.map(|name| (operator(0), Command::CreateAccount { name })));
        for (at, account) in [1, 1, 2, 3, 4].into_iter().enumerate() {
            let (name, roles) = (name(["a", "a2", "b", "c", "d"][at]), [15, 3, 7, 11, 3][at]);
            let roles = Roles::from_bits(roles).unwrap();
            commands.push((operator(account), Command::CreateKey { name, public_key: [at as u8; 32], roles }));
        }
        commands.extend([3, 4].map(|account| (operator(account), Command::SetAccountOwner { owner: 1 })));
        for account in 1..=4 {
            for (asset, amount) in [(0, 250), (1, 900)] {
                let (asset, amount) = (asset_name(asset), AssetAmount::from_units(amount));
                let reference = Reference::new(&format!("seed-{account}-{asset}")).unwrap();
                let at = Timestamp::from_nanos(0);
                commands.push((operator(account), Command::Deposit { asset, amount, reference, at }));
            }
        }
        commands.into_iter().map(|(header, command)| self.stamp(header, &command)).collect()
    }

    /// The next records: one, but for a mass quote.
    pub(crate) fn records(&mut self, step: &Step) -> Vec<CommandRecord> {
        let now_ns = self.now_ns.max(START_NS);
        self.now_ns = match step.wait {
            Wait::Millis(millis) => now_ns + millis * 1_000_000,
            Wait::Until { day_s } => (now_ns / DAY_NS + 1) * DAY_NS + u64::from(day_s) * 1_000_000_000,
        };
        let (header, commands) = match step.op {
            Op::Ask { key, stranger, number, ask } => self.ask(key, stranger, number, ask),
            Op::Resend { back, changes } => {
                let (header, mut commands) = self.again(self.requests.len().checked_sub(1 + back));
                if let ([Command::MassQuote(first), _, ..], true) = (&mut commands[..], changes) {
                    *first = quotes::changed(first);
                }
                (header, commands)
            }
            Op::ResendOld { key, back } => self.again(nth_newest(&self.answered[key as usize], back)),
            _ => {
                let (header, command) = self.command(&step.op);
                (header, vec![command])
            }
        };
        self.asked_for = header.account;
        let stamp = |command: &Command| match command {
            Command::Tick => self.stamp(CommandHeader::default(), command),
            _ => self.stamp(header, command),
        };
        commands.iter().map(stamp).collect()
    }

    /// An older request, all of it.
    fn again(&self, at: Option<usize>) -> (CommandHeader, Vec<Command>) {
        at.map_or((CommandHeader::default(), vec![Command::Tick]), |at| self.requests[at].clone())
    }

    /// What it learns from the engine's answer: ids of orders, keys and holds.
    pub(crate) fn learn(&mut self, event: &Event) {
        match *event {
            Event::OrderAccepted { order, .. } => {
                self.orders.push(order);
                self.open.push((self.asked_for, order));
            }
            Event::OrderCancelled { order, .. } | Event::Fill(Fill { order, leaves: Qty::ZERO, .. }) => {
                self.open.retain(|(_, open)| *open != order);
            }
            Event::KeyCreated { key, .. } => self.owners[key.raw() as usize] = self.asked_for.raw(),
            Event::WithdrawalHeld { reference, .. } => self.holds.push((self.asked_for, reference)),
            _ => {}
        }
    }

    fn stamp(&mut self, mut header: CommandHeader, command: &Command) -> CommandRecord {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.now_ns);
        header.epoch = Epoch::new(self.epoch);
        CommandRecord::encode(&header, command)
    }

    fn command(&mut self, op: &Op) -> (CommandHeader, Command) {
        let mut header = CommandHeader::default();
        let command = match *op {
            Op::Ask { .. } | Op::Resend { .. } | Op::ResendOld { .. } => unreachable!("requests are made elsewhere"),
            Op::PayAgain { back } => return nth_newest(&self.payments, back).unwrap_or((header, Command::Tick)),
            Op::Usurp { key } => {
                header.key = KeyId::new(key);
                header.account = AccountId::new(self.owners[key as usize]);
                Command::SetAccountOwner { owner: 0 }
            }
            Op::Login { key, cancels, grace_ms, refuses } => {
                self.session += 1;
                header.key = KeyId::new(key);
                let (session, grace) = (SessionId::new(self.session), Nanos::from_millis(grace_ms));
                Command::OpenSession { session, cancel_on_disconnect: cancels, grace, refuse_if_open: refuses }
            }
            Op::Logout { key, back } => {
                // The newest sessions, most likely one of this key: a wrong one must change nothing.
                header.key = KeyId::new(key);
                Command::CloseSession { session: SessionId::new(self.session.saturating_sub(back)) }
            }
            Op::Lead { step, grace_ms } => {
                self.epoch += step;
                let session_grace = Nanos::from_millis(grace_ms);
                Command::TakeLead { node: NodeId::new(1), incarnation: self.sequence, session_grace }
            }
            Op::Durability => Command::SetDurability { durability: Durability::Local, degraded: true },
            Op::Tick => Command::Tick,
            Op::Finish { back, stranger, settles } => {
                let (account, reference) = nth_newest(&self.holds, back).unwrap_or((header.account, named(0)));
                header.account = AccountId::new(account.raw() + u32::from(stranger));
                finish(reference, settles)
            }
            Op::FinishAny { account, reference, settles } => {
                header.account = AccountId::new(account);
                finish(named(reference), settles)
            }
            Op::Pay { account, .. } | Op::Create { account, .. } | Op::Account { account, .. } => {
                header.account = AccountId::new(account);
                self.admin(op)
            }
            Op::State { .. } | Op::Rules { .. } | Op::FeeTier { .. } => self.admin(op),
        };
        if header.key == KeyId::OPERATOR {
            self.admin_request += 1;
            header.request = RequestNumber::new(self.admin_request);
        }
        if let Op::Pay { .. } = op {
            self.payments.push((header, command));
        }
        (header, command)
    }

    fn admin(&self, op: &Op) -> Command {
        match *op {
            Op::Pay { ref pay, .. } => self.payment(pay),
            Op::State { market, state } => Command::SetMarketState { market: market_name(market), state },
            Op::Rules { market, rules } => Command::SetMarketRules { market: market_name(market), rules },
            Op::FeeTier { tier, maker_ppm, taker_ppm } => {
                let (maker_fee, taker_fee) = (FeeRate::from_ppm(maker_ppm), FeeRate::from_ppm(taker_ppm));
                Command::SetFeeTier { tier, maker_fee, taker_fee }
            }
            Op::Account { op, .. } => match op {
                AccountOp::Limits(limits) => Command::SetAccountLimits(limits),
                AccountOp::Owner(owner) => Command::SetAccountOwner { owner },
                AccountOp::Tier(tier) => Command::SetAccountTier { tier },
                AccountOp::Kill(engaged) => Command::SetKillSwitch { engaged },
                AccountOp::Networks { key, networks } => Command::SetKeyNetworks { key: KeyId::new(key), networks },
                AccountOp::Roles { key, roles } => {
                    Command::SetKeyRoles { key: KeyId::new(key), roles: Roles::from_bits(roles).unwrap() }
                }
            },
            Op::Create { kind: 0, name, extra, .. } => Command::CreateAsset { name: asset_name(name), decimals: extra },
            Op::Create { kind: 1, name: at, .. } => {
                Command::CreateAccount { name: name(["alice", "erin", "frank"][at as usize % 3]) }
            }
            Op::Create { kind: 2, name: at, extra, .. } => Command::CreateKey {
                name: name(["a", "e", "f"][at as usize % 3]),
                public_key: [extra; 32],
                roles: if extra % 2 == 0 { Roles::TRADE } else { Roles::READ },
            },
            Op::Create { name, extra, .. } => Command::CreateMarket(terms(name, extra)),
            _ => unreachable!(),
        }
    }

    fn payment(&self, pay: &Pay) -> Command {
        let (asset, amount) = (asset_name(pay.asset), AssetAmount::from_units(pay.amount));
        let reference = named(pay.reference);
        let at = Timestamp::from_nanos(self.now_ns.checked_add_signed(-pay.age_ns).unwrap());
        match pay.payment {
            Payment::Deposit => Command::Deposit { asset, amount, reference, at },
            Payment::Withdraw => Command::Withdraw { asset, amount, reference, at },
            Payment::Hold => Command::HoldWithdrawal { asset, amount, reference, at },
            Payment::Transfer { to } => Command::Transfer { to: AccountId::new(to), asset, amount, reference, at },
        }
    }

    fn ask(&mut self, key: u32, stranger: bool, number: Number, ask: Ask) -> (CommandHeader, Vec<Command>) {
        let is_whole = !matches!(ask, Ask::Quote { cut, .. } if cut != Cut::Whole);
        let is_new = matches!(number, Number::Next { .. }) && !stranger && is_whole;
        let mark = &mut self.marks[key as usize];
        let number = match number {
            Number::Next { gap } => mark.saturating_add(1 + gap),
            Number::Back { by } => mark.saturating_sub(by),
        };
        *mark = number.max(*mark);
        let (mark, owner) = (*mark, self.owners[key as usize] + u32::from(stranger));
        let target = |target| match target {
            Target::Own(back) => {
                let own = self.open.iter().filter(|(account, _)| account.raw() == owner);
                let own: Vec<OrderId> = own.map(|(_, order)| *order).collect();
                let order = nth_newest(&own, back % own.len().max(1));
                OrderTarget::Order(order.or(self.orders.last().copied()).unwrap_or(OrderId::new(0)))
            }
            Target::Any(back) => OrderTarget::Order(nth_newest(&self.orders, back).unwrap_or(OrderId::new(0))),
            Target::Beside(back) => {
                // Another side of a quote of the same command, or its only order.
                let order = nth_newest(&self.orders, back).unwrap_or(OrderId::new(0)).raw();
                OrderTarget::Order(OrderId::new(order ^ (1 + back as u64 % 3) << 48))
            }
            Target::Request { back } => OrderTarget::Request(RequestNumber::new(mark.saturating_sub(back))),
            Target::OldRequest { back } => {
                let old = nth_newest(&self.answered[key as usize], back).map(|at| self.requests[at].0.request);
                OrderTarget::Request(old.unwrap_or(RequestNumber::new(mark)))
            }
        };
        let command = match ask {
            Ask::Quote { .. } => Command::Tick,
            Ask::New(mut order) => {
                let expires = &mut order.options.expires;
                if expires.nanos() > 0 {
                    *expires = Timestamp::from_nanos(self.now_ns - 1_000_000 + expires.nanos());
                }
                Command::NewOrder(order)
            }
            Ask::Cancel(order) => Command::CancelOrder { target: target(order) },
            Ask::Reduce(order, by) => Command::ReduceOrder { target: target(order), by: Qty::from_lots(by) },
            Ask::Replace(order, price, qty) => {
                let (price, qty) = (Price::from_ticks(price), Qty::from_lots(qty));
                Command::ReplaceOrder { target: target(order), price, qty }
            }
            Ask::CancelAll(filter) => Command::CancelAll(filter),
            Ask::Protect { group, window_ms, qty_max, count_max } => {
                let (window, qty_max) = (Nanos::from_millis(window_ms), Qty::from_lots(qty_max));
                Command::SetProtection { group, window, qty_max, count_max }
            }
            Ask::Reset { group } => Command::ResetProtection { group },
            Ask::After { timeout_ns } => Command::CancelAllAfter { timeout: Nanos::from_nanos(timeout_ns) },
            Ask::Order(order) => Command::QueryOrder { target: target(order) },
            Ask::Orders { market } => Command::QueryOrders { market: market.map(MarketId::new) },
            Ask::Balances { asset } => Command::QueryBalances { asset: asset.map(AssetId::new) },
            Ask::Pay(ref pay) => self.payment(pay),
            Ask::Kill(engaged) => Command::SetKillSwitch { engaged },
            Ask::Roles { key, roles } => {
                Command::SetKeyRoles { key: KeyId::new(key), roles: Roles::from_bits(roles).unwrap() }
            }
        };
        let header = CommandHeader {
            request: RequestNumber::new(number),
            key: KeyId::new(key),
            account: AccountId::new(owner),
            ..Default::default()
        };
        if is_new {
            self.answered[key as usize].push(self.requests.len());
        }
        let commands = match ask {
            Ask::Quote { terms, count, quotes, cut } => {
                let quotes = quotes[..count.into()].iter().map(|rolls| quotes::quote(*rolls)).collect::<Vec<_>>();
                let slots = MassQuote::slots(terms, &quotes).map(Command::MassQuote).collect();
                cut_slots(slots, cut)
            }
            _ => vec![command],
        };
        self.requests.push((header, commands.clone()));
        (header, commands)
    }
}

fn cut_slots(mut slots: Vec<Command>, cut: Cut) -> Vec<Command> {
    match cut {
        Cut::Whole => {}
        Cut::First(count) => slots.truncate(count.into()),
        Cut::Without(count) => drop(slots.drain(..slots.len().min(count.into()))),
        Cut::Tick(at) => slots.insert(slots.len().min(at.into()), Command::Tick),
        Cut::Twice(at) => {
            let at = usize::from(at) % slots.len();
            slots.insert(at, slots[at]);
        }
        Cut::Stray(at) => {
            let at = usize::from(at) % slots.len();
            if let Command::MassQuote(slot) = &mut slots[at] {
                *slot = quotes::stray(slot);
            }
        }
    }
    slots
}

fn nth_newest<T: Copy>(list: &[T], back: usize) -> Option<T> {
    list.len().checked_sub(1 + back).map(|at| list[at])
}

fn named(reference: u8) -> Reference {
    Reference::new(&format!("r{reference}")).unwrap()
}

fn finish(reference: Reference, settles: bool) -> Command {
    if settles { Command::SettleWithdrawal { reference } } else { Command::ReleaseWithdrawal { reference } }
}

/// Markets 1 and 2 are the prelude's; others vary, into what must be refused.
fn terms(market: u8, extra: u8) -> MarketTerms {
    let is_large = extra >= 35;
    MarketTerms {
        name: market_name(market),
        base: asset_name(0),
        quote: asset_name(match extra {
            20 => 0,
            33 | 34 => 2,
            _ => 1,
        }),
        base_units_per_lot: match extra {
            9 => 10,
            29 => 0,
            38 | 39 => 1 << 40,
            _ => 3,
        },
        quote_units_per_tick_lot: if extra == 30 { 0 } else { 1 + u64::from(extra % 5) },
        maker_fee: FeeRate::from_ppm(match extra {
            9 => -100_000,
            28 => -1_000_001,
            _ => i32::from(extra) * 1_000,
        }),
        taker_fee: FeeRate::from_ppm(if extra == 31 { 1_000_001 } else { i32::from(extra) * 20_000 }),
        qty_max: Qty::from_lots(match extra {
            27 => 0,
            _ if is_large => u64::MAX,
            _ => 50,
        }),
        price_max: Price::from_ticks(match extra {
            32 => 0,
            36.. => i64::MAX,
            _ => 100,
        }),
    }
}

/// Short scripts, each of one profile.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let profile = (0..Profile::ALL.len()).prop_map(|at| Profile::ALL[at]);
    let rolls = prop::collection::vec(any_rolls(), 1..300);
    (profile, rolls).prop_map(|(profile, rolls)| rolls.iter().map(|rolls| Step::draw(profile, rolls)).collect())
}

/// A configuration whose seed is printed; `PROPTEST_RNG_SEED` repeats a run.
pub(crate) fn config(cases: u32) -> Config {
    let mut config = Config { cases, failure_persistence: None, ..Config::default() };
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => random_seed(),
    };
    println!("PROPTEST_RNG_SEED={seed} repeats this run");
    config.rng_seed = RngSeed::Fixed(seed);
    config
}

pub(crate) fn random_seed() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
