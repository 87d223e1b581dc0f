//! The rules, as transcripts: what is asked, and every event that must come of it.

#![allow(clippy::unwrap_used)]

mod accounts;
mod admin;
mod boundaries;
mod budget;
mod cancel_all;
mod dead_man;
mod iceberg;
mod markets;
mod money;
mod orders;
mod post_only;
mod protection;
mod queries;
mod quotes;
mod replace;
mod requests;
mod roles;
mod script;
mod self_trade;
mod sessions;
mod stops;
mod time_in_force;
mod withdrawals;

use tidegate_domain::Reject;

/// A transcript is compared as a whole, so what stands in it really comes out of the engine.
#[test]
fn every_reject_has_a_rule() {
    let rules = concat!(
        include_str!("accounts.rs"),
        include_str!("admin.rs"),
        include_str!("budget.rs"),
        include_str!("cancel_all.rs"),
        include_str!("dead_man.rs"),
        include_str!("iceberg.rs"),
        include_str!("markets.rs"),
        include_str!("money.rs"),
        include_str!("orders.rs"),
        include_str!("post_only.rs"),
        include_str!("protection.rs"),
        include_str!("queries.rs"),
        include_str!("quotes.rs"),
        include_str!("replace.rs"),
        include_str!("requests.rs"),
        include_str!("roles.rs"),
        include_str!("self_trade.rs"),
        include_str!("sessions.rs"),
        include_str!("stops.rs"),
        include_str!("time_in_force.rs"),
        include_str!("withdrawals.rs"),
    );
    for reject in Reject::ALL {
        assert!(rules.contains(&format!(" rejected {reject} (")), "no transcript shows `{reject}`");
    }
}
