//! Ours trade as the naive book does, on a small stream of every workload. And the comparison sees every kind of mistake.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use tidegate_perf::conformance;
use tidegate_perf::op::{Action, Fill, FillSink, Op};
use tidegate_perf::subject::book::TidegateBook;
use tidegate_perf::subject::engine::TidegateEngine;
use tidegate_perf::subject::naive::NaiveBook;
use tidegate_perf::subject::{Stream, Subject};
use tidegate_perf::workload::{NAMES, Request, Size, Workload};

fn generate(name: &str, commands: usize, seed: u64) -> Option<Workload> {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/lobster_20120621");
    let request = Request { name: name.to_owned(), commands, seed, size: Size::Quick, recorded };
    Workload::generate(&request).inspect_err(|reason| println!("SKIPPED: {reason}")).ok()
}

#[test]
fn book_and_engine_trade_as_the_naive_book_on_every_workload() {
    for name in NAMES {
        for seed in 1..=3 {
            let Some(workload) = generate(name, 20_000, seed) else { continue };
            let book = conformance::<TidegateBook>(&workload).unwrap();
            assert_eq!(book.difference, None, "{name}, seed {seed}");
            assert_eq!(book.fills > 0, name != "f");
            let engine = conformance::<TidegateEngine>(&workload).unwrap();
            assert_eq!(engine.difference, None, "{name}, seed {seed}");
            assert_eq!((engine.fills, engine.checksum), (book.fills, book.checksum));
        }
    }
}

/// The naive book with one mistake.
struct Mistaken<const KIND: u8>(NaiveBook);

struct Changed<'a, F, const KIND: u8>(&'a mut F);

impl<F: FillSink, const KIND: u8> FillSink for Changed<'_, F, KIND> {
    const WANTED: bool = F::WANTED;

    fn fill(&mut self, fill: Fill) {
        self.0.fill(match KIND {
            0 => Fill { price: fill.price + 1, ..fill },
            1 => Fill { qty: fill.qty + 1, ..fill },
            2 => Fill { maker: fill.maker + 1, ..fill },
            _ => fill,
        });
    }
}

impl<const KIND: u8> Subject for Mistaken<KIND> {
    const NAME: &'static str = "mistaken";
    type Command = Op;

    fn prepare(workload: &Workload, wants_fills: bool) -> Result<(Self, Stream<Op>), String> {
        NaiveBook::prepare(workload, wants_fills).map(|(book, stream)| (Self(book), stream))
    }

    fn apply<F: FillSink>(&mut self, op: &Op, fills: &mut F) -> u64 {
        // Kind 3 forgets to cancel, kind 4 makes no mistake.
        if KIND == 3 && matches!(op.action, Action::Cancel { .. }) {
            return 0;
        }
        self.0.apply(op, &mut Changed::<F, KIND>(fills))
    }

    fn resting(&self) -> Option<usize> {
        self.0.resting()
    }
}

#[test]
fn a_wrong_price_quantity_order_or_book_is_a_difference() {
    let workload = generate("b", 5_000, 1).unwrap();
    let difference = |result: Result<tidegate_perf::Conformance, String>| result.unwrap().difference;
    assert!(difference(conformance::<Mistaken<0>>(&workload)).unwrap().starts_with("fill 1 of "));
    assert!(difference(conformance::<Mistaken<1>>(&workload)).is_some());
    assert!(difference(conformance::<Mistaken<2>>(&workload)).is_some());
    assert!(difference(conformance::<Mistaken<3>>(&workload)).is_some());
    assert_eq!(difference(conformance::<Mistaken<4>>(&workload)), None);
    let without_fills = generate("f", 500, 1).unwrap();
    assert!(difference(conformance::<Mistaken<3>>(&without_fills)).unwrap().contains("500 orders rest in the end"));
}

#[test]
fn a_shortened_workload_is_the_beginning_of_the_whole() {
    for name in NAMES {
        let Some(workload) = generate(name, 5_000, 1) else { continue };
        let short = workload.shortened(1_000);
        // A mass cancel is not cut.
        assert_eq!(short.measured(), 1_000, "{name}");
        assert!(workload.ops.starts_with(&short.ops), "{name}");
        assert_eq!(short.ops.len(), short.parts.iter().map(|part| part.ops).sum::<usize>());
    }
}
