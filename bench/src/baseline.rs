use crate::Report;
use crate::report::{Kind, Ratio, Row};

/// An earlier report to hold a new one against.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// The earlier report.
    pub report: Report,
    /// How much worse a ratio may be before it counts, in percent of the earlier one.
    pub threshold_percent: f64,
}

/// A row's ratio to its floor, then and now.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Compared {
    /// `scenario/row`.
    pub row: String,
    /// The floor.
    pub floor: String,
    /// The median ratio of the earlier report.
    pub then: f64,
    /// The median ratio of this one; none where the row is not there any more, or not valid.
    pub now: Option<f64>,
    /// By how much it is worse than then, in percent; negative where it is better.
    pub worse_percent: f64,
    /// Whether that is past the threshold. A row that is not there any more is no regression.
    pub regressed: bool,
}

impl Baseline {
    /// Compares every row of ours that has a floor, by name. Ratios are compared, never figures:
    /// another machine, or another day of this one, has other figures.
    #[must_use]
    pub fn compare(&self, new: &Report) -> Vec<Compared> {
        let mut compared = Vec::new();
        for (scenario, row, ratio) in floors(&self.report) {
            let now = floors(new).find(|it| {
                (it.0, &it.1.name, &it.2.against) == (scenario, &row.name, &ratio.against)
            });
            let (then, now) = (ratio.ratio.median, now.map(|(.., ratio)| ratio.ratio.median));
            let worse_percent = now.map_or(0.0, |now| (1.0 - now / then) * 100.0);
            compared.push(Compared {
                row: format!("{scenario}/{}", row.name),
                floor: ratio.against.clone(),
                then,
                now,
                worse_percent,
                regressed: worse_percent > self.threshold_percent,
            });
        }
        compared
    }
}

fn floors(report: &Report) -> impl Iterator<Item = (&str, &Row, &Ratio)> {
    report.scenarios.iter().flat_map(|scenario| {
        let ours = scenario.rows.iter().filter(|row| row.kind == Kind::Ours);
        ours.filter_map(|row| Some((&*scenario.name, row, row.ratios.first()?)))
    })
}
