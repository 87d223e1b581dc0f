//! Workload b: orders come and go, most of them untraded. And b_flash_crash: the same with the floor falling out.
//!
//! ```text
//! a third of the commands of a flash crash:
//!   |- calm 50 % -|- fall 10 % -|- low 15 % -|- recovery 10 % -|- calm 15 % -|
//! ```
//!
//! Invariants: of new orders 15 % are IOC, dealt from a deck. In calm times an IOC order takes the whole front only as long
//! as fewer than 5 % of what rested ended by a trade, so that the share of cancels holds at any length.

use tidegate_domain::Side;

use super::builder::Builder;
use super::{Request, Workload};
use crate::op::Tif;
use crate::random::Deck;

const MID_TICKS: i64 = 100_000;
const ACCOUNTS: u32 = 1_000;
/// The mid moves by a tick about once in so many commands.
const DRIFT_COMMANDS: u64 = 5_000;
/// Of a hundred cancels so many come too late.
const LATE_PERCENT: u64 = 2;
/// Of a hundred orders that rested so many end by a trade.
const FILLED_PERCENT: u64 = 5;
/// How far the mid falls.
const FALL_TICKS: i64 = 1_500;
/// Crashes in a stream.
const CRASHES: usize = 3;
/// Of a hundred commands of a fall or a recovery so many push the price.
const PUSH_PERCENT: u64 = 30;

struct Flow {
    builder: Builder,
    resting: usize,
    news: Deck<Tif>,
}

impl Flow {
    fn new(request: &Request) -> Self {
        let mut flow = Self {
            builder: Builder::new(request.seed, 1, ACCOUNTS, MID_TICKS),
            resting: request.size.pick(10_000, 300),
            news: Deck::new(&[(Tif::Gtc, 17), (Tif::Ioc, 3)]),
        };
        while flow.builder.resting_count() < flow.resting {
            flow.rest_one();
        }
        flow.builder.end_unmeasured();
        flow
    }

    fn rest_one(&mut self) {
        let side = self.builder.side();
        let (price, qty) = (self.builder.passive_price(0, side), self.builder.qty());
        self.builder.new_order(0, side, price, qty, Tif::Gtc);
    }

    /// One command of a calm market.
    fn calm(&mut self) {
        let (now, aim) = (self.builder.resting_count() as u64, self.resting as u64);
        // More news where orders are missing, more cancels where there are too many.
        let news_percent = 150_u64.saturating_sub(100 * now / aim).clamp(20, 80);
        if !self.builder.random.chance(news_percent) {
            return self.cancel_one();
        }
        match self.news.deal(&mut self.builder.random) {
            Tif::Gtc => self.rest_one(),
            Tif::Ioc => {
                let mix = self.builder.mix();
                let ended = mix.ended_by_fill + mix.ended_by_cancel;
                let whole = mix.ended_by_fill * 100 < ended * FILLED_PERCENT;
                self.builder.take_front(0, whole);
            }
        }
        if self.builder.random.below(DRIFT_COMMANDS) == 0 {
            self.builder.mids[0] += if self.builder.random.chance(50) { 1 } else { -1 };
        }
    }

    fn cancel_one(&mut self) {
        let late = self.builder.random.chance(LATE_PERCENT).then(|| self.builder.any_gone()).flatten();
        match late.or_else(|| self.builder.any_resting(0)) {
            Some(id) => self.builder.cancel(0, id),
            None => self.rest_one(),
        }
    }

    /// One command while the mid moves to `mid`, against everybody who rests on the way.
    fn push(&mut self, side: Side, mid: i64) {
        self.builder.mids[0] = mid;
        if !self.builder.random.chance(PUSH_PERCENT) {
            return self.calm();
        }
        let lots = self.builder.book.lots_until(0, side.opposite(), mid);
        let qty = lots.max(1);
        self.builder.new_order(0, side, mid.max(1), qty, Tif::Ioc);
    }
}

pub(super) fn calm(request: &Request) -> Workload {
    let mut flow = Flow::new(request);
    for _ in 0..request.commands {
        flow.calm();
    }
    flow.builder.finish(&request.name)
}

pub(super) fn flash_crash(request: &Request) -> Workload {
    let mut flow = Flow::new(request);
    let length = (request.commands / CRASHES).max(1);
    let mut top = MID_TICKS;
    for at in 0..request.commands {
        let step = (at % length) as i64;
        let length = length as i64;
        let share = |percent: i64| length * percent / 100;
        let (fall, low, recovery, end) = (share(50), share(60), share(75), share(85));
        if step == fall {
            top = flow.builder.mids[0];
        }
        if (fall..low).contains(&step) {
            flow.push(Side::Sell, top - FALL_TICKS * (step - fall + 1) / (low - fall));
        } else if (recovery..end).contains(&step) {
            flow.push(Side::Buy, top - FALL_TICKS + FALL_TICKS * (step - recovery + 1) / (end - recovery));
        } else {
            flow.calm();
        }
    }
    flow.builder.finish(&request.name)
}
