//! See `tidegate_fuzz::decimal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::decimal(data));
