//! `organism.toml`: what it says, and what follows from it.

mod acl;
mod alignment;
mod availability;
mod canonical;
mod clock_rule;
mod floor;
mod member;
mod member_policy;
mod members;
mod policy_keys;
mod program_config;
mod setting;
mod tick_config;
mod warnings;
mod weight;

pub use acl::{Acl, MAX_OPERATORS, Operator};
pub use alignment::Alignment;
pub use clock_rule::ClockRule;
pub use floor::Floor;
pub use member::{MAX_TICKET_ISSUERS, Member};
pub use member_policy::{
    MAX_WEIGHT, MemberPolicy, OnGap, OnLateData, OnMismatch, OnStall, PARTS_PER_BILLION, Then,
};
pub use members::MAX_MEMBERS;
pub use program_config::ProgramConfig;
pub use setting::{MAX_SETTING_NESTING, Setting};
pub use tick_config::{MAX_TICK_MS, TickConfig};

use crate::config::{self, ConfigError, Context, Name, Table};
use crate::framing::Framed;
use crate::pins::{self, SurfacePins};
use crate::{Digest, UniqueId};
use policy_keys::PolicyKeys;

/// The name of the surface that an organism publishes its commits on.
pub const OUTPUT_SURFACE: &str = "commits";

/// A whole `organism.toml`: a named program and the members it spans, as all of its committee
/// agree on it.
///
/// ```
/// use holobiont_identity::Organism;
///
/// let source = include_str!("../tests/vectors/organism.toml");
/// let organism = Organism::parse(source)?;
/// assert_eq!(organism.members.len(), 2);
/// // White space is no content.
/// let spaced = Organism::parse(&source.replace(" = ", "   =   "))?;
/// assert_eq!(spaced.content_hash(), organism.content_hash());
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organism {
    /// The organism's name, part of its stable id.
    pub name: String,
    /// The program it runs.
    pub program: ProgramConfig,
    /// The members it spans. Their order is part of the stable id and of the merge order.
    /// *Limits*: 1 to [`MAX_MEMBERS`].
    pub members: Vec<Member>,
    /// The least weight that commits stand on.
    pub floor: Floor,
    /// What a cut takes.
    pub align: Alignment,
    /// Ticks, and what is counted in them.
    pub ticks: TickConfig,
    /// How many leaked boot keys a certificate must survive.
    pub tolerate_leaked_keys: u32,
    /// Who may give orders.
    pub acl: Acl,
    /// Which measurements are accepted on which surface, in the order of the file. A surface that
    /// is not listed accepts none. *Limits*: each surface at most once.
    pub surfaces: Vec<SurfacePins>,
}

impl Organism {
    /// Reads an `organism.toml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str) -> Result<Self, ConfigError> {
        config::parse(source, "organism.toml", Self::read)
    }

    /// The organism's stable id: its name, and its members' stable ids in order. It survives
    /// every other change.
    pub fn stable_id(&self) -> UniqueId {
        let mut framed = Framed::new();
        framed.fixed(b"organism|").u8(1).fixed(b"|").blob(&self.name).count(self.members.len());
        for member in &self.members {
            framed.fixed(member.stable_id);
        }
        UniqueId::from_bytes(*framed.digest().as_bytes())
    }

    /// The content hash: it follows every change of what the file says.
    pub fn content_hash(&self) -> Digest {
        let mut framed = Framed::new();
        framed.fixed(b"organism-content|").u8(1).fixed(self.stable_id());
        framed.blob(self.content_bytes()).blob(self.acl_bytes());
        framed.digest()
    }

    /// The id of the surface that the organism publishes its commits on.
    pub fn output_surface_id(&self) -> UniqueId {
        self.stable_id().surface(OUTPUT_SURFACE)
    }

    /// The canonical encoding of the content section: what the organism computes, and how.
    pub fn content_bytes(&self) -> Vec<u8> {
        canonical::content_bytes(self)
    }

    /// The canonical encoding of the acl section: who may do what.
    pub fn acl_bytes(&self) -> Vec<u8> {
        canonical::acl_bytes(self)
    }

    /// The pins of a surface: a member's name, or [`pins::COMMITTEE_SURFACE`]. None is no
    /// permission: without pins nothing is accepted.
    pub fn pins(&self, surface: &str) -> Option<&SurfacePins> {
        self.surfaces.iter().find(|pins| pins.surface == surface)
    }

    /// What is legal but unwise, one line each.
    pub fn warnings(&self) -> Vec<String> {
        warnings::of(self)
    }

    fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let name = root.required::<Name>("name", cx);
        let align = root.choice(
            "align",
            &[("clock", Alignment::Clock), ("arrival", Alignment::Arrival)],
            cx,
        );
        let program = root.required_section("program", cx, ProgramConfig::read);
        let floor = root.section("floor", cx, Floor::read);
        let ticks = root.section("ticks", cx, TickConfig::read);
        let leaked = root.section("certificate", cx, |certificate, cx| {
            certificate.number("tolerate_leaked_keys", 0..=u32::MAX, cx).unwrap_or(0)
        });
        let acl = root.section("acl", cx, Acl::read);
        let before = cx.count();
        let shared = root.section("policy", cx, PolicyKeys::read).unwrap_or_default();
        let shared = (cx.count() == before).then_some(&shared);
        let members = members::read(root, shared, cx);
        let surfaces = pins::read(root, members.as_deref(), cx);
        Some(Self {
            name: name?.0,
            program: program??,
            members: members?,
            floor: floor.unwrap_or_default(),
            align: align.unwrap_or_default(),
            ticks: ticks.unwrap_or_default(),
            tolerate_leaked_keys: leaked.unwrap_or(0),
            acl: acl.unwrap_or_default(),
            surfaces,
        })
    }
}
