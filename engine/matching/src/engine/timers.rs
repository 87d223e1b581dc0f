//! What is due when: ends of grace times, keys' own timers and ends of orders, in one heap that never grows.
//!
//!   arm(deadline, subject) --> [heap, soonest first] --> first
//!
//! Invariants: at most one timer a subject; the order is (deadline, sessions, then keys' own timers, then orders, key or order id),
//! whatever the heap's own shape. Arming and disarming cost the heap's height.

use alloc::vec::Vec;

use tidegate_domain::{KeyId, OrderId, Timestamp};

use crate::book::Handle;

const NONE: u32 = u32::MAX;

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Session(KeyId),
    DeadMan(KeyId),
    Order(OrderId, Handle),
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    deadline: Timestamp,
    subject: Subject,
}

impl Timer {
    const fn rank(&self) -> (u64, u8, u64) {
        match self.subject {
            Subject::Session(key) => (self.deadline.nanos(), 0, key.raw() as u64),
            Subject::DeadMan(key) => (self.deadline.nanos(), 1, key.raw() as u64),
            Subject::Order(order, _) => (self.deadline.nanos(), 2, order.raw()),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<Timer>,
    /// Places in the heap, by key, by key once more, and by the index of an order's handle.
    of_sessions: Vec<u32>,
    of_dead_men: Vec<u32>,
    of_orders: Vec<u32>,
}

impl Timers {
    /// For as many keys, numbered from 1, and orders.
    pub(crate) fn with_capacity(keys: usize, orders: usize) -> Self {
        Self {
            heap: Vec::with_capacity(2 * keys + orders),
            of_sessions: alloc::vec![NONE; keys + 1],
            of_dead_men: alloc::vec![NONE; keys + 1],
            of_orders: alloc::vec![NONE; orders],
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.heap.len()
    }

    /// The next one.
    pub(crate) fn first(&self) -> Option<(Timestamp, Subject)> {
        self.heap.first().map(|timer| (timer.deadline, timer.subject))
    }

    /// When a subject's timer is due.
    pub(crate) fn deadline(&self, subject: Subject) -> Option<Timestamp> {
        let at = *self.place(subject);
        (at != NONE).then(|| self.heap[at as usize].deadline)
    }

    /// Arms a timer, or moves it.
    pub(crate) fn arm(&mut self, subject: Subject, deadline: Timestamp) {
        self.disarm(subject);
        let at = self.heap.len();
        assert!(at < self.heap.capacity(), "a subject has one timer");
        self.heap.push(Timer { deadline, subject });
        self.rise(at);
    }

    /// Disarms a timer, if there is one.
    pub(crate) fn disarm(&mut self, subject: Subject) {
        let at = *self.place(subject);
        if at == NONE {
            return;
        }
        *self.place_mut(subject) = NONE;
        let at = at as usize;
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.rise(at);
            let at = *self.place(self.heap[at].subject) as usize;
            self.sink(at);
        }
    }

    fn place(&self, subject: Subject) -> &u32 {
        match subject {
            Subject::Session(key) => &self.of_sessions[key.raw() as usize],
            Subject::DeadMan(key) => &self.of_dead_men[key.raw() as usize],
            Subject::Order(_, handle) => &self.of_orders[handle.index()],
        }
    }

    fn place_mut(&mut self, subject: Subject) -> &mut u32 {
        match subject {
            Subject::Session(key) => &mut self.of_sessions[key.raw() as usize],
            Subject::DeadMan(key) => &mut self.of_dead_men[key.raw() as usize],
            Subject::Order(_, handle) => &mut self.of_orders[handle.index()],
        }
    }

    fn put(&mut self, at: usize, timer: Timer) {
        self.heap[at] = timer;
        *self.place_mut(timer.subject) = u32::try_from(at).expect("no more timers than keys and orders");
    }

    fn rise(&mut self, mut at: usize) {
        let timer = self.heap[at];
        while at > 0 {
            let above = self.heap[(at - 1) / 2];
            if above.rank() <= timer.rank() {
                break;
            }
            self.put(at, above);
            at = (at - 1) / 2;
        }
        self.put(at, timer);
    }

    fn sink(&mut self, mut at: usize) {
        let timer = self.heap[at];
        loop {
            let left = 2 * at + 1;
            let Some(first) = self.heap.get(left) else { break };
            let child = match self.heap.get(left + 1) {
                Some(second) if second.rank() < first.rank() => left + 1,
                _ => left,
            };
            if self.heap[child].rank() >= timer.rank() {
                break;
            }
            self.put(at, self.heap[child]);
            at = child;
        }
        self.put(at, timer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn timers_come_due_in_order_whatever_was_armed_moved_and_disarmed() {
        for seed in 1..=10_u64 {
            let mut timers = Timers::with_capacity(20, 20);
            let mut naive: BTreeMap<(u8, u32), u64> = BTreeMap::new();
            let mut state = seed;
            let mut random = move |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let subject = |kind: u8, n: u32| match kind {
                0 => Subject::Session(KeyId::new(n)),
                1 => Subject::DeadMan(KeyId::new(n)),
                _ => Subject::Order(OrderId::new(n.into()), Handle::from_index(n)),
            };
            for _ in 0..5_000 {
                let (kind, n) = (random(3) as u8, random(20) as u32);
                if random(3) > 0 {
                    let deadline = random(30);
                    timers.arm(subject(kind, n), Timestamp::from_nanos(deadline));
                    naive.insert((kind, n), deadline);
                } else {
                    timers.disarm(subject(kind, n));
                    naive.remove(&(kind, n));
                }
                let first = naive.iter().min_by_key(|((kind, n), deadline)| (**deadline, *kind, *n));
                let first = first.map(|((kind, n), deadline)| (Timestamp::from_nanos(*deadline), subject(*kind, *n)));
                assert_eq!((timers.first(), timers.len()), (first, naive.len()), "seed {seed}");
            }
        }
    }
}
