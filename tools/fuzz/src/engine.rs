//! The engine: scripts of the model's generator beside the naive twin, and the same with bytes of a command changed.
//!
//! ```text
//!   profile u8 | step | step ..      step: even u8 | seed of its rolls u32      odd u8 | (u8 / 2 % 65) rolls of u16
//!   engine_patched: after each step  count u8 | (offset u8 | value u8) .., at most 3, into the encoded command
//! ```

use tidegate_domain::{CommandKind, CommandRecord, Event, EventBuffer, RECORD_LEN_BYTES, StateMachine};
use tidegate_matching::Engine;

use crate::coverage::Coverage;
use crate::input::Input;
use crate::pair::{Care, Pair};
use crate::play::{Profile, RollSource, Script, Step};

/// Longer inputs only take longer.
const STEPS_MAX: usize = 400;
/// Commands between two looks at the whole state.
const COMMANDS_PER_LOOK: usize = 8;
/// What the sequencer writes itself: sequence, time, epoch.
const STAMPED: [std::ops::Range<usize>; 2] = [0..16, 32..36];

fn profile(input: &mut Input<'_>) -> Profile {
    Profile::ALL[usize::from(input.u8()) % Profile::ALL.len()]
}

fn step(profile: Profile, input: &mut Input<'_>) -> Step {
    let tag = input.u8();
    if tag.is_multiple_of(2) {
        return Step::draw(profile, &RollSource::new(input.u32().into()).next_rolls());
    }
    let mut rolls = [0; 64];
    for roll in rolls.iter_mut().take(usize::from(tag / 2) % 65) {
        *roll = input.u16();
    }
    Step::draw(profile, &rolls)
}

/// The engine does what its naive twin does: events after every command, everything else after the last.
///
/// # Panics
/// Where it does not.
pub fn engine_apply(data: &[u8]) {
    let mut input = Input::new(data);
    let profile = profile(&mut input);
    let mut steps = Vec::new();
    while !input.is_empty() && steps.len() < STEPS_MAX {
        steps.push(step(profile, &mut input));
    }
    // Everything after every command would be a hundred times slower; a difference in the state shows in an event later, or
    // at the end.
    Pair::default().play(&steps, Care::Quick, &mut Coverage::default());
}

/// Any command that decodes, wherever it comes from, is applied or rejected; the engine stays sound.
///
/// # Panics
/// Where it does not.
pub fn engine_patched(data: &[u8]) {
    let mut input = Input::new(data);
    let profile = profile(&mut input);
    let (mut engine, mut script, mut out) = (Engine::new(), Script::default(), EventBuffer::default());
    for record in script.prelude() {
        out.clear();
        engine.apply(&record, &mut out);
    }
    for at in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        for record in script.records(&step(profile, &mut input)) {
            let record = patched(&record, &mut input).unwrap_or(record);
            out.clear();
            engine.apply(&record, &mut out);
            assert!(out.records().len() <= engine.events_per_command_max());
            for event in out.records() {
                let (header, event) = event.decode().unwrap_or_else(|error| panic!("an event of {record:?}: {error}"));
                assert_eq!(header.sequence, record.sequence());
                // What it learns of keys that the script did not ask for would be about accounts that it does not have.
                if !matches!(event, Event::KeyCreated { .. }) {
                    script.learn(&event);
                }
            }
        }
        if at % COMMANDS_PER_LOOK == COMMANDS_PER_LOOK - 1 {
            engine.verify();
        }
    }
    engine.verify();
}

/// A record with some bytes changed, where it is still a command; never a second genesis, which no sequencer lets through.
fn patched(record: &CommandRecord, input: &mut Input<'_>) -> Option<CommandRecord> {
    let mut bytes = *record.as_bytes();
    for _ in 0..input.u8() % 4 {
        let (offset, value) = (usize::from(input.u8()) % RECORD_LEN_BYTES, input.u8());
        if !STAMPED.iter().any(|range| range.contains(&offset)) {
            bytes[offset] = value;
        }
    }
    let record = CommandRecord::from_bytes(bytes);
    let (_, command) = record.decode().ok()?;
    (command.kind() != CommandKind::Genesis).then_some(record)
}
