/// A commit's payload in words, for a terminal, a page or `--json`.
///
/// ```
/// # fn print(description: &holobiont_programs::Description) {
/// println!("{}", description.headline);
/// println!("{}", description.columns.join("\t"));
/// for row in &description.rows {
///     println!("{}", row.join("\t"));
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The clock event that the commit is about, in the organism's clock.
    pub clock: u64,
    /// The result in one line.
    pub headline: String,
    /// What the cells of every row are.
    pub columns: Vec<&'static str>,
    /// A line for each member that counted, in the order of the config.
    pub rows: Vec<Vec<String>>,
    /// What a reader must know besides: records that were not used, and why.
    pub notes: Vec<String>,
    /// All of it for machines, numbers with decimals as strings.
    pub json: serde_json::Value,
}
