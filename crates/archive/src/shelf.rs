mod directory;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;

use holobiont_identity::UniqueId;
use holobiont_surface::{Genesis, Surface, SurfaceError};
use tokio::sync::watch;

pub use directory::DirectoryServed;
pub use written::WrittenSurface;

/// The surfaces that a server has.
pub trait Shelf: Send + Sync + 'static {
    /// The surface of this id, where it is here.
    fn surface(&self, id: &UniqueId) -> Option<Arc<dyn Served>>;
}

/// One surface that may be read, and may grow while it is.
pub trait Served: Send + Sync + 'static {
    /// Its genesis.
    fn genesis(&self) -> Genesis;

    /// The surface as it is now; called on a blocking thread. It may have more records than may
    /// leave: see [`growth`](Self::growth).
    ///
    /// # Errors
    ///
    /// As [`Surface::open`].
    fn view(&self) -> Result<Surface, SurfaceError>;

    /// The sequence number after the last record that may leave this node, which is durable, and
    /// each change of it. It may go back, where a copy was cut back.
    fn growth(&self) -> watch::Receiver<u64>;
}

impl Shelf for BTreeMap<UniqueId, Arc<dyn Served>> {
    fn surface(&self, id: &UniqueId) -> Option<Arc<dyn Served>> {
        self.get(id).cloned()
    }
}
