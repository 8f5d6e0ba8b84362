#![no_main]

#[path = "../bodies/record_stream.rs"]
mod body;
#[path = "../cost.rs"]
mod cost;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
