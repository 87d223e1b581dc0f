//! A snapshot and the commands after it are a replay from the start.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tidegate_domain::*;
use tidegate_matching::Engine;

use crate::play::{Profile, RollSource, Script, Step, config, random_seed, steps};
use crate::{apply, restored};

/// Enough for a key to outlive its kept outcomes.
const EPISODE_COMMANDS: u64 = 20_000;

/// Short scripts, which proptest shrinks: from every tenth command on, a restored engine goes on to the end.
#[test]
fn from_any_command_on_a_restored_engine_does_what_the_first_did() {
    let mut runner = TestRunner::new(config(200));
    let result = runner.run(&steps(), |steps| {
        let (mut script, mut engine) = (Script::default(), Engine::new());
        let mut records = script.prelude();
        let mut events: Vec<_> = records.iter().map(|record| apply(&mut engine, record)).collect();
        let mut snapshots = vec![(records.len(), engine.snapshot())];
        for (at, step) in steps.iter().enumerate() {
            for record in script.records(step) {
                let out = apply(&mut engine, &record);
                out.records().iter().for_each(|event| script.learn(&event.decode().unwrap().1));
                records.push(record);
                events.push(out);
                if at % 10 == 9 {
                    let bytes = engine.snapshot();
                    restored(&engine, &bytes);
                    snapshots.push((records.len(), bytes));
                }
            }
        }
        for (at, bytes) in &snapshots {
            let mut later = Engine::restore(bytes).unwrap();
            for (record, expected) in records.iter().zip(&events).skip(*at) {
                prop_assert!(apply(&mut later, record).records() == expected.records());
            }
            prop_assert_eq!(later.digest(), engine.digest());
            prop_assert!(later.snapshot() == engine.snapshot());
        }
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Long scripts: two engines side by side, one of which is made anew from a snapshot every now and then, in some
/// episodes often and in some hardly ever.
#[test]
fn engines_that_are_restored_on_the_way_do_the_same_for_long() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let commands = number("SNAPSHOT_COMMANDS").unwrap_or(400_000);
    let first_seed = number("SNAPSHOT_SEED").unwrap_or_else(random_seed);
    println!("SNAPSHOT_SEED={first_seed} SNAPSHOT_COMMANDS={commands} repeats this run");
    let mut snapshots = 0;
    for episode in 0..commands.div_ceil(EPISODE_COMMANDS) {
        let seed = first_seed.wrapping_add(episode);
        let length = EPISODE_COMMANDS.min(commands - episode * EPISODE_COMMANDS);
        println!("SNAPSHOT_SEED={seed} SNAPSHOT_COMMANDS={length} repeats this episode");
        snapshots += play_episode(seed, length);
    }
    println!("{snapshots} snapshots in {commands} commands");
    assert!(snapshots > commands / 1_000);
}

fn play_episode(seed: u64, commands: u64) -> u64 {
    let profile = Profile::ALL[(seed % Profile::ALL.len() as u64) as usize];
    let mut source = RollSource::new(seed);
    let every = [20, 200, 5_000][(source.next_rolls()[0] % 3) as usize];
    let (mut script, mut first) = (Script::default(), Engine::new());
    script.prelude().iter().for_each(|record| drop(apply(&mut first, record)));
    let mut second = restored(&first, &first.snapshot());
    let mut snapshots = 1;
    for at in 0..commands {
        let rolls = source.next_rolls();
        for record in script.records(&Step::draw(profile, &rolls)) {
            let events = apply(&mut first, &record);
            assert!(events.records() == apply(&mut second, &record).records(), "step {at}: events after {record:?}");
            assert_eq!(first.digest(), second.digest(), "step {at}: digest after {record:?}");
            assert_eq!(first.next_deadline(), second.next_deadline(), "step {at}");
            events.records().iter().for_each(|event| script.learn(&event.decode().unwrap().1));
            // Between the slots of a mass quote too.
            if rolls[63].is_multiple_of(every) || at + 1 == commands {
                let bytes = first.snapshot();
                // Two histories of slots and handles, one state.
                assert!(bytes == second.snapshot(), "step {at}: equal states write other bytes");
                second = restored(&first, &bytes);
                snapshots += 1;
            }
        }
    }
    first.verify();
    snapshots
}
