//! Snapshots: a restored engine is the engine that was written, damage is refused, and what was written once can be
//! read on.

#![allow(clippy::unwrap_used)]

mod damage;
mod golden;
#[path = "../model/play.rs"]
mod play;
mod tail;

use tidegate_domain::*;
use tidegate_matching::Engine;

/// Applies a command; its events.
fn apply(engine: &mut Engine, record: &CommandRecord) -> EventBuffer {
    let mut out = EventBuffer::default();
    engine.apply(record, &mut out);
    out
}

/// # Panics
/// When a restored engine is not the one that was written.
fn restored(engine: &Engine, bytes: &[u8]) -> Engine {
    let restored = Engine::restore(bytes).unwrap_or_else(|error| panic!("{error}"));
    restored.verify();
    assert_eq!(restored.digest(), engine.digest());
    assert_eq!(restored.applied_through(), engine.applied_through());
    assert_eq!(restored.epoch(), engine.epoch());
    assert_eq!(restored.next_deadline(), engine.next_deadline());
    assert!(restored.snapshot() == bytes, "a restored engine writes other bytes");
    restored
}
