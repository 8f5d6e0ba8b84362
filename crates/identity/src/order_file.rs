use crate::config::{self, ConfigError, Context, StableId, Table};
use crate::orders::member;
use crate::pins::Moment;
use crate::{Digest, OrderAction, Organism};

/// An operators' order to a committee, before anybody has signed it.
///
/// ```
/// use holobiont_identity::{OrderAction, OrderFile, Organism};
///
/// let organism = Organism::parse(include_str!("../tests/vectors/organism.toml"))?;
/// let source = "version = 1\nsequence = 7\nexpires = 2027-01-01T00:00:00Z\naction = \"pause\"";
/// let order = OrderFile::parse(source, &organism)?;
/// assert_eq!((order.sequence, order.action), (7, OrderAction::Pause));
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFile {
    /// Orders of an organism are numbered; one that is not above the last is ignored.
    pub sequence: u64,
    /// When it is void, in seconds since 1970.
    pub expires_s: Option<u64>,
    /// What is ordered.
    pub action: OrderAction,
    /// Of a roster order: the digest of the roster that it replaces.
    pub replaces: Option<Digest>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Release,
    Retire,
    Pause,
    Resume,
    Roster,
    Config,
}

impl OrderFile {
    /// Reads an order for this organism.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str, organism: &Organism) -> Result<Self, ConfigError> {
        config::parse(source, "the order", |root, cx| Self::read(root, organism, cx))
    }

    fn read(root: &mut Table<'_>, organism: &Organism, cx: &mut Context<'_>) -> Option<Self> {
        let sequence = root.required_number("sequence", 1..=u64::MAX, cx);
        let expires = root.optional::<Moment>("expires", cx);
        let words = [
            ("release", Word::Release),
            ("retire", Word::Retire),
            ("pause", Word::Pause),
            ("resume", Word::Resume),
            ("roster", Word::Roster),
            ("config", Word::Config),
        ];
        let word = root.required_choice("action", &words, cx)?;
        let replaces = match word {
            Word::Roster => Some(root.required::<Digest>("replaces", cx)),
            _ => None,
        };
        let action = match word {
            Word::Pause => Some(OrderAction::Pause),
            Word::Resume => Some(OrderAction::Resume),
            Word::Release => {
                let member = member(root, organism, cx);
                let up_to = root.number("up_to", 0..=u64::MAX, cx).unwrap_or(0);
                member.map(|member| OrderAction::Release { member, up_to })
            }
            Word::Retire => {
                let member = member(root, organism, cx);
                let last_clock = root.required_number("last_clock", 0..=u64::MAX, cx);
                member
                    .zip(last_clock)
                    .map(|(member, last_clock)| OrderAction::Retire { member, last_clock })
            }
            Word::Roster => {
                let nodes: Option<Vec<StableId>> = root.required("nodes", cx);
                nodes.map(|nodes| OrderAction::Roster {
                    nodes: nodes.into_iter().map(|StableId(node)| node).collect(),
                })
            }
            Word::Config => root
                .required::<Digest>("content_hash", cx)
                .map(|content_hash| OrderAction::Config { content_hash }),
        };
        Some(Self {
            sequence: sequence?,
            expires_s: expires.map(|Moment(expires_s)| expires_s),
            action: action?,
            replaces: match replaces {
                Some(replaces) => Some(replaces?),
                None => None,
            },
        })
    }
}
