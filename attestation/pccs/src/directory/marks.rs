use std::path::PathBuf;

use holobiont_attestation::{MAX_MARKS_BYTES, Marks};
use holobiont_identity::{Digest, versioned};

use super::CollateralDirectory;
use crate::{StoreError, files};

const MARKS_FILE: &str = "marks.bin";
const MARKS_FILE_VERSION: u8 = 1;
/// Room for the version, the digest and a length.
const MAX_FILE_BYTES: usize = MAX_MARKS_BYTES + 64;

impl CollateralDirectory {
    /// The marks kept here; none at all in a new directory. Where the disk is the host's, the same
    /// marks in the committee's log are what holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::MarksDamaged`]: never begun anew.
    pub fn marks(&self) -> Result<Marks, StoreError> {
        let path = self.marks_path();
        let damaged = |why: &str| StoreError::MarksDamaged { path: path.clone(), why: why.into() };
        let Some(bytes) = files::read(&path, MAX_FILE_BYTES)? else {
            return Ok(Marks::default());
        };
        let (digest, marks): (Digest, Vec<u8>) = versioned::decode(MARKS_FILE_VERSION, &bytes)
            .map_err(|refusal| match refusal {
                versioned::Refusal::UnknownVersion(version) => damaged(&format!(
                    "its version is {version}, this build reads {MARKS_FILE_VERSION}"
                )),
                versioned::Refusal::Malformed => damaged("it is cut short or was changed"),
            })?;
        if Digest::of(&marks) != digest {
            return Err(damaged("its content is not what its digest says"));
        }
        Marks::decode(&marks).map_err(|error| damaged(&error.to_string()))
    }

    /// Raises the marks kept here to what a verdict saw, and returns them. Never lowers one.
    ///
    /// # Errors
    ///
    /// As [`marks`](Self::marks), and [`StoreError::Io`].
    pub fn raise_marks(&self, observed: &Marks) -> Result<Marks, StoreError> {
        let raised = |kept: &Marks| {
            let mut raised = kept.clone();
            raised.raise(observed);
            raised
        };
        // They only go up, so where nothing is new nothing is written, nor asked for.
        let kept = self.marks()?;
        if raised(&kept) == kept {
            return Ok(kept);
        }
        let _lock = files::lock(&self.root)?;
        let kept = self.marks()?;
        let raised = raised(&kept);
        if raised != kept {
            let marks = raised.encode();
            let bytes = versioned::encode(MARKS_FILE_VERSION, &(Digest::of(&marks), marks));
            files::replace(&self.marks_path(), &bytes)?;
        }
        Ok(raised)
    }

    fn marks_path(&self) -> PathBuf {
        self.root.join(MARKS_FILE)
    }
}
