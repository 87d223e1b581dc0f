//! The engine against its naive twin: the same random commands, and after each the same events, balances and books.
//!
//! Two tests: short scripts with every comparison after every command, which proptest shrinks; and long ones with the
//! events after every command and the rest after every thousandth. `MODEL_COMMANDS` says how long (1,000,000 unless
//! set), `MODEL_SEED` repeats a run.

#![allow(clippy::unwrap_used)]

mod compare;
mod coverage;
mod naive;
mod pair;
mod play;
mod shrink;

use std::cell::RefCell;

use coverage::Coverage;
use pair::{Care, Pair};
use play::{Profile, RollSource, Step, config, random_seed, steps};
use proptest::test_runner::TestRunner;

/// Commands of one long script: enough for a key to outlive its kept outcomes.
const EPISODE_COMMANDS: u64 = 20_000;

#[test]
fn the_engine_does_what_its_naive_twin_does() {
    let seen = RefCell::new(Coverage::default());
    let mut runner = TestRunner::new(config(4_000));
    let result = runner.run(&steps(), |steps| {
        Pair::default().play(&steps, Care::Thorough, &mut seen.borrow_mut());
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let seen = seen.into_inner();
    println!("{seen}");
    seen.assert_enough(1);
}

#[test]
fn the_engine_does_what_its_naive_twin_does_for_long() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let commands = number("MODEL_COMMANDS").unwrap_or(1_000_000);
    let first_seed = number("MODEL_SEED").unwrap_or_else(random_seed);
    println!("MODEL_SEED={first_seed} MODEL_COMMANDS={commands} repeats this run");
    let mut seen = Coverage::default();
    let episodes = commands.div_ceil(EPISODE_COMMANDS);
    for episode in 0..episodes {
        let length = EPISODE_COMMANDS.min(commands - episode * EPISODE_COMMANDS);
        let seed = first_seed.wrapping_add(episode);
        let profile = Profile::ALL[(seed % Profile::ALL.len() as u64) as usize];
        let mut source = RollSource::new(seed);
        let steps: Vec<Step> = (0..length).map(|_| Step::draw(profile, &source.next_rolls())).collect();
        let name = format!("profile {profile:?}: MODEL_SEED={seed} MODEL_COMMANDS={length} repeats it");
        shrink::play_or_shrink(&name, &steps, &mut seen);
    }
    println!("{seen}");
    // Fewer commands than that do not reach what is rare.
    if commands >= 1_000_000 {
        seen.assert_enough(commands / 1_000_000);
        seen.assert_rare();
    }
}
