//! One side of one book: price levels by rank, the lowest first.
//!
//! ```text
//!   rank = 58 bits of leaf number | 6 bits of place in the leaf
//!
//!   Ladder.root --> Inner (64 children, 1 bit each) --> .. --> Leaf (64 levels, 1 bit each: head and tail of a queue)
//!   Ladder.best --------------------------------------------> the leaf with the lowest number
//! ```
//!
//! A trie of 64-bit maps in which an inner node stands only where paths part. Prices of one side stand close together, so a
//! ladder is one leaf, or a few under one inner node. The best level is one `trailing_zeros` away; a level's place is
//! remembered by its orders, so taking one out searches nothing.
//!
//! Invariants: a leaf has a level and an inner node two children, so there are never more nodes of a kind than orders;
//! `best` is the leaf with the lowest number, `best_rank` the lowest rank. Nodes come from pools that all ladders share and that
//! never grow.

use alloc::vec::Vec;

use super::slab::NONE;
use crate::prefetch::prefetch;

/// Ranks that share a leaf: as many as a word has bits.
const FAN: u32 = 64;
const BITS: u32 = FAN.trailing_zeros();

/// A queue of orders at one price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) head: u32,
    pub(super) tail: u32,
}

#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Leaf {
    /// Which levels exist.
    used: u64,
    /// The upper 58 bits of its levels' ranks.
    number: u64,
    levels: [Level; FAN as usize],
}

/// Covers the leaves whose numbers agree with `number` above `height` digits of six bits.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Inner {
    used: u64,
    number: u64,
    height: u32,
    children: [Node; FAN as usize],
}

/// An inner node or a leaf: the slot in its pool, with a bit that says which.
type Node = u32;

const INNER: u32 = 1 << 31;

/// Nodes of one kind: allocated once, reused last in, first out.
#[derive(Debug)]
struct Pool<N> {
    nodes: Vec<N>,
    free: Vec<u32>,
    capacity: usize,
}

impl<N: Clone> Pool<N> {
    fn with_capacity(capacity: usize) -> Self {
        Self { nodes: Vec::with_capacity(capacity), free: Vec::with_capacity(capacity), capacity }
    }

    fn add(&mut self, node: impl FnOnce() -> N) -> u32 {
        match self.free.pop() {
            Some(slot) => slot,
            None => {
                assert!(self.nodes.len() < self.capacity, "there are never more nodes than orders");
                self.nodes.push(node());
                (self.nodes.len() - 1) as u32
            }
        }
    }
}

/// Where the levels of every ladder live.
#[derive(Debug)]
pub(super) struct Levels {
    leaves: Pool<Leaf>,
    inners: Pool<Inner>,
}

/// A level has a number: its leaf's slot and its place there.
pub(super) type LevelNumber = u32;

impl Levels {
    /// For as many orders.
    pub(super) fn with_capacity(orders: usize) -> Self {
        Self { leaves: Pool::with_capacity(orders), inners: Pool::with_capacity(orders) }
    }

    #[inline]
    pub(super) fn level(&self, number: LevelNumber) -> Level {
        self.leaves.nodes[(number >> BITS) as usize].levels[(number & (FAN - 1)) as usize]
    }

    /// Fetches a level and the summary of its leaf.
    #[inline]
    pub(super) fn fetch(&self, number: LevelNumber) {
        if let Some(leaf) = self.leaves.nodes.get((number >> BITS) as usize) {
            prefetch(leaf);
            prefetch(&leaf.levels[(number & (FAN - 1)) as usize]);
        }
    }

    #[inline]
    pub(super) fn level_mut(&mut self, number: LevelNumber) -> &mut Level {
        &mut self.leaves.nodes[(number >> BITS) as usize].levels[(number & (FAN - 1)) as usize]
    }

    #[inline]
    fn leaf(&self, slot: u32) -> &Leaf {
        &self.leaves.nodes[slot as usize]
    }

    fn inner(&self, node: Node) -> &Inner {
        &self.inners.nodes[(node & !INNER) as usize]
    }

    fn inner_mut(&mut self, node: Node) -> &mut Inner {
        &mut self.inners.nodes[(node & !INNER) as usize]
    }

    fn new_leaf(&mut self, number: u64) -> Node {
        let empty = Level { head: NONE, tail: NONE };
        let slot = self.leaves.add(|| Leaf { used: 0, number: 0, levels: [empty; FAN as usize] });
        let leaf = &mut self.leaves.nodes[slot as usize];
        (leaf.used, leaf.number) = (0, number);
        slot
    }

    fn new_inner(&mut self, number: u64, height: u32) -> Node {
        let slot = self.inners.add(|| Inner { used: 0, number: 0, height: 0, children: [NONE; FAN as usize] });
        let inner = &mut self.inners.nodes[slot as usize];
        (inner.used, inner.number, inner.height) = (0, number, height);
        slot | INNER
    }

    /// The number of some leaf below a node.
    fn number(&self, node: Node) -> u64 {
        if node & INNER == 0 { self.leaf(node).number } else { self.inner(node).number }
    }

    /// The digits of a leaf's number below a node.
    fn height(&self, node: Node) -> u32 {
        if node & INNER == 0 { 0 } else { self.inner(node).height }
    }
}

impl Leaf {
    /// The lowest of its levels' ranks.
    #[inline]
    const fn first_rank(&self) -> u64 {
        self.number << BITS | self.used.trailing_zeros() as u64
    }
}

impl Inner {
    fn place_of(&self, leaf_number: u64) -> u32 {
        (leaf_number >> (BITS * (self.height - 1))) as u32 & (FAN - 1)
    }

    fn adopt(&mut self, leaf_number: u64, child: Node) {
        let place = self.place_of(leaf_number);
        self.used |= 1 << place;
        self.children[place as usize] = child;
    }

    fn child(&self, leaf_number: u64) -> Option<Node> {
        let place = self.place_of(leaf_number);
        (self.used & 1 << place != 0).then(|| self.children[place as usize])
    }

    fn first(&self) -> Node {
        self.children[self.used.trailing_zeros() as usize]
    }
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    /// [`NONE`], with `best`, when the ladder is empty.
    root: Node,
    best: Node,
    /// Of the best level: whoever only asks for a price touches no level and no order. The largest when the ladder is empty.
    best_rank: u64,
}

impl Ladder {
    pub(super) const fn new() -> Self {
        Self { root: NONE, best: NONE, best_rank: u64::MAX }
    }

    /// The level with the lowest rank.
    #[inline]
    pub(super) const fn best(&self) -> Option<LevelNumber> {
        if self.best == NONE { None } else { Some(self.best << BITS | self.best_rank as u32 & (FAN - 1)) }
    }

    /// The lowest rank.
    #[inline]
    pub(super) const fn best_rank(&self) -> Option<u64> {
        if self.best == NONE { None } else { Some(self.best_rank) }
    }

    /// The level at `rank`, made if it is not there: then its queue is empty.
    #[inline]
    pub(super) fn level_at(&mut self, levels: &mut Levels, rank: u64) -> LevelNumber {
        let (leaf_number, place) = (rank >> BITS, rank as u32 & (FAN - 1));
        let leaf = if self.best != NONE && self.best_rank >> BITS == leaf_number {
            self.best
        } else {
            self.leaf_at(levels, leaf_number)
        };
        self.best_rank = self.best_rank.min(rank);
        let node = &mut levels.leaves.nodes[leaf as usize];
        if node.used & 1 << place == 0 {
            node.used |= 1 << place;
            node.levels[place as usize] = Level { head: NONE, tail: NONE };
        }
        leaf << BITS | place
    }

    /// Where the level at `rank` is, or would be, if its leaf is there.
    #[inline]
    pub(super) fn find(&self, levels: &Levels, rank: u64) -> Option<LevelNumber> {
        let (leaf_number, place) = (rank >> BITS, rank as u32 & (FAN - 1));
        if self.best == NONE {
            return None;
        }
        let mut node = if self.best_rank >> BITS == leaf_number { self.best } else { self.root };
        while node & INNER != 0 {
            node = levels.inner(node).child(leaf_number)?;
        }
        Some(node << BITS | place)
    }

    /// Takes away a level whose queue is empty.
    #[inline]
    pub(super) fn drop_level(&mut self, levels: &mut Levels, number: LevelNumber) {
        let leaf = number >> BITS;
        let node = &mut levels.leaves.nodes[leaf as usize];
        node.used &= !(1 << (number & (FAN - 1)));
        if node.used == 0 {
            self.drop_leaf(levels, leaf);
        } else if leaf == self.best {
            self.best_rank = node.first_rank();
        }
    }

    /// Levels in the order of their ranks.
    pub(super) fn iter<'a>(&self, levels: &'a Levels) -> LevelIter<'a> {
        let used = if self.best == NONE { 0 } else { levels.leaf(self.best).used };
        LevelIter { ladder: *self, levels, leaf: self.best, used }
    }

    fn leaf_at(&mut self, levels: &mut Levels, leaf_number: u64) -> Node {
        if self.root == NONE {
            let leaf = levels.new_leaf(leaf_number);
            (self.root, self.best) = (leaf, leaf);
            return leaf;
        }
        let (mut node, mut above) = (self.root, NONE);
        loop {
            let differs = levels.number(node) ^ leaf_number;
            if differs.checked_shr(BITS * levels.height(node)).unwrap_or(0) != 0 {
                return self.part(levels, above, node, leaf_number);
            }
            if node & INNER == 0 {
                return node;
            }
            above = node;
            node = match levels.inner(node).child(leaf_number) {
                Some(child) => child,
                None => return self.add_leaf(levels, above, leaf_number),
            };
        }
    }

    /// Puts an inner node over `node`, where the path to a new leaf parts from the one to it.
    fn part(&mut self, levels: &mut Levels, above: Node, node: Node, leaf_number: u64) -> Node {
        let there = levels.number(node);
        let height = (u64::BITS - 1 - (there ^ leaf_number).leading_zeros()) / BITS + 1;
        let inner = levels.new_inner(leaf_number, height);
        levels.inner_mut(inner).adopt(there, node);
        if above == NONE {
            self.root = inner;
        } else {
            levels.inner_mut(above).adopt(leaf_number, inner);
        }
        self.add_leaf(levels, inner, leaf_number)
    }

    fn add_leaf(&mut self, levels: &mut Levels, above: Node, leaf_number: u64) -> Node {
        let leaf = levels.new_leaf(leaf_number);
        levels.inner_mut(above).adopt(leaf_number, leaf);
        if leaf_number < levels.leaf(self.best).number {
            self.best = leaf;
        }
        leaf
    }

    #[cold]
    fn drop_leaf(&mut self, levels: &mut Levels, leaf: Node) {
        let number = levels.leaf(leaf).number;
        levels.leaves.free.push(leaf);
        if self.root == leaf {
            *self = Self::new();
            return;
        }
        let (mut parent, mut above) = (self.root, NONE);
        loop {
            let child = levels.inner(parent).child(number).expect("a leaf hangs where its number leads");
            if child == leaf {
                break;
            }
            (parent, above) = (child, parent);
        }
        let inner = levels.inner_mut(parent);
        inner.used &= !(1 << inner.place_of(number));
        if inner.used.is_power_of_two() {
            // Paths do not part here any more.
            let only = inner.first();
            levels.inners.free.push(parent & !INNER);
            if above == NONE {
                self.root = only;
            } else {
                levels.inner_mut(above).adopt(number, only);
            }
        }
        if leaf == self.best {
            self.best = first_leaf(levels, self.root);
            self.best_rank = levels.leaf(self.best).first_rank();
        }
    }

    /// The leaf after this one.
    fn next_leaf(&self, levels: &Levels, leaf: Node) -> Node {
        let number = levels.leaf(leaf).number;
        let (mut node, mut later) = (self.root, NONE);
        while node & INNER != 0 {
            let inner = levels.inner(node);
            let after = inner.used & u64::MAX.checked_shl(inner.place_of(number) + 1).unwrap_or(0);
            if after != 0 {
                later = inner.children[after.trailing_zeros() as usize];
            }
            node = inner.child(number).expect("a leaf hangs where its number leads");
        }
        if later == NONE { NONE } else { first_leaf(levels, later) }
    }

    /// Checks the invariants of the module.
    ///
    /// # Panics
    /// When one is broken.
    pub(super) fn verify(&self, levels: &Levels) {
        if self.best == NONE {
            assert_eq!((self.root, self.best_rank), (NONE, u64::MAX));
            return;
        }
        assert_eq!(self.best, first_leaf(levels, self.root));
        assert_eq!(self.best_rank, levels.leaf(self.best).first_rank());
        let (mut leaf, mut before) = (self.best, None);
        while leaf != NONE {
            let node = levels.leaf(leaf);
            assert!(node.used != 0);
            assert!(before.is_none_or(|before| before < node.number));
            before = Some(node.number);
            leaf = self.next_leaf(levels, leaf);
        }
    }
}

fn first_leaf(levels: &Levels, mut node: Node) -> Node {
    while node & INNER != 0 {
        node = levels.inner(node).first();
    }
    node
}

/// See [`Ladder::iter`].
pub(super) struct LevelIter<'a> {
    ladder: Ladder,
    levels: &'a Levels,
    leaf: u32,
    /// Of this leaf, still to give.
    used: u64,
}

impl Iterator for LevelIter<'_> {
    type Item = LevelNumber;

    fn next(&mut self) -> Option<LevelNumber> {
        if self.leaf == NONE {
            return None;
        }
        if self.used == 0 {
            self.leaf = self.ladder.next_leaf(self.levels, self.leaf);
            if self.leaf == NONE {
                return None;
            }
            self.used = self.levels.leaf(self.leaf).used;
        }
        let place = self.used.trailing_zeros();
        self.used &= self.used - 1;
        Some(self.leaf << BITS | place)
    }
}
