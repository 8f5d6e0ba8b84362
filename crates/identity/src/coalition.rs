//! `coalition.toml`: what it says, and the roots that follow from it.

mod listed;
mod modules;
mod operator;
mod roll;

pub use listed::Listed;
pub use modules::Modules;
pub use operator::CoalitionOperator;
pub use roll::MAX_LISTED;

use serde::Serialize;

use crate::config::{self, ConfigError, Context, Name, Table, Text};
use crate::encode::to_bytes;
use crate::framing::Framed;
use crate::{Digest, UniqueId};

const ENCODING_VERSION: u8 = 1;

/// A whole `coalition.toml`: a published list of lattices and organisms, which gives nobody any
/// authority over them.
///
/// ```
/// use holobiont_identity::Coalition;
///
/// let coalition = Coalition::parse(include_str!("../tests/vectors/coalition.toml"))?;
/// let root = coalition.root();
/// assert_eq!(coalition.module_root("atlas"), root.derive("module").derive("atlas"));
/// # Ok::<(), holobiont_identity::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coalition {
    /// The coalition's name.
    pub name: String,
    /// The lattices, in order.
    pub lattices: Vec<Listed>,
    /// The organisms, in order.
    pub organisms: Vec<Listed>,
    /// Which modules are shipped.
    pub modules: Modules,
    /// The coalition's own ticket issuer, where it has one.
    pub ticket_issuer: Option<TicketIssuer>,
    /// Who runs what is listed.
    pub operators: Vec<CoalitionOperator>,
    /// Where changes are announced.
    pub change_channel: String,
    /// Where peers of the listed networks may be found.
    pub peer_hints: Vec<String>,
}

/// A coalition's own ticket issuer. Only a component that lists it honours its tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TicketIssuer {
    /// The issuer's fingerprint.
    pub fingerprint: Digest,
}

impl Coalition {
    /// Reads a `coalition.toml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every problem of the file.
    pub fn parse(source: &str) -> Result<Self, ConfigError> {
        config::parse(source, "coalition.toml", Self::read)
    }

    /// The coalition's id, which its name alone decides.
    pub fn coalition_id(&self) -> UniqueId {
        let mut bytes = Framed::new();
        bytes.fixed(b"coalition|").u8(1).fixed(b"|").fixed(&self.name);
        UniqueId::from_bytes(*bytes.digest().as_bytes())
    }

    /// `COALITION_ROOT`: the id, what is listed in order, and the ticket issuer where there is one.
    pub fn root(&self) -> UniqueId {
        let mut bytes = Framed::new();
        bytes.fixed(self.coalition_id());
        for listed in self.lattices.iter().chain(&self.organisms) {
            bytes.fixed(listed.stable_id);
        }
        if let Some(issuer) = self.ticket_issuer {
            bytes.fixed(issuer.fingerprint);
        }
        UniqueId::from_bytes(*bytes.digest().as_bytes())
    }

    /// The fingerprint of the whole document: it follows every change of what the file says.
    pub fn document_fingerprint(&self) -> Digest {
        let mut bytes = Framed::new();
        bytes.fixed(b"coalition-document|").u8(1).fixed(self.document_bytes());
        bytes.digest()
    }

    /// The canonical encoding of the whole file.
    pub fn document_bytes(&self) -> Vec<u8> {
        to_bytes(&(ENCODING_VERSION, self))
    }

    /// The id below which the module of this name derives its own.
    pub fn module_root(&self, module_name: &str) -> UniqueId {
        self.root().derive("module").derive(module_name)
    }

    /// The id below which tickets of the coalition's issuer are found.
    pub fn ticket_issuer_root(&self) -> UniqueId {
        self.root().derive("tickets")
    }

    fn read(root: &mut Table<'_>, cx: &mut Context<'_>) -> Option<Self> {
        let name = root.required::<Name>("name", cx);
        let change_channel = root.required::<Text>("change_channel", cx);
        let peer_hints = texts(root, "peer_hints", cx);
        let modules = root.required_section("modules", cx, Modules::read);
        let ticket_issuer = root.section("ticket_issuer", cx, |issuer, cx| {
            let fingerprint = issuer.required("fingerprint", cx)?;
            Some(TicketIssuer { fingerprint })
        });
        let roll = roll::read(root, cx);
        Some(Self {
            name: name?.0,
            lattices: roll.lattices,
            organisms: roll.organisms,
            modules: modules??,
            ticket_issuer: ticket_issuer.flatten(),
            operators: roll.operators,
            change_channel: change_channel?.0,
            peer_hints,
        })
    }
}

/// Takes a list of texts, empty where it is not there.
fn texts(table: &mut Table<'_>, key: &'static str, cx: &mut Context<'_>) -> Vec<String> {
    let texts: Vec<Text> = table.optional(key, cx).unwrap_or_default();
    texts.into_iter().map(|text| text.0).collect()
}
