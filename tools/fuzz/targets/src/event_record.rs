//! See `tidegate_fuzz::event_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::event_record(data));
