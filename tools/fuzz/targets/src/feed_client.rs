//! See `tidegate_fuzz::feed_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::feed_client(data));
