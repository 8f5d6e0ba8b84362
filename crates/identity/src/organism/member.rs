use toml::Spanned;

use super::policy_keys::PolicyKeys;
use super::{ClockRule, MemberPolicy};
use crate::config::{Context, Name, StableId, Table, Text};
use crate::{Digest, MemberId, UniqueId};

/// The most ticket issuers of a member.
pub const MAX_TICKET_ISSUERS: usize = 16;

/// A member that an organism spans: one surface of a lattice or of another organism.
///
/// ```
/// # use holobiont_identity::Organism;
/// # let source = include_str!("../../tests/vectors/organism.toml");
/// let organism = Organism::parse(source)?;
/// let member = &organism.members[0];
/// assert_eq!(member.surface_id(), member.stable_id.surface(&member.surface));
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What this organism calls the member.
    pub name: String,
    /// The member's stable id.
    pub stable_id: UniqueId,
    /// The name of the member's surface.
    pub surface: String,
    /// How the member's clock becomes the organism's.
    pub clock: ClockRule,
    /// The first clock event that belongs to the organism. *Unit*: the organism's clock.
    pub start: Option<u64>,
    /// The member's content hash that this organism insists on.
    pub content_hash: Option<Digest>,
    /// What the organism does about the member.
    pub policy: MemberPolicy,
    /// The keys that tickets for the member's surface may be issued with, as text. *Limits*: up to
    /// [`MAX_TICKET_ISSUERS`].
    pub ticket_issuers: Vec<String>,
}

impl Member {
    /// The member's short name in commits and tickets.
    pub fn id(&self) -> MemberId {
        MemberId::of(&self.stable_id)
    }

    /// The id of the surface that is read.
    pub fn surface_id(&self) -> UniqueId {
        self.stable_id.surface(&self.surface)
    }

    pub(super) fn read(
        table: &mut Table<'_>,
        shared: Option<&PolicyKeys>,
        cx: &mut Context<'_>,
    ) -> Option<Self> {
        let name = table.required::<Name>("name", cx);
        if let Some(Name(name)) = &name {
            table.call(format!("member `{name}`"));
        }
        let stable_id = table.required::<StableId>("stable_id", cx);
        let surface = table.required::<Name>("surface", cx);
        let clock = table.section("clock", cx, |clock, cx| ClockRule {
            offset: clock.number("offset", 0..=u64::MAX, cx).unwrap_or(0),
            divide: clock.number("divide", 1..=u64::MAX, cx).unwrap_or(1),
        });
        let start = table.number("start", 0..=u64::MAX, cx);
        let content_hash = table.optional("content_hash", cx);
        let ticket_issuers = ticket_issuers(table, cx);
        let before = cx.count();
        let own = table.section("policy", cx, PolicyKeys::read).unwrap_or_default();
        // A policy of which a key could not be read is not judged as a whole.
        let shared = shared.filter(|_| cx.count() == before);
        let policy = shared.and_then(|shared| own.over(shared, table.label(), &table.span(), cx));
        Some(Self {
            name: name?.0,
            stable_id: stable_id?.0,
            surface: surface?.0,
            clock: clock.unwrap_or_default(),
            start,
            content_hash,
            policy: policy?,
            ticket_issuers,
        })
    }
}

fn ticket_issuers(table: &mut Table<'_>, cx: &mut Context<'_>) -> Vec<String> {
    let Some(issuers) = table.optional::<Spanned<Vec<Text>>>("ticket_issuers", cx) else {
        return Vec::new();
    };
    let span = issuers.span();
    let issuers: Vec<String> = issuers.into_inner().into_iter().map(|text| text.0).collect();
    if issuers.len() > MAX_TICKET_ISSUERS {
        let message = format!(
            "{} lists {} ticket issuers, above {MAX_TICKET_ISSUERS}",
            table.label(),
            issuers.len()
        );
        cx.report(Some(span), message);
    }
    issuers
}
