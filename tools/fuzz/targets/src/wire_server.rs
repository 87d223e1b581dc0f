//! See `tidegate_fuzz::wire_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::wire_server(data));
