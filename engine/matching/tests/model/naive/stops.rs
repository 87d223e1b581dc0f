//! Stops that the last price has reached: RULES.md, 2.7.

use tidegate_domain::*;

use super::admit::is_triggered;
use super::{Naive, NaiveOrder, Place, lots, side, ticks};

impl Naive {
    /// One after the other, until none is triggered.
    pub(super) fn trigger_stops(&mut self) {
        while let Some(stop) = self.next_triggered() {
            self.order_mut(stop.id).place = Place::Taking;
            let event = Event::OrderTriggered {
                order: OrderId::new(stop.id),
                side: side(stop.is_buy),
                price: ticks(stop.price),
                leaves: lots(stop.left),
            };
            self.tell_creator(&stop, event);
            let is_empty = self.best_price(stop.market, !stop.is_buy).is_none();
            if stop.order_type == OrderType::Stop && is_empty {
                self.cancel_because(&stop, CancelReason::NoLiquidity);
            } else {
                self.take(stop.id);
            }
        }
    }

    fn next_triggered(&self) -> Option<NaiveOrder> {
        if self.orders.iter().all(|order| order.place != Place::Waiting) {
            return None;
        }
        // Only the market of this command can have traded.
        let markets = 1..=self.markets.len() as u32;
        markets.into_iter().find_map(|id| {
            let stops = self.waiting_stops(id);
            stops.into_iter().find(|stop| is_triggered(self.market(id), stop)).cloned()
        })
    }
}
