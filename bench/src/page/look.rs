//! What each kind of row looks like: colour and texture, so that none rests on colour alone.

use std::fmt;

use crate::report::Kind;

/// Every kind, in the order that the page shows them in.
pub(super) const KINDS: [Kind; 3] = [Kind::Floor, Kind::Ours, Kind::Peer];

/// The class in the style sheet, and the name.
pub(super) const fn look(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Floor => ("floor", "What this machine can do"),
        Kind::Ours => ("ours", "Holobiont"),
        Kind::Peer => ("peer", "Other stores"),
    }
}

/// The textures that the style sheet fills bars with.
pub(super) struct Patterns;

impl fmt::Display for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n\
             <pattern id=\"fill-floor\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect class=\"floor-pale\" width=\"5\" height=\"5\"/>\
             <path class=\"floor-line\" d=\"M0 0V5\"/></pattern>\n</defs></svg>\n",
        )
    }
}

/// A swatch and a name for every kind.
pub(super) struct Legend;

impl fmt::Display for Legend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<ul class=\"legend\" aria-label=\"Legend\">\n")?;
        for kind in KINDS {
            let (class, name) = look(kind);
            writeln!(
                f,
                "<li><svg viewBox=\"0 0 26 16\" aria-hidden=\"true\"><rect class=\"{class}\" \
                 x=\"1\" y=\"2\" width=\"24\" height=\"12\"/></svg>{name}</li>"
            )?;
        }
        f.write_str("</ul>\n")
    }
}
