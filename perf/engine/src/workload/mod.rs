//! Workloads: streams of commands, made from a seed before anything is measured.
//!
//! ```text
//! a              9 % GTC, 3 % IOC, 6 % cancel, 82 % replace; 1,000 resting orders, 1,000 accounts, one market
//! b              new and cancel: 95 % of what rested ends by cancel; 15 % of the new is IOC; power-law depth, slow drift
//! b_flash_crash  the same, but the mid falls fast through the book and recovers, three times
//! c              deep sweeps: 5,000 resting orders, one order takes them all, again and again
//! d              the mix of a over 10,000 markets with 1,000,000 resting orders, Zipf over the markets
//! e              a recorded hour of one stock: `recorded`
//! f              mass cancel: 10,000 resting orders of an account, all cancelled; only the cancels are measured
//! ```
//!
//!   seed --generator--> [`Op`] --reference book--> what rests --> generator ..
//!
//! Invariants: the same name, seed, size and number of commands make the same stream on every machine. Every replace and
//! reduce is about an order that rests at that moment, and so is every cancel that is not late on purpose.

mod builder;
mod cancels;
mod moves;
mod recorded;
mod sweeps;

use std::path::PathBuf;

use crate::op::Op;
pub use builder::Mix;

/// Every workload, in the order of the report.
pub const NAMES: [&str; 7] = ["a", "b", "b_flash_crash", "c", "d", "e", "f"];

/// How large the books are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the module says.
    Full,
    /// A hundredth of it or so: for tests, not for figures.
    Quick,
}

impl Size {
    const fn pick(self, full: usize, quick: usize) -> usize {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// What makes a workload.
#[derive(Clone, Debug)]
pub struct Request {
    /// One of [`NAMES`].
    pub name: String,
    /// Measured commands, about: a whole sweep or mass cancel is never cut. A recorded flow ends when it ends.
    pub commands: usize,
    /// The stream.
    pub seed: u64,
    /// See [`Size`].
    pub size: Size,
    /// The folder of the recorded flow of workload e.
    pub recorded: PathBuf,
}

/// Ops that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many.
    pub ops: usize,
    /// Whether they are measured; if not, they only prepare the book.
    pub is_measured: bool,
    /// They cancel every order of this account, which is all that rests.
    pub cancels_all_of: Option<u32>,
}

/// A stream and what it came to on the reference book.
#[derive(Clone, Debug)]
pub struct Workload {
    /// One of [`NAMES`].
    pub name: String,
    /// All ops, in order.
    pub ops: Vec<Op>,
    /// How they fall into parts.
    pub parts: Vec<Part>,
    /// How many markets, from 0.
    pub markets: u32,
    /// How many accounts, from 0.
    pub accounts: u32,
    /// The highest order id.
    pub orders: u64,
    /// The most orders that ever rest at once.
    pub resting_max: usize,
    /// What the measured ops are.
    pub mix: Mix,
}

impl Workload {
    /// Makes a workload.
    ///
    /// # Errors
    /// A sentence that says why there is none: an unknown name, or recorded flow that is not there.
    pub fn generate(request: &Request) -> Result<Self, String> {
        match request.name.as_str() {
            "a" => Ok(moves::one_market(request)),
            "b" => Ok(cancels::calm(request)),
            "b_flash_crash" => Ok(cancels::flash_crash(request)),
            "c" => Ok(sweeps::deep_sweeps(request)),
            "d" => Ok(moves::many_markets(request)),
            "e" => recorded::recorded(request),
            "f" => Ok(sweeps::mass_cancels(request)),
            other => Err(format!("there is no workload {other:?}; there are {}", NAMES.join(", "))),
        }
    }

    /// How many ops are measured.
    #[must_use]
    pub fn measured(&self) -> usize {
        self.parts.iter().filter(|part| part.is_measured).map(|part| part.ops).sum()
    }

    /// The same workload, ended after the part or the op with which so many measured ops are reached.
    #[must_use]
    pub fn shortened(&self, measured_max: usize) -> Self {
        let mut left = measured_max;
        let mut parts = Vec::new();
        for part in &self.parts {
            if left == 0 {
                break;
            }
            let mut part = *part;
            if part.is_measured {
                if part.cancels_all_of.is_none() {
                    part.ops = part.ops.min(left);
                }
                left = left.saturating_sub(part.ops);
            }
            parts.push(part);
        }
        let len: usize = parts.iter().map(|part| part.ops).sum();
        Self { ops: self.ops[..len].to_vec(), parts, ..self.clone_without_ops() }
    }

    fn clone_without_ops(&self) -> Self {
        Self { name: self.name.clone(), ops: Vec::new(), parts: Vec::new(), ..*self }
    }
}
