//! The canonical encodings: postcard of these structs, in the order declared here. To change one
//! is to change every content hash, and takes a new version.

use serde::Serialize;

use super::{
    Acl, Alignment, ClockRule, Floor, Member, MemberPolicy, Operator, Organism, ProgramConfig,
    TickConfig,
};
use crate::Digest;
use crate::encode::to_bytes;
use crate::pins::SurfacePins;

const CONTENT_VERSION: u8 = 1;

/// The acl of an organism without pins: what it had before there were any, so that its content
/// hash stays.
const ACL_VERSION: u8 = 1;

/// The acl of an organism with pins, which come after the fields of version 1.
const PINNED_ACL_VERSION: u8 = 2;

#[derive(Serialize)]
struct Content<'a> {
    version: u8,
    program: &'a ProgramConfig,
    members: Vec<MemberContent<'a>>,
    floor: Floor,
    align: Alignment,
    ticks: TickConfig,
    tolerate_leaked_keys: u32,
}

#[derive(Serialize)]
struct MemberContent<'a> {
    name: &'a str,
    surface: &'a str,
    clock: ClockRule,
    start: Option<u64>,
    policy: &'a MemberPolicy,
    content_hash: Option<Digest>,
}

impl<'a> MemberContent<'a> {
    fn of(member: &'a Member) -> Self {
        let Member { name, surface, policy, clock, start, content_hash, .. } = member;
        Self { name, surface, clock: *clock, start: *start, policy, content_hash: *content_hash }
    }
}

#[derive(Serialize)]
struct AclDocument<'a> {
    version: u8,
    ticket_issuers: Vec<&'a [String]>,
    operators: &'a [Operator],
    orders_need: u32,
    first_roster: Option<Digest>,
}

#[derive(Serialize)]
struct PinnedAcl<'a> {
    acl: AclDocument<'a>,
    surfaces: &'a [SurfacePins],
}

pub(super) fn content_bytes(organism: &Organism) -> Vec<u8> {
    to_bytes(&Content {
        version: CONTENT_VERSION,
        program: &organism.program,
        members: organism.members.iter().map(MemberContent::of).collect(),
        floor: organism.floor,
        align: organism.align,
        ticks: organism.ticks,
        tolerate_leaked_keys: organism.tolerate_leaked_keys,
    })
}

pub(super) fn acl_bytes(organism: &Organism) -> Vec<u8> {
    let Acl { operators, orders_need, first_roster } = &organism.acl;
    let surfaces = organism.surfaces.as_slice();
    let acl = AclDocument {
        version: if surfaces.is_empty() { ACL_VERSION } else { PINNED_ACL_VERSION },
        ticket_issuers: organism.members.iter().map(|m| m.ticket_issuers.as_slice()).collect(),
        operators,
        orders_need: *orders_need,
        first_roster: *first_roster,
    };
    match surfaces {
        [] => to_bytes(&acl),
        _ => to_bytes(&PinnedAcl { acl, surfaces }),
    }
}
