//! `cargo xtask perf-check`: whether this commit is faster or slower than another one, on one machine in one session.
//!
//! ```text
//!   REV --git worktree, cargo build--> programs A --+   rounds of A B B A   +--[`statistics`]--> ratio, interval, verdict
//!   working folder -----cargo build--> programs B --+-- of each [`metrics`] +
//!                                                   +-- instructions, once -----------------> ratio
//! ```
//!
//! Invariants: A and B take turns, so that what the machine does meanwhile falls on both, also where it gets slowly faster or
//! slower: a round is A B B A. The first run of each program is thrown away. What one of the commits does not have is said
//! and left out, never guessed. Owning thread: the caller's; the programs are processes of their own.

pub mod builds;
pub mod metrics;
mod report;
mod run;
pub mod statistics;

pub use report::{Report, Row, Side};
pub use run::{Measured, Programs, instructions, measure};
