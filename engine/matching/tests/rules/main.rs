//! The rules, as transcripts: what is asked, and every event that must come of it.

#![allow(clippy::unwrap_used)]

mod admin;
mod money;
mod orders;
mod requests;
mod script;
mod sessions;

use tidegate_domain::Reject;

/// A transcript is compared as a whole, so what stands in it really comes out of the engine.
#[test]
fn every_reject_has_a_rule() {
    let rules = concat!(
        include_str!("admin.rs"),
        include_str!("money.rs"),
        include_str!("orders.rs"),
        include_str!("requests.rs"),
        include_str!("sessions.rs")
    );
    for reject in Reject::ALL {
        assert!(rules.contains(&format!(" rejected {reject} (")), "no transcript shows `{reject}`");
    }
}
