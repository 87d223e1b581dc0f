//! The hiccup meter around the load: the same cores, before the nodes start and after they stopped.

use std::time::{Duration, Instant, SystemTime};

use tidegate_latency::{Percentiles, Recorder, Run, RunFolder, Series, SeriesKind, hiccup};
use tidegate_perf_wire::Pinned;

/// Most cores that are looked at: the generator's, and those that the core plan counts down from the last.
const CORES_MAX: usize = 8;

/// See the module.
pub(super) struct Floor {
    cores: Vec<(usize, Recorder)>,
    length: Duration,
    zero: Instant,
    started_at: SystemTime,
}

impl Floor {
    /// On a machine with so many cores; only the generator's where the nodes are elsewhere.
    pub(super) fn new(cores: usize, is_remote: bool, length: Duration) -> Self {
        let first = cores.saturating_sub(CORES_MAX - 1).max(1);
        let measured = std::iter::once(0).chain(if is_remote { 0..0 } else { first..cores });
        let cores =
            if length.is_zero() { Vec::new() } else { measured.map(|core| (core, Recorder::default())).collect() };
        Self { cores, length, zero: Instant::now(), started_at: SystemTime::now() }
    }

    /// Looks at all of them at once; nothing else of this command runs meanwhile.
    pub(super) fn measure(&mut self) {
        let (zero, length) = (self.zero, self.length);
        std::thread::scope(|scope| {
            for (core, samples) in &mut self.cores {
                scope.spawn(move || {
                    // Where the kernel refuses, there is no floor of this core.
                    if let Some(_pinned) = Pinned::to(*core) {
                        hiccup::measure(zero, length, samples);
                    }
                });
            }
        });
    }

    /// Writes the logs and names them in the run; the percentiles of each.
    pub(super) fn write(&self, folder: &RunFolder, run: &mut Run) -> Result<Vec<(String, Percentiles)>, String> {
        let mut all = Vec::new();
        for (core, samples) in self.cores.iter().filter(|(_, samples)| !samples.total().is_empty()) {
            let name = format!("hiccup-{core}");
            let file = format!("{name}.hlog");
            samples.write(&folder.file(&file), "hiccup", self.started_at).map_err(|error| error.to_string())?;
            all.push((name.clone(), samples.percentiles()));
            run.series.push(Series {
                name,
                file,
                tag: "hiccup".to_owned(),
                kind: SeriesKind::Hiccup,
                unit: "ns".to_owned(),
                from: "clock".to_owned(),
                to: "clock".to_owned(),
                description: format!(
                    "largest gap of each 100 µs between two looks at the clock on core {core}, before the nodes started and \
                     after they stopped"
                ),
            });
        }
        Ok(all)
    }
}
