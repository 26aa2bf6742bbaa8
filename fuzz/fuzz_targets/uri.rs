#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rehelm_fuzz::bodies::uri(data));
