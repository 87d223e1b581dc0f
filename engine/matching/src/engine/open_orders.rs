//! Every resting order, and every way to find it: by its place in a book, by its id, by the request that created it, and
//! with all others of its account, oldest first.
//!
//! ```text
//!   id --by_id--> Handle --> Shelf (book)        Account.oldest --> order <-> order <-> order <-- Account.newest
//!   (key, request) --by_request--> Handle
//! ```
//!
//! Invariants: an order is in a book, in both tables and in its account's list, or in none of them. Nothing here grows.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, KeyId, MarketId, OrderId, Price, Qty, RequestNumber, Side};

use super::handle_map::HandleMap;
use super::tables::Account;
use crate::book::{Book, Handle, Resting, Shelf};

/// A resting order.
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
    /// Where it rests.
    pub market: MarketId,
    /// On which side.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// What is left of it; at least one lot.
    pub leaves: Qty,
}

/// What the engine wants to find again at an order in a book.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Tag {
    // Two halves, so that an order fits in a cache line: a `u64` would align it to 8 bytes behind 28.
    id: [u32; 2],
    request: [u32; 2],
    account: AccountId,
    key: KeyId,
    market: MarketId,
}

const fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

const fn whole([low, high]: [u32; 2]) -> u64 {
    low as u64 | (high as u64) << 32
}

impl Tag {
    const fn id(&self) -> OrderId {
        OrderId::new(whole(self.id))
    }

    const fn request(&self) -> RequestNumber {
        RequestNumber::new(whole(self.request))
    }
}

/// As an order is shown outside of the book.
pub(crate) const fn shown(resting: &Resting<Tag>) -> Order {
    let Resting { side, price, leaves, tag } = *resting;
    let (id, request) = (tag.id(), tag.request());
    Order { id, account: tag.account, key: tag.key, request, market: tag.market, side, price, leaves }
}

/// Neighbours in the list of an account.
#[derive(Clone, Copy, Debug, Default)]
struct Links {
    older: Option<Handle>,
    newer: Option<Handle>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenOrders {
    pub(crate) shelf: Shelf<Tag>,
    by_id: HandleMap,
    by_request: HandleMap,
    /// By the index of the handle.
    links: Vec<Links>,
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
            by_id: HandleMap::with_capacity(orders, seed),
            by_request: HandleMap::with_capacity(orders, seed),
            links: Vec::with_capacity(orders),
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.shelf.len()
    }

    #[inline]
    pub(crate) fn get(&self, handle: Handle) -> Order {
        shown(&self.shelf.get(handle))
    }

    /// An order by its id.
    #[inline]
    pub(crate) fn by_id(&self, id: OrderId) -> Option<Handle> {
        self.by_id.get(self.by_id.hash(id.raw(), 0), |handle| self.shelf.tag(handle).id() == id)
    }

    /// An order by the request with which a key created it.
    #[inline]
    pub(crate) fn by_request(&self, key: KeyId, request: RequestNumber) -> Option<Handle> {
        let is_it = |handle| {
            let tag = self.shelf.tag(handle);
            tag.key == key && tag.request() == request
        };
        self.by_request.get(self.by_request.hash(request.raw(), key.raw().into()), is_it)
    }

    /// Lets an order rest and makes it findable.
    pub(crate) fn open(&mut self, book: &mut Book, account: &mut Account, order: &Order) -> Handle {
        let Order { id, request, key, side, price, leaves, .. } = *order;
        let tag = Tag {
            id: halves(id.raw()),
            request: halves(request.raw()),
            account: order.account,
            key,
            market: order.market,
        };
        let handle = book.rest(&mut self.shelf, side, price, leaves, tag);
        self.by_id.insert(self.by_id.hash(id.raw(), 0), handle);
        self.by_request.insert(self.by_request.hash(request.raw(), key.raw().into()), handle);
        if self.links.len() <= handle.index() {
            self.links.push(Links::default());
        }
        self.links[handle.index()] = Links { older: account.newest, newer: None };
        match account.newest {
            Some(newest) => self.links[newest.index()].newer = Some(handle),
            None => account.oldest = Some(handle),
        }
        account.newest = Some(handle);
        account.open_orders += 1;
        handle
    }

    /// Takes an order out of everything.
    pub(crate) fn close(&mut self, book: &mut Book, account: &mut Account, handle: Handle) -> Order {
        let order = shown(&book.remove(&mut self.shelf, handle));
        self.forget(account, handle, &order);
        order
    }

    /// Takes `by` off an order; at zero it is gone from everything. What is left.
    pub(crate) fn take(&mut self, book: &mut Book, account: &mut Account, handle: Handle, by: Qty) -> Qty {
        if by == self.shelf.leaves(handle) {
            self.close(book, account, handle);
            return Qty::ZERO;
        }
        book.take(&mut self.shelf, handle, by)
    }

    fn forget(&mut self, account: &mut Account, handle: Handle, order: &Order) {
        self.by_id.remove(self.by_id.hash(order.id.raw(), 0), handle);
        self.by_request.remove(self.by_request.hash(order.request.raw(), order.key.raw().into()), handle);
        let Links { older, newer } = self.links[handle.index()];
        match older {
            Some(older) => self.links[older.index()].newer = newer,
            None => account.oldest = newer,
        }
        match newer {
            Some(newer) => self.links[newer.index()].older = older,
            None => account.newest = older,
        }
        account.open_orders -= 1;
    }

    /// The account's order that came after this one.
    pub(crate) fn newer(&self, handle: Handle) -> Option<Handle> {
        self.links[handle.index()].newer
    }

    /// An account's orders, oldest first.
    pub(crate) fn of_account<'a>(&'a self, account: &Account) -> impl Iterator<Item = Handle> + use<'a> {
        core::iter::successors(account.oldest, |handle| self.newer(*handle))
    }

    /// How many orders each table knows.
    pub(crate) const fn index_sizes(&self) -> (usize, usize) {
        (self.by_id.len(), self.by_request.len())
    }
}
