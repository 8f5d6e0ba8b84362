use holobiont_identity::versioned::{Refusal, decode, encode};
use holobiont_identity::{Digest, Organism};
use holobiont_policy::Roster;
use holobiont_surface::{Cursor, Head, StartAt, SurfaceWriter};
use serde::{Deserialize, Serialize};

use crate::{Position, ReplayError};

const MAGIC: [u8; 4] = *b"HBSN";
const VERSION: u8 = 1;
const MAX_SNAPSHOT_BYTES: usize = 1024 * 1024 * 1024;

/// An organism at a cut: with the log after it, everything that follows can be computed.
///
/// As a file: `"HBSN" ‖ one version byte ‖ postcard ‖ blake3 of all before`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The organism's content hash.
    pub content_hash: Digest,
    /// The committee.
    pub roster: Roster,
    /// Number of the last cut folded.
    pub cut: u64,
    /// Index of the last log entry applied.
    pub log_index: u64,
    /// Running digest of the log up to there.
    pub log_digest: Digest,
    /// `CommitteeState::snapshot`.
    pub policy_state: Vec<u8>,
    /// The program's name and version.
    pub program: (String, u32),
    /// [`crate::Program::snapshot`].
    pub program_state: Vec<u8>,
    /// How far each member's records have been taken.
    pub positions: Vec<Position>,
    /// Where the organism's own surface goes on.
    pub output: OutputStart,
}

/// The end of a surface, as much of it as is needed to append to it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputStart {
    /// First sequence number of the open window.
    pub first_seq: u64,
    /// The chain value before that window.
    pub chain_before: Digest,
    /// The window's bytes so far.
    pub window: Vec<u8>,
    /// Sequence number of the next record.
    pub next_seq: u64,
    /// Clock event of the record before the window, and whether that closed it.
    pub previous_clock: Option<(u64, bool)>,
}

impl OutputStart {
    /// Where this writer's surface goes on.
    #[must_use]
    pub fn of(writer: &SurfaceWriter) -> Self {
        Self::from_open(&writer.open_window(), writer.next_seq())
    }

    /// Where this cursor is in the surface.
    #[must_use]
    pub fn at(cursor: &Cursor) -> Self {
        Self::from_open(&cursor.open_window(), cursor.next_seq())
    }

    fn from_open(open: &StartAt<'_>, next_seq: u64) -> Self {
        Self {
            first_seq: open.first_seq,
            chain_before: open.chain_before,
            window: open.window_bytes.to_vec(),
            next_seq,
            previous_clock: open.previous_clock,
        }
    }

    /// The surface's head there; none before its first record.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        let seq = self.next_seq.checked_sub(1)?;
        if self.window.is_empty() {
            return Some(Head { seq, hash: self.chain_before });
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.chain_before.as_bytes());
        hasher.update(blake3::hash(&self.window).as_bytes());
        Some(Head { seq, hash: Digest::from_bytes(*hasher.finalize().as_bytes()) })
    }

    /// The same as a new surface's start.
    #[must_use]
    pub fn start_at(&self) -> StartAt<'_> {
        StartAt {
            first_seq: self.first_seq,
            chain_before: self.chain_before,
            window_bytes: &self.window,
            previous_clock: self.previous_clock,
        }
    }
}

impl Snapshot {
    /// Digest of the state that it describes: `Replay::state_digest` of whoever made it.
    #[must_use]
    pub fn state_digest(&self) -> Digest {
        let Self { policy_state, program_state, positions, content_hash, roster, .. } = self;
        state_digest(policy_state, program_state, positions, content_hash, &roster.digest())
    }

    /// The snapshot as a file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(encode(VERSION, self));
        let digest = blake3::hash(&out);
        out.extend_from_slice(digest.as_bytes());
        out
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Snapshot`] for anything that is not exactly that.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReplayError> {
        let refuse = |why: &str| ReplayError::Snapshot { why: why.to_owned() };
        if bytes.len() > MAX_SNAPSHOT_BYTES {
            return Err(refuse("larger than a snapshot may be"));
        }
        let (body, digest) =
            bytes.split_last_chunk::<32>().ok_or_else(|| refuse("too short to be a snapshot"))?;
        let payload =
            body.strip_prefix(&MAGIC).ok_or_else(|| refuse("does not begin as a snapshot"))?;
        if blake3::hash(body).as_bytes() != digest {
            return Err(refuse("damaged: its digest does not match its bytes"));
        }
        decode(VERSION, payload).map_err(|refusal| match refusal {
            Refusal::UnknownVersion(version) => ReplayError::Snapshot {
                why: format!("version {version} is not known to this build; upgrade to read it"),
            },
            Refusal::Malformed => refuse("not readable as a snapshot"),
        })
    }

    pub(crate) fn belongs_to(
        &self,
        organism: &Organism,
        program: &str,
        version: u32,
    ) -> Result<(), ReplayError> {
        let expected = organism.content_hash();
        if self.content_hash != expected {
            let got = self.content_hash;
            return Err(ReplayError::Snapshot {
                why: format!("made under content hash {got}, the config has {expected}"),
            });
        }
        if self.program != (program.to_owned(), version) {
            let (name, made_by) = &self.program;
            return Err(ReplayError::Snapshot {
                why: format!("made by {name} version {made_by}, this is {program} {version}"),
            });
        }
        if self.positions.len() != organism.members.len() {
            return Err(ReplayError::Snapshot { why: "has other members".to_owned() });
        }
        Ok(())
    }
}

/// `blake3("holobiont-state|" ‖ 0x01 ‖ framed (policy state, program state, positions, content hash,
/// roster digest))`.
pub(crate) fn state_digest(
    policy_state: &[u8],
    program_state: &[u8],
    positions: &[Position],
    content_hash: &Digest,
    roster: &Digest,
) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"holobiont-state|\x01");
    let positions = encode(1, &positions);
    for part in [policy_state, program_state, &positions] {
        hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(content_hash.as_bytes());
    hasher.update(roster.as_bytes());
    Digest::from_bytes(*hasher.finalize().as_bytes())
}
