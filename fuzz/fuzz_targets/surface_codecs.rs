#![no_main]

#[path = "../bodies/surface_codecs.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
