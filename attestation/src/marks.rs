use std::collections::BTreeMap;

use holobiont_identity::versioned::{self, Refusal};
use serde::{Deserialize, Serialize};

use crate::{artefact::ArtefactKind, reason::Reason};

/// The largest marks that are read, in bytes: far more than Intel has platform models.
pub const MAX_MARKS_BYTES: usize = 256 * 1024;

const VERSION: u8 = 1;

/// The highest numbers and the latest signed time that were ever verified.
///
/// Old collateral stays validly signed for a month, and a guest has no clock that its host cannot
/// set: marks are what makes going back visible. They only go up. Keep them on disk and in the
/// committee's log, and give them to every verification.
///
/// ```
/// use holobiont_attestation::Marks;
///
/// let mut kept = Marks::default();
/// kept.raise(&Marks::at_least(1_800_000_000));
/// kept.raise(&Marks::at_least(1_700_000_000));
/// assert_eq!(kept.floor_s(), 1_800_000_000);
/// assert_eq!(Marks::decode(&kept.encode()).as_ref(), Ok(&kept));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// `tcbEvaluationDataNumber` of the TCB info, by FMSPC.
    tcb_info: BTreeMap<[u8; 6], u64>,
    /// `tcbEvaluationDataNumber` of the QE identity.
    qe_identity: u64,
    /// CRL numbers, by the issuer's name.
    crls: BTreeMap<String, u64>,
    /// Unix seconds.
    floor_s: u64,
}

/// Bytes that are no marks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MarksError {
    /// Written by another release.
    #[error("the marks have version {found}, {VERSION} is known: run the release that wrote them")]
    UnknownVersion {
        /// The version byte.
        found: u8,
    },
    /// Damaged, or nothing of ours.
    #[error(
        "the marks are damaged: restore them from another node, starting without them would let old collateral pass"
    )]
    Malformed,
}

impl Marks {
    /// Marks that know only that it is past this time, in unix seconds.
    pub fn at_least(floor_s: u64) -> Self {
        Self { floor_s, ..Self::default() }
    }

    /// Takes over whatever is higher there.
    pub fn raise(&mut self, other: &Self) {
        for (fmspc, number) in &other.tcb_info {
            raise(self.tcb_info.entry(*fmspc).or_default(), *number);
        }
        for (issuer, number) in &other.crls {
            raise(self.crls.entry(issuer.clone()).or_default(), *number);
        }
        raise(&mut self.qe_identity, other.qe_identity);
        raise(&mut self.floor_s, other.floor_s);
    }

    /// It is past this, in unix seconds: something verified was issued then.
    pub const fn floor_s(&self) -> u64 {
        self.floor_s
    }

    /// A version byte, then `postcard`.
    pub fn encode(&self) -> Vec<u8> {
        versioned::encode(VERSION, self)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// [`MarksError`]: never read damaged marks as none.
    pub fn decode(bytes: &[u8]) -> Result<Self, MarksError> {
        if bytes.len() > MAX_MARKS_BYTES {
            return Err(MarksError::Malformed);
        }
        versioned::decode(VERSION, bytes).map_err(|refusal| match refusal {
            Refusal::UnknownVersion(found) => MarksError::UnknownVersion { found },
            Refusal::Malformed => MarksError::Malformed,
        })
    }

    pub(crate) fn saw_tcb_info(&mut self, fmspc: [u8; 6], number: u64) {
        raise(self.tcb_info.entry(fmspc).or_default(), number);
    }

    pub(crate) fn saw_qe_identity(&mut self, number: u64) {
        raise(&mut self.qe_identity, number);
    }

    pub(crate) fn saw_crl(&mut self, issuer: &str, number: u64) {
        raise(self.crls.entry(issuer.to_owned()).or_default(), number);
    }

    pub(crate) fn saw_time(&mut self, signed_s: u64) {
        raise(&mut self.floor_s, signed_s);
    }

    /// Where what is `observed` goes back behind these marks.
    pub(crate) fn rollbacks(&self, observed: &ObservedNumbers<'_>) -> Vec<Reason> {
        let crl = |issuer: &str| self.crls.get(issuer).copied().unwrap_or_default();
        let tcb_info = self.tcb_info.get(&observed.fmspc).copied().unwrap_or_default();
        [
            (ArtefactKind::TcbInfo, tcb_info, observed.tcb_info),
            (ArtefactKind::QeIdentity, self.qe_identity, observed.qe_identity),
            (ArtefactKind::RootCrl, crl(observed.root_crl.0), observed.root_crl.1),
            (ArtefactKind::PckCrl, crl(observed.pck_crl.0), observed.pck_crl.1),
        ]
        .into_iter()
        .filter(|(_, mark, got)| got < mark)
        .map(|(artefact, mark, got)| Reason::RolledBack { artefact, mark, got })
        .collect()
    }
}

/// The numbers of one collateral.
#[derive(Debug)]
pub(crate) struct ObservedNumbers<'a> {
    pub(crate) fmspc: [u8; 6],
    pub(crate) tcb_info: u64,
    pub(crate) qe_identity: u64,
    /// Issuer's name and number.
    pub(crate) root_crl: (&'a str, u64),
    pub(crate) pck_crl: (&'a str, u64),
}

fn raise(mark: &mut u64, seen: u64) {
    *mark = seen.max(*mark);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_marks() -> impl Strategy<Value = Marks> {
        let numbers = proptest::collection::btree_map(any::<[u8; 6]>(), any::<u64>(), 0..4);
        let crls = proptest::collection::btree_map("[a-z]{0,8}", any::<u64>(), 0..4);
        (numbers, any::<u64>(), crls, any::<u64>()).prop_map(
            |(tcb_info, qe_identity, crls, floor_s)| Marks { tcb_info, qe_identity, crls, floor_s },
        )
    }

    proptest! {
        #[test]
        fn marks_only_go_up_and_in_any_order(a in some_marks(), b in some_marks()) {
            let (mut left, mut right) = (a.clone(), b.clone());
            left.raise(&b);
            right.raise(&a);
            prop_assert_eq!(&left, &right);
            let again = { let mut again = left.clone(); again.raise(&a); again.raise(&b); again };
            prop_assert_eq!(&again, &left);
            prop_assert!(left.floor_s >= a.floor_s && left.qe_identity >= b.qe_identity);
        }

        #[test]
        fn marks_survive_their_encoding(marks in some_marks()) {
            let bytes = marks.encode();
            prop_assert_eq!(Marks::decode(&bytes), Ok(marks));
            for end in 0..bytes.len() {
                prop_assert!(Marks::decode(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Marks::decode(&bytes);
        }
    }
}
