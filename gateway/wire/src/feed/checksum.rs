//! The checksum of a book: CRC-32C over a stated layout of the ten best levels of each side.
//!
//! ```text
//!   bids, best first: count u32, then for each level price i64, lots u128, orders u32;   asks the same
//! ```
//!
//! All little-endian, without padding: 8 bytes for an empty book, 568 at most. Owning thread: none.

use tidegate_domain::Price;

/// Levels of each side that are in a checksum.
pub const CHECKSUM_LEVELS: usize = 10;

/// One level as anybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelView {
    /// Its price.
    pub price: Price,
    /// What is shown at it, in lots.
    pub lots: u128,
    /// Orders that are shown at it.
    pub orders: u32,
}

/// CRC-32C (Castagnoli: reflected polynomial 0x82f63b78, initial value and final xor 0xffffffff) of the best
/// [`CHECKSUM_LEVELS`] levels of each side. Both iterators give the best level first.
pub fn book_checksum(bids: impl Iterator<Item = LevelView>, asks: impl Iterator<Item = LevelView>) -> u32 {
    let mut bytes = Vec::with_capacity(2 * (4 + CHECKSUM_LEVELS * 28));
    put_side(&mut bytes, bids);
    put_side(&mut bytes, asks);
    crc32c::crc32c(&bytes)
}

fn put_side(bytes: &mut Vec<u8>, levels: impl Iterator<Item = LevelView>) {
    let start = bytes.len();
    bytes.extend_from_slice(&0u32.to_le_bytes());
    let mut count = 0u32;
    for level in levels.take(CHECKSUM_LEVELS) {
        bytes.extend_from_slice(&level.price.ticks().to_le_bytes());
        bytes.extend_from_slice(&level.lots.to_le_bytes());
        bytes.extend_from_slice(&level.orders.to_le_bytes());
        count += 1;
    }
    bytes[start..start + 4].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: i64, lots: u128, orders: u32) -> LevelView {
        LevelView { price: Price::from_ticks(price), lots, orders }
    }

    /// The worked example of `FEED.md`, with the bytes written out by hand and a CRC of eight lines.
    #[test]
    fn the_worked_example_of_the_document_holds() {
        let bids = [level(100, 7, 2), level(99, 5, 1)];
        let asks = [level(101, 300, 3)];
        let hex = "02000000\
                   6400000000000000 07000000000000000000000000000000 02000000\
                   6300000000000000 05000000000000000000000000000000 01000000\
                   01000000\
                   6500000000000000 2c010000000000000000000000000000 03000000";
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits"))
            .collect();
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            }
        }
        let crc = !crc;
        assert_eq!(book_checksum(bids.into_iter(), asks.into_iter()), crc);
        let document = include_str!("../../../market-data/FEED.md");
        assert!(document.contains(&format!("`0x{crc:08x}`")), "FEED.md names 0x{crc:08x}");
    }

    #[test]
    fn only_the_ten_best_levels_of_a_side_count() {
        let many = |count: i64| (0..count).map(|at| level(100 - at, 1, 1));
        assert_eq!(book_checksum(many(10), many(0)), book_checksum(many(11), many(0)));
        assert_ne!(book_checksum(many(9), many(0)), book_checksum(many(10), many(0)));
        assert_ne!(book_checksum(many(1), many(0)), book_checksum(many(0), many(1)), "sides are told apart");
    }
}
