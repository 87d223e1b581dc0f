//! Latency of the node's own orders: from the stamps of the pipeline to histograms of each stage.
//!
//! ```text
//!   marks, receipts --[thread "latency": StampReader]--> [Tally] --under its lock--> LatencySample --> metrics, HTTP, operator
//! ```
//!
//! Invariants: nothing here is on an order's way; the pipeline's threads write stamps and never wait for this one. The parts of
//! an order add up to its total, in whole nanoseconds. However often somebody asks, a sample is made ten times a second at most.
//! Owning threads: `latency` counts; whoever asks reads under the tally's lock.

mod busy;
mod histograms;
mod sample;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidegate_domain::{Command, CommandRecord, OrderOptions, Sequence};
use tidegate_journal::JournalReader;
use tidegate_pipeline::stamps::{StampReader, StampSources, TickClock, TickScale};

pub(crate) use self::busy::BusyStages;
pub use self::histograms::{LatencyHistograms, OrderParts, StageHistogram};
pub use self::sample::{BusyLine, LatencySample, LatencySpan, NodeSample, SessionSample, SlowOrder, StageLine};
pub(crate) use self::tally::{Buckets, Tally};
pub use tidegate_percentiles::{CurvePoint, Percentiles};

/// Between two looks at the stamps: their rings hold several times as much as comes in this time.
const LOOK: Duration = Duration::from_millis(10);
/// Between two looks into the journal for what slow orders were.
const DESCRIBE_EVERY: Duration = Duration::from_secs(1);

/// A sample is handed out for so long.
const FRESH: Duration = Duration::from_millis(100);

/// A handle to the histograms; clones share them.
#[derive(Clone)]
pub(crate) struct Latency {
    tally: Arc<Mutex<Tally>>,
    newest: Arc<Mutex<Option<Counted>>>,
}

/// What was counted at one moment.
#[derive(Clone)]
pub(crate) struct Counted {
    at: Instant,
    pub(crate) sample: Arc<LatencySample>,
    pub(crate) buckets: Arc<Vec<Buckets>>,
}

/// The thread that counts.
pub(crate) struct LatencyHelper {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Latency {
    /// Starts the thread that reads these stamps, taken by `clock`, and in the journal what slow orders were.
    ///
    /// # Errors
    /// When the operating system refuses a thread.
    pub(crate) fn start(
        clock: TickClock,
        sources: StampSources,
        journal: JournalReader,
    ) -> std::io::Result<(Self, LatencyHelper)> {
        let latency = Self { tally: Arc::new(Mutex::new(Tally::new(clock))), newest: Arc::default() };
        let stop = Arc::new(AtomicBool::new(false));
        let (counts, stop_seen) = (latency.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("latency".to_owned()).spawn(move || {
            counts.run(clock, StampReader::new(sources), &journal, &stop_seen);
        })?;
        Ok((latency, LatencyHelper { stop, thread }))
    }

    fn run(&self, clock: TickClock, mut reader: StampReader, journal: &JournalReader, stop: &AtomicBool) {
        let mut scale = TickScale::begin(clock);
        let (began, mut described) = (Instant::now(), Instant::now());
        while !stop.load(Ordering::Acquire) {
            std::thread::park_timeout(LOOK);
            if scale.measure() {
                let mut tally = self.lock();
                tally.turn_to(began.elapsed());
                // By the wall clock once a look: it is for people who compare with their logs.
                let wall_ns = wall_ns();
                reader.pass(|times| {
                    tally.count(times, &scale, |sent| wall_ns.saturating_sub(scale.ns_ago(sent)));
                });
                tally.skipped = reader.skipped();
                tally.through = reader.through().raw();
            }
            if described.elapsed() >= DESCRIBE_EVERY {
                self.describe_slowest(journal);
                described = Instant::now();
            }
        }
    }

    /// Looks up what slow orders were, without the lock.
    fn describe_slowest(&self, journal: &JournalReader) {
        let unknown = self.lock().undescribed();
        for sequence in unknown {
            let content = content_of(journal, Sequence::new(sequence));
            self.lock().describe(sequence, content);
        }
    }

    /// What was counted so far; what an order was is there a second after the order.
    pub(crate) fn counted(&self) -> Counted {
        let mut newest = self.newest.lock().expect("no holder of this lock panics");
        if let Some(counted) = newest.as_ref().filter(|counted| counted.at.elapsed() < FRESH) {
            return counted.clone();
        }
        let shown = self.lock().shown();
        let (sample, buckets) = (Arc::new(shown.sample()), Arc::new(shown.buckets()));
        newest.insert(Counted { at: Instant::now(), sample, buckets }).clone()
    }

    /// All histograms, and the slowest orders since this was last asked for.
    pub(crate) fn histograms(&self) -> LatencyHistograms {
        let copy = self.lock().histograms();
        copy.encoded()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("no holder of this lock panics")
    }
}

impl LatencyHelper {
    /// Ends the thread.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.thread.thread().unpark();
        if self.thread.join().is_err() {
            tracing::error!("the latency helper panicked");
        }
    }
}

fn wall_ns() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX)
}

/// Of an order what it is, and only what differs of what most orders do without.
fn in_words(command: &Command) -> String {
    let Command::NewOrder(order) = command else { return format!("{command:?}") };
    let kind = format!("{:?} {:?} {:?}", order.side, order.order_type, order.time_in_force).to_lowercase();
    let post_only = if order.post_only { " post-only" } else { "" };
    let (market, qty, price) = (order.market, order.qty.lots(), order.price.ticks());
    let words = format!("{kind}{post_only}, market {market}, {qty} lots at {price} ticks");
    if order.options == OrderOptions::default() { words } else { format!("{words}, {:?}", order.options) }
}

/// A command in words; where the journal cannot say, why.
fn content_of(journal: &JournalReader, sequence: Sequence) -> String {
    let mut room: Vec<CommandRecord> = Vec::with_capacity(1);
    if let Err(error) = journal.read(sequence, 1, &mut room) {
        return error.to_string();
    }
    match room.first().map(CommandRecord::decode) {
        Some(Ok((header, command))) => {
            let (key, account, request) = (header.key, header.account, header.request);
            format!("key {key} account {account} request {request}: {}", in_words(&command))
        }
        Some(Err(error)) => error.to_string(),
        None => "the journal ends before it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tidegate_domain::{MarketId, NewOrder, OrderType, Price, Qty, Side, TimeInForce};

    use super::*;

    #[test]
    fn an_order_is_told_in_words_without_what_it_does_without() {
        let order = NewOrder {
            market: MarketId::new(3),
            side: Side::Sell,
            order_type: OrderType::Limit,
            time_in_force: TimeInForce::Gtc,
            post_only: true,
            price: Price::from_ticks(101),
            qty: Qty::from_lots(7),
            options: OrderOptions::default(),
        };
        let words = "sell limit gtc post-only, market 3, 7 lots at 101 ticks";
        assert_eq!(in_words(&Command::NewOrder(order)), words);
        let grouped = NewOrder { options: OrderOptions { group: 9, ..order.options }, ..order };
        let told = in_words(&Command::NewOrder(grouped));
        assert!(told.starts_with(words) && told.contains("group: 9"), "{told}");
        assert_eq!(in_words(&Command::Tick), "Tick");
    }
}
