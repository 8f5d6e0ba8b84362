//! What is where in the network's folder, and who listens on what.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use holobiont_identity::UniqueId;

use super::links::Place;
use super::ports::Ports;
use crate::failure::Failure;

/// One node of the network.
#[derive(Debug, Clone)]
pub(crate) struct NodeAt {
    pub(crate) name: String,
    pub(crate) id: UniqueId,
    /// Its folder.
    pub(crate) dir: PathBuf,
    pub(crate) committee: SocketAddr,
    pub(crate) ops: SocketAddr,
    pub(crate) query: SocketAddr,
}

/// One member of the network.
#[derive(Debug, Clone)]
pub(crate) struct MemberAt {
    pub(crate) name: String,
    /// Its surface's folder.
    pub(crate) surface: PathBuf,
    pub(crate) listen: SocketAddr,
}

/// The whole network.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) nodes: Vec<NodeAt>,
    pub(crate) members: Vec<MemberAt>,
}

/// What listens where on a host of its own.
const COMMITTEE_PORT: u16 = 7_400;
const QUERY_PORT: u16 = 8_080;
const OPS_PORT: u16 = 9_464;
const FIRST_MEMBER_PORT: u16 = 7_500;
/// The last byte of the addresses of nodes, counted from 1, and of that of all members.
const NODES_AT: u8 = 10;
const MEMBERS_AT: u8 = 100;

impl Layout {
    /// A network whose processes are all on this machine's own address.
    pub(crate) fn new(
        root: &Path,
        nodes: u16,
        members: &[String],
        mut ports: Ports,
    ) -> Result<Self, Failure> {
        let mut listeners = |_| Ok([ports.take()?, ports.take()?, ports.take()?]);
        let nodes = (1..=nodes).map(&mut listeners).collect::<Result<Vec<_>, Failure>>()?;
        let at = members.iter().map(|_| ports.take()).collect::<Result<Vec<_>, Failure>>()?;
        Self::of(root, nodes, members, at)
    }

    /// A network whose nodes have an address each, and whose members share one.
    pub(crate) fn in_subnet(
        root: &Path,
        nodes: u16,
        members: &[String],
        subnet: Ipv4Addr,
    ) -> Result<Self, Failure> {
        let [a, b, c, _] = subnet.octets();
        let nodes = (1..=nodes).map(|number| {
            let last = NODES_AT.saturating_add(u8::try_from(number).unwrap_or(u8::MAX));
            let at = |port| SocketAddr::from(([a, b, c, last], port));
            let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, OPS_PORT));
            [at(COMMITTEE_PORT), ops, at(QUERY_PORT)]
        });
        let members_at = (FIRST_MEMBER_PORT..)
            .take(members.len())
            .map(|port| SocketAddr::from(([a, b, c, MEMBERS_AT], port)));
        Self::of(root, nodes.collect(), members, members_at.collect())
    }

    fn of(
        root: &Path,
        nodes: Vec<[SocketAddr; 3]>,
        members: &[String],
        members_at: Vec<SocketAddr>,
    ) -> Result<Self, Failure> {
        // Other processes are started with these paths, and none depends on where it is called.
        let root = std::path::absolute(root).map_err(Failure::io(root, "finding"))?;
        let nodes = nodes.into_iter().enumerate().map(|(place, [committee, ops, query])| {
            let name = format!("node-{}", place.saturating_add(1));
            let (id, dir) = (UniqueId::from_name(&name), root.join(&name));
            NodeAt { name, id, dir, committee, ops, query }
        });
        let members = members.iter().zip(members_at).map(|(name, listen)| {
            let surface = root.join("surfaces").join(name);
            MemberAt { name: name.clone(), surface, listen }
        });
        Ok(Self { nodes: nodes.collect(), members: members.collect(), root })
    }

    /// What a process is called.
    pub(super) fn name(&self, place: Place) -> &str {
        let name = match place {
            Place::Node(place) => self.nodes.get(place).map(|node| &node.name),
            Place::Member(place) => self.members.get(place).map(|member| &member.name),
        };
        name.map_or("nobody", String::as_str)
    }

    pub(crate) fn organism(&self) -> PathBuf {
        self.root.join("organism.toml")
    }

    pub(crate) fn roster(&self) -> PathBuf {
        self.root.join("roster.toml")
    }

    /// The folder with the members' surfaces, as `replay` and `audit` take it.
    pub(crate) fn surfaces(&self) -> PathBuf {
        self.root.join("surfaces")
    }

    pub(crate) fn world(&self) -> PathBuf {
        self.root.join("world")
    }

    /// Output of a process, by its name.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(format!("{name}.log"))
    }

    /// What the proof at the end is made from.
    pub(crate) fn proof(&self) -> PathBuf {
        self.root.join("proof")
    }
}

impl NodeAt {
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }
}
