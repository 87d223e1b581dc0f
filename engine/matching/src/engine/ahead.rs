//! Looking ahead: fetching from memory what the next commands will touch.
//!
//! ```text
//!   commands ahead   what is fetched                                    found by
//!               14   buckets of the index tables; the key's next place  the command
//!               11   the order, with what it keeps for later            its bucket
//!                8   its neighbours, level and seat; its market         the order
//!                5   the level that it comes to                         the ladder of its market
//!                2   the last order there                               that level
//! ```
//!
//! With a million open orders a command touches a dozen lines of memory that nothing has touched for a long time, and finds
//! most of them only by what stands in another one: it would wait four or five times, one after the other. Each step here
//! finds what it needs in the cache, because the step before fetched it.
//!
//! Invariants: nothing changes. What a step finds may be gone when its command comes; then it fetched something for nothing.
//!
//! Hot path: once a command, where [`OpenOrders::is_large`] says that it pays.

use tidegate_domain::{Command, CommandHeader, CommandRecord, MarketId, OrderId, OrderTarget, Price, Side};

#[cfg(doc)]
use super::open_orders::OpenOrders;
use super::{Engine, Market};
use crate::prefetch::prefetch_all;

/// Of what order a command is, as far as can be said without looking it up.
enum Subject {
    New(MarketId, Side, Price),
    /// The price is that of a replace.
    Open(OrderTarget, Option<Price>),
}

impl Engine {
    /// Fetches what is due for the commands that come.
    #[inline(never)]
    pub(super) fn fetch_ahead(&self, coming: &[CommandRecord]) {
        if let Some((header, subject)) = subject_of(coming, 14) {
            self.fetch_buckets(&header, &subject);
        }
        if let Some((header, Subject::Open(target, _))) = subject_of(coming, 11)
            && let Some(handle) = self.orders.likely(header.key, target)
        {
            self.orders.fetch(handle);
        }
        if let Some((header, subject)) = subject_of(coming, 8) {
            self.fetch_around(&header, &subject);
        }
        if let Some((market, side, price)) = self.destination(coming, 5) {
            self.orders.shelf.fetch_level(&market.book, side, price);
        }
        if let Some((market, side, price)) = self.destination(coming, 2) {
            self.orders.shelf.fetch_last(&market.book, side, price);
        }
    }

    fn fetch_buckets(&self, header: &CommandHeader, subject: &Subject) {
        self.outcomes.prefetch(header.key);
        match *subject {
            Subject::New(market, ..) => {
                self.ledger.fetch_seat_bucket(header.account, market);
                self.orders.fetch_bucket(header.key, OrderTarget::Order(OrderId::of_command(header.sequence)));
                self.orders.fetch_bucket(header.key, OrderTarget::Request(header.request));
            }
            Subject::Open(target, _) => self.orders.fetch_bucket(header.key, target),
        }
    }

    fn fetch_around(&self, header: &CommandHeader, subject: &Subject) {
        let market = match *subject {
            Subject::New(market, ..) => {
                self.ledger.fetch_likely_seat(header.account, market);
                market
            }
            Subject::Open(target, _) => {
                let Some(handle) = self.orders.likely(header.key, target) else { return };
                self.ledger.fetch_seat(self.orders.extra(handle).seat);
                self.orders.fetch_around(handle);
                self.orders.shelf.tag(handle).market()
            }
        };
        if let Some(market) = self.markets.get(market.raw()) {
            prefetch_all(market);
        }
    }

    /// Where the order of a command is to rest.
    fn destination(&self, coming: &[CommandRecord], distance: usize) -> Option<(&Market, Side, Price)> {
        let (header, subject) = subject_of(coming, distance)?;
        let (market, side, price) = match subject {
            Subject::New(market, side, price) => (market, side, price),
            Subject::Open(target, price) => {
                let handle = self.orders.likely(header.key, target)?;
                let order = self.orders.shelf.get(handle);
                (order.tag.market(), order.side, price?)
            }
        };
        Some((self.markets.get(market.raw())?, side, price))
    }
}

/// The order that the command at a distance is about.
#[inline]
fn subject_of(coming: &[CommandRecord], distance: usize) -> Option<(CommandHeader, Subject)> {
    let record = coming.get(distance)?;
    let (header, kind) = record.decode_header().ok()?;
    let subject = match record.decode_body(kind).ok()? {
        Command::NewOrder(new) => Subject::New(new.market, new.side, new.price),
        Command::ReplaceOrder { target, price, .. } => Subject::Open(target, Some(price)),
        Command::CancelOrder { target } | Command::ReduceOrder { target, .. } => Subject::Open(target, None),
        _ => return None,
    };
    Some((header, subject))
}
