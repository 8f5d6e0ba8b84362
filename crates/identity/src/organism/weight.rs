use toml::Spanned;
use toml::de::DeValue;

use super::MAX_WEIGHT;
use crate::config::{Context, Place, Read, whole_number};

/// The key `weight`.
#[derive(Clone, Copy)]
pub(super) struct Weight(pub(super) u64);

impl<'i> Read<'i> for Weight {
    fn read(value: Spanned<DeValue<'i>>, place: &Place<'_>, cx: &mut Context<'_>) -> Option<Self> {
        if let DeValue::Float(fraction) = value.get_ref() {
            cx.advise(
                Some(value.span()),
                format!("{place} is the fraction {fraction}, but weights are whole numbers"),
                "scale all weights up to whole numbers, and the floor with them",
            );
            return None;
        }
        whole_number(&value, place, 0..=MAX_WEIGHT, cx).map(Self)
    }
}
