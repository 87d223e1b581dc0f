//! Whether a subject trades as price-time priority demands: its fills, one by one, against those of the naive book, and how
//! many orders rest in the end.
//!
//! Invariants: all fields of a fill count, and so does the order of the fills.

use crate::op::{Action, Checksum, Fill, Op};
use crate::subject::Subject;
use crate::subject::naive::NaiveBook;
use crate::workload::Workload;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conformance {
    /// Trades of the naive book.
    pub fills: usize,
    /// Hash of them, in their order.
    pub checksum: Checksum,
    /// The first difference in words; `None` where there is none.
    pub difference: Option<String>,
}

/// The fills of a whole workload on a fresh subject, as far as they are the expected ones, and the first that is not: what
/// follows a difference is about another book, and may not end. And how many orders rest then.
fn fills_of<S: Subject>(workload: &Workload, expected: Option<&[Fill]>) -> Result<(Vec<Fill>, Option<usize>), String> {
    let (mut subject, stream) = S::prepare(workload, true)?;
    let mut fills = Vec::new();
    for command in &stream.commands {
        let before = fills.len();
        subject.apply(command, &mut fills);
        if expected.is_some_and(|expected| expected.get(before..fills.len()) != Some(&fills[before..])) {
            break;
        }
    }
    Ok((fills, subject.resting()))
}

/// Compares a subject with the naive book on a workload.
///
/// # Errors
/// What of the workload the subject cannot express.
pub fn conformance<S: Subject>(workload: &Workload) -> Result<Conformance, String> {
    let (expected, should_rest) = fills_of::<NaiveBook>(workload, None)?;
    let (actual, rest) = fills_of::<S>(workload, Some(&expected))?;
    let checksum = Checksum::of_fills(&expected);
    let at = expected.iter().zip(&actual).position(|(expected, actual)| expected != actual);
    let at = at.or_else(|| (expected.len() != actual.len()).then_some(expected.len().min(actual.len())));
    let difference = match at {
        Some(at) => Some(difference(workload, &expected, &actual, at)),
        None => rest.filter(|_| rest != should_rest).map(|rest| {
            format!(
                "all fills are as expected, but {rest} orders rest in the end, expected {}",
                should_rest.unwrap_or(0)
            )
        }),
    };
    Ok(Conformance { fills: expected.len(), checksum, difference })
}

fn difference(workload: &Workload, expected: &[Fill], actual: &[Fill], at: usize) -> String {
    let words = |fills: &[Fill]| match fills.get(at) {
        Some(Fill { taker, maker, price, qty }) => format!("{taker} takes {qty} of {maker} at {price}"),
        None => "no more".to_owned(),
    };
    let taker = expected.get(at).or_else(|| actual.get(at)).map_or(0, |fill| fill.taker);
    let is_taker = |op: &Op| op.id() == taker && matches!(op.action, Action::New { .. } | Action::Replace { .. });
    let about = workload.ops.iter().find(|op| is_taker(op)).map_or("none", |op| match op.action {
        Action::Replace { .. } => "replaced",
        _ => "new",
    });
    let (number, of) = (at + 1, expected.len());
    format!("fill {number} of {of}, order {taker} {about}: expected {}, got {}", words(expected), words(actual))
}
