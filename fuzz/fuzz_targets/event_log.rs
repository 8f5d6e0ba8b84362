#![no_main]

#[path = "../bodies/event_log.rs"]
mod body;
#[path = "../cost.rs"]
mod cost;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
