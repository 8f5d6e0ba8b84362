#![no_main]

#[path = "../bodies/pins.rs"]
mod body;
#[path = "../cost.rs"]
mod cost;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
