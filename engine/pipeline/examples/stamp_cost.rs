//! What the stamps of one order cost the threads that take them: `cargo run --release -p tidegate-pipeline --example stamp_cost
//! [ORDERS]`.
//!
//! All stamps of an order's way on one thread, as the fused plan has them: the poll's (received and sent), the receipt, and those
//! of sequencer, journal, link, match and publish. A batch is what one round of the stages brings.

use std::hint::black_box;
use std::time::Instant;

use tidegate_domain::Sequence;
use tidegate_pipeline::stamps::{Mark, Receipt, TickClock, marks, receipts};

const ORDERS: u64 = 20_000_000;
/// Sequencer, journal, link, match, publish.
const STAGES: usize = 5;
const RUNS: usize = 5;

fn main() {
    let orders = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(ORDERS);
    for clock in [TickClock::best(), TickClock::Monotonic] {
        let begun = Instant::now();
        for _ in 0..orders {
            black_box(clock.now());
        }
        println!("{}: a look at the clock {:.1} ns", clock.as_str(), per_order(begun, orders));
        for batch in [1, 2, 8, 64] {
            let mut runs: Vec<f64> = (0..RUNS).map(|_| run(clock, orders, batch)).collect();
            runs.sort_by(f64::total_cmp);
            println!("{}: batches of {batch}: {:.1} ns an order (median of {RUNS})", clock.as_str(), runs[RUNS / 2]);
        }
    }
}

fn run(clock: TickClock, orders: u64, batch: u64) -> f64 {
    let (mut notes, _keep) = receipts();
    let (mut stages, _readers): (Vec<_>, Vec<_>) = (0..STAGES).map(|_| marks(clock)).unzip();
    let (mut sent, _reader) = marks(clock);
    let begun = Instant::now();
    let mut sequence = Sequence::ZERO;
    while sequence.raw() < orders {
        let at = clock.now();
        sent.mark_at(Mark { through: sequence, at });
        for _ in 0..batch {
            sequence = sequence.next();
            notes.note(sequence, Receipt { at, gateway: 0 });
        }
        for stage in &mut stages {
            stage.mark(black_box(sequence));
        }
    }
    per_order(begun, sequence.raw())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per_order(begun: Instant, orders: u64) -> f64 {
    begun.elapsed().as_nanos() as f64 / orders as f64
}
