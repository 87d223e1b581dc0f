//! One pass over one ring.
//!
//! Invariants: whoever reads checks every record. Whoever ends first, for whatever reason, says so by `ended`; then the other
//! one ends, too, when it can neither read nor write any more.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use core_affinity::CoreId;
use hdrhistogram::Histogram;
use tidegate_domain::{
    CancelFilter, Command, CommandHeader, CommandRecord, Epoch, MarketId, RequestNumber, Sequence, Timestamp,
};
use tidegate_latency::histogram;
use tidegate_perf::op::Checksum;

use super::ends::{Receiver, Ring, Sender};
use super::{BATCH, SLOTS};

/// Looks in vain before the core is given up, where there are more threads than cores: longer than a hop takes.
const LOOKS_BEFORE_YIELD: u32 = 20_000;
/// A round trip that takes longer lost its record: then both sides wait for each other.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Records that differ in more than their number.
const DIFFERENT: usize = 1_024;

/// Those of the two ends, where there are two.
pub(super) type Cores = Option<[usize; 2]>;

/// What a pass came to.
pub(super) struct Pass {
    records: u64,
    elapsed: Duration,
    /// Nanoseconds, of round trips only.
    pub(super) latencies: Histogram<u64>,
}

impl Pass {
    pub(super) fn per_second(&self) -> f64 {
        self.records as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    pub(super) fn ns_per_record(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.records as f64
    }
}

/// The records that are sent, made before the clock starts.
pub(super) struct Source {
    records: Vec<CommandRecord>,
}

impl Source {
    pub(super) fn new() -> Self {
        let one = |n: u32| {
            let header =
                CommandHeader { request: RequestNumber::new(u64::from(n) * 7 + 1), ..CommandHeader::default() };
            CommandRecord::encode(&header, &Command::CancelAll(CancelFilter::in_market(Some(MarketId::new(n + 1)))))
        };
        Self { records: (0..DIFFERENT as u32).map(one).collect() }
    }

    /// Record `n`, from 1.
    #[inline]
    fn record(&self, n: u64) -> CommandRecord {
        let mut record = self.records[n as usize % DIFFERENT];
        record.stamp(Sequence::new(n), Timestamp::from_nanos(n), Epoch::new(1));
        record
    }

    /// Fills the batch with the next records, of which `last` is the last; the batch is empty after it.
    #[inline]
    fn next_batch(&self, next: &mut u64, last: u64, batch: &mut Vec<CommandRecord>) {
        batch.clear();
        while batch.len() < BATCH && *next <= last {
            batch.push(self.record(*next));
            *next += 1;
        }
    }

    /// The checksum of records 1 to `last`.
    fn checksum(&self, last: u64) -> Checksum {
        let mut check = Check::default();
        (1..=last).for_each(|n| check.see(&self.record(n)));
        check.sum
    }
}

/// What the reading side has seen.
#[derive(Default)]
struct Check {
    seen: u64,
    sum: Checksum,
    /// The first record that was not the next one.
    wrong: Option<String>,
}

impl Check {
    #[inline]
    fn see(&mut self, record: &CommandRecord) {
        self.seen += 1;
        if record.sequence().raw() != self.seen {
            self.note_wrong(record);
        }
        let words = record.payload_words().into_iter().fold(record.time().nanos(), u64::wrapping_add);
        self.sum.mix(words);
    }

    #[cold]
    fn note_wrong(&mut self, record: &CommandRecord) {
        let (came, due) = (record.sequence().raw(), self.seen);
        self.wrong.get_or_insert_with(|| format!("record {came} came where {due} was due"));
    }

    /// Whether all of them came as they were sent.
    fn verdict(self, source: &Source, records: u64) -> Result<(), String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if self.seen != records {
            return Err(format!("{records} records were sent, {} came", self.seen));
        }
        let (sent, came) = (source.checksum(records), self.sum);
        if sent == came { Ok(()) } else { Err(format!("checksum {} was sent, {} came", sent.hex(), came.hex())) }
    }
}

/// Looks again and again, and lets others have the core when that takes long.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    /// Whether it took long.
    #[inline]
    fn wait(&mut self) -> bool {
        self.0 = self.0.wrapping_add(1);
        let is_long = self.0.is_multiple_of(LOOKS_BEFORE_YIELD);
        if is_long {
            std::thread::yield_now();
        } else {
            std::hint::spin_loop();
        }
        is_long
    }
}

/// Says at the end of a side, also by a panic, that it ended.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The first two cores of this process, where it has two.
pub(super) fn two_cores() -> Cores {
    let mut ids: Vec<usize> = core_affinity::get_core_ids()?.into_iter().map(|core| core.id).collect();
    ids.sort_unstable();
    Some([*ids.first()?, *ids.get(1)?])
}

fn pin(cores: Cores, end: usize) {
    if let Some(cores) = cores {
        // A core that the kernel refuses shows in the figures, not in the results.
        let _ = core_affinity::set_for_current(CoreId { id: cores[end] });
    }
}

fn joined<T>(side: ScopedJoinHandle<'_, T>) -> T {
    side.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// From one thread to another, as fast as it goes.
pub(super) fn throughput<R: Ring>(source: &Source, records: u64, cores: Cores) -> Result<Pass, String> {
    let (mut sender, mut receiver) = R::ends(SLOTS);
    let (begin, ended) = (Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let producer = scope.spawn(|| {
            pin(cores, 0);
            let _ended = Ended(&ended);
            begin.wait();
            let mut batch = Vec::with_capacity(BATCH);
            let (mut next, mut patience) = (1, Patience::default());
            source.next_batch(&mut next, records, &mut batch);
            let mut sent = 0;
            while !batch.is_empty() {
                let more = sender.send(&batch[sent..]);
                sent += more;
                if sent == batch.len() {
                    source.next_batch(&mut next, records, &mut batch);
                    sent = 0;
                } else if ended.load(Ordering::Acquire) {
                    break;
                } else if more == 0 {
                    patience.wait();
                }
            }
            // What is written stays readable; ends that close when they go would say the same as `ended`.
            sender
        });
        let consumer = scope.spawn(|| {
            pin(cores, 1);
            let _ended = Ended(&ended);
            begin.wait();
            let started = Instant::now();
            let (mut check, mut patience) = (Check::default(), Patience::default());
            while check.seen < records {
                // Looked at before reading: whoever ended had written everything before.
                let is_last_look = ended.load(Ordering::Acquire);
                if receiver.receive(|record| check.see(black_box(record))) == 0 {
                    if is_last_look {
                        break;
                    }
                    patience.wait();
                }
            }
            (started.elapsed(), check)
        });
        let (elapsed, check) = joined(consumer);
        drop(joined(producer));
        check.verdict(source, records)?;
        Ok(Pass { records, elapsed, latencies: histogram() })
    })
}

/// One record to the other thread and back, one after the other.
pub(super) fn round_trip<R: Ring>(source: &Source, trips: u64, cores: Cores) -> Result<Pass, String> {
    round_trip_within::<R>(source, trips, cores, ANSWER_WITHIN)
}

fn round_trip_within<R: Ring>(source: &Source, trips: u64, cores: Cores, limit: Duration) -> Result<Pass, String> {
    let (mut ask, mut asked) = R::ends(SLOTS);
    let (mut answer, mut answered) = R::ends(SLOTS);
    let (begin, ended) = (Barrier::new(2), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| {
            pin(cores, 0);
            let _ended = Ended(&ended);
            begin.wait();
            let (mut echoed, mut patience, mut batch) = (0, Patience::default(), Vec::with_capacity(BATCH));
            while echoed < trips {
                let is_last_look = ended.load(Ordering::Acquire);
                batch.clear();
                if asked.receive(|record| batch.push(*record)) == 0 {
                    if is_last_look {
                        break;
                    }
                    patience.wait();
                }
                // One is under way at most, so there is room.
                echoed += answer.send(&batch) as u64;
            }
            answer
        });
        let asker = scope.spawn(|| {
            pin(cores, 1);
            let _ended = Ended(&ended);
            begin.wait();
            let (mut latencies, mut check, mut patience) = (histogram(), Check::default(), Patience::default());
            let started = Instant::now();
            'trips: for n in 1..=trips {
                let record = source.record(n);
                let asked_at = Instant::now();
                ask.send(std::slice::from_ref(&record));
                loop {
                    let is_last_look = ended.load(Ordering::Acquire);
                    if answered.receive(|record| check.see(black_box(record))) > 0 {
                        break;
                    }
                    if is_last_look || (patience.wait() && asked_at.elapsed() > limit) {
                        break 'trips;
                    }
                }
                let ns = u64::try_from(asked_at.elapsed().as_nanos()).unwrap_or(u64::MAX);
                latencies.record(ns).expect("a histogram that grows takes every u64");
            }
            (started.elapsed(), latencies, check, ask)
        });
        let (elapsed, latencies, check, ask) = joined(asker);
        drop(joined(echo));
        drop(ask);
        check.verdict(source, trips)?;
        Ok(Pass { records: trips, elapsed, latencies })
    })
}

/// Both ends in one thread: a batch in, the same out.
pub(super) fn fused<R: Ring>(source: &Source, records: u64, cores: Cores) -> Result<Pass, String> {
    let (mut sender, mut receiver) = R::ends(SLOTS);
    std::thread::scope(|scope| {
        let both = scope.spawn(|| {
            pin(cores, 1);
            let (mut check, mut batch, mut next) = (Check::default(), Vec::with_capacity(BATCH), 1);
            let started = Instant::now();
            loop {
                source.next_batch(&mut next, records, &mut batch);
                if batch.is_empty() {
                    break;
                }
                // The ring is empty and larger than a batch.
                sender.send(&batch);
                receiver.receive(|record| check.see(black_box(record)));
            }
            (started.elapsed(), check)
        });
        let (elapsed, check) = joined(both);
        check.verdict(source, records)?;
        Ok(Pass { records, elapsed, latencies: histogram() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rings::RunPass;
    use crate::rings::ends::{Bounded, OneByOne};

    const RECORDS: u64 = 50_000;

    /// A ring that does something wrong with one record.
    struct Faulty<const FAULT: u8>;

    const LOSES: u8 = 0;
    const SWAPS: u8 = 1;
    const CHANGES: u8 = 2;
    const AT: u64 = 3_001;

    struct FaultySender<const FAULT: u8>(<Bounded as Ring>::Sender);

    impl<const FAULT: u8> Ring for Faulty<FAULT> {
        const NAME: &'static str = "faulty";
        type Sender = FaultySender<FAULT>;
        type Receiver = <Bounded as Ring>::Receiver;

        fn ends(slots: usize) -> (FaultySender<FAULT>, Self::Receiver) {
            let (sender, receiver) = Bounded::ends(slots);
            (FaultySender(sender), receiver)
        }
    }

    impl<const FAULT: u8> Sender for FaultySender<FAULT> {
        fn send(&mut self, records: &[CommandRecord]) -> usize {
            let Some(at) = records.iter().position(|record| record.sequence().raw() == AT) else {
                return self.0.send(records);
            };
            let mut faulty = records.to_vec();
            match FAULT {
                LOSES => drop(faulty.remove(at)),
                SWAPS => faulty.swap(at, at + 1),
                _ => {
                    faulty[at] = {
                        let header = CommandHeader { sequence: Sequence::new(AT), ..CommandHeader::default() };
                        CommandRecord::encode(&header, &Command::CancelAll(CancelFilter::in_market(None)))
                    }
                }
            }
            let mut sent = 0;
            while sent < faulty.len() {
                sent += self.0.send(&faulty[sent..]);
                std::thread::yield_now();
            }
            records.len()
        }
    }

    fn error<R: Ring>(pass: RunPass) -> String {
        pass(&Source::new(), RECORDS, two_cores()).err().unwrap_or_else(|| format!("{} is found to be right", R::NAME))
    }

    #[test]
    fn a_lost_a_reordered_and_a_changed_record_are_errors_on_both_paths() {
        let due = format!("record {} came where {AT} was due", AT + 1);
        assert_eq!(error::<Faulty<LOSES>>(throughput::<Faulty<LOSES>>), due);
        assert_eq!(error::<Faulty<LOSES>>(fused::<Faulty<LOSES>>), due);
        assert_eq!(error::<Faulty<SWAPS>>(throughput::<Faulty<SWAPS>>), due);
        assert_eq!(error::<Faulty<SWAPS>>(fused::<Faulty<SWAPS>>), due);
        for error in [
            error::<Faulty<CHANGES>>(throughput::<Faulty<CHANGES>>),
            error::<Faulty<CHANGES>>(fused::<Faulty<CHANGES>>),
        ] {
            assert!(error.contains("was sent") && error.contains("came"), "{error}");
        }
    }

    #[test]
    fn a_record_that_is_lost_on_its_way_there_and_back_ends_the_pass() {
        let limit = Duration::from_millis(100);
        let pass = round_trip_within::<Faulty<LOSES>>(&Source::new(), RECORDS, two_cores(), limit);
        let error = pass.err().expect("one is lost");
        assert!(error.contains(&format!("{RECORDS} records were sent, ")), "{error}");
    }

    #[test]
    fn a_pass_has_all_records_and_round_trips_a_latency_each() {
        let source = Source::new();
        let pass = throughput::<OneByOne>(&source, RECORDS, None).expect("nothing is lost");
        assert!(pass.per_second() > 0.0 && pass.records == RECORDS);
        let pass = round_trip::<OneByOne>(&source, 1_000, None).expect("nothing is lost");
        assert_eq!(pass.latencies.len(), 1_000);
    }
}
