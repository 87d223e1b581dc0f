//! Who has what: per account and asset what is available, held for orders, and pending as a withdrawal; per asset the fees.
//!
//! ```text
//!   (account, market) --Seat--> base row, quote row          the two balances that an order moves, found once
//!   (account, asset) ---------> row
//! ```
//!
//! Invariants: per asset, available + held + pending + fees = deposits - withdrawals < 2^96, so no addition overflows; held =
//! what open orders reserve. Both are kept as sums, so they can be compared at any time without a walk. Nothing here
//! decides a reject: callers check first, and taking more than there is panics. Nothing here grows.
//!
//! Hot path: called by match for every order and for both sides of every trade.

use alloc::vec::Vec;

use tidegate_domain::{AccountId, AssetAmount, AssetId, MarketId, Side};

use crate::engine::IndexTable;
use crate::hash::{Fact, Sum, hash, words};
use crate::prefetch::prefetch;

/// What an account has of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Balance {
    pub(crate) available: AssetAmount,
    pub(crate) held: AssetAmount,
    pub(crate) pending: AssetAmount,
    pub(crate) account: AccountId,
    pub(crate) asset: AssetId,
    /// What a unit counts in the digest: odd, and different for every balance.
    pub(crate) weight: u64,
}

/// What a held and a pending unit count against an available one: odd constants.
const HELD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
const PENDING: u128 = 0xa076_1d64_78bd_642f_e703_7ed1_a0b4_28db;

impl Balance {
    const fn empty(account: AccountId, asset: AssetId) -> Self {
        let zero = AssetAmount::from_units(0);
        let who = hash(Fact::Balance, [account.raw() as u64, asset.raw() as u64]);
        Self { available: zero, held: zero, pending: zero, account, asset, weight: who as u64 | 1 }
    }

    /// Its part of the digest is linear in the amounts, so that a change costs two multiplications and not two hashes; and one
    /// for being there at all.
    #[inline]
    pub(crate) const fn hash(&self) -> u128 {
        let (available, held, pending) = (self.available.units(), self.held.units(), self.pending.units());
        let sum = available.wrapping_add(held.wrapping_mul(HELD)).wrapping_add(pending.wrapping_mul(PENDING));
        sum.wrapping_add(1).wrapping_mul(self.weight as u128)
    }

    /// How much more that is than before. Amounts that did not change cost nothing where this is inlined.
    #[inline]
    const fn hash_since(&self, before: &Self) -> u128 {
        let available = self.available.units().wrapping_sub(before.available.units());
        let held = self.held.units().wrapping_sub(before.held.units());
        let pending = self.pending.units().wrapping_sub(before.pending.units());
        let sum = available.wrapping_add(held.wrapping_mul(HELD)).wrapping_add(pending.wrapping_mul(PENDING));
        sum.wrapping_mul(self.weight as u128)
    }
}

/// Place of a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row(u32);

impl Row {
    /// Its place among all rows, from 0.
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// An account in a market.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) account: AccountId,
    pub(crate) market: MarketId,
    pub(crate) base: Row,
    pub(crate) quote: Row,
    pub(crate) open_orders: u32,
}

impl Seat {
    /// Who is seated decides who still finds room.
    pub(crate) const fn hash(&self) -> u128 {
        hash(Fact::Seat, [self.account.raw() as u64, self.market.raw() as u64])
    }

    /// The balance that an order of this side is paid from.
    #[inline]
    pub(crate) const fn paying_row(&self, side: Side) -> Row {
        match side {
            Side::Buy => self.quote,
            Side::Sell => self.base,
        }
    }
}

/// Place of a seat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeatRef(u32);

/// What came in, went out and was earned of one asset, and what there should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) deposited: AssetAmount,
    pub(crate) withdrawn: AssetAmount,
    pub(crate) fees: AssetAmount,
    /// Sum of all balances: available, held and pending.
    pub(crate) balances: AssetAmount,
    /// Sum of what is held in the balances.
    pub(crate) held: AssetAmount,
    /// Sum of what open orders reserve, told by whoever opens and closes them.
    pub(crate) reserved: AssetAmount,
}

impl Totals {
    pub(crate) fn hash(&self, asset: u64) -> u128 {
        let ([a, b], [c, d]) = (words(self.deposited.units()), words(self.withdrawn.units()));
        let [e, f] = words(self.fees.units());
        hash(Fact::Asset, [asset, 0, a, b, c, d, e, f])
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: Vec<Balance>,
    /// Most rows: told, not what the allocator happened to give.
    rows_max: usize,
    by_asset: IndexTable,
    seats: Vec<Seat>,
    /// Most seats.
    seats_max: usize,
    by_market: IndexTable,
    totals: Vec<Totals>,
    sum: Sum,
}

fn place(id: u32) -> usize {
    assert!(id > 0, "ids start at 1");
    id as usize - 1
}

impl Ledger {
    pub(crate) fn with_capacity(balances: usize, seats: usize, assets: usize, seed: u64) -> Self {
        Self {
            rows: Vec::with_capacity(balances),
            rows_max: balances,
            by_asset: IndexTable::with_capacity(balances, seed),
            seats: Vec::with_capacity(seats),
            seats_max: seats,
            by_market: IndexTable::with_capacity(seats, seed),
            totals: Vec::with_capacity(assets),
            sum: Sum::default(),
        }
    }

    pub(crate) fn add_asset(&mut self) {
        self.totals.push(Totals::default());
        self.sum.add(Totals::default().hash(self.totals.len() as u64));
    }

    pub(crate) fn totals(&self, asset: AssetId) -> &Totals {
        &self.totals[place(asset.raw())]
    }

    /// Money is neither made nor lost, and what is held is what orders reserve: by the sums that are kept, so without a walk.
    ///
    /// # Panics
    /// When it is not so.
    pub(crate) fn assert_that_it_adds_up(&self) {
        for (at, totals) in self.totals.iter().enumerate() {
            let (there, flowed) = (totals.balances.plus(totals.fees), totals.deposited.minus(totals.withdrawn));
            assert_eq!(there, flowed, "balances and fees of asset {} are not what came in and stayed", at + 1);
            assert_eq!(totals.held, totals.reserved, "what is held of asset {} is not what orders reserve", at + 1);
        }
    }

    /// Sum of the hashes of every balance and of every asset's totals.
    pub(crate) const fn sum(&self) -> Sum {
        self.sum
    }

    pub(crate) fn rows(&self) -> &[Balance] {
        &self.rows
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(crate) fn row_of(&self, account: AccountId, asset: AssetId) -> Option<Row> {
        let hash = self.by_asset.hash(account.raw().into(), asset.raw().into());
        let is_it = |at: u32| {
            let row = &self.rows[at as usize];
            row.account == account && row.asset == asset
        };
        self.by_asset.get(hash, is_it).map(Row)
    }

    /// What an account has: nothing where it never had any.
    pub(crate) fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        self.row_of(account, asset).map_or(Balance::empty(account, asset), |row| *self.row(row))
    }

    #[inline]
    pub(crate) fn row(&self, row: Row) -> &Balance {
        &self.rows[row.0 as usize]
    }

    /// Whether there is room for the balances of these accounts.
    pub(crate) fn has_room_for(&self, account: AccountId, assets: &[AssetId]) -> bool {
        let missing = assets.iter().filter(|asset| self.row_of(account, **asset).is_none()).count();
        self.rows_max - self.rows.len() >= missing
    }

    /// The place of a balance, made if it is not there.
    pub(crate) fn open_row(&mut self, account: AccountId, asset: AssetId) -> Row {
        if let Some(row) = self.row_of(account, asset) {
            return row;
        }
        assert!(self.rows.len() < self.rows_max, "room is asked for before");
        let at = self.rows.len() as u32;
        let balance = Balance::empty(account, asset);
        self.sum.add(balance.hash());
        self.rows.push(balance);
        self.by_asset.insert(self.by_asset.hash(account.raw().into(), asset.raw().into()), at);
        Row(at)
    }

    #[inline]
    pub(crate) fn seat_of(&self, account: AccountId, market: MarketId) -> Option<SeatRef> {
        let hash = self.by_market.hash(account.raw().into(), market.raw().into());
        let is_it = |at: u32| {
            let seat = &self.seats[at as usize];
            seat.account == account && seat.market == market
        };
        self.by_market.get(hash, is_it).map(SeatRef)
    }

    #[inline]
    pub(crate) fn seat(&self, seat: SeatRef) -> &Seat {
        &self.seats[seat.0 as usize]
    }

    #[inline]
    pub(crate) fn seat_mut(&mut self, seat: SeatRef) -> &mut Seat {
        &mut self.seats[seat.0 as usize]
    }

    /// Fetches a seat.
    #[inline]
    pub(crate) fn fetch_seat(&self, seat: SeatRef) {
        if let Some(seat) = self.seats.get(seat.0 as usize) {
            prefetch(seat);
        }
    }

    /// Fetches where the seat of an account is to be found.
    #[inline]
    pub(crate) fn fetch_seat_bucket(&self, account: AccountId, market: MarketId) {
        self.by_market.fetch(self.by_market.hash(account.raw().into(), market.raw().into()));
    }

    /// Fetches what is most likely the seat of an account.
    #[inline]
    pub(crate) fn fetch_likely_seat(&self, account: AccountId, market: MarketId) {
        let hash = self.by_market.hash(account.raw().into(), market.raw().into());
        if let Some(seat) = self.by_market.likely(hash) {
            self.fetch_seat(SeatRef(seat));
        }
    }

    /// Whether an account can be seated in one more market, of these assets.
    pub(crate) fn has_room_for_seat(&self, account: AccountId, assets: &[AssetId]) -> bool {
        self.seats.len() < self.seats_max && self.has_room_for(account, assets)
    }

    /// The seat of an account in a market, made if it is not there.
    pub(crate) fn open_seat(&mut self, account: AccountId, market: MarketId, base: AssetId, quote: AssetId) -> SeatRef {
        if let Some(seat) = self.seat_of(account, market) {
            return seat;
        }
        assert!(self.seats.len() < self.seats_max, "room is asked for before");
        let (base, quote) = (self.open_row(account, base), self.open_row(account, quote));
        let at = self.seats.len() as u32;
        let seat = Seat { account, market, base, quote, open_orders: 0 };
        self.sum.add(seat.hash());
        self.seats.push(seat);
        self.by_market.insert(self.by_market.hash(account.raw().into(), market.raw().into()), at);
        SeatRef(at)
    }

    /// Changes a balance.
    #[inline(always)]
    fn change(&mut self, row: Row, change: impl FnOnce(&mut Balance)) -> AssetId {
        let balance = &mut self.rows[row.0 as usize];
        let before = *balance;
        change(balance);
        self.sum.add(balance.hash_since(&before));
        balance.asset
    }

    /// Changes an asset's totals where they are part of the digest.
    #[inline]
    fn book(&mut self, asset: AssetId, change: impl FnOnce(&mut Totals)) {
        let totals = &mut self.totals[place(asset.raw())];
        let before = totals.hash(asset.raw().into());
        change(totals);
        self.sum.replace(before, totals.hash(asset.raw().into()));
    }

    #[inline]
    fn totals_mut(&mut self, asset: AssetId) -> &mut Totals {
        &mut self.totals[place(asset.raw())]
    }

    pub(crate) fn deposit(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.rows[row.0 as usize].asset;
        self.book(asset, |totals| totals.deposited = totals.deposited.plus(amount));
        self.credit(row, amount);
    }

    pub(crate) fn withdraw(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.rows[row.0 as usize].asset;
        self.book(asset, |totals| totals.withdrawn = totals.withdrawn.plus(amount));
        self.debit(row, amount);
    }

    /// Adds to what is available.
    #[inline]
    pub(crate) fn credit(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.change(row, |balance| balance.available = balance.available.plus(amount));
        let totals = self.totals_mut(asset);
        totals.balances = totals.balances.plus(amount);
    }

    /// Takes from what is available.
    #[inline]
    pub(crate) fn debit(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.change(row, |balance| balance.available = balance.available.minus(amount));
        let totals = self.totals_mut(asset);
        totals.balances = totals.balances.minus(amount);
    }

    /// Moves from available to held, for an order that reserves it.
    #[inline]
    pub(crate) fn hold(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.change(row, |balance| {
            balance.available = balance.available.minus(amount);
            balance.held = balance.held.plus(amount);
        });
        let totals = self.totals_mut(asset);
        totals.held = totals.held.plus(amount);
    }

    /// Moves from held back to available.
    #[inline]
    pub(crate) fn release(&mut self, row: Row, amount: AssetAmount) {
        self.pay_held(row, amount, AssetAmount::from_units(0));
    }

    /// Pays `paid` out of the `reserved` that was held for it; the difference is available at once.
    #[inline]
    pub(crate) fn pay_held(&mut self, row: Row, reserved: AssetAmount, paid: AssetAmount) {
        let asset = self.change(row, |balance| {
            balance.held = balance.held.minus(reserved);
            balance.available = balance.available.plus(reserved.minus(paid));
        });
        let totals = self.totals_mut(asset);
        totals.held = totals.held.minus(reserved);
        totals.balances = totals.balances.minus(paid);
    }

    /// An order reserves this much more.
    #[inline]
    pub(crate) fn reserve(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.rows[row.0 as usize].asset;
        let totals = self.totals_mut(asset);
        totals.reserved = totals.reserved.plus(amount);
    }

    /// An order reserves this much less.
    #[inline]
    pub(crate) fn unreserve(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.rows[row.0 as usize].asset;
        let totals = self.totals_mut(asset);
        totals.reserved = totals.reserved.minus(amount);
    }

    /// An order in a queue reserves `new` instead of `old`.
    #[inline(always)]
    pub(crate) fn reserve_instead(&mut self, row: Row, old: AssetAmount, new: AssetAmount) {
        if old == new {
            return;
        }
        let asset = self.change(row, |balance| {
            balance.available = balance.available.plus(old).minus(new);
            balance.held = balance.held.minus(old).plus(new);
        });
        let totals = self.totals_mut(asset);
        totals.held = totals.held.minus(old).plus(new);
        totals.reserved = totals.reserved.minus(old).plus(new);
    }

    /// Moves from available to pending.
    pub(crate) fn pend(&mut self, row: Row, amount: AssetAmount) {
        self.change(row, |balance| {
            balance.available = balance.available.minus(amount);
            balance.pending = balance.pending.plus(amount);
        });
    }

    /// Moves from pending back to available.
    pub(crate) fn unpend(&mut self, row: Row, amount: AssetAmount) {
        self.change(row, |balance| {
            balance.pending = balance.pending.minus(amount);
            balance.available = balance.available.plus(amount);
        });
    }

    /// A pending withdrawal is out.
    pub(crate) fn settle_pending(&mut self, row: Row, amount: AssetAmount) {
        let asset = self.change(row, |balance| balance.pending = balance.pending.minus(amount));
        self.book(asset, |totals| totals.withdrawn = totals.withdrawn.plus(amount));
        let totals = self.totals_mut(asset);
        totals.balances = totals.balances.minus(amount);
    }

    /// Books a fee: it was taken from what a side received.
    #[inline]
    pub(crate) fn earn_fee(&mut self, asset: AssetId, fee: AssetAmount) {
        if !fee.is_zero() {
            self.book(asset, |totals| totals.fees = totals.fees.plus(fee));
        }
    }

    /// Says what came in, went out and was earned: for an asset that comes back from a snapshot.
    pub(crate) fn set_flows(
        &mut self,
        asset: AssetId,
        deposited: AssetAmount,
        withdrawn: AssetAmount,
        fees: AssetAmount,
    ) {
        self.book(asset, |totals| (totals.deposited, totals.withdrawn, totals.fees) = (deposited, withdrawn, fees));
    }

    /// Takes out of the fee pool.
    pub(crate) fn spend_fees(&mut self, asset: AssetId, amount: AssetAmount) {
        self.book(asset, |totals| totals.fees = totals.fees.minus(amount));
    }
}
