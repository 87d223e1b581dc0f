//! A made-up run with a known distribution, for the tests and for a look at the page. Its machine is `specimen`, so that nobody
//! takes it for a measurement.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tidegate_latency::{
    Check, CoreOf, FORMAT, Failover, LateSends, Load, LoadMode, Machine, Outlier, Percentiles, Recorder, Run,
    RunFolder, Series, SeriesKind, Stage, SweepPoint, histogram,
};

/// 2025-11-21T22:40:00Z
const STARTED_AT: Duration = Duration::from_secs(1_763_764_800);

/// What the run should be like.
#[derive(Clone, Debug)]
pub struct Specimen {
    pub seconds: u64,
    pub samples_per_second: u64,
    /// All durations are this much longer than those of a plain specimen.
    pub times: f64,
    /// Only the slowest fiftieth is.
    pub times_tail: f64,
    pub seed: u64,
}

impl Default for Specimen {
    fn default() -> Self {
        Self { seconds: 30, samples_per_second: 20_000, times: 1.0, times_tail: 1.0, seed: 1 }
    }
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// From 0 to less than 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Specimen {
    /// Response times in nanoseconds with the moments at which they ended: a quick body and a long tail.
    pub fn responses(&self) -> Vec<(u64, u64)> {
        let mut random = Random(self.seed);
        let mut all = Vec::new();
        for second in 0..self.seconds {
            for sample in 0..self.samples_per_second {
                let at = second * 1_000_000_000 + sample * 1_000_000_000 / self.samples_per_second;
                let (rank, jitter) = (1.0 - random.share(), 0.9 + 0.2 * random.share());
                // Half are below 12 µs, a hundredth above 30 µs, a ten thousandth above 270 µs.
                let body = 9_000.0 + 3_000.0 * (1.0 / rank).powf(0.42) + if rank < 0.001 { 120_000.0 } else { 0.0 };
                let tail = if rank < 0.02 { self.times_tail } else { 1.0 };
                all.push((at, (body * jitter * self.times * tail) as u64));
            }
        }
        all
    }

    /// Writes a run in which nothing is missing.
    pub fn write(&self, folder: &Path) -> Run {
        let (mut response, mut service, mut floor) =
            (Recorder::with_seconds(0), Recorder::with_seconds(0), Recorder::with_seconds(0));
        let mut slowest = Vec::new();
        for (at, ns) in self.responses() {
            response.record(at, ns);
            service.record(at, ns - ns / 10);
            slowest.push((ns, at));
        }
        let mut random = Random(self.seed ^ 0xf1);
        for at in (0..self.seconds * 1_000_000_000).step_by(1_000_000) {
            floor.record(at, (70.0 * (1.0 / (1.0 - random.share())).powf(0.35)) as u64);
        }
        let started = SystemTime::UNIX_EPOCH + STARTED_AT;
        let made = RunFolder::create(folder).expect("a new folder");
        for (recorder, name) in [(&response, "response"), (&service, "service"), (&floor, "hiccup")] {
            let file = made.file(&format!("{name}.hlog"));
            recorder.write(&file, name, started).expect("the folder takes it");
        }
        slowest.sort_unstable_by(|one, other| other.cmp(one));
        let run = self.described(&slowest[..slowest.len().min(8)], response.total().mean());
        made.write(&run).expect("the folder takes it");
        run
    }

    fn described(&self, slowest: &[(u64, u64)], mean: f64) -> Run {
        let samples = self.seconds * self.samples_per_second;
        let text = str::to_owned;
        Run {
            format: FORMAT,
            title: text("Specimen: made-up numbers, new and cancel at 20,000/s, two nodes"),
            command: text("cargo run -p tidegate-report --example specimen DIR"),
            started_at: text("2025-11-21T22:40:00Z"),
            machine: machine(),
            config: text(
                "[node]\nname = \"a\"\n\n[pipeline]\ncore_plan = \"fused\"\n\n[replication]\npeer = \"10.0.0.2:7000\"\n",
            ),
            config_hash: text("0123456789abcdef"),
            core_map: vec![
                CoreOf { thread: text("pipeline"), core: Some(3) },
                CoreOf { thread: text("load"), core: Some(2) },
                CoreOf { thread: text("market-data"), core: None },
            ],
            durability: text("replicated"),
            nodes: 2,
            load: Load {
                mode: LoadMode::Open,
                rate: self.samples_per_second as f64,
                seconds: self.seconds as f64,
                warm_up_s: 5.0,
                burst: 1,
                window: 0,
                sessions: 8,
                seed: 7,
                workload: text("b"),
                mix: text("50 % new, 50 % cancel"),
                input_hash: text("feedc0de00000001"),
            },
            sent: samples,
            answered: samples,
            rejects: BTreeMap::from([(text("unknown_order"), samples / 1_000)]),
            late_sends: LateSends { count: 41, max_ns: 1_250_000, threshold_ns: 100_000 },
            achieved_rate: self.samples_per_second as f64,
            checks: vec![
                Check { name: text("final book"), ok: true, detail: text("as the naive engine has it") },
                Check { name: text("answers"), ok: true, detail: text("one for each request") },
            ],
            series: series(),
            stages: stages(samples, mean),
            sweep: sweep(),
            outliers: slowest.iter().map(|(ns, at)| outlier(*ns, *at)).collect(),
            no_stages: None,
            failovers: vec![Failover {
                at_ns: self.seconds * 600_000_000,
                gap_ns: 850_000_000,
                first_ack_ns: 12_000_000,
                until_promotion_ns: 830_000_000,
                lost: 0,
                duplicated: 0,
            }],
        }
    }
}

fn machine() -> Machine {
    let text = str::to_owned;
    Machine {
        cpu: text("specimen"),
        cores: 4,
        memory_mib: 16_384,
        system: text("linux 6.12.0"),
        boot_line: text("quiet isolcpus=2,3"),
        governor: text("performance"),
        smt: text("0"),
        isolated: text("2-3"),
        mitigations: vec![text("spectre_v2: Mitigation: Enhanced IBRS")],
        clock_source: text("tsc"),
        huge_pages: text("madvise"),
        disk: text("ext4 on /dev/nvme0n1p1, write through"),
        commit: text("0000000"),
        compiler: text("rustc 1.94.0"),
        profile: text("release"),
    }
}

fn series() -> Vec<Series> {
    let rows = [
        (
            "response",
            SeriesKind::Response,
            "the intended moment of sending",
            "the answer is read",
            "Late sends are in it.",
        ),
        (
            "service",
            SeriesKind::Service,
            "the write to the socket",
            "the answer is read",
            "Coordinated omission hides in it.",
        ),
        (
            "hiccup",
            SeriesKind::Hiccup,
            "a look at the clock",
            "the next one",
            "Gaps of the core beside the generator's.",
        ),
    ];
    let text = str::to_owned;
    let of = |(name, kind, from, to, description): (&str, SeriesKind, &str, &str, &str)| Series {
        name: text(name),
        file: format!("{name}.hlog"),
        tag: text(name),
        kind,
        unit: text("ns"),
        from: text(from),
        to: text(to),
        description: text(description),
    };
    rows.into_iter().map(of).collect()
}

/// Journal, replicate and match run side by side from the ring; the three after them are in a row.
fn stages(count: u64, mean: f64) -> Vec<Stage> {
    let rows = [
        ("decode", "received", "decoded", 0.06, 0.0),
        ("ring", "decoded", "in the ring", 0.03, 0.0),
        ("journal", "in the ring", "journaled", 0.09, 0.12),
        ("replicate", "in the ring", "on the peer", 0.38, 0.87),
        ("match", "in the ring", "matched", 0.07, 0.01),
        ("release", "on the peer", "released", 0.04, 0.0),
        ("send", "released", "sent", 0.11, 0.0),
    ];
    let of = |(name, from, to, share, critical): (&str, &str, &str, f64, f64)| Stage {
        name: name.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        mean_ns: mean * share,
        count,
        critical_share: critical,
    };
    rows.into_iter().map(of).collect()
}

/// Sustained up to 200,000/s.
fn sweep() -> Vec<SweepPoint> {
    let mut random = Random(99);
    let rates = [25_000.0, 50_000.0, 100_000.0, 200_000.0, 300_000.0, 400_000.0];
    let points = rates.iter().map(|offered: &f64| {
        let mut all = histogram();
        let slow = if *offered > 250_000.0 { 120.0 * offered / 300_000.0 } else { 1.0 + offered / 200_000.0 };
        for _ in 0..50_000 {
            let tail = (1.0 / (1.0 - random.share())).powf(0.4);
            all.record((8_000.0 * slow * tail) as u64).expect("it grows");
        }
        let achieved = offered.min(287_000.0);
        SweepPoint { offered: *offered, achieved, response: Percentiles::of(&all), late: (offered - achieved) as u64 }
    });
    points.collect()
}

fn outlier(latency_ns: u64, at_ns: u64) -> Outlier {
    Outlier {
        at_ns,
        latency_ns,
        sequence: at_ns / 50_000 + 1,
        request: at_ns / 50_000,
        content: "new buy 5 @ 101 <GTC>".to_owned(),
        stages: BTreeMap::from([("replicate".to_owned(), latency_ns / 2)]),
        cause: at_ns.is_multiple_of(2).then(|| "journal roll".to_owned()),
    }
}
