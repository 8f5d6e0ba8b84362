//! Writes the network's folder: configs, keys, tickets, and the world they are simulated in.

use std::fs;
use std::path::Path;

use holobiont_archive::ticket::{Claims, Issuer, IssuerKey, Scope};
use holobiont_identity::{Digest, Member, Organism, UniqueId};
use holobiont_policy::Roster;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::config;
use super::layout::{Layout, NodeAt};
use super::links::{Links, Place};
use crate::failure::Failure;
use crate::files;
use crate::simulated_world::SimulatedWorld;

/// Says that a folder is ours to make anew.
const MARKER: &str = "SIMULATED-NETWORK";
/// How long the network's tickets are good: longer than it lives.
const TICKET_LIFE_S: u64 = 7 * 86_400;
/// Clocks of one machine may be set back a little.
const TICKET_EARLY_S: u64 = 3_600;
/// Cuts between two snapshots: few, so that a short run has some too.
const SNAPSHOT_CUTS: u64 = 100;

/// What makes the organism's config of its members' ticket issuers, the operator's key, the first
/// roster's digest, and the pins.
pub(crate) type OrganismText<'a> =
    &'a dyn Fn(&[Issuer], &[u8; 32], &Digest, &str) -> Result<String, Failure>;

/// Makes the folder anew, if it is one of ours.
pub(crate) fn make_free(root: &Path) -> Result<(), Failure> {
    let marker = root.join(MARKER);
    if marker.is_file() {
        fs::remove_dir_all(root).map_err(Failure::io(root, "removing"))?;
    } else if !files::is_free(root)? {
        return Err(Failure::Usage {
            what: format!("{} is not empty, and not made by `holobiont dev`", root.display()),
            help: "name another folder with --dir",
        });
    }
    fs::create_dir_all(root).map_err(Failure::io(root, "creating"))?;
    files::replace(&marker, b"made by `holobiont dev`, which makes it anew; it proves nothing\n")
}

/// Writes everything that the processes read. Without links they dial each other directly.
pub(super) fn write(
    layout: &Layout,
    links: Option<&Links>,
    now_s: u64,
) -> Result<Organism, Failure> {
    let settings = format!("[snapshot]\nevery_cuts = {SNAPSHOT_CUTS}\n");
    write_all(layout, links, now_s, &config::organism, &settings)
}

/// The same for processes that dial each other directly, of another organism; nodes have only the
/// settings that they cannot do without.
pub(crate) fn write_direct(
    layout: &Layout,
    now_s: u64,
    organism: OrganismText<'_>,
) -> Result<Organism, Failure> {
    write_all(layout, None, now_s, organism, "")
}

fn write_all(
    layout: &Layout,
    links: Option<&Links>,
    now_s: u64,
    organism: OrganismText<'_>,
    settings: &str,
) -> Result<Organism, Failure> {
    let names = |all: &mut dyn Iterator<Item = &String>| all.cloned().collect::<Vec<String>>();
    let nodes = names(&mut layout.nodes.iter().map(|node| &node.name));
    let members = names(&mut layout.members.iter().map(|member| &member.name));
    let world = SimulatedWorld::create(&layout.world(), &nodes, &members, now_s)?;
    let (operator, operator_seed) = key()?;
    let issuers: Vec<IssuerKey> =
        members.iter().map(|_| key().map(|(key, _)| key)).collect::<Result<_, _>>()?;
    let roster = Roster::new(layout.nodes.iter().map(|node| node.id).collect());
    let roster = roster.map_err(Failure::unexpected)?;
    let text = organism(
        &issuers.iter().map(IssuerKey::issuer).collect::<Vec<_>>(),
        &public(&operator),
        &roster.digest(),
        &world.organism_pins(),
    )?;
    files::replace(&layout.organism(), text.as_bytes())?;
    let organism = Organism::parse(&text)
        .map_err(|error| Failure::config(&layout.organism(), &text, error))?;
    let listed: String =
        layout.nodes.iter().map(|node| format!("\n[[node]]\nid = \"{}\"\n", node.name)).collect();
    files::replace(&layout.roster(), format!("version = 1\n{listed}").as_bytes())?;
    let operator_key = format!("{}\n", hex::encode(operator_seed));
    files::replace(&layout.root.join("operator.key"), operator_key.as_bytes())?;
    for dir in [layout.root.join("logs"), layout.surfaces()] {
        fs::create_dir_all(&dir).map_err(Failure::io(&dir, "creating"))?;
    }
    for (place, node) in layout.nodes.iter().enumerate() {
        let tickets = node.dir.join("tickets");
        fs::create_dir_all(&tickets).map_err(Failure::io(&tickets, "creating"))?;
        let enrolment = Scope::Enrol { organism: organism.stable_id() };
        let enrolment = issue(&operator, node.id, enrolment, now_s)?;
        files::replace(&node.dir.join("enrolment.jwt"), enrolment.as_bytes())?;
        for (member, issuer) in organism.members.iter().zip(&issuers) {
            let ticket = issue(issuer, node.id, may_read(member), now_s)?;
            files::replace(&tickets.join(format!("{}.jwt", member.name)), ticket.as_bytes())?;
        }
        files::replace(
            &node.config(),
            node_config(layout, links, (place, node), settings).as_bytes(),
        )?;
    }
    Ok(organism)
}

fn node_config(
    layout: &Layout,
    links: Option<&Links>,
    (place, node): (usize, &NodeAt),
    settings: &str,
) -> String {
    let own = Place::Node(place);
    let dialled = |to, direct| links.and_then(|links| links.address(own, to)).unwrap_or(direct);
    let NodeAt { name, committee, ops, query, .. } = node;
    let mut text = format!(
        "# Made by `holobiont dev`.\nversion = 1\nnode = \"{name}\"\ndata_dir = \"data\"\n\
         organism = \"../organism.toml\"\nroster = \"../roster.toml\"\n\
         enrolment_file = \"enrolment.jwt\"\n\n\
         [listen]\ncommittee = \"{committee}\"\nops = \"{ops}\"\nquery = \"{query}\"\n\n\
         [attestation]\nsimulated_world = \"../world\"\nsimulated_guest = \"{name}\"\n\n\
         {settings}\n[query]\nmembers = true\n"
    );
    for (to, peer) in layout.nodes.iter().enumerate().filter(|(to, _)| *to != place) {
        let (name, address) = (&peer.name, dialled(Place::Node(to), peer.committee));
        text.push_str(&format!("\n[[peer]]\nnode = \"{name}\"\naddress = \"{address}\"\n"));
    }
    for (to, member) in layout.members.iter().enumerate() {
        let (name, address) = (&member.name, dialled(Place::Member(to), member.listen));
        text.push_str(&format!(
            "\n[[source]]\nmember = \"{name}\"\nkind = \"https\"\naddress = \"{address}\"\n\
             ticket_file = \"tickets/{name}.jwt\"\n"
        ));
    }
    text
}

fn may_read(member: &Member) -> Scope {
    Scope::Read { member: member.stable_id, surface: member.surface_id() }
}

fn issue(key: &IssuerKey, subject: UniqueId, scope: Scope, now_s: u64) -> Result<String, Failure> {
    let claims = Claims {
        subject,
        scope,
        not_before_s: now_s.saturating_sub(TICKET_EARLY_S),
        expires_s: now_s.saturating_add(TICKET_LIFE_S),
        id: format!("dev-{now_s}"),
    };
    key.issue(&claims).map_err(Failure::unexpected)
}

/// A new key, and the seed that it is made of.
fn key() -> Result<(IssuerKey, [u8; 32]), Failure> {
    let mut seed = [0; 32];
    let made = SystemRandom::new().fill(&mut seed);
    made.map_err(|_| Failure::Unexpected("this machine gives no randomness".into()))?;
    Ok((IssuerKey::ed25519(&seed).map_err(Failure::unexpected)?, seed))
}

fn public(key: &IssuerKey) -> [u8; 32] {
    match key.issuer() {
        Issuer::Ed25519(public) => public,
        // Only of Ed25519 are any made here.
        Issuer::Es256(_) => [0; 32],
    }
}
