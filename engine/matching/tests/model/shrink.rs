//! A long script that fails, made short: what can be left out is left out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook};

use crate::coverage::Coverage;
use crate::pair::{AT, Care, Pair};
use crate::play::Step;

/// # Panics
/// As [`Pair::play`] does, after a shorter script that fails too was printed.
pub(crate) fn play_or_shrink(name: &str, steps: &[Step], seen: &mut Coverage) {
    let played = catch_unwind(AssertUnwindSafe(|| Pair::default().play(steps, Care::Quick, seen)));
    let Err(failure) = played else { return };
    println!("failed at step {}, {name}; looking for a shorter script", AT.get());
    set_hook(Box::new(|_| {}));
    let steps = shrunk(steps[..=AT.get()].to_vec(), kind(failure.as_ref()));
    drop(std::panic::take_hook());
    println!("{} steps fail too, after the prelude:", steps.len());
    // Once more, for its own message.
    Pair::default().play(&steps, Care::Printed, &mut Coverage::default());
    resume_unwind(failure);
}

fn shrunk(mut steps: Vec<Step>, wanted: String) -> Vec<Step> {
    let mut chunk = steps.len();
    while chunk > 0 {
        let mut at = 0;
        let before = steps.len();
        while at < steps.len() {
            let end = (at + chunk).min(steps.len());
            let shorter = [&steps[..at], &steps[end..]].concat();
            if let Some(failed_at) = fails_at(&shorter, &wanted) {
                steps = shorter;
                steps.truncate(failed_at + 1);
            } else {
                at = end;
            }
        }
        if chunk > 1 {
            chunk /= 2;
        } else if steps.len() == before {
            break;
        }
    }
    steps
}

/// Where a script fails in the wanted way.
fn fails_at(steps: &[Step], wanted: &str) -> Option<usize> {
    // Thorough comparison finds more, and earlier; as long as a script is long it would take too much time.
    let care = if steps.len() > 500 { Care::Quick } else { Care::Thorough };
    let play = || Pair::default().play(steps, care, &mut Coverage::default());
    let failure = catch_unwind(AssertUnwindSafe(play)).err()?;
    (kind(failure.as_ref()) == wanted).then(|| AT.get())
}

/// The beginning of a panic's message: enough to tell one kind of difference from another.
fn kind(failure: &(dyn Any + Send)) -> String {
    let text = failure.downcast_ref::<String>().map(String::as_str);
    text.or(failure.downcast_ref::<&str>().copied()).unwrap_or_default().chars().take(14).collect()
}
