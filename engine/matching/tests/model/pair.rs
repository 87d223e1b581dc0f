//! The engine and its twin, side by side.

use std::cell::Cell;

use tidegate_domain::*;
use tidegate_matching::Engine;

use crate::compare::assert_same_state;
use crate::coverage::Coverage;
use crate::naive::Naive;
use crate::play::{Script, Step};

thread_local! {
    /// Index of the step that is played, for whoever wants to know where it failed.
    pub(crate) static AT: Cell<usize> = const { Cell::new(0) };
}

/// How often everything is compared; the events are after every command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// After every command.
    Thorough,
    /// After every thousandth, and after the last.
    Quick,
    /// As thorough, and all is printed.
    Printed,
}

#[derive(Default)]
pub(crate) struct Pair {
    engine: Engine,
    twin: Naive,
    script: Script,
    out: EventBuffer,
}

impl Pair {
    /// # Panics
    /// When the two differ.
    pub(crate) fn play(mut self, steps: &[Step], care: Care, seen: &mut Coverage) {
        for record in self.script.prelude() {
            self.apply(&record, true);
        }
        for (at, step) in steps.iter().enumerate() {
            AT.set(at);
            let compares_all = care != Care::Quick || at % 1_000 == 999 || at + 1 == steps.len();
            for record in self.script.records(step) {
                if care == Care::Printed {
                    println!("{:?}", record.decode().unwrap());
                }
                for (header, event) in self.apply(&record, compares_all) {
                    if care == Care::Printed {
                        println!("    {}", line(&(header, event)));
                    }
                    self.script.learn(&event);
                    seen.count(&event);
                }
            }
        }
    }

    fn apply(&mut self, record: &CommandRecord, compares_all: bool) -> Vec<(EventHeader, Event)> {
        let Self { engine, twin, out, .. } = self;
        out.clear();
        engine.apply(record, out);
        let events: Vec<_> = out.records().iter().map(|event| event.decode().unwrap()).collect();
        let expected = twin.apply(record);
        if events != expected {
            let first = events.iter().zip(&expected).position(|(one, other)| one != other);
            let first = first.unwrap_or(events.len().min(expected.len()));
            let lines = |events: &[_]| events.iter().map(line).collect::<Vec<_>>().join("\n");
            panic!(
                "the events of {record:?} differ from {first} on\nengine:\n{}\ntwin:\n{}",
                lines(&events[first..]),
                lines(&expected[first..])
            );
        }
        assert!(events.len() <= engine.events_per_command_max());
        assert_eq!(engine.next_deadline().map(Timestamp::nanos), twin.next_due(), "next timer after {record:?}");
        if compares_all {
            assert_same_state(engine, twin);
        }
        events
    }
}

fn line((header, event): &(EventHeader, Event)) -> String {
    let EventHeader { key, account, market, request, session_sequence, flags, .. } = header;
    format!("to {key}:{session_sequence} account {account} market {market} re {request} {} {event:?}", flags.bits())
}
