//! The book against a plain map of queues, and its corners one by one.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::*;

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks)
}

fn lots(lots: u64) -> Qty {
    Qty::from_lots(lots)
}

fn tags(book: &Book, shelf: &Shelf<u64>, side: Side) -> Vec<u64> {
    book.verify(shelf);
    book.orders(shelf, side).map(|(_, order)| order.tag).collect()
}

#[test]
fn an_order_leaves_from_any_place_of_its_queue() {
    for gone in 0..3 {
        let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(4));
        let handles = [1, 2, 3].map(|tag| book.rest(&mut shelf, Side::Buy, price(10), lots(tag), tag));
        let removed = book.remove(&mut shelf, handles[gone]);
        let mut left = alloc::vec![1, 2, 3];
        assert_eq!(left.remove(gone), removed.tag);
        assert_eq!(tags(&book, &shelf, Side::Buy), left);
        // The slot is used again, at the end of the queue.
        book.rest(&mut shelf, Side::Buy, price(10), lots(1), 4);
        left.push(4);
        assert_eq!(tags(&book, &shelf, Side::Buy), left);
    }
}

#[test]
fn the_best_level_comes_first_on_both_sides() {
    let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(4));
    for (tag, side, ticks) in [(1, Side::Buy, 9), (2, Side::Buy, 10), (3, Side::Sell, 12), (4, Side::Sell, 11)] {
        book.rest(&mut shelf, side, price(ticks), lots(5), tag);
    }
    assert_eq!(tags(&book, &shelf, Side::Buy), [2, 1]);
    assert_eq!(tags(&book, &shelf, Side::Sell), [4, 3]);
    let best = book.best(&shelf, Side::Sell).expect("there are two asks");
    assert_eq!(book.take(&mut shelf, best, lots(5)), Qty::ZERO);
    assert_eq!(book.best_price(Side::Sell), Some(price(12)));
}

/// Each order is limited, their sum is not: two of the largest quantity at one price are more than a `Qty` holds.
#[test]
fn a_level_may_hold_more_than_the_largest_quantity() {
    let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(2));
    book.rest(&mut shelf, Side::Sell, price(1), lots(u64::MAX), 1);
    let second = book.rest(&mut shelf, Side::Sell, price(1), lots(u64::MAX), 2);
    assert_eq!(book.levels(&shelf, Side::Sell).next(), Some((price(1), 2 * u128::from(u64::MAX), 2)));
    assert_eq!(book.depth(&shelf, Side::Sell, 1), [(price(1), lots(u64::MAX), 2)]);
    book.remove(&mut shelf, second);
    book.verify(&shelf);
}

#[test]
#[should_panic(expected = "a handle outlived its order")]
fn a_handle_is_not_used_after_its_order() {
    let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(1));
    let handle = book.rest(&mut shelf, Side::Buy, price(1), lots(1), 1);
    book.remove(&mut shelf, handle);
    let _ = shelf.price(handle);
}

#[test]
fn prices_at_the_ends_of_the_range_share_a_book() {
    let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(10));
    let far = [i64::MIN, -1, 0, 1, 63, 64, 4_095, 4_096, 1 << 40, i64::MAX];
    let mut handles: Vec<_> =
        (0..).zip(far).map(|(tag, ticks)| book.rest(&mut shelf, Side::Sell, price(ticks), lots(1), tag)).collect();
    assert_eq!(tags(&book, &shelf, Side::Sell), (0..10).collect::<Vec<_>>());
    while !handles.is_empty() {
        let handle = handles.swap_remove(handles.len() / 2);
        book.remove(&mut shelf, handle);
        book.verify(&shelf);
    }
    assert!(shelf.is_empty());
}

/// The same steps on the book and on a map of queues: the same orders in the same order after each.
#[test]
fn the_book_does_what_a_map_of_queues_does() {
    for seed in 1..=20_u64 {
        let (mut book, mut shelf) = (Book::new(), Shelf::with_capacity(250));
        let mut naive: BTreeMap<(bool, i64), VecDeque<(u64, u64)>> = BTreeMap::new();
        let mut handles: Vec<(u64, Handle)> = Vec::new();
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let spread = [3, 70, 5_000, 1 << 40][seed as usize % 4];
        for tag in 0..3_000 {
            let sell = random(2) == 0;
            let side = if sell { Side::Sell } else { Side::Buy };
            if handles.len() < 250 && random(3) > 0 {
                // Two sides that never meet.
                let ticks = random(spread) as i64 * if sell { 1 } else { -1 } + if sell { 1 } else { -1 };
                let qty = 1 + random(9);
                handles.push((tag, book.rest(&mut shelf, side, price(ticks), lots(qty), tag)));
                naive.entry((sell, if sell { ticks } else { -ticks })).or_default().push_back((tag, qty));
            } else if !handles.is_empty() {
                let (tag, handle) = handles.swap_remove(random(handles.len() as u64) as usize);
                let by = if random(2) == 0 { shelf.leaves(handle) } else { lots(1) };
                if !book.take(&mut shelf, handle, by).is_zero() {
                    handles.push((tag, handle));
                }
                for queue in naive.values_mut() {
                    queue.iter_mut().filter(|(of, _)| *of == tag).for_each(|(_, left)| *left -= by.lots());
                    queue.retain(|(_, left)| *left > 0);
                }
                naive.retain(|_, queue| !queue.is_empty());
            }
            for sell in [false, true] {
                let side = if sell { Side::Sell } else { Side::Buy };
                let expected: Vec<_> = naive
                    .iter()
                    .filter(|((of, _), _)| *of == sell)
                    .flat_map(|(_, queue)| queue.iter().copied())
                    .collect();
                let found: Vec<_> =
                    book.orders(&shelf, side).map(|(_, order)| (order.tag, order.leaves.lots())).collect();
                assert_eq!(found, expected, "seed {seed}, step {tag}");
                assert_eq!(
                    book.best(&shelf, side).map(|handle| *shelf.tag(handle)),
                    expected.first().map(|(tag, _)| *tag)
                );
                let of_best = book.best(&shelf, side).map(|handle| shelf.price(handle));
                assert_eq!(book.best_price(side), of_best, "seed {seed}, step {tag}");
            }
            if tag % 64 == 0 {
                book.verify(&shelf);
            }
        }
    }
}
