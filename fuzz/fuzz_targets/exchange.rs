#![no_main]

#[path = "../bodies/exchange.rs"]
mod body;
#[path = "../cost.rs"]
mod cost;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
