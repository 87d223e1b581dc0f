//! See `tidegate_fuzz::replication`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::replication(data));
