mod attributes;
mod pins;
mod tcb;

pub use self::{
    attributes::check_attributes,
    pins::{PinMatch, match_pins},
};
pub(crate) use self::{
    pins::{Circumstances, judge},
    tcb::judge_tcb,
};
