mod attributes;
mod log;
mod pins;
mod tcb;

pub use self::{
    attributes::check_attributes,
    pins::{PinMatch, match_pins, match_pins_and_log},
};
pub(crate) use self::{
    log::LogShown,
    pins::{Circumstances, judge},
    tcb::judge_tcb,
};
