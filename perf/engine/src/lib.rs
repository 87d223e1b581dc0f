//! Measures book and engine on generated and recorded order flow, beside other people's books.
//!
//! ```text
//! seed --workload--> ops --subject--> commands in its own form
//!                     |                   |-- conform: its fills, one by one, against the naive book's
//!                     |                   |-- measure: throughput and allocations; then latency; each on a fresh subject
//!                     |                   |-- open_loop: the engine at a rate, latency from intended times
//!                     +--> naive book     |-- instructions: the same work once, under callgrind
//!                                         +-- peers: other books, each in a process of its own
//!
//! [`run`](run()) --> [`Report`] --> table or JSON
//! ```
//!
//! Invariants: everything is generated and encoded before the clock starts. What is measured is compiled for its subject,
//! without a call through a pointer. A figure goes with a checksum of its work, and every run comes to the same one.
//! Owning thread: the caller's, which is pinned to a core.

mod arguments;
mod conform;
pub mod instructions;
mod machine;
mod measure;
pub mod op;
pub mod open_loop;
pub mod peers;
mod random;
mod report;
mod run;
pub mod subject;
pub mod workload;

pub use arguments::Arguments;
pub use conform::{Conformance, conformance};
pub use machine::{Machine, commit, compiler};
pub use measure::clock_ns;
pub use random::Random;
pub use report::{Figures, LatencyNs, PeerReport, Report, Table, WorkloadReport};
pub use run::{Options, PerfError, Progress, run};
