//! Open, high, low, last and volume: of everything, and of the last 24 hours by the events' own time.
//!
//! Invariants: pure; time comes on the events and never goes backwards; the window moves in whole minutes, so a market
//! keeps at most 1,440 spans.

use std::collections::VecDeque;

use tidegate_domain::{Price, Qty, Timestamp};

const NANOS_PER_MINUTE: u64 = 60_000_000_000;
/// Minutes of the window, the running one included.
const WINDOW_MINUTES: u64 = 24 * 60;

/// What happened in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Price of the first trade.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Price of the last trade.
    pub last: Price,
    /// Sum of the quantities in lots.
    pub volume_lots: u128,
    /// How many trades.
    pub trades: u64,
}

impl Span {
    fn of_one(price: Price, qty: Qty) -> Self {
        Self { open: price, high: price, low: price, last: price, volume_lots: qty.lots().into(), trades: 1 }
    }

    /// This span and the later one as one.
    fn then(self, later: Self) -> Self {
        Self {
            open: self.open,
            high: self.high.max(later.high),
            low: self.low.min(later.low),
            last: later.last,
            volume_lots: self.volume_lots + later.volume_lots,
            trades: self.trades + later.trades,
        }
    }
}

fn join(spans: impl IntoIterator<Item = Span>) -> Option<Span> {
    spans.into_iter().reduce(Span::then)
}

/// The spans of one market.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticker {
    all: Option<Span>,
    /// Oldest first; only minutes with trades.
    minutes: VecDeque<(u64, Span)>,
}

impl Ticker {
    pub(crate) fn on_trade(&mut self, time: Timestamp, price: Price, qty: Qty) {
        let (minute, trade) = (time.nanos() / NANOS_PER_MINUTE, Span::of_one(price, qty));
        self.all = join(self.all.into_iter().chain([trade]));
        match self.minutes.back_mut() {
            Some((last, span)) if *last == minute => *span = span.then(trade),
            _ => self.minutes.push_back((minute, trade)),
        }
        while self.minutes.front().is_some_and(|(first, _)| !in_window(*first, minute)) {
            self.minutes.pop_front();
        }
    }

    /// Since the market was made.
    pub(crate) fn all(&self) -> Option<Span> {
        self.all
    }

    /// The 24 hours before `now`.
    pub(crate) fn day(&self, now: Timestamp) -> Option<Span> {
        let now = now.nanos() / NANOS_PER_MINUTE;
        join(self.minutes.iter().filter(|(minute, _)| in_window(*minute, now)).map(|(_, span)| *span))
    }
}

fn in_window(minute: u64, now: u64) -> bool {
    now.saturating_sub(minute) < WINDOW_MINUTES
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * NANOS_PER_MINUTE;

    #[test]
    fn the_day_forgets_what_is_older_than_24_hours_and_the_whole_does_not() {
        let mut ticker = Ticker::default();
        assert_eq!(ticker.day(Timestamp::from_nanos(0)), None);
        for (hour, price, lots) in [(0, 100, 5), (1, 300, 1), (2, 200, 2), (24, 150, 4)] {
            ticker.on_trade(Timestamp::from_nanos(hour * HOUR), Price::from_ticks(price), Qty::from_lots(lots));
        }
        let prices = |span: Span| [span.open, span.high, span.low, span.last].map(Price::ticks);
        let day = ticker.day(Timestamp::from_nanos(24 * HOUR)).unwrap();
        assert_eq!((prices(day), day.volume_lots, day.trades), ([300, 300, 150, 150], 7, 3));
        let all = ticker.all().unwrap();
        assert_eq!((prices(all), all.volume_lots, all.trades), ([100, 300, 100, 150], 12, 4));
        // Time goes on without trades: the window moves with it.
        let later = ticker.day(Timestamp::from_nanos(26 * HOUR)).unwrap();
        assert_eq!((prices(later), later.trades), ([150, 150, 150, 150], 1));
        assert_eq!(ticker.day(Timestamp::from_nanos(48 * HOUR)), None);
    }
}
