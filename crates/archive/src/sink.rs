use holobiont_surface::{Genesis, Head, SurfaceError};

use crate::Batch;

/// Where a [`Follower`](crate::Follower) puts what it reads: a node's own copy of a surface.
///
/// It is called from blocking threads, one call at a time from one follower.
pub trait Sink: Send + Sync + 'static {
    /// The genesis of the copy.
    fn genesis(&self) -> Genesis;

    /// The sequence number of the record that is wanted next.
    fn next_seq(&self) -> u64;

    /// Appends records that follow each other. They have been held against the genesis and each
    /// other, not against the last record that the sink has.
    ///
    /// # Errors
    ///
    /// [`SinkError`]; the records before the one refused may have been taken, but for
    /// [`SinkError::Full`].
    fn append_batch(&self, batch: &Batch) -> Result<(), SinkError>;

    /// Makes everything appended durable; the head there, none while there is no record.
    ///
    /// # Errors
    ///
    /// [`SinkError::Failed`].
    fn sync(&self) -> Result<Option<Head>, SinkError>;
}

/// Why a sink did not take records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// A record cannot follow the last one: the source is at fault.
    #[error("the source's next record cannot follow: {why}")]
    Refused {
        /// Which rule it breaks.
        why: String,
    },
    /// The copy is as long as it may be for now: nobody is at fault, and more is wanted later.
    #[error("this node's copy takes no more for now: {why}")]
    Full {
        /// Which limit was reached.
        why: String,
    },
    /// The copy cannot be written: this node's disk is at fault.
    #[error("this node's copy cannot be written: {why}")]
    Failed {
        /// What the system says.
        why: String,
        /// Whether there is no room for it.
        out_of_space: bool,
    },
}

impl From<SurfaceError> for SinkError {
    fn from(error: SurfaceError) -> Self {
        let why = error.to_string();
        match error {
            SurfaceError::ClockWentBack { .. }
            | SurfaceError::ClockReopened { .. }
            | SurfaceError::ClockNotClosed { .. }
            | SurfaceError::RecordTooLarge { .. }
            | SurfaceError::TimeOutOfRange { .. }
            | SurfaceError::KindOutOfRange { .. }
            | SurfaceError::Full => Self::Refused { why },
            other => Self::Failed { why, out_of_space: other.is_out_of_space() },
        }
    }
}
