use crate::ProgramError;

/// A record that a program's commit stands on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Citation {
    /// The member's place in the config.
    pub member: u16,
    /// The record's clock event, in the member's own clock.
    pub clock: u64,
    /// Its sequence number.
    pub seq: u64,
}

/// Where a program puts what it commits.
#[derive(Debug)]
pub struct Commits<'a> {
    pub(crate) next_seqs: &'a [u64],
    pub(crate) pending: &'a mut Vec<Pending>,
}

/// A commit that waits for the end of its cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) payload: Vec<u8>,
    pub(crate) citations: Vec<Citation>,
}

impl Commits<'_> {
    /// Commits a payload that stands on the cited records.
    ///
    /// # Errors
    ///
    /// [`ProgramError::CitesUnseen`] when a citation names a record that was not taken yet.
    pub fn commit(
        &mut self,
        payload: Vec<u8>,
        citations: Vec<Citation>,
    ) -> Result<(), ProgramError> {
        for citation in &citations {
            let next = self.next_seqs.get(usize::from(citation.member)).copied().unwrap_or(0);
            if citation.seq >= next {
                return Err(ProgramError::CitesUnseen {
                    member: citation.member,
                    seq: citation.seq,
                });
            }
        }
        self.pending.push(Pending { payload, citations });
        Ok(())
    }
}
