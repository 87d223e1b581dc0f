//! What a step does: operations that are relative ("the third newest order", "the next number of this key"), so that a
//! list from which some were taken out still makes sense. Profiles decide how often each comes.

use tidegate_domain::*;

use super::dice::{Dice, Rolls};
use super::orders::new_order;
use super::quotes::{self, Cut, QuoteRolls};

/// What a script is mostly about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    Balanced,
    Makers,
    Takers,
    Stops,
    Quotes,
    Admin,
    /// As balanced, with numbers close to where they end.
    Giants,
}

impl Profile {
    pub(crate) const ALL: [Self; 7] =
        [Self::Balanced, Self::Makers, Self::Takers, Self::Stops, Self::Quotes, Self::Admin, Self::Giants];

    /// The weight of something that one profile has more of.
    pub(crate) fn weight(self, usual: u64, of: Self, much: u64) -> u64 {
        if self == of { much } else { usual }
    }
}

/// Which number a request has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Next { gap: u64 },
    Back { by: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// One of the account's newest open orders.
    Own(usize),
    /// One of the newest orders, whoever's, open or not.
    Any(usize),
    /// An id close to that of one of the newest orders, most likely nobody's.
    Beside(usize),
    Request {
        back: u64,
    },
    /// By a request that is about as old as the oldest outcomes that are kept.
    OldRequest {
        back: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// Its expiry counts from a millisecond before now.
    New(NewOrder),
    Cancel(Target),
    Reduce(Target, u64),
    Replace(Target, i64, u64),
    CancelAll(CancelFilter),
    Protect {
        group: u8,
        window_ms: u64,
        qty_max: u64,
        count_max: u32,
    },
    Reset {
        group: u8,
    },
    Quote {
        terms: QuoteTerms,
        count: u8,
        quotes: QuoteRolls,
        cut: Cut,
    },
    After {
        timeout_ns: u64,
    },
    Order(Target),
    Orders {
        market: Option<u32>,
    },
    Balances {
        asset: Option<u32>,
    },
    /// What the operator may ask for the account too.
    Pay(Pay),
    Kill(bool),
    Roles {
        key: u32,
        roles: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    Deposit,
    Withdraw,
    Hold,
    Transfer { to: u32 },
}

/// `age_ns`: of the business time; below 0 it is ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pay {
    pub(crate) asset: u8,
    pub(crate) amount: u128,
    pub(crate) reference: u8,
    pub(crate) age_ns: i64,
    pub(crate) payment: Payment,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum AccountOp {
    Limits(AccountLimits),
    Owner(u32),
    Tier(u8),
    Kill(bool),
    Roles { key: u32, roles: u8 },
    Networks { key: u32, networks: Networks },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// `stranger`: the header names another account than the key's.
    Ask {
        key: u32,
        stranger: bool,
        number: Number,
        ask: Ask,
    },
    /// An older request again, byte for byte; or, of a mass quote, with another first slot.
    Resend {
        back: usize,
        changes: bool,
    },
    /// The same with one of a key that is about as old as the oldest outcomes that are kept.
    ResendOld {
        key: u32,
        back: usize,
    },
    Pay {
        account: u32,
        pay: Pay,
    },
    /// An older payment again, byte for byte.
    PayAgain {
        back: usize,
    },
    /// Settles or releases one of the newest holds; a stranger's account does not have it.
    Finish {
        back: usize,
        stranger: bool,
        settles: bool,
    },
    /// The same for a reference that may be anything.
    FinishAny {
        account: u32,
        reference: u8,
        settles: bool,
    },
    State {
        market: u8,
        state: MarketState,
    },
    Rules {
        market: u8,
        rules: MarketRules,
    },
    FeeTier {
        tier: u8,
        maker_ppm: i32,
        taker_ppm: i32,
    },
    Account {
        account: u32,
        op: AccountOp,
    },
    Create {
        kind: u8,
        name: u8,
        account: u32,
        extra: u8,
    },
    /// An operator's command from a client.
    Usurp {
        key: u32,
    },
    Login {
        key: u32,
        cancels: bool,
        grace_ms: u64,
        refuses: bool,
    },
    Logout {
        key: u32,
        back: u64,
    },
    Lead {
        step: u32,
        grace_ms: u64,
    },
    Durability,
    Tick,
}

/// What passes before an op.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Millis(u64),
    /// Until so many seconds after the next midnight, to the nanosecond.
    Until {
        day_s: u32,
    },
}

/// An op, and what passes before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) wait: Wait,
    pub(crate) op: Op,
}

const DAY_ENDS_S: [u32; 4] = [0, 80_000, 81_000, 86_399];
const HOUR_MS: u64 = 3_600_000;
const HOUR_NS: i64 = 3_600_000_000_000;
const DAY_NS: i64 = 24 * HOUR_NS;

impl Step {
    pub(crate) fn draw(profile: Profile, rolls: &Rolls) -> Self {
        let dice = &mut Dice::new(rolls);
        Self { wait: wait(dice), op: op(profile, dice) }
    }
}

fn wait(dice: &mut Dice<'_>) -> Wait {
    let (short, medium, long) = (dice.within(1, 20), dice.within(40, 15_000), dice.within(1, 8));
    let days = 24 * HOUR_MS * dice.within(1, 16);
    let day_s = dice.any(&DAY_ENDS_S);
    dice.pick(&[
        (1_400, Wait::Millis(0)),
        (540, Wait::Millis(short)),
        (40, Wait::Millis(medium)),
        (16, Wait::Millis(HOUR_MS * long)),
        (3, Wait::Millis(days)),
        (3, Wait::Until { day_s }),
    ])
}

fn op(profile: Profile, dice: &mut Dice<'_>) -> Op {
    let much = |usual, of, much| profile.weight(usual, of, much);
    let admin = |usual| profile.weight(usual, Profile::Admin, usual * 8);
    let draw: fn(Profile, &mut Dice<'_>) -> Op = dice.pick(&[
        (600, request as fn(Profile, &mut Dice<'_>) -> Op),
        (25, |_, dice| Op::Resend { back: dice.below(40) as usize, changes: dice.happens(150) }),
        (4, |_, dice| Op::ResendOld { key: key(dice), back: old(dice) }),
        (much(40, Profile::Admin, 120), payment),
        (admin(3), |_, dice| Op::State { market: market(dice), state: state(dice) }),
        (admin(4), |profile, dice| Op::Rules { market: market(dice), rules: rules(profile, dice) }),
        (admin(2), fee_tier),
        (admin(6), account_op),
        (admin(6), create),
        (2, |_, dice| Op::Usurp { key: key(dice) }),
        (30, session),
        (3, |_, dice| Op::Lead { step: dice.below(2) as u32, grace_ms: dice.any(&[0, 1, 30, 20_000]) }),
        (3, |_, _| Op::Durability),
        (12, |_, _| Op::Tick),
    ]);
    draw(profile, dice)
}

fn create(_: Profile, dice: &mut Dice<'_>) -> Op {
    let (plain, odd) = (dice.below(20) as u8, dice.within(20, 39) as u8);
    Op::Create {
        kind: dice.pick(&[(2, 0), (2, 1), (2, 2), (5, 3)]),
        name: dice.below(6) as u8,
        account: dice.below(6) as u32,
        extra: dice.pick(&[(1, plain), (2, odd)]),
    }
}

fn key(dice: &mut Dice<'_>) -> u32 {
    let (usual, odd) = (dice.within(1, 5) as u32, dice.any(&[0, 6, 7]));
    dice.pick(&[(40, usual), (1, odd)])
}

fn account(dice: &mut Dice<'_>) -> u32 {
    let (usual, odd) = (dice.within(1, 4) as u32, dice.any(&[0, 5, 6]));
    dice.pick(&[(12, usual), (1, odd)])
}

fn market(dice: &mut Dice<'_>) -> u8 {
    dice.pick(&[(6, 1), (4, 2), (1, 3), (1, 4)])
}

fn request(profile: Profile, dice: &mut Dice<'_>) -> Op {
    let (gap, by) = (dice.within(1, 3), dice.below(6));
    let number = dice.pick(&[
        (200, Number::Next { gap: 0 }),
        (8, Number::Next { gap }),
        (5, Number::Back { by }),
        (1, Number::Back { by: u64::MAX }),
    ]);
    let (key, stranger) = (key(dice), dice.happens(8));
    Op::Ask { key, stranger, number, ask: ask(profile, dice) }
}

/// Around the 1,024 outcomes of a key that are kept.
fn old(dice: &mut Dice<'_>) -> usize {
    dice.within(1_021, 1_026) as usize
}

fn target(dice: &mut Dice<'_>) -> Target {
    let (own, any, back, old) = (dice.below(7) as usize, dice.below(20) as usize, dice.below(8), old(dice));
    dice.pick(&[
        (60, Target::Own(own)),
        (5, Target::Any(any)),
        (2, Target::Beside(any)),
        (15, Target::Request { back }),
        (1, Target::OldRequest { back: old }),
    ])
}

fn ask(profile: Profile, dice: &mut Dice<'_>) -> Ask {
    let much = |usual, much| profile.weight(usual, Profile::Quotes, much);
    let draw: fn(Profile, &mut Dice<'_>) -> Ask = dice.pick(&[
        (much(200, 90), (|profile, dice| Ask::New(new_order(profile, dice))) as fn(Profile, &mut Dice<'_>) -> Ask),
        (25, |_, dice| Ask::Cancel(target(dice))),
        (20, |_, dice| Ask::Reduce(target(dice), dice.below(6))),
        (much(35, 150), replace),
        (much(4, 6), cancel_all),
        (much(6, 12), protection),
        (much(6, 12), |_, dice| Ask::Reset { group: group(dice) }),
        (much(25, 150), mass_quote),
        (6, after),
        (10, query),
        (6, |profile, dice| Ask::Pay(pay(profile, dice))),
        (5, |_, dice| Ask::Kill(dice.happens(150))),
        (5, |_, dice| {
            let (key, roles) = key_and_roles(dice);
            Ask::Roles { key, roles }
        }),
    ]);
    draw(profile, dice)
}

fn after(_: Profile, dice: &mut Dice<'_>) -> Ask {
    const LONGEST_NS: u64 = 24 * HOUR_MS * 1_000_000;
    let wrong = dice.any(&[1, 99_999_999, LONGEST_NS + 1, u64::MAX]);
    let right = dice.any(&[100_000_000, 150_000_000, 3_000_000_000, LONGEST_NS]);
    Ask::After { timeout_ns: dice.pick(&[(8, right), (2, 0), (1, wrong)]) }
}

fn query(_: Profile, dice: &mut Dice<'_>) -> Ask {
    let order = target(dice);
    // 0 in the record is "all", so it cannot be asked for.
    let (market, asset) =
        (dice.any(&[None, Some(1), Some(2), Some(3), Some(4)]), dice.any(&[None, Some(1), Some(3), Some(4)]));
    dice.pick(&[(2, Ask::Order(order)), (1, Ask::Orders { market }), (1, Ask::Balances { asset })])
}

fn networks(dice: &mut Dice<'_>) -> Networks {
    let texts = ["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0", "::1/128"];
    (0..dice.below(4))
        .fold(Networks::default(), |networks, _| networks.with(dice.any(&texts).parse().unwrap()).unwrap())
}

fn mass_quote(_: Profile, dice: &mut Dice<'_>) -> Ask {
    let (terms, count, cut) = (quotes::terms(dice), quotes::count(dice), quotes::cut(dice));
    Ask::Quote { terms, count, quotes: quotes::rolls(count, dice), cut }
}

fn replace(_: Profile, dice: &mut Dice<'_>) -> Ask {
    let target = target(dice);
    let (usual, odd) = (dice.within(1, 8) as i64, dice.any(&[0, 101, -1, 20]));
    let price = dice.pick(&[(30, usual), (1, odd)]);
    let (usual, odd) = (dice.within(1, 14), dice.any(&[0, 51, 40, u64::MAX]));
    Ask::Replace(target, price, dice.pick(&[(30, usual), (1, odd)]))
}

fn cancel_all(_: Profile, dice: &mut Dice<'_>) -> Ask {
    let market = dice.pick(&[(3, None), (3, Some(1)), (3, Some(2)), (1, Some(3))]);
    let (low, high) = (dice.pick(&[(4, 0), (2, 3), (1, 6), (1, -1)]), dice.pick(&[(4, 0), (2, 5), (1, 3), (1, 7)]));
    Ask::CancelAll(CancelFilter {
        // 0 in the record is "every market", so it cannot be asked for.
        market: market.map(MarketId::new),
        side: dice.pick(&[(2, None), (1, Some(Side::Buy)), (1, Some(Side::Sell))]),
        group: dice.pick(&[(3, 0), (1, 1), (1, 2)]),
        price_low: Price::from_ticks(low),
        price_high: Price::from_ticks(high),
    })
}

fn group(dice: &mut Dice<'_>) -> u8 {
    let (few, many) = (dice.within(1, 3) as u8, dice.within(1, 40) as u8);
    dice.pick(&[(10, few), (5, many), (1, 0)])
}

fn protection(_: Profile, dice: &mut Dice<'_>) -> Ask {
    let (group, is_none) = (group(dice), dice.happens(80));
    let window_ms = dice.any(&[0, 5, 30, 10_000, u64::MAX]);
    let (qty_max, count_max) = (dice.any(&[0, 4, 12, 30]), dice.any(&[0, 1, 2, 4]));
    if is_none {
        return Ask::Protect { group, window_ms: 0, qty_max: 0, count_max: 0 };
    }
    Ask::Protect { group, window_ms, qty_max, count_max }
}

fn payment(profile: Profile, dice: &mut Dice<'_>) -> Op {
    let (back, stranger, settles) = (dice.below(4) as usize, dice.happens(80), dice.happens(500));
    let (account, reference) = (account(dice), dice.below(24) as u8);
    let again = dice.pick(&[(65, 0), (8, 1), (24, 2), (3, 3)]);
    match again {
        1 => return Op::PayAgain { back },
        2 => return Op::Finish { back, stranger, settles },
        3 => return Op::FinishAny { account, reference, settles },
        _ => {}
    }
    let pay = Pay { reference, ..pay(profile, dice) };
    let is_from_pool = matches!(pay.payment, Payment::Transfer { .. }) && dice.happens(400);
    Op::Pay { account: if is_from_pool { 0 } else { account }, pay }
}

fn pay(profile: Profile, dice: &mut Dice<'_>) -> Pay {
    let reference = dice.below(24) as u8;
    let to = dice.pick(&[(3, 1), (3, 2), (3, 3), (3, 4), (1, 0), (1, 6)]);
    let payment =
        dice.pick(&[(3, Payment::Deposit), (3, Payment::Withdraw), (3, Payment::Hold), (3, Payment::Transfer { to })]);
    let (small, large) = (u128::from(dice.below(120)), u128::from(dice.below(900)));
    let odd = dice.any(&[0, (1 << 96) - 1, 1 << 96, u128::MAX]);
    let giant = dice.any(&[1 << 93, 1 << 90, 1 << 66, (1 << 70) + 1]);
    let amount = dice.pick(&[
        (12, small),
        (if payment == Payment::Deposit { 2 } else { 6 }, large),
        (1, odd),
        (profile.weight(0, Profile::Giants, 3), giant),
    ]);
    let ages = [0, HOUR_NS, 29 * DAY_NS, 30 * DAY_NS, 30 * DAY_NS + 1, 40 * DAY_NS, -DAY_NS, -DAY_NS - 1, -2 * DAY_NS];
    let age_ns = if dice.happens(500) { dice.any(&ages) } else { 29 * DAY_NS + 23 * HOUR_NS };
    let asset = dice.pick(&[(6, 0), (6, 1), (1, 2), (1, 3)]);
    Pay { asset, amount, reference, age_ns, payment }
}

fn state(dice: &mut Dice<'_>) -> MarketState {
    dice.pick(&[
        (24, MarketState::Open),
        (1, MarketState::Halted),
        (3, MarketState::PostOnly),
        (1, MarketState::CancelOnly),
        (1, MarketState::Closed),
    ])
}

fn rules(profile: Profile, dice: &mut Dice<'_>) -> MarketRules {
    let giant = |weight| profile.weight(0, Profile::Giants, weight);
    let (qty_max, price_max) = dice.pick(&[
        (8, (50, 100)),
        (1, (8, 100)),
        (1, (50, 7)),
        (giant(12), (u64::MAX, 1 << 29)),
        (giant(4), (50, i64::MAX)),
    ]);
    let is_wrong = dice.happens(200);
    let maker_ppm = dice.pick(&[(4, -100_000), (2, 0), (2, 7_000), (1, -1_000_000), (1, 1_000_000)]);
    let taker_ppm = dice.pick(&[(4, 150_000), (2, 0), (1, 210_000), (1, 1_000_000)]);
    let mut rules = MarketRules {
        maker_fee: FeeRate::from_ppm(maker_ppm),
        taker_fee: FeeRate::from_ppm(taker_ppm),
        qty_min: Qty::from_lots(dice.pick(&[(8, 0), (1, 2), (1, 3)])),
        qty_max: Qty::from_lots(qty_max),
        price_min: Price::from_ticks(dice.pick(&[(8, 0), (1, 1), (1, 3)])),
        price_max: Price::from_ticks(price_max),
        notional_min: dice.pick(&[(8, 0), (1, 4), (1, 12)]),
        static_band_ppm: dice.pick(&[(8, 0), (1, 333_333), (1, 750_000), (1, 1_000_000)]),
        dynamic_band_ppm: dice.pick(&[(8, 0), (1, 333_333), (1, 500_000), (1, 1_000_000)]),
        reference: Price::from_ticks(dice.any(&[0, 4, 5, 0, 4, -4])),
        day_end_s: dice.any(&DAY_ENDS_S),
    };
    if is_wrong {
        match dice.below(10) {
            0 => rules.qty_max = Qty::from_lots(dice.any(&[0, 1])),
            1 => rules.price_max = Price::from_ticks(dice.any(&[0, -1, 2])),
            2 => rules.maker_fee = FeeRate::from_ppm(dice.any(&[1_000_001, -1_000_001])),
            3 => rules.taker_fee = FeeRate::from_ppm(dice.any(&[1_000_001, -1])),
            4 => (rules.qty_max, rules.price_max) = (Qty::from_lots(u64::MAX), Price::from_ticks(i64::MAX)),
            5 => rules.day_end_s = 86_400,
            8 => rules.price_min = Price::from_ticks(-1),
            6 => {
                (rules.qty_min, rules.price_min) =
                    dice.any(&[(Qty::from_lots(51), Price::from_ticks(1)), (Qty::ZERO, Price::from_ticks(101))])
            }
            9 => rules.static_band_ppm = 1_000_001,
            _ => rules.dynamic_band_ppm = 1_000_001,
        }
    }
    rules
}

fn fee_tier(_: Profile, dice: &mut Dice<'_>) -> Op {
    let maker_ppm = dice.pick(&[(3, -60_000), (3, 10_000), (1, -1_000_001)]);
    let taker_ppm = dice.pick(&[(3, 50_000), (3, 0), (1, -1)]);
    Op::FeeTier { tier: dice.pick(&[(3, 1), (3, 2), (1, 0), (1, 255)]), maker_ppm, taker_ppm }
}

fn account_op(_: Profile, dice: &mut Dice<'_>) -> Op {
    let account = account(dice);
    let op = match dice.below(6) {
        0 => AccountOp::Limits(AccountLimits {
            open_orders_max: dice.pick(&[(6, 0), (1, 3), (1, 5)]),
            market_open_orders_max: dice.pick(&[(6, 0), (1, 2), (1, 4)]),
            qty_max: Qty::from_lots(dice.pick(&[(6, 0), (1, 6)])),
            notional_max: AssetAmount::from_units(dice.pick(&[(6, 0), (1, 100)])),
        }),
        1 => AccountOp::Owner(dice.pick(&[(3, 0), (2, 1), (2, 2)])),
        2 => AccountOp::Tier(dice.pick(&[(3, 0), (2, 1), (2, 2), (1, 9)])),
        3 => AccountOp::Kill(dice.happens(120)),
        4 => AccountOp::Networks { key: dice.within(0, 6) as u32, networks: networks(dice) },
        _ => {
            let (key, roles) = key_and_roles(dice);
            AccountOp::Roles { key, roles }
        }
    };
    Op::Account { account, op }
}

fn key_and_roles(dice: &mut Dice<'_>) -> (u32, u8) {
    (dice.within(0, 6) as u32, dice.pick(&[(20, 15), (8, 2), (4, 11), (1, 1), (1, 13), (1, 0)]))
}

fn session(_: Profile, dice: &mut Dice<'_>) -> Op {
    let (key, back) = (key(dice), dice.within(1, 4));
    if dice.happens(500) {
        return Op::Logout { key, back: dice.pick(&[(4, 0), (2, back)]) };
    }
    let (cancels, grace_ms) = (dice.happens(500), dice.any(&[0, 5, 30, 20_000]));
    Op::Login { key, cancels, grace_ms, refuses: dice.happens(300) }
}
