use holobiont_identity::Organism;
use holobiont_replay::Program;

use crate::{CrossFeed, CrossFeedCommit, DescribeError, Description, LoadError};

/// Every program of this build, by name and version.
pub const PROGRAMS: &[(&str, u32)] = &[(CrossFeed::NAME, CrossFeed::VERSION)];

/// What is to be done with a program, whichever it is.
///
/// Programs are types, so that the fold calls them without indirection; a visitor is how one chosen
/// by name gets there.
pub trait Visit {
    /// What comes of it.
    type Output;

    /// Takes the program that the organism asks for.
    fn visit<P: Program>(self, program: P) -> Self::Output;
}

/// Makes the program that an organism names, at its start, and hands it to the visitor.
///
/// ```
/// use holobiont_identity::Organism;
/// use holobiont_programs::{Visit, load};
/// use holobiont_replay::Program;
///
/// struct Name;
/// impl Visit for Name {
///     type Output = &'static str;
///     fn visit<P: Program>(self, _: P) -> &'static str {
///         P::NAME
///     }
/// }
///
/// let organism = Organism::parse(include_str!("../tests/vectors/organism.toml"))?;
/// assert_eq!(load(&organism, Name)?, "cross-feed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`LoadError`] for a name, version, setting or alignment that it cannot be made from. The visitor
/// is not called then.
pub fn load<V: Visit>(organism: &Organism, visit: V) -> Result<V::Output, LoadError> {
    let (name, version) = (organism.program.name.as_str(), organism.program.version);
    match (name, version) {
        (CrossFeed::NAME, CrossFeed::VERSION) => Ok(visit.visit(CrossFeed::new(organism)?)),
        (name, version) => Err(match known_version(name) {
            Some(known) => LoadError::UnknownVersion { name: name.to_owned(), version, known },
            None => LoadError::UnknownProgram { name: name.to_owned(), known: known_names() },
        }),
    }
}

/// Puts the payload that a program committed into words; `names` are the members' names in the
/// order of the config that the commit was made under.
///
/// # Errors
///
/// [`DescribeError`] for a program or version that this build does not have, for bytes that it did
/// not commit, and for too few names.
pub fn describe(
    program: &str,
    version: u32,
    payload: &[u8],
    names: &[&str],
) -> Result<Description, DescribeError> {
    match (program, version) {
        (CrossFeed::NAME, CrossFeed::VERSION) => CrossFeedCommit::decode(payload)?.describe(names),
        (name, version) => Err(match known_version(name) {
            Some(known) => DescribeError::UnknownVersion { name: name.to_owned(), version, known },
            None => DescribeError::UnknownProgram { name: name.to_owned(), known: known_names() },
        }),
    }
}

fn known_version(asked: &str) -> Option<u32> {
    PROGRAMS.iter().find(|(name, _)| *name == asked).map(|(_, version)| *version)
}

fn known_names() -> String {
    PROGRAMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
