//! Every open order, resting or waiting, and every way to find it: by its place in a book, by its id, by the request that
//! created it or, if it is a quote, by what it quotes, and with all others of its account, oldest first.
//!
//! ```text
//!   id --by_id--> Handle --> Shelf (64 B an order)      Account.oldest --> order <-> order <-> order <-- Account.newest
//!   (key, request) --by_request--> Handle --> Extra (64 B an order)
//!   (account, group, market, side) --by_quote--> Handle
//! ```
//!
//! Invariants: between commands an order is in a queue, in two tables (by id; by request or by quote) and in its account's list, or in none; the sum
//! of hashes is that of the orders in queues. An order keeps its handle while it changes places. Nothing here grows.
//!
//! Hot path: for every order.

use alloc::vec::Vec;

use tidegate_domain::{
    AccountId, KeyId, MarketId, OnDisconnect, OrderId, OrderTarget, Price, Qty, RequestNumber, SelfTrade, Side,
    TimeInForce, Timestamp,
};

use super::index_table::IndexTable;
use super::tables::Account;
use crate::book::{Book, Handle, Shelf};
use crate::hash::{Fact, Sum, hash};
use crate::ledger::SeatRef;
use crate::prefetch::prefetch;

/// An open order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Whose money stands behind it.
    pub account: AccountId,
    /// Which key created it, so whose reports tell of it.
    pub key: KeyId,
    /// With which request.
    pub request: RequestNumber,
    /// Where it is.
    pub market: MarketId,
    /// On which side.
    pub side: Side,
    /// Its limit; 0 for a stop without.
    pub price: Price,
    /// All that is left of it; at least one lot.
    pub leaves: Qty,
    /// How much of that is shown.
    pub displayed: Qty,
    /// What was filled before.
    pub filled: Qty,
    /// The client's grouping; 0 is none.
    pub group: u8,
    /// Of a waiting stop order; else 0.
    pub trigger: Price,
    /// What becomes of it when the session of its key stays away.
    pub on_disconnect: OnDisconnect,
}

/// What an order keeps for later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) time_in_force: TimeInForce,
    pub(crate) self_trade: SelfTrade,
    pub(crate) group: u8,
    pub(crate) post_only: bool,
    pub(crate) reprice: bool,
    /// Limit of a waiting stop order; 0 for a stop without.
    pub(crate) limit: Price,
    /// Whether it waits in the stop list.
    pub(crate) is_stop: bool,
    /// 0: all of it is shown.
    pub(crate) display: Qty,
    /// 0: never.
    pub(crate) expires: Timestamp,
    /// Of a quote: which side of it.
    pub(crate) quote: Option<Side>,
    pub(crate) on_disconnect: OnDisconnect,
}

impl Order {
    /// Who it is.
    #[inline]
    pub(crate) const fn identity(&self, seat: SeatRef) -> Identity {
        let Self { id, account, key, request, market, .. } = *self;
        Identity { id, account, key, request, market, seat }
    }
}

/// Who an order is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) id: OrderId,
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    pub(crate) request: RequestNumber,
    pub(crate) market: MarketId,
    pub(crate) seat: SeatRef,
}

/// What the engine wants to find again at an order in a book: 36 bytes, so that an order fills a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Tag {
    // Halves: a `u64` would align the tag to 8 bytes behind the 28 before it.
    id: [u32; 2],
    request: [u32; 2],
    priority: [u32; 2],
    account: AccountId,
    key: KeyId,
    market: MarketId,
}

#[inline]
const fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[inline]
const fn whole([low, high]: [u32; 2]) -> u64 {
    low as u64 | (high as u64) << 32
}

impl Tag {
    #[inline]
    pub(crate) const fn id(&self) -> OrderId {
        OrderId::new(whole(self.id))
    }

    #[inline]
    pub(crate) const fn request(&self) -> RequestNumber {
        RequestNumber::new(whole(self.request))
    }

    /// When it came to its place: grows along every queue.
    #[inline]
    pub(crate) const fn priority(&self) -> u64 {
        whole(self.priority)
    }

    pub(crate) const fn account(&self) -> AccountId {
        self.account
    }

    #[inline]
    pub(super) const fn market(&self) -> MarketId {
        self.market
    }
}

const NONE: u32 = u32::MAX;
/// So many orders with all that belongs to them, some 300 bytes each, are larger than the second-level cache of any processor.
/// With debug assertions it is a few, so that tests get there.
const LARGE: usize = if cfg!(debug_assertions) { 4 } else { 1 << 14 };

/// What is not needed to find the best order.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Extra {
    /// Neighbours in the list of the account.
    older: u32,
    newer: u32,
    pub(crate) seat: SeatRef,
    pub(crate) hidden: Qty,
    pub(crate) filled: Qty,
    pub(crate) terms: Terms,
}

const _: () = assert!(size_of::<Extra>() == 64);

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenOrders {
    pub(crate) shelf: Shelf<Tag>,
    extras: Vec<Extra>,
    by_id: IndexTable,
    by_request: IndexTable,
    by_quote: IndexTable,
    /// Places given so far.
    priority: u64,
    sum: Sum,
}

impl Default for OpenOrders {
    /// Without any room: until the journal's limits are known.
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl OpenOrders {
    pub(crate) fn with_capacity(orders: usize, seed: u64) -> Self {
        Self {
            shelf: Shelf::with_capacity(orders),
            extras: Vec::with_capacity(orders),
            by_id: IndexTable::with_capacity(orders, seed),
            by_request: IndexTable::with_capacity(orders, seed),
            by_quote: IndexTable::with_capacity(orders, seed),
            priority: 0,
            sum: Sum::default(),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Sum of the hashes of all orders in queues.
    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }

    /// Places given so far: an order with a higher one came to its place later.
    pub(crate) const fn priority(&self) -> u64 {
        self.priority
    }

    /// Says how many places were given: for orders that come back from a snapshot.
    pub(super) fn set_priority(&mut self, priority: u64) {
        self.priority = priority;
    }

    #[inline]
    pub(crate) fn extra(&self, handle: Handle) -> &Extra {
        &self.extras[handle.index()]
    }

    #[inline]
    pub(crate) fn identity(&self, handle: Handle) -> Identity {
        let tag = self.shelf.tag(handle);
        let (id, request) = (tag.id(), tag.request());
        Identity { id, account: tag.account, key: tag.key, request, market: tag.market, seat: self.extra(handle).seat }
    }

    /// An order in a queue, as it is shown.
    #[inline]
    pub(crate) fn get(&self, handle: Handle) -> Order {
        self.look(handle).0
    }

    /// An order in a queue, with what it keeps for later: found once for all that a command wants of it.
    #[inline]
    pub(crate) fn look(&self, handle: Handle) -> (Order, &Extra) {
        let (resting, extra) = (self.shelf.get(handle), self.extra(handle));
        let (tag, is_stop) = (resting.tag, extra.terms.is_stop);
        let order = Order {
            id: tag.id(),
            account: tag.account,
            key: tag.key,
            request: tag.request(),
            market: tag.market,
            side: if is_stop { resting.side.opposite() } else { resting.side },
            price: if is_stop { extra.terms.limit } else { resting.price },
            leaves: resting.leaves.plus(extra.hidden),
            displayed: resting.leaves,
            filled: extra.filled,
            group: extra.terms.group,
            trigger: if is_stop { resting.price } else { Price::from_ticks(0) },
            on_disconnect: extra.terms.on_disconnect,
        };
        (order, extra)
    }

    /// An order by its id.
    #[inline]
    pub(crate) fn by_id(&self, id: OrderId) -> Option<Handle> {
        let is_it = |index| self.shelf.tag(Handle::from_index(index)).id() == id;
        self.by_id.get(self.by_id.hash(id.raw(), 0), is_it).map(Handle::from_index)
    }

    /// An order by the request with which a key created it.
    #[inline]
    pub(crate) fn by_request(&self, key: KeyId, request: RequestNumber) -> Option<Handle> {
        let is_it = |index| {
            let tag = self.shelf.tag(Handle::from_index(index));
            tag.key == key && tag.request() == request
        };
        self.by_request.get(self.by_request.hash(request.raw(), key.raw().into()), is_it).map(Handle::from_index)
    }

    /// The open order that is this side of a quote.
    #[inline]
    pub(crate) fn by_quote(&self, account: AccountId, group: u8, market: MarketId, side: Side) -> Option<Handle> {
        let is_it = |index| {
            let (tag, terms) = (self.shelf.tag(Handle::from_index(index)), &self.extras[index as usize].terms);
            (tag.account, tag.market, terms.group, terms.quote) == (account, market, group, Some(side))
        };
        self.by_quote.get(self.quote_hash(account, group, market, side), is_it).map(Handle::from_index)
    }

    fn quote_hash(&self, account: AccountId, group: u8, market: MarketId, side: Side) -> u32 {
        let quote = u64::from(group) << 8 | u64::from(side.code());
        self.by_quote.hash(u64::from(account.raw()) << 32 | u64::from(market.raw()), quote)
    }

    /// Whether the tables are larger than a processor's own cache, so that looking ahead pays: by how many orders are open,
    /// because of large tables that are nearly empty only a little is touched.
    #[inline]
    pub(super) const fn is_large(&self) -> bool {
        self.shelf.len() >= LARGE
    }

    /// Fetches the bucket of an order.
    #[inline]
    pub(super) fn fetch_bucket(&self, key: KeyId, target: OrderTarget) {
        let (table, hash) = self.table_of(key, target);
        table.fetch(hash);
    }

    /// The order that is most likely meant.
    #[inline]
    pub(super) fn likely(&self, key: KeyId, target: OrderTarget) -> Option<Handle> {
        let (table, hash) = self.table_of(key, target);
        table.likely(hash).map(Handle::from_index)
    }

    #[inline]
    fn table_of(&self, key: KeyId, target: OrderTarget) -> (&IndexTable, u32) {
        match target {
            OrderTarget::Order(id) => (&self.by_id, self.by_id.hash(id.raw(), 0)),
            OrderTarget::Request(request) => (&self.by_request, self.by_request.hash(request.raw(), key.raw().into())),
        }
    }

    /// Fetches an order and what it keeps for later.
    #[inline]
    pub(super) fn fetch(&self, handle: Handle) {
        self.shelf.fetch(handle);
        prefetch(self.extra(handle));
    }

    /// Fetches the neighbours of an order: at its price, and among those of its account.
    #[inline]
    pub(super) fn fetch_around(&self, handle: Handle) {
        self.shelf.fetch_around(handle);
        let Extra { older, newer, .. } = *self.extra(handle);
        for neighbour in [older, newer] {
            if let Some(extra) = self.extras.get(neighbour as usize) {
                prefetch(extra);
            }
        }
    }

    /// Makes an order findable. It is in no queue yet.
    pub(crate) fn open(&mut self, account: &mut Account, who: &Identity, terms: Terms) -> Handle {
        let tag = Tag {
            id: halves(who.id.raw()),
            request: halves(who.request.raw()),
            priority: [0; 2],
            account: who.account,
            key: who.key,
            market: who.market,
        };
        let handle = self.shelf.add(tag);
        let index = handle.index() as u32;
        self.by_id.insert(self.by_id.hash(who.id.raw(), 0), index);
        match terms.quote {
            Some(side) => self.by_quote.insert(self.quote_hash(who.account, terms.group, who.market, side), index),
            None => self.by_request.insert(self.by_request.hash(who.request.raw(), who.key.raw().into()), index),
        }
        let older = account.newest.map_or(NONE, |newest| newest.index() as u32);
        let extra = Extra { older, newer: NONE, seat: who.seat, hidden: Qty::ZERO, filled: Qty::ZERO, terms };
        if handle.index() == self.extras.len() {
            self.extras.push(extra);
        } else {
            self.extras[handle.index()] = extra;
        }
        match account.newest {
            Some(newest) => self.extras[newest.index()].newer = index,
            None => account.oldest = Some(handle),
        }
        account.newest = Some(handle);
        account.open_orders += 1;
        self.sum.add(self.identity_hash(handle));
        handle
    }

    /// Ends an order that is in no queue.
    pub(crate) fn end(&mut self, account: &mut Account, handle: Handle) {
        self.sum.remove(self.identity_hash(handle));
        let (tag, index) = (*self.shelf.tag(handle), handle.index() as u32);
        self.by_id.remove(self.by_id.hash(tag.id().raw(), 0), index);
        let Extra { older, newer, terms, .. } = *self.extra(handle);
        match terms.quote {
            Some(side) => self.by_quote.remove(self.quote_hash(tag.account, terms.group, tag.market, side), index),
            None => self.by_request.remove(self.by_request.hash(tag.request().raw(), tag.key.raw().into()), index),
        }
        if older == NONE {
            account.oldest = (newer != NONE).then_some(Handle::from_index(newer));
        } else {
            self.extras[older as usize].newer = newer;
        }
        if newer == NONE {
            account.newest = (older != NONE).then_some(Handle::from_index(older));
        } else {
            self.extras[newer as usize].older = older;
        }
        account.open_orders -= 1;
        self.shelf.discard(handle);
    }

    /// Puts an order behind all others of its price: `leaves` is all that is left, of which its display is shown.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        book: &mut Book,
        handle: Handle,
        side: Side,
        price: Price,
        leaves: Qty,
        filled: Qty,
    ) {
        let displayed = self.take_place(handle, side, price, leaves, filled);
        book.attach(&mut self.shelf, handle, side, price, displayed);
    }

    /// Notes the place that an order is about to come to; how much of it is shown there.
    #[inline(always)]
    fn take_place(&mut self, handle: Handle, side: Side, price: Price, leaves: Qty, filled: Qty) -> Qty {
        self.priority += 1;
        let tag = self.shelf.tag_mut(handle);
        tag.priority = halves(self.priority);
        let id = tag.id();
        let extra = &mut self.extras[handle.index()];
        let displayed = shown_of(extra.terms.display, leaves);
        let hidden = leaves.minus(displayed);
        (extra.hidden, extra.filled) = (hidden, filled);
        self.sum.add(Place { id, side, price, displayed, hidden, filled, priority: self.priority }.hash());
        displayed
    }

    /// Takes an order out of its queue and puts it behind all others of another price, or of its own: as [`Self::leave`] and
    /// [`Self::enter`] do, in one go.
    #[inline(always)]
    pub(crate) fn shift(&mut self, book: &mut Book, handle: Handle, order: &Order, price: Price, leaves: Qty) {
        self.sum.remove(self.place(handle).hash());
        let displayed = self.take_place(handle, order.side, price, leaves, order.filled);
        book.shift(&mut self.shelf, handle, order.side, price, displayed);
    }

    /// Takes an order out of its queue; it stays findable.
    #[inline]
    pub(crate) fn leave(&mut self, book: &mut Book, handle: Handle) {
        self.sum.remove(self.place(handle).hash());
        book.detach(&mut self.shelf, handle);
    }

    /// Changes what is left of an order where it stands.
    pub(crate) fn set(&mut self, handle: Handle, displayed: Qty, hidden: Qty, filled: Qty) {
        let before = self.place(handle).hash();
        self.shelf.set_leaves(handle, displayed);
        let extra = &mut self.extras[handle.index()];
        (extra.hidden, extra.filled) = (hidden, filled);
        self.sum.replace(before, self.place(handle).hash());
    }

    /// Changes what is left of a quote, and its terms, where it stands: what it was filled before counts no more.
    pub(crate) fn requote(&mut self, handle: Handle, leaves: Qty, terms: Terms) {
        let before = self.hash(handle);
        self.shelf.set_leaves(handle, leaves);
        let extra = &mut self.extras[handle.index()];
        (extra.filled, extra.terms) = (Qty::ZERO, terms);
        self.sum.replace(before, self.hash(handle));
    }

    /// Changes the terms of an order; not those by which it is found, nor its display.
    pub(crate) fn set_terms(&mut self, handle: Handle, terms: Terms) {
        let before = self.identity_hash(handle);
        self.extras[handle.index()].terms = terms;
        self.sum.replace(before, self.identity_hash(handle));
    }

    /// A waiting stop order is triggered: from here on it is an ordinary one.
    pub(crate) fn trigger(&mut self, handle: Handle) {
        let before = self.identity_hash(handle);
        self.extras[handle.index()].terms.is_stop = false;
        self.sum.replace(before, self.identity_hash(handle));
    }

    /// The account's order that came after this one.
    pub(crate) fn newer(&self, handle: Handle) -> Option<Handle> {
        let newer = self.extra(handle).newer;
        (newer != NONE).then_some(Handle::from_index(newer))
    }

    /// An account's orders, oldest first.
    pub(crate) fn of_account<'a>(&'a self, account: &Account) -> impl Iterator<Item = Handle> + use<'a> {
        core::iter::successors(account.oldest, |handle| self.newer(*handle))
    }

    /// How many orders each table knows: by id, by request, by quote.
    pub(crate) const fn index_sizes(&self) -> (usize, usize, usize) {
        (self.by_id.len(), self.by_request.len(), self.by_quote.len())
    }

    /// Hash of an order in a queue.
    pub(crate) fn hash(&self, handle: Handle) -> u128 {
        self.identity_hash(handle).wrapping_add(self.place(handle).hash())
    }

    /// Hash of what stays the same as long as the order is open.
    #[inline]
    fn identity_hash(&self, handle: Handle) -> u128 {
        let (tag, terms) = (self.shelf.tag(handle), &self.extra(handle).terms);
        let codes = u64::from(terms.time_in_force.code())
            | u64::from(terms.self_trade.code()) << 8
            | u64::from(terms.group) << 16
            | u64::from(terms.post_only) << 24
            | u64::from(terms.reprice) << 25
            | u64::from(terms.is_stop) << 26
            | u64::from(terms.quote.is_some()) << 27
            | u64::from(terms.on_disconnect.code()) << 28;
        hash(
            Fact::Order,
            [
                tag.id().raw(),
                tag.request().raw(),
                u64::from(tag.account.raw()) << 32 | u64::from(tag.key.raw()),
                u64::from(tag.market.raw()) << 32 | codes,
                terms.display.lots(),
                terms.expires.nanos(),
                terms.limit.ticks().cast_unsigned(),
                0,
            ],
        )
    }

    /// Where an order stands.
    #[inline(always)]
    fn place(&self, handle: Handle) -> Place {
        let (resting, extra) = (self.shelf.get(handle), self.extra(handle));
        Place {
            id: resting.tag.id(),
            side: resting.side,
            price: resting.price,
            displayed: resting.leaves,
            hidden: extra.hidden,
            filled: extra.filled,
            priority: resting.tag.priority(),
        }
    }
}

/// Where an order stands and what is left of it: what changes with every fill and every replace.
struct Place {
    id: OrderId,
    side: Side,
    price: Price,
    displayed: Qty,
    hidden: Qty,
    filled: Qty,
    priority: u64,
}

impl Place {
    #[inline(always)]
    fn hash(&self) -> u128 {
        hash(
            Fact::Place,
            [
                self.id.raw(),
                self.filled.lots(),
                self.price.ticks().cast_unsigned(),
                self.displayed.lots(),
                self.hidden.lots(),
                self.priority << 1 | u64::from(self.side.code() & 1),
            ],
        )
    }
}

/// How much of `leaves` is shown with this display quantity.
pub(crate) fn shown_of(display: Qty, leaves: Qty) -> Qty {
    if display.is_zero() { leaves } else { display.min(leaves) }
}
