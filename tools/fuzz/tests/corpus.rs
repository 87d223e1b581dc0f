//! Every target over its corpus, and over some thousands of mutants of it: what libFuzzer does, on stable and in seconds.
//!
//! `FUZZ_SEED` repeats a run, `FUZZ_TIMES` makes it so many times longer.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use tidegate_fuzz::{TARGETS, seeds};

/// Longest mutant.
const LEN_MAX: usize = 4_096;

/// Mutants of each target: those of the engine and of the disk take a millisecond or more.
fn mutants(target: &str) -> u64 {
    match target {
        "engine_apply" | "engine_patched" => 500,
        "journal" | "event_log" => 100,
        "config" => 2_000,
        _ => 20_000,
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// One of the corpus, changed in one to eight ways.
fn mutant(random: &mut Random, corpus: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].1.clone();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        match random.below(8) {
            0 | 1 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            2 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            3 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            4 => bytes.truncate(at),
            5 => {
                let some: Vec<u8> = (0..random.below(16)).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, some);
            }
            6 => {
                let other = &corpus[random.below(corpus.len())].1;
                bytes.extend_from_slice(&other[random.below(other.len())..]);
            }
            _ => {
                let end = (at + random.below(32)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes.truncate(LEN_MAX);
    bytes
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.0 == name).unwrap().1;
    let corpus = corpus(name);
    for (path, bytes) in &corpus {
        println!("{}", path.display());
        target(bytes);
    }
    let seed =
        number("FUZZ_SEED").unwrap_or_else(|| std::collections::hash_map::RandomState::new().build_hasher().finish());
    println!("FUZZ_SEED={seed} repeats this run");
    let mut random = Random(seed);
    for at in 0..mutants(name) * number("FUZZ_TIMES").unwrap_or(1) {
        let bytes = mutant(&mut random, &corpus);
        if let Err(failure) = catch_unwind(AssertUnwindSafe(|| target(&bytes))) {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("{name}, mutant {at} of FUZZ_SEED={seed} fails; as hexadecimal digits: {hex}");
            resume_unwind(failure);
        }
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run(stringify!($name)); })*

        #[test]
        fn every_target_is_tested_and_has_its_seeds_and_its_program() {
            assert_eq!(TARGETS.map(|target| target.0).to_vec(), [$(stringify!($name)),*]);
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            for (name, _) in TARGETS {
                for (seed, bytes) in seeds::of(name) {
                    let file = here.join("corpus").join(name).join(seed);
                    let make = "cargo run -p tidegate-fuzz --bin make-corpus";
                    // Not as a pair: thousands of bytes say nothing.
                    assert!(std::fs::read(&file).ok() == Some(bytes), "{}: {make}", file.display());
                }
                assert!(here.join("targets/src").join(format!("{name}.rs")).is_file(), "{name}");
            }
        }
    };
}

targets! {
    engine_apply engine_patched command_record event_record wire_client wire_server decimal replication journal event_log
    config snapshot_file feed_server feed_request feed_packet feed_client session
}
