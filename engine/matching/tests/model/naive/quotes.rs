//! Mass quotes: RULES.md, 9.

use tidegate_domain::*;

use super::{Answer, Naive, NaiveOrder, Place, lots, refuse_if, side, ticks};

/// What became of the sides.
#[derive(Default)]
struct Counts {
    accepted: u32,
    withdrawn: u32,
    rejected: u32,
}

impl Naive {
    /// 9.1: keeps the slots until the last is there.
    pub(super) fn slot(&mut self, command: &Command, slot: &MassQuote) {
        let who = |header: &CommandHeader| (header.key, header.account, header.request);
        let follows = self.slots.last().is_some_and(|(header, last, _)| {
            let is_same = (last.slots, last.terms) == (slot.slots, slot.terms) && who(header) == who(&self.now);
            is_same && last.slot + 1 == slot.slot
        });
        if !follows {
            self.slots.clear();
        }
        if !follows && slot.slot != 0 {
            return;
        }
        self.slots.push((self.now, *slot, self.payload.clone()));
        if slot.slot + 1 == slot.slots {
            self.payload = self.slots.iter().flat_map(|(_, _, payload)| payload.clone()).collect();
            self.once(0, command);
            self.slots.clear();
        }
    }

    pub(super) fn mass_quote(&mut self) -> Answer {
        let quotes: Vec<Quote> = self.slots.iter().flat_map(|(_, slot, _)| slot.quotes().to_vec()).collect();
        let terms = self.slots[0].1.terms;
        refuse_if(quotes.is_empty() || quotes.len() > 15, Reject::QuotesCount)?;
        let mut counts = Counts::default();
        for (at, quote) in quotes.iter().enumerate() {
            let own_ask = self.quoted(quote.market.raw(), terms.group, false);
            let is_in_the_way = own_ask.is_some_and(|ask| ask.price <= quote.bid.price.ticks().into());
            let sides = if is_in_the_way { [false, true] } else { [true, false] };
            sides.into_iter().for_each(|is_buy| self.quote_side(&terms, at, quote, is_buy, &mut counts));
        }
        let Counts { accepted, withdrawn, rejected } = counts;
        self.answer(0, Event::MassQuoteDone { accepted, withdrawn, rejected });
        for quote in &quotes {
            self.trigger_stops_in(&[quote.market.raw()]);
        }
        Ok(None)
    }

    /// The account's open order that is this side of its quote.
    fn quoted(&self, market: u32, group: u8, is_buy: bool) -> Option<NaiveOrder> {
        let account = self.now.account.raw();
        let is_it = |order: &&NaiveOrder| {
            let place = (order.account, order.market, order.group, order.is_buy);
            order.is_quote && place == (account, market, group, is_buy)
        };
        self.orders.iter().find(is_it).cloned()
    }

    fn quote_side(&mut self, terms: &QuoteTerms, at: usize, quote: &Quote, is_buy: bool, counts: &mut Counts) {
        let market = quote.market.raw();
        let is_there = market >= 1 && market as usize <= self.markets.len();
        let asked = if is_buy { quote.bid } else { quote.ask };
        let is_empty = |side: &QuoteSide| side.price.ticks() == 0 && side.qty.lots() == 0;
        let old = self.quoted(market, terms.group, is_buy);
        if is_there && is_empty(&asked) {
            if let Some(old) = old {
                self.cancel_as_asked(&old, CancelReason::QuoteWithdrawn);
                counts.withdrawn += 1;
            }
            return;
        }
        let is_crossed = !is_empty(&quote.bid) && !is_empty(&quote.ask) && quote.bid.price >= quote.ask.price;
        let result = refuse_if(!is_there, Reject::UnknownMarket)
            .and_then(|()| refuse_if(is_crossed, Reject::QuoteCrossed))
            .and_then(|()| match &old {
                Some(old) => self.change_quote(terms, &asked, old),
                None => self.new_quote(terms, at, market, is_buy, &asked),
            });
        let Err(reason) = result else {
            counts.accepted += 1;
            return;
        };
        self.answer(market, Event::QuoteRejected { quote: at as u8, side: side(is_buy), reason });
        if let Some(old) = old {
            self.cancel_as_asked(&old, CancelReason::QuoteWithdrawn);
        }
        counts.rejected += 1;
    }

    fn new_quote(
        &mut self,
        terms: &QuoteTerms,
        at: usize,
        market: u32,
        is_buy: bool,
        asked: &QuoteSide,
    ) -> Result<(), Reject> {
        let number = 2 * at as u64 + if is_buy { 1 } else { 2 };
        let new = NewOrder {
            market: MarketId::new(market),
            side: side(is_buy),
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: terms.mode != QuoteMode::MayTake,
            price: asked.price,
            qty: asked.qty,
            options: OrderOptions {
                reprice: terms.mode == QuoteMode::Reprice,
                self_trade: terms.self_trade,
                group: terms.group,
                ..OrderOptions::default()
            },
        };
        let mut order = self.admit(&new)?;
        order.id += number * 281_474_976_710_656;
        order.is_quote = true;
        self.accept(order, &new);
        Ok(())
    }

    fn change_quote(&mut self, terms: &QuoteTerms, asked: &QuoteSide, old: &NaiveOrder) -> Result<(), Reject> {
        let mut order = old.clone();
        order.filled = 0;
        order.self_trade = terms.self_trade;
        order.post_only = terms.mode != QuoteMode::MayTake;
        order.reprice = terms.mode == QuoteMode::Reprice;
        let (price, left) = self.check_replace(&order, asked.price.ticks().into(), asked.qty.lots().into())?;
        let keeps_place = price == old.price && left <= old.left;
        (order.price, order.left, order.shown) = (price, left, left);
        if !keeps_place {
            order.place = Place::Taking;
        }
        *self.order_mut(old.id) = order.clone();
        let event = Event::OrderReplaced {
            order: OrderId::new(order.id),
            side: side(order.is_buy),
            price: ticks(price),
            leaves: lots(left),
            displayed: lots(left),
            kept_place: keeps_place,
        };
        self.tell_creator_of_change(&order, event);
        if !keeps_place {
            self.take(order.id);
        }
        Ok(())
    }
}
