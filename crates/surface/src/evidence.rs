use holobiont_identity::Digest;
use serde::{Deserialize, Serialize};

use crate::head::chain;
use crate::record::as_u64;
use crate::walk::Walk;
use crate::{Damage, Genesis, Head, Record};

/// Proof that a record lies under a head, for whoever has the head from somebody they trust.
///
/// See [`Surface::prove`](crate::Surface::prove).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// Sequence number of the first record of the record's window.
    pub first_seq_of_window: u64,
    /// The window as stored, up to the head where the head is in it.
    pub window: Vec<u8>,
    /// The chain value before the window.
    pub chain_before: Digest,
    /// Digests of the windows after it, the last one's up to the head.
    pub later: Vec<Digest>,
}

/// Why evidence proves nothing. Whoever made it is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The window's bytes are not a window of this surface.
    #[error("the evidence's window is wrong at byte {offset}: {what}; ask for it again")]
    Window {
        /// Where in the window, in bytes.
        offset: u64,
        /// What is wrong.
        what: Damage,
    },
    /// The record is not in the window.
    #[error("record {seq} is not among {first_seq} to {last_seq} of the evidence: ask for its own")]
    NotInWindow {
        /// The record asked for.
        seq: u64,
        /// First record of the window.
        first_seq: u64,
        /// Last record of the window.
        last_seq: u64,
    },
    /// The evidence cannot end at the head's record.
    #[error("the evidence does not end at record {head_seq}, where the head is: ask for it again")]
    OtherHead {
        /// The head's sequence number.
        head_seq: u64,
    },
    /// A first window that does not start from the genesis.
    #[error("the evidence does not start from this surface's genesis: it is of another surface")]
    OtherGenesis,
    /// The recomputed head is not the one given.
    #[error("the evidence leads to another head than the one at {head_seq}: do not rely on it")]
    HeadMismatch {
        /// The head's sequence number.
        head_seq: u64,
    },
}

impl EvidenceItem {
    /// Recomputes the head from the window, and gives the record.
    ///
    /// # Errors
    ///
    /// Each [`EvidenceError`].
    pub fn verify(
        &self,
        seq: u64,
        head: &Head,
        genesis: &Genesis,
    ) -> Result<Record<'_>, EvidenceError> {
        let first_seq = self.first_seq_of_window;
        if first_seq == 0 && self.chain_before != genesis.chain_start() {
            return Err(EvidenceError::OtherGenesis);
        }
        let (record, end_seq) = self.find(seq, genesis)?;
        self.check_reach(end_seq, head.seq, genesis)?;
        let window = chain(self.chain_before, Digest::of(&self.window));
        let hash = self.later.iter().fold(window, |before, digest| chain(before, *digest));
        if hash != head.hash {
            return Err(EvidenceError::HeadMismatch { head_seq: head.seq });
        }
        let last_seq = end_seq.saturating_sub(1);
        record.ok_or(EvidenceError::NotInWindow { seq, first_seq, last_seq })
    }

    /// Goes through the window: the record asked for, and the sequence number after the last.
    fn find(
        &self,
        seq: u64,
        genesis: &Genesis,
    ) -> Result<(Option<Record<'_>>, u64), EvidenceError> {
        let mut walk = Walk::new(genesis, self.first_seq_of_window, None);
        let mut rest = self.window.as_slice();
        let mut found = None;
        while !rest.is_empty() {
            let offset = as_u64(self.window.len().saturating_sub(rest.len()));
            let wrong = |what| EvidenceError::Window { offset, what };
            let record = Record::decode(rest).map_err(wrong)?;
            if walk.admit(record.header()).map_err(wrong)? != (offset == 0) {
                return Err(wrong(Damage::WindowBoundary));
            }
            if record.seq() == seq {
                found = Some(record);
            }
            rest = rest.get(record.stored().len()..).unwrap_or_default();
        }
        Ok((found, walk.next_seq()))
    }

    /// Whether this many windows can lie between the window and the head.
    fn check_reach(
        &self,
        end_seq: u64,
        head_seq: u64,
        genesis: &Genesis,
    ) -> Result<(), EvidenceError> {
        let windows = as_u64(self.later.len());
        let after = head_seq.saturating_add(1).checked_sub(end_seq);
        let reaches = after.is_some_and(|records| {
            let most = windows.saturating_mul(u64::from(genesis.window_records));
            windows <= records && records <= most
        });
        match reaches {
            true => Ok(()),
            false => Err(EvidenceError::OtherHead { head_seq }),
        }
    }
}
