//! See `tidegate_fuzz::engine_apply`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::engine_apply(data));
