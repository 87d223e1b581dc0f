//! The journal stage with a direct writer, as it runs in `local`: from the command ring until the command is synced.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disruptor::Producer;
use tidegate_domain::{ClusterId, CommandRecord, Sequence};
use tidegate_journal::stage::{JournalListeners, JournalMarks, JournalStage};
use tidegate_journal::{LogConfig, SEGMENT_LEN_BYTES_DEFAULT, open_journal};
use tidegate_pipeline::rings::take_into;
use tidegate_pipeline::{AckPolicy, AckRule, Stage, command_ring, watermark};

use crate::commands;
use crate::report::{DeviceFigures, Latencies, StageFigures};

const RING_SLOTS: usize = 16_384;

pub(crate) fn measure(dir: &Path, writes: usize, device: &DeviceFigures) -> Result<StageFigures, String> {
    let folder = dir.join("stage");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let journal = open_journal(&LogConfig::new(&folder, ClusterId::new(1), SEGMENT_LEN_BYTES_DEFAULT))
        .map_err(|error| error.to_string())?;
    let mut ring = command_ring(RING_SLOTS);
    let ((journaled, _), (synced, synced_through), (_, published)) = (watermark(), watermark(), watermark());
    let marks = JournalMarks { journaled, synced: synced.share(), published };
    let listeners = JournalListeners { appended: Arc::new(|| {}), to_sync: Arc::new(|| {}) };
    let policy = AckPolicy::new(AckRule::Local);
    let mut stage = JournalStage::new(ring.journal, journal.writer, policy, marks, listeners);
    let mut others: Vec<CommandRecord> = Vec::with_capacity(RING_SLOTS);
    let mut next = 1;
    // Pushes so many, works until they are synced; the other readers of the ring pass them by.
    let mut round = |count: usize| {
        let records = commands(next, count);
        next += count as u64;
        let start = Instant::now();
        for record in &records {
            ring.producer.publish(|slot| *slot = *record);
        }
        while synced_through.through() < Sequence::new(next - 1) {
            stage.do_work().map_err(|error| error.to_string())?;
        }
        let took = start.elapsed();
        for poller in [&mut ring.replicate, &mut ring.match_] {
            others.clear();
            while take_into(poller, RING_SLOTS, &mut others) > 0 {}
        }
        Ok::<Duration, String>(took)
    };
    let mut one = Latencies::new();
    for _ in 0..writes {
        one.add(round(1)?);
    }
    let full = (writes / 10).max(5);
    let mut busy = Duration::ZERO;
    for _ in 0..full {
        busy += round(RING_SLOTS / 2)?;
    }
    let one = one.figures();
    drop(stage);
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(StageFigures {
        added_ns_p50: one.p50.saturating_sub(device.write_4k.p50),
        one_in_flight_ns: one,
        records_per_second_full: ((full * RING_SLOTS / 2) as f64 / busy.as_secs_f64()) as u64,
    })
}
