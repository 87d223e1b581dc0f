//! From entries to open orders: found by id, request and account as before, each at its place in its queue.
//!
//!   entries by id --check, open, reserve--> handles --sort by priority, enter--> queues, books that are not crossed
//!
//! Invariants: what all orders of an account reserve of an asset is what is held of it. Places are given in the order
//! of priorities, so that every queue is as it was.
//!
//! Owning thread: whoever drives the engine.

use alloc::vec;
use alloc::vec::Vec;

use tidegate_domain::{AssetAmount, MarketDefinition, Price, QUOTES_MAX, Qty, Sequence};

use super::SnapshotError;
use super::entries::*;
use super::fields::{Wrong, check};
use super::restore::{is_next, missing};
use super::sections::Section;
use crate::book::Handle;
use crate::engine::Engine;
use crate::engine::money::UNITS_LIMIT;
use crate::engine::open_orders::Identity;
use crate::engine::orders::reservation;

/// An order without a place yet.
struct Opened {
    priority: u64,
    /// Place in the section.
    entry: u32,
    handle: Handle,
}

impl Engine {
    pub(super) fn put_orders(
        &mut self,
        section: &Section<'_, OrderEntry>,
        places_given: u64,
    ) -> Result<(), SnapshotError> {
        section.check_room(self.limits().open_orders_max)?;
        let mut opened = self.open_orders(section, places_given)?;
        opened.sort_unstable_by_key(|order| order.priority);
        let mut before = None;
        for order in &opened {
            let is_alone = check(is_next(&mut before, order.priority), "priority", "that of no other order");
            is_alone.map_err(|wrong| wrong.at(OrderEntry::SECTION, order.entry.into()))?;
            self.enter_queue(order.handle, &section.get(order.entry as usize)?);
        }
        self.orders.set_priority(places_given);
        for (id, market) in self.markets.iter() {
            let is_right = !market.book.is_crossed();
            let is_uncrossed = check(is_right, "book", "one whose best buy is below its best sell");
            is_uncrossed.map_err(|wrong| wrong.at(MarketEntry::SECTION, u64::from(id) - 1))?;
        }
        Ok(())
    }

    /// Makes every order findable, oldest first, with what backs it.
    fn open_orders(
        &mut self,
        section: &Section<'_, OrderEntry>,
        places_given: u64,
    ) -> Result<Vec<Opened>, SnapshotError> {
        let mut opened = Vec::with_capacity(section.len());
        let mut reserved = vec![AssetAmount::ZERO; self.ledger.rows().len()];
        let (mut before, mut entry) = (None, 0);
        section.each(|order| {
            check(is_next(&mut before, order.id.age()), "id", "younger than that of the entry before")?;
            check((1..=places_given).contains(&order.priority), "priority", "1 to the places that were given")?;
            let who = self.identify(&order)?;
            let amount = self.check_amounts(&order)?;
            let seat = self.ledger.seat(who.seat);
            let row = seat.paying_row(order.side);
            let sum = &mut reserved[row.index()];
            // Both are below 2^96.
            *sum = sum.plus(amount);
            check(*sum <= self.ledger.row(row).held, "price", "one for which enough is held")?;
            self.ledger.reserve(row, amount);
            let handle = self.open_order(&who, order.terms);
            opened.push(Opened { priority: order.priority, entry, handle });
            entry += 1;
            Ok(())
        })?;
        self.check_rows("held", "what its open orders reserve", |row| row.held, &reserved)?;
        Ok(opened)
    }

    /// Who an order is: everything that it belongs to exists, and it is the only one of its name.
    fn identify(&self, order: &OrderEntry) -> Result<Identity, Wrong> {
        let OrderEntry { id, request, account, key, market, side, ref terms, .. } = *order;
        let (sequence, number) = id.age();
        check((Sequence::new(1)..=self.applied).contains(&sequence), "id", "that of an applied command")?;
        let is_plain = terms.quote.is_none() && number == 0;
        let is_quote = terms.quote == Some(side) && !terms.is_stop && terms.display.is_zero();
        let side_of_id = (number + 1) % 2 + 1;
        let is_numbered = (1..=2 * QUOTES_MAX as u64).contains(&number) && side_of_id == u64::from(side.code());
        check(is_plain || (is_quote && is_numbered), "quote", "nothing, or the side that the id says")?;
        let owner = self.keys.get(key.raw()).ok_or(missing("key"))?;
        check(owner.account == account, "account", "that of the key")?;
        check(request.raw() > 0, "request", "1 or more")?;
        check(request <= owner.request_mark, "request", "not above the mark of the key")?;
        if is_plain {
            check(self.orders.by_request(key, request).is_none(), "request", "that of no other order of the key")?;
        } else {
            let other = self.orders.by_quote(account, terms.group, market, side);
            check(other.is_none(), "quote", "that of no other order of the account")?;
        }
        self.markets.get(market.raw()).ok_or(missing("market"))?;
        let seat = self.ledger.seat_of(account, market);
        let seat = seat.ok_or(Wrong { field: "market", allowed: "one in which the account has a seat" })?;
        Ok(Identity { id, account, key, request, market, seat })
    }

    /// What backs an order, once nothing about its numbers can overflow.
    fn check_amounts(&self, order: &OrderEntry) -> Result<AssetAmount, Wrong> {
        let OrderEntry { price, displayed, hidden, filled, terms, .. } = order;
        let definition = self.markets.get(order.market.raw()).ok_or(missing("market"))?.definition;
        check(price.ticks() >= 1, "price", "1 or more")?;
        check(terms.limit.ticks() >= 0, "limit", "0 or more")?;
        check(!displayed.is_zero(), "displayed", "1 or more")?;
        let leaves = displayed.lots().checked_add(hidden.lots());
        let leaves = leaves.filter(|leaves| leaves.checked_add(filled.lots()).is_some());
        let leaves = leaves.ok_or(Wrong { field: "filled", allowed: "below 2^64 with what is left" })?;
        let is_part = if terms.display.is_zero() { hidden.is_zero() } else { *displayed <= terms.display };
        check(is_part, "displayed", "all that is left, or not more than is shown at a time")?;
        check(terms.time_in_force.rests(), "time_in_force", "one that rests")?;
        let limit = if terms.is_stop { terms.limit } else { *price };
        check(is_measurable(&definition, limit, leaves), "price", "below 2^96 units with what is left")?;
        Ok(reservation(&definition, order.side, limit, Qty::from_lots(leaves)))
    }

    /// Puts an order behind all that came to their places before it.
    fn enter_queue(&mut self, handle: Handle, order: &OrderEntry) {
        let OrderEntry { priority, market, side, price, displayed, hidden, filled, ref terms, .. } = *order;
        let market = self.markets.get_mut(market.raw()).expect("its market was looked up before");
        let (queues, side) =
            if terms.is_stop { (&mut market.stops, side.opposite()) } else { (&mut market.book, side) };
        self.orders.set_priority(priority - 1);
        self.orders.enter(queues, handle, side, price, displayed.plus(hidden), filled);
        // A part of what is displayed may be filled.
        self.orders.set(handle, displayed, hidden, filled);
    }
}

/// Whether an order is worth less than 2^96 units on both sides.
fn is_measurable(definition: &MarketDefinition, price: Price, lots: u64) -> bool {
    let (ticks, lots) = (u128::from(price.ticks().unsigned_abs()), u128::from(lots));
    let base = lots * u128::from(definition.base_units_per_lot);
    let quote = (ticks * lots).checked_mul(definition.quote_units_per_tick_lot.into());
    base < UNITS_LIMIT && quote.is_some_and(|quote| quote < UNITS_LIMIT)
}
