//! See `tidegate_fuzz::feed_packet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::feed_packet(data));
