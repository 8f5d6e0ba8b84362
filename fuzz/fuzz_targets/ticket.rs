#![no_main]

#[path = "../bodies/ticket.rs"]
mod body;
#[path = "../cost.rs"]
mod cost;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
