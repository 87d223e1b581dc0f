//! The views against the engine: after every command of a random flow, the same levels.
#![allow(clippy::unwrap_used)]

#[path = "../../sink-sql/tests/flow/mod.rs"]
mod flow;

use flow::{Flow, MARKETS};
use tidegate_domain::{Event, EventRecord, Liquidity, MarketId, Side};
use tidegate_http::views::MarketViews;

fn feed(views: &mut MarketViews, events: &[EventRecord]) {
    for event in events {
        let (header, event) = event.decode().unwrap();
        views.on_event(&header, &event);
    }
}

fn assert_levels(views: &MarketViews, flow: &Flow) {
    for (id, name) in MARKETS {
        for side in [Side::Buy, Side::Sell] {
            let shown = views.market(name).unwrap().levels(side, usize::MAX);
            let shown: Vec<_> = shown.iter().map(|(price, level)| (*price, level.lots, level.orders)).collect();
            let engine = flow.engine.levels(MarketId::new(id), side, usize::MAX);
            let engine: Vec<_> =
                engine.iter().map(|(price, qty, orders)| (*price, u128::from(qty.lots()), *orders)).collect();
            assert_eq!(shown, engine, "{name} {side} at sequence {}", views.through());
        }
    }
}

#[test]
fn levels_are_the_engines_after_every_command() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let (mut flow, mut views) = (Flow::new(seed), MarketViews::default());
        feed(&mut views, &flow.prelude());
        let (mut resting, mut fills) = (0, 0);
        for _ in 0..8_000 {
            let events = flow.step();
            feed(&mut views, &events);
            assert_levels(&views, &flow);
            if let Some(last) = events.last() {
                assert_eq!(views.through(), last.sequence());
            }
            fills += events.iter().filter(|event| matches!(event.decode().unwrap().1, Event::Fill(_))).count();
            resting += usize::from(!views.market("BTC-USDT").unwrap().levels(Side::Buy, 1).is_empty());
        }
        assert!(fills > 2_000 && resting > 2_000, "the flow is too thin to prove anything: {fills} fills, {resting}");
    }
}

#[test]
fn trades_and_spans_are_those_of_the_taker_fills() {
    let (_, events) = flow::events(9, 6_000);
    let mut views = MarketViews::default();
    feed(&mut views, &events);
    for (id, name) in MARKETS {
        let takers = events.iter().filter_map(|event| match event.decode().unwrap() {
            (header, Event::Fill(fill)) if fill.liquidity == Liquidity::Taker && header.market.raw() == id => {
                Some((header.sequence, header.index, fill))
            }
            _ => None,
        });
        let takers: Vec<_> = takers.collect();
        assert!(takers.len() > 100);
        let view = views.market(name).unwrap();
        for (trade, (sequence, index, fill)) in view.last_trades(usize::MAX).zip(takers.iter().rev()) {
            assert_eq!((trade.sequence, trade.index), (*sequence, *index));
            assert_eq!((trade.price, trade.qty, trade.taker_side), (fill.price, fill.qty, fill.side));
        }
        let (all, prices) = (view.all().unwrap(), takers.iter().map(|(_, _, fill)| fill.price));
        assert_eq!(all.volume_lots, takers.iter().map(|(_, _, fill)| u128::from(fill.qty.lots())).sum::<u128>());
        assert_eq!(all.trades, takers.len() as u64);
        assert_eq!((Some(all.open), Some(all.last)), (prices.clone().next(), prices.clone().next_back()));
        assert_eq!((Some(all.high), Some(all.low)), (prices.clone().max(), prices.min()));
        assert_eq!(view.day(views.time()), Some(all), "the flow takes less than a day");
    }
}
