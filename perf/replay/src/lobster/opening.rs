//! The opening book, which the message file does not have: what rested before the first message.
//!
//!   messages + the book after message 0 --> [`Opening`] { seed: before message 0, late: before message n }
//!
//! An order that is reduced, cancelled or executed without ever having been new existed before, and its size is what the
//! messages take off it. Where the first book row has room for it at its price, it is part of the seed; what remains of
//! a level is anonymous volume behind it. Numbers grow with time, so their order is the priority. The others enter the
//! file's window of levels unseen: an older one just before its first message, a newer one where its number belongs.

use std::collections::{BTreeMap, HashMap, HashSet};

use tidegate_domain::Side;

use super::rows::{BookRow, Message, MessageKind};

/// An order that no message brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// Its number in the file; negative for anonymous volume.
    pub(crate) order: i64,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) size: u64,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) seed: Vec<Resting>,
    /// By the index of the message before which they enter.
    pub(crate) late: HashMap<usize, Vec<Resting>>,
}

/// An order without a beginning: itself, and the index of the message that names it first.
struct Unseen {
    resting: Resting,
    first: usize,
}

/// Works the opening book out.
pub(crate) fn opening(messages: &[Message], after_first: &BookRow) -> Opening {
    // Numbers grow with time: what is older than the first new order was there before.
    let first_new = messages.iter().find(|message| message.kind == MessageKind::New);
    let first_new = first_new.map_or(i64::MAX, |message| message.order);
    let mut levels = levels_before_first(messages, after_first);
    let arrivals = arrivals(messages, first_new);
    let mut opening = Opening::default();
    for Unseen { resting, first } in unseen(messages).into_values() {
        let room = levels[index(resting.side)].get_mut(&resting.price).filter(|room| **room >= resting.size as i64);
        match room {
            Some(room) if resting.order < first_new => {
                *room -= resting.size as i64;
                opening.seed.push(resting);
            }
            _ if resting.order < first_new => opening.late.entry(first).or_default().push(resting),
            _ => {
                let later = arrivals.partition_point(|(order, _)| *order < resting.order);
                let before = arrivals.get(later).map_or(first, |(_, message)| first.min(*message));
                opening.late.entry(before).or_default().push(resting);
            }
        }
    }
    add_anonymous(&mut opening.seed, &levels);
    opening
}

const fn index(side: Side) -> usize {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

/// Volume by side and price before message 0: its effect is taken back. Signed: a file may contradict itself.
fn levels_before_first(messages: &[Message], after_first: &BookRow) -> [BTreeMap<i64, i64>; 2] {
    let side = |quotes: &[(i64, u64)]| quotes.iter().map(|(price, size)| (*price, *size as i64)).collect();
    let mut levels: [BTreeMap<i64, i64>; 2] = [side(&after_first.bids), side(&after_first.asks)];
    if let Some(first) = messages.first() {
        let taken_back = match first.kind {
            MessageKind::New => -(first.size as i64),
            MessageKind::Reduce | MessageKind::Cancel | MessageKind::Execute => first.size as i64,
            MessageKind::ExecuteHidden => 0,
        };
        *levels[index(first.side)].entry(first.price).or_default() += taken_back;
    }
    levels
}

/// Orders that some message names before, or without, one that brings them; by number.
fn unseen(messages: &[Message]) -> BTreeMap<i64, Unseen> {
    let mut brought = HashSet::new();
    let mut unseen = BTreeMap::<i64, Unseen>::new();
    for (at, message) in messages.iter().enumerate() {
        let Message { kind, order, size, price, side } = *message;
        match kind {
            MessageKind::New => drop(brought.insert(order)),
            MessageKind::ExecuteHidden => {}
            MessageKind::Reduce | MessageKind::Cancel | MessageKind::Execute if brought.contains(&order) => {}
            MessageKind::Reduce | MessageKind::Cancel | MessageKind::Execute => {
                let entry = unseen.entry(order);
                let entry = entry.or_insert(Unseen { resting: Resting { order, side, price, size: 0 }, first: at });
                entry.resting.size = entry.resting.size.saturating_add(size);
                if kind != MessageKind::Execute {
                    entry.resting.price = price;
                }
            }
        }
    }
    unseen
}

/// Numbers of new orders with their messages, as far as they grow.
fn arrivals(messages: &[Message], first_new: i64) -> Vec<(i64, usize)> {
    let mut arrivals: Vec<(i64, usize)> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let newest = arrivals.last().map_or(0, |(order, _)| *order);
        if message.kind == MessageKind::New && message.order >= first_new && message.order > newest {
            arrivals.push((message.order, at));
        }
    }
    arrivals
}

fn add_anonymous(seed: &mut Vec<Resting>, levels: &[BTreeMap<i64, i64>; 2]) {
    let mut order = 0;
    for side in [Side::Buy, Side::Sell] {
        for (price, volume) in &levels[index(side)] {
            if let Ok(size) = u64::try_from(*volume)
                && size > 0
            {
                order -= 1;
                seed.push(Resting { order, side, price: *price, size });
            }
        }
    }
}
