//! The members' changes of status in words: the timelines for those who do not see them.

use std::collections::BTreeMap;
use std::fmt;

use holobiont_policy::Status;

use super::Timeline;
use super::text::Escaped;
use crate::text::{Grouped, iso};

/// Most rows of the table; a member that flaps could otherwise make it endless.
const MAX_ROWS: usize = 400;

/// A table of all changes but short delays, those of one day and kind together.
pub(super) struct Changes<'a>(pub(super) &'a [Timeline]);

type Rows<'a> = BTreeMap<(i64, &'static str, &'static str), Vec<&'a str>>;

impl Changes<'_> {
    fn rows(&self) -> Rows<'_> {
        let mut rows = Rows::new();
        for member in self.0 {
            for (before, after) in member.spans.iter().zip(member.spans.iter().skip(1)) {
                if after.status == Status::Late
                    || (before.status, after.status) == (Status::Late, Status::Live)
                {
                    continue;
                }
                let change = (after.from_day, before.status.name(), after.status.name());
                rows.entry(change).or_default().push(&member.name);
            }
        }
        rows
    }
}

impl fmt::Display for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let changes: usize = rows.values().map(Vec::len).sum();
        write!(
            f,
            "<details>\n<summary>Status changes <small>{}</small></summary>\n<table>\n<thead><tr>\
             <th scope=\"col\">date</th><th scope=\"col\">from</th><th scope=\"col\">to</th>\
             <th scope=\"col\">members</th></tr></thead>\n<tbody>\n",
            Grouped(changes)
        )?;
        for ((day, from, to), members) in rows.iter().take(MAX_ROWS) {
            writeln!(
                f,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                iso(*day),
                Escaped(from),
                Escaped(to),
                Escaped(&members.join(", "))
            )?;
        }
        f.write_str("</tbody>\n</table>\n")?;
        let more = rows.len().saturating_sub(MAX_ROWS);
        if more > 0 {
            writeln!(f, "<p>and {} later rows, not shown</p>", Grouped(more))?;
        }
        f.write_str("</details>\n")
    }
}
