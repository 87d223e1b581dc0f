//! See `tidegate_fuzz::feed_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::feed_server(data));
