//! Stops that the last price has reached: RULES.md, 2.7.

use tidegate_domain::*;

use super::admit::is_triggered;
use super::{Naive, NaiveOrder, Place, lots, side, ticks};

impl Naive {
    /// One after the other, until none is triggered.
    pub(super) fn trigger_stops(&mut self) {
        // Only the market of this command can have traded; a mass quote says in which order its markets come.
        let markets: Vec<u32> = (1..=self.markets.len() as u32).collect();
        self.trigger_stops_in(&markets);
    }

    pub(super) fn trigger_stops_in(&mut self, markets: &[u32]) {
        while let Some(stop) = self.next_triggered(markets) {
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

    fn next_triggered(&self, markets: &[u32]) -> Option<NaiveOrder> {
        if self.orders.iter().all(|order| order.place != Place::Waiting) {
            return None;
        }
        let markets = markets.iter().copied().filter(|id| (1..=self.markets.len()).contains(&(*id as usize)));
        markets.into_iter().find_map(|id| {
            let stops = self.waiting_stops(id);
            stops.into_iter().find(|stop| is_triggered(self.market(id), stop)).cloned()
        })
    }
}
