//! The checkpoint: numbers and books in a file, so that a start need not read the event log from its beginning.
//!
//! ```text
//!   FeedCore, position in the event log --[encode]--> file in the data folder --[load]--> checked against the log --> FeedCore
//! ```
//!
//! Layout, little-endian: magic (8 bytes), length of what follows up to the checksum (u64), fields, CRC-32C (u32) of all before it.
//!
//! Invariants: derived: whatever is wrong with it, it is thrown away and the event log is read from its beginning. It counts only
//! when the log has, at the checkpoint's position, the very event that it was made after. Nothing in it is trusted before its checksum.
//! Owning thread: `market-data`.

use std::path::Path;

use tidegate_domain::{
    AssetId, Epoch, EventFlags, EventRecord, MarketId, MarketState, Name, OrderId, Price, Qty, Sequence, Side,
    Timestamp,
};
use tidegate_feed_client::book::{OrderBook, OrderView};
use tidegate_journal::{EventCursor, EventLog};
use tidegate_wire::feed::{ChannelMarks, FeedNumber, MarketInfo, MarketNumber};

use crate::core::{FeedCore, Known, Market};

/// The number at the end is that of the layout and of the rules by which messages are made: another rule makes other numbers.
const MAGIC: &[u8; 8] = b"TGFEEDC1";
const CHECKSUM_LEN_BYTES: usize = 4;

/// Where in the event log a checkpoint was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: Sequence,
    pub(crate) index: u32,
    /// Of the event there.
    pub(crate) fingerprint: u32,
}

impl Place {
    /// After this event.
    pub(crate) fn after(event: &EventRecord) -> Option<Self> {
        let (header, event) = event.decode().ok()?;
        // A log that is made again may differ in what publish added: the mark and the address.
        let flags = if header.flags.has(EventFlags::LAST) { "last" } else { "" };
        let (sequence, index) = (header.sequence, header.index);
        let facts = (sequence, index, header.time, header.epoch, header.account, header.market, header.request);
        let fingerprint = crc32c::crc32c(format!("{facts:?}{flags}{event:?}").as_bytes());
        Some(Self { sequence, index, fingerprint })
    }
}

/// What the file holds.
pub(crate) fn encode(core: &FeedCore, place: Place) -> Vec<u8> {
    let mut out = Writer(MAGIC.to_vec());
    out.u64(0);
    out.u64(place.sequence.raw());
    out.u32(place.index);
    out.u32(place.fingerprint);
    out.u64(core.stream);
    out.u64(core.through.raw());
    out.u64(core.time.nanos());
    out.u32(core.epoch.raw());
    core.numbers.iter().for_each(|number| out.u64(number.raw()));
    out.u32(core.terms.len() as u32);
    for (epoch, next) in &core.terms {
        out.u32(epoch.raw());
        [next.orders, next.levels, next.trades].iter().for_each(|number| out.u64(number.raw()));
    }
    out.u32(core.assets.len() as u32);
    for (id, (name, decimals)) in &core.assets {
        out.u32(id.raw());
        out.name(name);
        out.u32((*decimals).into());
    }
    out.u32(core.markets.len() as u32);
    for (id, market) in &core.markets {
        put_market(&mut out, core, *id, market);
    }
    // Those that are in no book, by id, so that equal cores are equal bytes.
    let mut hidden: Vec<_> = core.orders.iter().filter(|(_, known)| known.shown.is_zero()).collect();
    hidden.sort_by_key(|(order, _)| **order);
    out.u32(hidden.len() as u32);
    for (order, known) in hidden {
        out.u32(known.market.raw());
        put_known(&mut out, *order, known);
    }
    let Writer(mut bytes) = out;
    let len = (bytes.len() - MAGIC.len() - 8) as u64;
    bytes[8..16].copy_from_slice(&len.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn put_market(out: &mut Writer, core: &FeedCore, id: MarketId, market: &Market) {
    let info = &market.info;
    out.u32(id.raw());
    [info.name, info.base, info.quote].iter().for_each(|name| out.name(name));
    out.u64(info.base_units_per_lot);
    out.u64(info.quote_units_per_tick_lot);
    [info.base_id, info.quote_id].iter().for_each(|asset| out.u32(asset.raw()));
    [info.base_decimals, info.quote_decimals].iter().for_each(|decimals| out.u32((*decimals).into()));
    out.u32(market.state.code().into());
    market.numbers.iter().chain(&market.checked).for_each(|number| out.u64(number.raw()));
    out.u32(market.book.len() as u32);
    for view in [Side::Buy, Side::Sell].into_iter().flat_map(|side| market.book.orders(side)) {
        let known = core.orders.get(&view.order).expect("an order of a book is known");
        put_known(out, view.order, known);
    }
}

fn put_known(out: &mut Writer, order: OrderId, known: &Known) {
    out.u64(order.raw());
    out.u32(known.side.code().into());
    out.u64(known.price.ticks() as u64);
    [known.leaves, known.display, known.shown].iter().for_each(|qty| out.u64(qty.lots()));
}

/// The core of a file's bytes, and where it was made; `None` for anything that [`encode`] does not make.
pub(crate) fn decode(bytes: &[u8]) -> Option<(FeedCore, Place)> {
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_LEN_BYTES)?)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(checksum.try_into().ok()?) {
        return None;
    }
    let mut input = Reader(body.strip_prefix(MAGIC)?);
    if input.u64()? != input.0.len() as u64 {
        return None;
    }
    let place = Place { sequence: Sequence::new(input.u64()?), index: input.u32()?, fingerprint: input.u32()? };
    let (stream, through) = (input.u64()?, Sequence::new(input.u64()?));
    let (time, epoch) = (Timestamp::from_nanos(input.u64()?), Epoch::new(input.u32()?));
    let mut core = FeedCore::after(stream, through, time, epoch);
    for number in &mut core.numbers {
        *number = FeedNumber::new(input.u64()?);
    }
    for _ in 0..input.u32()? {
        let epoch = Epoch::new(input.u32()?);
        let mut number = || input.u64().map(FeedNumber::new);
        core.terms.push((epoch, ChannelMarks { orders: number()?, levels: number()?, trades: number()? }));
    }
    for _ in 0..input.u32()? {
        let (id, name) = (AssetId::new(input.u32()?), input.name()?);
        core.assets.insert(id, (name, input.byte()?));
    }
    for _ in 0..input.u32()? {
        let id = MarketId::new(input.u32()?);
        let market = market(&mut input, &mut core, id)?;
        core.markets.insert(id, market);
    }
    for _ in 0..input.u32()? {
        let market = MarketId::new(input.u32()?);
        let (order, known) = known(&mut input, market)?;
        core.markets.get(&market)?;
        core.orders.insert(order, known);
    }
    input.0.is_empty().then_some((core, place))
}

fn market(input: &mut Reader<'_>, core: &mut FeedCore, id: MarketId) -> Option<Market> {
    let info = MarketInfo {
        name: input.name()?,
        base: input.name()?,
        quote: input.name()?,
        base_units_per_lot: input.u64()?,
        quote_units_per_tick_lot: input.u64()?,
        base_id: AssetId::new(input.u32()?),
        quote_id: AssetId::new(input.u32()?),
        base_decimals: input.byte()?,
        quote_decimals: input.byte()?,
    };
    let state = MarketState::from_code(input.byte()?)?;
    let mut market =
        Market { info, state, book: OrderBook::default(), numbers: Default::default(), checked: Default::default() };
    for number in market.numbers.iter_mut().chain(&mut market.checked) {
        *number = MarketNumber::new(input.u64()?);
    }
    for _ in 0..input.u32()? {
        let (order, known) = known(input, id)?;
        let Known { side, price, shown, .. } = known;
        market.book.add(OrderView { order, price, qty: shown, side }).ok()?;
        core.orders.insert(order, known);
    }
    Some(market)
}

fn known(input: &mut Reader<'_>, market: MarketId) -> Option<(OrderId, Known)> {
    let (order, side) = (OrderId::new(input.u64()?), Side::from_code(input.byte()?)?);
    let price = Price::from_ticks(input.u64()? as i64);
    let mut qty = || input.u64().map(Qty::from_lots);
    let (leaves, display, shown) = (qty()?, qty()?, qty()?);
    (shown <= leaves).then_some((order, Known { market, side, price, leaves, display, shown }))
}

/// Reads the file, and a cursor after what it includes. `None`, with a word in the log, where the event log must be read from its
/// beginning.
pub(crate) fn load(file: &Path, log: &EventLog) -> Option<(FeedCore, EventCursor)> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the feed's checkpoint cannot be read");
            return None;
        }
    };
    let Some((core, place)) = decode(&bytes) else {
        tracing::warn!(file = %file.display(), "the feed's checkpoint is damaged or of another version; it is made again");
        return None;
    };
    let cursor = cursor_after(log, place);
    if cursor.is_none() {
        tracing::warn!(file = %file.display(), "the feed's checkpoint is not of this event log; it is made again");
    }
    Some((core, cursor?))
}

/// A cursor after the event at a place, if it is that event.
fn cursor_after(log: &EventLog, place: Place) -> Option<EventCursor> {
    let before = match place.index.checked_sub(1) {
        Some(index) => (place.sequence, index),
        None => (Sequence::new(place.sequence.raw().checked_sub(1)?), u32::MAX),
    };
    if log.end()? < (place.sequence, place.index) {
        return None;
    }
    let mut cursor =
        if before.0.raw() == 0 { log.cursor_at_start() } else { log.cursor_after(before.0, before.1).ok()? };
    let mut events = Vec::with_capacity(1);
    cursor.next_batch(1, &mut events).ok()?;
    (Place::after(events.first()?)? == place).then_some(cursor)
}

/// Writes the file in place of the one before. It is not synced: what a power cut leaves of it is seen by its checksum.
pub(crate) fn save(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = file.with_extension("tmp");
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, file)
}

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn name(&mut self, name: &Name) {
        self.0.extend_from_slice(&name.bytes());
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }
    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }
    /// A small number, which takes the room of a u32.
    fn byte(&mut self) -> Option<u8> {
        u8::try_from(self.u32()?).ok()
    }
    fn name(&mut self) -> Option<Name> {
        Name::from_bytes(self.bytes()?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "../tests/checkpoint/mod.rs"]
mod tests;
