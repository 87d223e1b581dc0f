//! What is measured: anything that takes commands and trades.
//!
//!   Workload --[`Subject::prepare`]--> commands in the subject's own form --[`Subject::apply`]--> fills, a number
//!
//! Invariants: preparing is never timed; applying is, so it converts nothing that could be converted before. The number
//! that `apply` returns depends on what happened, so that nothing can be optimised away and two runs can be compared.

pub mod book;
pub mod engine;
pub mod naive;
#[cfg(feature = "peers")]
pub mod peers;

use crate::op::{FillSink, Op};
use crate::workload::Workload;

/// Some commands of a stream, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many of the subject's commands.
    pub commands: usize,
    /// How many ops of the workload they stand for.
    pub ops: usize,
    /// Whether they are measured; if not, they only prepare the book.
    pub is_measured: bool,
}

/// A workload in a subject's own form.
#[derive(Clone, Debug)]
pub struct Stream<C> {
    /// All commands, in order.
    pub commands: Vec<C>,
    /// How they fall into parts, in order.
    pub parts: Vec<Part>,
}

/// What is measured. Generic, never behind a pointer: a call costs what it costs its real user.
pub trait Subject: Sized {
    /// Its name in reports.
    const NAME: &'static str;

    /// What it takes: one for each op, as a rule.
    type Command;

    /// A fresh one for a workload, with the commands to feed it. `wants_fills` says that every fill will be looked at.
    ///
    /// # Errors
    /// A sentence that says what of the workload it cannot express.
    fn prepare(workload: &Workload, wants_fills: bool) -> Result<(Self, Stream<Self::Command>), String>;

    /// Before `coming[0]` is applied: the subject may prepare for it and for those after it. What that costs is measured.
    #[inline]
    fn look_ahead(&self, _coming: &[Self::Command]) {}

    /// Applies the next command, and returns a number that depends on what happened: of a book, the lots that it traded.
    fn apply<F: FillSink>(&mut self, command: &Self::Command, fills: &mut F) -> u64;

    /// How many orders rest; `None` where the subject does not say. Not for the hot path.
    fn resting(&self) -> Option<usize> {
        None
    }
}

/// The stream of a subject that takes ops as they are.
pub(crate) fn plain_stream(workload: &Workload) -> Stream<Op> {
    let part = |part: &crate::workload::Part| Part { commands: part.ops, ops: part.ops, is_measured: part.is_measured };
    Stream { commands: workload.ops.clone(), parts: workload.parts.iter().map(part).collect() }
}
