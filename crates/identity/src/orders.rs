use serde::{Deserialize, Serialize};

use crate::config::{self, ConfigError, Context, Name, Table, Text};
use crate::{Digest, Member, Organism, UniqueId};

/// The most orders in one file.
pub const MAX_ORDERS: usize = 10_000;

/// An operators' order for a replay, and the clock event at which it enters the log.
///
/// ```
/// use holobiont_identity::{OrderAction, Organism, ReplayOrder};
///
/// let organism = Organism::parse(include_str!("../tests/vectors/organism.toml"))?;
/// let member = &organism.members[0].name;
/// let source = format!(
///     "version = 1\n[[order]]\nclock = 90\naction = \"retire\"\nmember = \"{member}\"\nlast_clock = 90"
/// );
/// let orders = ReplayOrder::parse(&source, &organism)?;
/// assert_eq!(orders[0].action, OrderAction::Retire { member: 0, last_clock: 90 });
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOrder {
    /// In the organism's clock.
    pub clock: u64,
    /// What is ordered.
    pub action: OrderAction,
}

/// What an order does; members are named by their place in the config, clock events are the
/// organism's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderAction {
    /// Lets a quarantined member, or one held at a gap, come back.
    Release {
        /// The member's place.
        member: u16,
        /// A clock event that it may have jumped to; 0 for no jump past `max_advance`.
        up_to: u64,
    },
    /// Ends a member after a clock event, inclusive.
    Retire {
        /// The member's place.
        member: u16,
        /// Its last clock event, in the organism's clock.
        last_clock: u64,
    },
    /// Stops ticks and cuts.
    Pause,
    /// Undoes a pause.
    Resume,
    /// Gives the committee another roster.
    Roster {
        /// All of its nodes, in order.
        nodes: Vec<UniqueId>,
    },
    /// Offers the committee another config of the same organism; it is in force from where a
    /// majority holds its file.
    Config {
        /// The content hash of that config.
        content_hash: Digest,
    },
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

impl ReplayOrder {
    /// Reads an `orders.toml` for this organism; the orders keep the order of the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str, organism: &Organism) -> Result<Vec<Self>, ConfigError> {
        config::parse(source, "orders.toml", |root, cx| {
            let listed: Vec<Table<'_>> = root.optional("order", cx).unwrap_or_default();
            if listed.len() > MAX_ORDERS {
                let message = format!("{} orders are above {MAX_ORDERS}", listed.len());
                cx.report(Some(root.span()), message);
                return None;
            }
            let read = |mut table: Table<'_>| {
                let order = Self::read(&mut table, organism, cx);
                table.finish(cx);
                order
            };
            Some(listed.into_iter().filter_map(read).collect())
        })
    }

    fn read(table: &mut Table<'_>, organism: &Organism, cx: &mut Context<'_>) -> Option<Self> {
        let clock = table.required_number("clock", 0..=u64::MAX, cx);
        let words = [
            ("release", Word::Release),
            ("retire", Word::Retire),
            ("pause", Word::Pause),
            ("resume", Word::Resume),
            ("roster", Word::Roster),
            ("config", Word::Config),
        ];
        let before = cx.count();
        let Some(word) = table.choice("action", &words, cx) else {
            if cx.count() == before {
                cx.report(Some(table.span()), format!("`action` is missing in {}", table.label()));
            }
            // Without it nobody can say which of these belong here.
            let _: Option<Name> = table.optional("member", cx);
            for key in ["last_clock", "up_to"] {
                let _: Option<u64> = table.number(key, 0..=u64::MAX, cx);
            }
            return None;
        };
        let action = match word {
            Word::Roster => {
                let _: Option<Vec<Text>> = table.optional("nodes", cx);
                return refuse_committees("roster", table, cx);
            }
            Word::Config => {
                let _: Option<Text> = table.optional("content_hash", cx);
                return refuse_committees("config", table, cx);
            }
            Word::Pause => OrderAction::Pause,
            Word::Resume => OrderAction::Resume,
            Word::Release => {
                let member = member(table, organism, cx);
                let up_to = table.number("up_to", 0..=u64::MAX, cx).unwrap_or(0);
                OrderAction::Release { member: member?, up_to }
            }
            Word::Retire => {
                let member = member(table, organism, cx);
                let last_clock = table.required_number("last_clock", 0..=u64::MAX, cx);
                OrderAction::Retire { member: member?, last_clock: last_clock? }
            }
        };
        Some(Self { clock: clock?, action })
    }
}

/// A replay has one config and no committee: an order that changes either is for a committee's log.
fn refuse_committees(action: &str, table: &Table<'_>, cx: &mut Context<'_>) -> Option<ReplayOrder> {
    cx.advise(
        Some(table.span()),
        format!("action `{action}` is for a committee's log, and a replay has no committee"),
        "have the operators sign it for the committee, or replay under the new config",
    );
    None
}

pub(crate) fn member(
    table: &mut Table<'_>,
    organism: &Organism,
    cx: &mut Context<'_>,
) -> Option<u16> {
    let named: toml::Spanned<Name> = table.required("member", cx)?;
    let span = named.span();
    let Name(name) = named.into_inner();
    let place = organism.members.iter().position(|member| member.name == name);
    if place.is_none() {
        let names: Vec<&str> =
            organism.members.iter().map(|Member { name, .. }| name.as_str()).collect();
        let message = format!("`{name:.80}` is no member of {}", organism.name);
        cx.advise(Some(span), message, config::suggestion(&name, &names));
    }
    u16::try_from(place?).ok()
}
