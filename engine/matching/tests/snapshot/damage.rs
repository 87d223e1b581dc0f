//! Bytes that no engine wrote: an error that says where, never a panic, an abort or an engine that is not what it says.

use tidegate_domain::*;
use tidegate_matching::{Engine, SNAPSHOT_FORMAT_VERSION, SnapshotError, SnapshotHeader};
use xxhash_rust::xxh3::xxh3_64;

use crate::golden::small_state;
use crate::play::random_seed;

const HEADER: usize = SnapshotHeader::LEN_BYTES;
const HEAD: usize = 16;
/// Place of the first limit of the journal: after the state's cluster and logic version.
const LIMITS: usize = HEADER + HEAD + 20;

#[test]
fn any_damaged_byte_is_found() {
    let bytes = small_state().snapshot();
    for at in 0..bytes.len() {
        for mask in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            assert!(Engine::restore(&damaged).is_err(), "byte {at} xor {mask:#x}");
        }
    }
}

#[test]
fn a_snapshot_that_is_cut_off_or_too_long_is_refused() {
    let mut bytes = small_state().snapshot();
    for len in 0..bytes.len() {
        assert!(Engine::restore(&bytes[..len]).is_err(), "{len} bytes");
    }
    bytes.push(0);
    assert!(Engine::restore(&bytes).is_err());
}

/// Sections of a snapshot: start, length of an entry, entries.
fn sections(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let (mut sections, mut at) = (Vec::new(), HEADER);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    while at < bytes.len() {
        let (entry_len, entries) = (word(at + 4), word(at + 8));
        sections.push((at, entry_len, entries));
        at += HEAD + entry_len * entries + 8;
    }
    sections
}

/// Makes every checksum right again, so that what is inside has to be looked at.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut parts = vec![(0, HEADER - 8)];
    parts.extend(sections(&bytes).iter().map(|(start, len, entries)| (*start, start + HEAD + len * entries)));
    for (start, end) in parts {
        let checksum = xxh3_64(&bytes[start..end]);
        bytes[end..end + 8].copy_from_slice(&checksum.to_le_bytes());
    }
    bytes
}

/// Whoever can compute a checksum can write anything: still no panic, and no engine but where only the first terms of a
/// market are others, which the digest does not cover since the market's rules took their place.
#[test]
fn forged_entries_are_refused_or_harmless() {
    let bytes = small_state().snapshot();
    let seed = random_seed();
    println!("seed {seed}");
    let mut state = seed;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let sections = sections(&bytes);
    let body = |at: usize| {
        sections.iter().any(|(start, len, entries)| (*start + HEAD..start + HEAD + len * entries).contains(&at))
    };
    // Larger limits would be allocated, as the journal's are: only whether they are refused is tested, below. The seed is no
    // part of the state.
    let places: Vec<usize> =
        (HEADER..bytes.len()).filter(|at| body(*at) && !(LIMITS - 8..LIMITS + 44).contains(at)).collect();
    let (markets, len, entries) = sections[2];
    let is_first_term = |at: usize| {
        let (entry, place) = (at.wrapping_sub(markets + HEAD) / len, at.wrapping_sub(markets + HEAD) % len);
        entry < entries && (40..64).contains(&place)
    };
    let forge = |forged: &[u8]| {
        let Ok(engine) = Engine::restore(&sealed(forged.to_vec())) else { return };
        engine.verify();
        let changed = (0..bytes.len()).filter(|at| bytes[*at] != forged[*at]).find(|at| !is_first_term(*at));
        assert_eq!(changed, None, "seed {seed}: a forged byte was taken");
    };
    for at in &places {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut forged = bytes.clone();
            forged[*at] = value;
            forge(&forged);
        }
    }
    for _ in 0..40_000 {
        let mut forged = bytes.clone();
        for _ in 0..=random(3) {
            let at = places[random(places.len())];
            let (len, value) = (1 + random(16), [0, 0xff, 0x7f, random(256) as u8][random(4)]);
            // A row of bytes that are alike: the largest, the smallest, the most negative number.
            (at..at + len).filter(|at| places.binary_search(at).is_ok()).for_each(|at| forged[at] = value);
        }
        forge(&forged);
    }
}

#[test]
fn the_small_state_has_something_of_everything() {
    assert!(sections(&small_state().snapshot()).iter().all(|(_, _, entries)| *entries > 0));
}

/// A change at one place of an entry, and what is said of it.
fn said(tag: usize, entry: usize, at: usize, value: &[u8]) -> SnapshotError {
    let mut bytes = small_state().snapshot();
    let (start, len, entries) = sections(&bytes)[tag - 1];
    assert!(entry < entries);
    let at = start + HEAD + entry * len + at;
    assert_ne!(&bytes[at..at + value.len()], value);
    bytes[at..at + value.len()].copy_from_slice(value);
    Engine::restore(&sealed(bytes)).unwrap_err()
}

#[test]
fn an_error_says_where_and_what_is_allowed() {
    let cases: [(_, &str); 14] = [
        (said(2, 1, 0, b"BTC\0"), "section assets, entry 1, field name: must be that of no other entry"),
        (said(2, 0, 16, &[31]), "section assets, entry 0, field decimals: must be 30 or less"),
        (
            said(2, 0, 17, &[9]),
            "section assets, entry 0, field deposited: must be all balances, the fees and what was withdrawn",
        ),
        (said(3, 0, 16, &[3]), "section markets, entry 0, field base: must be one that exists"),
        (said(3, 0, 132, &[9]), "section markets, entry 0, field state: must be the code of a market's state"),
        (said(6, 2, 48, &[9]), "section keys, entry 2, field account: must be one that exists"),
        (said(7, 0, 0, &[2]), "section sessions, entry 1, field key: must be above that of the entry before"),
        (said(8, 0, 4, &[0]), "section outcomes, entry 0, field request: must be 1 or more"),
        (said(10, 0, 24, &[0xff]), "section balances, entry 0, field held: must be what its open orders reserve"),
        (
            said(10, 3, 40, &[0xff; 2]),
            "section balances, entry 3, field pending: must be what its waiting withdrawals have",
        ),
        (said(13, 1, 16, &[0xff]), "section orders, entry 1, field priority: must be 1 to the places that were given"),
        (said(13, 0, 28, &[2]), "section orders, entry 0, field account: must be that of the key"),
        (said(13, 0, 36, &[9]), "section orders, entry 0, field side: must be the code of a side"),
        (said(4, 0, 20, &[1]), "section header, entry 0, field digest: must be that of the state"),
    ];
    for (error, expected) in cases {
        assert_eq!(error.to_string(), format!("snapshot: {expected}"));
    }
}

#[test]
fn limits_beyond_those_of_a_configuration_are_refused_before_room_is_made() {
    for limit in 0..9 {
        for value in [0_u32, (1 << 24) + 1, u32::MAX] {
            let error = said(1, 0, 20 + 4 * limit, &value.to_le_bytes());
            assert!(matches!(error, SnapshotError::Damaged { section: "state", .. }), "limit {limit}: {error}");
        }
    }
}

#[test]
fn other_versions_and_other_files_are_told_apart() {
    let bytes = small_state().snapshot();
    let mut other = bytes.clone();
    other[8] = 200;
    let supported = SNAPSHOT_FORMAT_VERSION;
    let expected = SnapshotError::OtherVersion { field: "format_version", found: 200, supported };
    assert_eq!(Engine::restore(&sealed(other)).unwrap_err(), expected);
    let mut other = bytes.clone();
    other[12] = 200;
    let expected = SnapshotError::OtherVersion { field: "logic_version", found: 200, supported: LOGIC_VERSION };
    assert_eq!(Engine::restore(&sealed(other)).unwrap_err(), expected);
    let mut other = bytes.clone();
    other[0] = 0;
    let error = Engine::restore(&sealed(other)).unwrap_err();
    assert!(matches!(error, SnapshotError::Damaged { section: "header", field: "magic", .. }));
    assert!(SnapshotHeader::read(&bytes[..HEADER]).is_ok_and(|header| header.len_bytes == bytes.len() as u64));
}
