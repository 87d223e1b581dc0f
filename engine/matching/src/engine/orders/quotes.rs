//! Mass quotes: slots come together to one command, whose quotes are put, replaced in place or withdrawn. RULES.md 9.
//!
//! ```text
//!   slot 0 --+
//!   slot 1 --+--[collect]--> Pending --last slot--> request --> each side: withdraw | replace | new order
//!   slot 2 --'                 '-- anything else in between: forgotten
//! ```
//!
//! Invariants: of each (account, group, market, side) at most one open order is a quote; pending slots follow each other
//! without a gap and are one key's; nothing of them has an effect before the last is there.
//!
//! Hot path: for every mass quote. Allocates nothing.

use tidegate_domain::{
    AccountId, CancelReason, Command, Event, KeyId, MarketId, MassQuote, NewOrder, OrderId, OrderOptions, OrderType,
    Price, QUOTE_SLOTS_MAX, QUOTES_MAX, QUOTES_PER_SLOT, Qty, Quote, QuoteMode, QuoteSide, QuoteTerms, Reject,
    RequestNumber, Roles, SelfTrade, Side, TimeInForce,
};

use super::recipient;
use crate::book::Handle;
use crate::engine::open_orders::{Order, Terms};
use crate::engine::outcomes::{Created, RequestResult};
use crate::engine::{Call, Engine};
use crate::hash::{Fact, Sum, hash, payload_hash};

const ROOM: usize = QUOTE_SLOTS_MAX * QUOTES_PER_SLOT;
const NO_SIDE: QuoteSide = QuoteSide { price: Price::from_ticks(0), qty: Qty::ZERO };
const NO_QUOTE: Quote = Quote { market: MarketId::new(0), bid: NO_SIDE, ask: NO_SIDE };

/// The slots of a mass quote that are here. Between commands its last slot is not.
#[derive(Debug)]
pub(crate) struct Pending {
    key: KeyId,
    account: AccountId,
    request: RequestNumber,
    terms: QuoteTerms,
    /// How many slots the command has; 0: nothing is pending.
    slots: u8,
    /// How many are here; all of them full but the last.
    here: u8,
    quotes: [Quote; ROOM],
    count: usize,
    /// Of the slots that are here.
    payload_hash: u32,
    /// Sides that became new orders while the command is carried out, as in [`Created::Quotes`].
    created: u32,
    /// Hashes of the slots that are here and in the engine's sum.
    sum: Sum,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            key: KeyId::new(0),
            account: AccountId::new(0),
            request: RequestNumber::new(0),
            terms: QuoteTerms { group: 0, mode: QuoteMode::MayTake, self_trade: SelfTrade::None },
            slots: 0,
            here: 0,
            quotes: [NO_QUOTE; ROOM],
            count: 0,
            payload_hash: 0,
            created: 0,
            sum: Sum::default(),
        }
    }
}

impl Pending {
    /// Whether slots wait for others.
    pub(crate) const fn is_there(&self) -> bool {
        self.slots > 0
    }

    /// Hash of all slots of the command that is complete.
    pub(crate) const fn payload_hash(&self) -> u32 {
        self.payload_hash
    }

    /// What the command that was carried out created.
    pub(crate) const fn created(&self) -> Created {
        if self.created == 0 { Created::Nothing } else { Created::Quotes(self.created) }
    }

    /// What the pending slots are in the digest, from the slots themselves.
    pub(crate) fn walked_sum(&self) -> Sum {
        let mut sum = Sum::default();
        (0..self.here).for_each(|slot| sum.add(self.hash_of(slot)));
        sum
    }

    /// Hash of a slot that is here; the quotes of an earlier one are two.
    fn hash_of(&self, slot: u8) -> u128 {
        let QuoteTerms { group, mode, self_trade } = self.terms;
        let codes = [slot, self.slots, group, mode.code(), self_trade.code(), 0, 0, 0];
        let from = usize::from(slot) * QUOTES_PER_SLOT;
        let [one, two] = [&self.quotes[from], &self.quotes[from + 1]];
        let words = |quote: &Quote| {
            let (bid, ask) = (&quote.bid, &quote.ask);
            [bid.price.ticks().cast_unsigned(), bid.qty.lots(), ask.price.ticks().cast_unsigned(), ask.qty.lots()]
        };
        let ([a, b, c, d], [e, f, g, h]) = (words(one), words(two));
        let who = u64::from(self.key.raw()) << 32 | u64::from(self.account.raw());
        let markets = u64::from(one.market.raw()) << 32 | u64::from(two.market.raw());
        hash(Fact::Quotes, [who, self.request.raw(), u64::from_le_bytes(codes), markets, a, b, c, d, e, f, g, h])
    }
}

/// What became of the sides of a mass quote.
#[derive(Default)]
struct Tally {
    accepted: u32,
    withdrawn: u32,
    rejected: u32,
}

/// One side of one quote on its way.
#[derive(Clone, Copy)]
struct Asked {
    /// Place of the quote in the request, from 0.
    at: u8,
    market: MarketId,
    side: Side,
    price: Price,
    qty: Qty,
    /// The bid is not below the ask.
    is_crossed: bool,
}

impl Engine {
    /// Keeps a slot; with the last one the command is carried out, as a request like any other.
    pub(in crate::engine) fn take_slot(&mut self, call: &mut Call<'_>, command: &Command, slot: &MassQuote) {
        let header = &call.header;
        let whose = (header.key, header.account, header.request);
        if self.keep_slot(whose, call.record.payload_words(), slot) && slot.is_last() {
            self.request(call, command, Roles::TRADE);
            self.forget_slots();
        }
    }

    /// Keeps a slot that follows those that are kept, or begins a command; whether it did.
    pub(in crate::engine) fn keep_slot(
        &mut self,
        (key, account, request): (KeyId, AccountId, RequestNumber),
        mut payload: [u64; 12],
        slot: &MassQuote,
    ) -> bool {
        let pending = &self.quotes;
        let follows = pending.is_there()
            && slot.slot == pending.here
            && slot.slots == pending.slots
            && slot.terms == pending.terms
            && (key, account, request) == (pending.key, pending.account, pending.request);
        if !follows {
            self.forget_slots();
            if slot.slot > 0 {
                return false;
            }
        }
        let pending = &mut self.quotes;
        (pending.key, pending.account, pending.request) = (key, account, request);
        (pending.terms, pending.slots) = (slot.terms, slot.slots);
        pending.here += 1;
        for quote in slot.quotes() {
            pending.quotes[pending.count] = *quote;
            pending.count += 1;
        }
        payload[0] |= u64::from(pending.payload_hash) << 32;
        pending.payload_hash = payload_hash(&payload);
        if !slot.is_last() {
            let hash = pending.hash_of(slot.slot);
            pending.sum.add(hash);
            self.sum.add(hash);
        }
        true
    }

    /// The slots that are kept: whose they are, and each as it came.
    pub(in crate::engine) fn kept_slots(
        &self,
    ) -> impl Iterator<Item = ((KeyId, AccountId, RequestNumber), MassQuote)> + '_ {
        let pending = &self.quotes;
        let who = (pending.key, pending.account, pending.request);
        let quotes = pending.quotes.chunks(QUOTES_PER_SLOT);
        (0..pending.here)
            .zip(quotes)
            .filter_map(move |(slot, quotes)| Some((who, MassQuote::new(pending.terms, pending.slots, slot, quotes)?)))
    }

    /// Forgets the slots of a mass quote that is carried out, or whose next slot did not come.
    pub(in crate::engine) fn forget_slots(&mut self) {
        let pending = &mut self.quotes;
        self.sum.remove(pending.sum.0);
        (pending.slots, pending.here, pending.count) = (0, 0, 0);
        (pending.payload_hash, pending.created, pending.sum) = (0, 0, Sum::default());
    }

    /// Carries out the command whose slots are all here.
    pub(in crate::engine) fn mass_quote(&mut self, call: &mut Call<'_>) -> RequestResult {
        let (terms, quotes, count) = (self.quotes.terms, self.quotes.quotes, self.quotes.count);
        if !(1..=QUOTES_MAX).contains(&count) {
            return Err(Reject::QuotesCount);
        }
        let quotes = &quotes[..count];
        let mut tally = Tally::default();
        for (at, quote) in quotes.iter().enumerate() {
            self.quote(call, &terms, at as u8, quote, &mut tally);
        }
        let Tally { accepted, withdrawn, rejected } = tally;
        self.emit(call, call.requester(), Event::MassQuoteDone { accepted, withdrawn, rejected });
        for quote in quotes {
            if self.markets.get(quote.market.raw()).is_some() {
                self.run_stops(call, quote.market);
            }
        }
        Ok(None)
    }

    /// The bid goes first, unless it would meet this quote's own ask where that stands now: then that moves away first.
    fn quote(&mut self, call: &mut Call<'_>, terms: &QuoteTerms, at: u8, quote: &Quote, tally: &mut Tally) {
        let (bid, ask) = (&quote.bid, &quote.ask);
        let is_crossed = !bid.is_withdrawal() && !ask.is_withdrawal() && bid.price >= ask.price;
        let own_ask = self.orders.by_quote(call.header.account, terms.group, quote.market, Side::Sell);
        let is_ask_first = own_ask.is_some_and(|handle| self.orders.shelf.price(handle) <= bid.price);
        let sides = if is_ask_first { [Side::Sell, Side::Buy] } else { [Side::Buy, Side::Sell] };
        for side in sides {
            let QuoteSide { price, qty } = *quote.side(side);
            let asked = Asked { at, market: quote.market, side, price, qty, is_crossed };
            let is_withdrawal = quote.side(side).is_withdrawal();
            self.quote_side(call, terms, &asked, is_withdrawal, tally);
        }
    }

    fn quote_side(
        &mut self,
        call: &mut Call<'_>,
        terms: &QuoteTerms,
        asked: &Asked,
        is_withdrawal: bool,
        tally: &mut Tally,
    ) {
        let old = self.orders.by_quote(call.header.account, terms.group, asked.market, asked.side);
        if is_withdrawal && self.markets.get(asked.market.raw()).is_some() {
            if let Some(handle) = old {
                self.withdraw(call, handle);
                tally.withdrawn += 1;
            }
            return;
        }
        let result = match old {
            _ if self.markets.get(asked.market.raw()).is_none() => Err(Reject::UnknownMarket),
            _ if asked.is_crossed => Err(Reject::QuoteCrossed),
            Some(handle) => self.requote(call, terms, asked, handle),
            None => self.put_quote(call, terms, asked),
        };
        match result {
            Ok(()) => tally.accepted += 1,
            Err(reason) => {
                let (quote, side) = (asked.at, asked.side);
                self.emit(call, call.requester().in_market(asked.market), Event::QuoteRejected { quote, side, reason });
                if let Some(handle) = old {
                    self.withdraw(call, handle);
                }
                tally.rejected += 1;
            }
        }
    }

    fn withdraw(&mut self, call: &mut Call<'_>, handle: Handle) {
        let to = recipient(&call.header, &self.orders.identity(handle));
        self.cancel_to(call, handle, CancelReason::QuoteWithdrawn, to);
    }

    /// A quote where none is: an ordinary limit order that is found again as a quote.
    fn put_quote(&mut self, call: &mut Call<'_>, terms: &QuoteTerms, asked: &Asked) -> Result<(), Reject> {
        let new = NewOrder {
            market: asked.market,
            side: asked.side,
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
        let id = OrderId::of_quote(call.header.sequence, asked.at, asked.side);
        self.admit_and_trade(call, &new, id, Some(asked.side))?;
        self.quotes.created |= 1 << id.age().1;
        Ok(())
    }

    /// A quote where one is: that order gets price, quantity and terms, and what it was filled before counts no more.
    fn requote(
        &mut self,
        call: &mut Call<'_>,
        terms: &QuoteTerms,
        asked: &Asked,
        handle: Handle,
    ) -> Result<(), Reject> {
        let old = Order { filled: Qty::ZERO, ..self.orders.get(handle) };
        let terms = Terms {
            self_trade: terms.self_trade,
            post_only: terms.mode != QuoteMode::MayTake,
            reprice: terms.mode == QuoteMode::Reprice,
            ..self.orders.extra(handle).terms
        };
        let who = self.orders.identity(handle);
        let change = self.admit_replace(&call.header, who.seat, &old, &terms, asked.price, asked.qty)?;
        let to = recipient(&call.header, &who);
        if change.price == old.price && change.leaves <= old.leaves {
            self.unback(handle, &old, old.leaves.minus(change.leaves));
            self.orders.requote(handle, change.leaves, terms);
            self.emit_replaced(call, to, &old, change.price, change.leaves, change.leaves, true);
        } else {
            self.orders.set_terms(handle, terms);
            self.move_order(call, handle, &old, &terms, &change, to);
        }
        Ok(())
    }
}
