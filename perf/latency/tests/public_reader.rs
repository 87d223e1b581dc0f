//! Our logs in other people's hands: the `hdrhistogram` package of PyPI reads what was recorded, value by value.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use tidegate_latency::{Hlog, Recorder};
use tidegate_perf::Random;

const SEED: u64 = 20_261_121;

fn said(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_public_package_reads_the_same_counts_times_and_percentiles() {
    println!("seed {SEED}");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let requirements = here.join("tests/requirements.txt");
    let python =
        said(here.join("../../tools/python-env"), &[env!("CARGO_TARGET_TMPDIR"), requirements.to_str().unwrap()]);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("response.hlog");
    let start_ms = 1_763_764_800_125;
    let mut recorder = Recorder::with_seconds(4);
    let mut random = Random::new(SEED);
    for n in 0..40_000 {
        // From nanoseconds to a minute, most of them short; nothing in the second second.
        let largest = 1 << random.below(36);
        let value = random.below(largest) + 1;
        let second = [0, 2, 3][n % 3];
        recorder.record(second * 1_000_000_000 + random.below(1_000_000_000), value);
    }
    recorder.write(&log, "response", SystemTime::UNIX_EPOCH + Duration::from_millis(start_ms)).unwrap();

    let script = here.join("tests/read_hlog.py");
    let read = said(python.trim(), &[script.to_str().unwrap(), log.to_str().unwrap()]);
    let ours = Hlog::read(&log).unwrap();
    let expected: Vec<String> = ours
        .intervals
        .iter()
        .map(|interval| {
            let begin = start_ms + u64::try_from(interval.start.as_millis()).unwrap();
            let histogram = &interval.histogram;
            let at = |share| histogram.value_at_quantile(share);
            // The package rounds values up to their step as ours does; of an empty interval it says 0.
            let values = [histogram.max(), at(0.5), at(0.99), at(0.999)].map(|value| value.to_string()).join(" ");
            format!("response {begin} {} {} {values}", begin + 1_000, histogram.len())
        })
        .collect();
    assert_eq!(read.lines().collect::<Vec<_>>(), expected);
    assert_eq!(ours.intervals.len(), 4);
    assert_eq!(ours.total().len(), 40_000);
}
