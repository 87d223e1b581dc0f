//! A core that comes from a checkpoint goes on as one that never stopped; a file that is anything else is refused.

use tidegate_domain::EventRecord;
use tidegate_wire::feed::FeedMessage;

use super::*;
use crate::flow::{self, Flow};

fn feed(core: &mut FeedCore, events: &[EventRecord]) -> Vec<FeedMessage> {
    let mut out = Vec::new();
    for event in events {
        let (header, event) = event.decode().unwrap();
        core.on_event(&header, &event, &mut out);
    }
    out
}

#[test]
fn a_core_from_a_checkpoint_says_what_one_that_never_stopped_says() {
    for seed in 51..54 {
        println!("seed {seed}");
        let (mut flow, mut core) = (Flow::new(seed), FeedCore::default());
        let mut last = *flow.prelude().iter().inspect(|event| drop(feed(&mut core, &[**event]))).last().unwrap();
        for _ in 0..60 {
            let place = Place::after(&last).unwrap();
            let bytes = encode(&core, place);
            let (mut restored, at) = decode(&bytes).expect("it was made a line above");
            assert_eq!(at, place);
            assert!(encode(&restored, place) == bytes, "the same core is the same bytes");
            for _ in 0..25 {
                let events = flow.step();
                assert_eq!(feed(&mut restored, &events), feed(&mut core, &events));
                last = events.last().copied().unwrap_or(last);
            }
            let place = Place::after(&last).unwrap();
            assert!(encode(&restored, place) == encode(&core, place));
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_or_cut_off_is_refused() {
    let (_, events) = flow::events(55, 150);
    let mut core = FeedCore::default();
    feed(&mut core, &events);
    let bytes = encode(&core, Place::after(events.last().unwrap()).unwrap());
    assert!(decode(&bytes).is_some());
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(decode(&bad).is_none(), "byte {at}");
        assert!(decode(&bytes[..at]).is_none(), "cut at {at}");
    }
}

/// With a right checksum over wrong contents it may be refused or not; it never panics.
#[test]
fn wrong_contents_under_a_right_checksum_do_not_panic() {
    let (_, events) = flow::events(56, 150);
    let mut core = FeedCore::default();
    feed(&mut core, &events);
    let bytes = encode(&core, Place::after(events.last().unwrap()).unwrap());
    let mut refused = 0;
    for at in 8..bytes.len() - CHECKSUM_LEN_BYTES {
        for change in [0x01, 0x80, 0xff] {
            let mut bad = bytes[..bytes.len() - CHECKSUM_LEN_BYTES].to_vec();
            bad[at] ^= change;
            let checksum = crc32c::crc32c(&bad);
            bad.extend_from_slice(&checksum.to_le_bytes());
            refused += usize::from(decode(&bad).is_none());
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn a_checkpoint_counts_only_for_the_log_that_it_was_made_of() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, mut events) = flow::events(57, 300);
    let mut log = flow::open_log(folder.path());
    log.writer.append(&mut events).unwrap();
    let half = events[..events.len() / 2].iter().rposition(EventRecord::is_last).unwrap();
    let mut core = FeedCore::default();
    feed(&mut core, &events[..=half]);
    let file = folder.path().join("feed.checkpoint");
    assert!(load(&file, &log.log).is_none(), "there is none");
    save(&file, &encode(&core, Place::after(&events[half]).unwrap())).unwrap();
    let (mut restored, mut cursor) = load(&file, &log.log).expect("it is of this log");
    let mut rest = Vec::new();
    while cursor.next_batch(100, &mut rest).unwrap() > 0 {}
    assert_eq!(rest.len(), events.len() - half - 1);
    assert_eq!(feed(&mut restored, &rest), feed(&mut core, &events[half + 1..]));
    // Another log that is as long, and one that is shorter.
    let (_, mut others) = flow::events(58, 300);
    let mut different = flow::open_log(other.path());
    different.writer.append(&mut others).unwrap();
    assert!(load(&file, &different.log).is_none());
    let (third, short) = (tempfile::tempdir().unwrap(), half / 2);
    let short = events[..short].iter().rposition(EventRecord::is_last).unwrap();
    let mut shorter = flow::open_log(third.path());
    shorter.writer.append(&mut events[..=short]).unwrap();
    assert!(load(&file, &shorter.log).is_none());
}
