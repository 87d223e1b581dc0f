//! See `tidegate_fuzz::command_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::command_record(data));
