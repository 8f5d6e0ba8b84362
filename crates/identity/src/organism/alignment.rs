use serde::Serialize;

/// What a cut takes.
///
/// ```
/// assert_eq!(holobiont_identity::Alignment::default(), holobiont_identity::Alignment::Clock);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Alignment {
    /// Every record up to a common clock, the watermark.
    #[default]
    Clock,
    /// Every record that has come.
    Arrival,
}
