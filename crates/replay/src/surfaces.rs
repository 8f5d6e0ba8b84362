use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use holobiont_identity::{Organism, UniqueId};
use holobiont_surface::{ReadOptions, ReadPool, Surface, SurfaceError, read_genesis};

use crate::ReplayError;
use crate::spans::Spans;

/// Memory for members' windows when nothing else is said, in bytes.
pub const DEFAULT_MEMORY_BUDGET_BYTES: u64 = 256 * 1024 * 1024;

/// The surfaces of an organism's members, opened for reading, in the config's order.
///
/// All their cursors read through one pool: those of one surface share its verified blocks, and all
/// together stay within the pool's budget. A handle: clones read the same, through the same pool.
#[derive(Debug, Clone)]
pub struct Surfaces {
    members: Vec<(String, Spans)>,
    pool: ReadPool,
}

/// A member whose surface was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name in the config.
    pub member: String,
    /// The surface looked for.
    pub surface_id: UniqueId,
    /// The folder where it would be expected.
    pub expected_at: PathBuf,
    /// The surface that is there instead, if any is.
    pub found: Option<UniqueId>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (member, wanted, at) = (&self.member, self.surface_id, self.expected_at.display());
        match self.found {
            Some(found) => write!(
                f,
                "{member}: {at} holds surface {found}, not {wanted}: it was made for another \
                 stable id or surface name"
            ),
            None => write!(f, "{member}: no surface {wanted} (looked at {at} and beside it)"),
        }
    }
}

impl Surfaces {
    /// Opens every member's surface among the folders of `dir`, to be read by the caller's thread
    /// alone, everything verified, within this much memory.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(organism: &Organism, dir: &Path, budget_bytes: u64) -> Result<Self, ReplayError> {
        Self::open_with(organism, dir, ReadOptions { budget_bytes, ..ReadOptions::default() })
    }

    /// Opens every member's surface among the folders of `dir`; their names do not matter, what
    /// their genesis says does.
    ///
    /// # Errors
    ///
    /// [`ReplayError::SurfacesUnreadable`] when `dir` cannot be listed,
    /// [`ReplayError::SurfacesMissing`] with every member that has none,
    /// [`ReplayError::Member`] for a damaged one, [`ReplayError::TwoCopies`],
    /// [`ReplayError::MemoryBudget`] when two windows a member are more than the budget, and
    /// [`ReplayError::ReadPool`] when its threads cannot be started.
    pub fn open_with(
        organism: &Organism,
        dir: &Path,
        options: ReadOptions,
    ) -> Result<Self, ReplayError> {
        let members = find(organism, dir)?;
        let members = members.into_iter().map(|(name, surface)| (name, vec![surface])).collect();
        Self::in_pool(members, options)
    }

    /// Every member's surface as views of it that are at hand, in the config's order: for a node
    /// whose copies grow. See [`Replay::renew`](crate::Replay::renew) for how a member gets a newer
    /// view, and for why there may be more than one.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Views`] where there are not as many as members, or one of them has none;
    /// [`ReplayError::MemoryBudget`] and [`ReplayError::ReadPool`] as
    /// [`open_with`](Self::open_with).
    pub fn of_views(
        organism: &Organism,
        views: Vec<Vec<Surface>>,
        options: ReadOptions,
    ) -> Result<Self, ReplayError> {
        if views.len() != organism.members.len() || views.iter().any(Vec::is_empty) {
            return Err(ReplayError::Views { members: organism.members.len(), views: views.len() });
        }
        let names = organism.members.iter().map(|member| member.name.clone());
        Self::in_pool(names.zip(views).collect(), options)
    }

    fn in_pool(
        members: Vec<(String, Vec<Surface>)>,
        options: ReadOptions,
    ) -> Result<Self, ReplayError> {
        let (count, budget_bytes) = (members.len(), options.budget_bytes);
        let windows: u64 = members
            .iter()
            .flat_map(|(_, views)| views)
            .map(|surface| u64::from(surface.genesis().max_window_bytes).saturating_mul(2))
            .fold(0, u64::saturating_add);
        if windows > budget_bytes {
            return Err(ReplayError::MemoryBudget {
                members: count,
                needed_bytes: windows,
                budget_bytes,
            });
        }
        let pool = ReadPool::new(options).map_err(ReplayError::ReadPool)?;
        let mut pooled = Vec::with_capacity(count);
        for (name, views) in members {
            let spans = pool_views(&pool, count, &name, views)?;
            pooled.push((name, spans));
        }
        Ok(Self { members: pooled, pool })
    }

    /// Lets go of a member's views, and the memory that is set aside for them.
    pub(crate) fn release(&mut self, place: usize) {
        if let Some((_, spans)) = self.members.get_mut(place) {
            *spans = Spans::default();
        }
    }

    /// Gives a member these views.
    pub(crate) fn renew(&mut self, place: usize, views: Vec<Surface>) -> Result<(), ReplayError> {
        let count = self.members.len();
        let Some((name, spans)) = self.members.get_mut(place) else {
            return Err(ReplayError::Views { members: count, views: place });
        };
        *spans = pool_views(&self.pool, count, name, views)?;
        Ok(())
    }

    pub(crate) fn spans(&self, place: usize) -> Option<(&str, &Spans)> {
        self.members.get(place).map(|(name, spans)| (name.as_str(), spans))
    }

    /// What their cursors read through: how much it has held and read.
    #[must_use]
    pub const fn pool(&self) -> &ReadPool {
        &self.pool
    }

    /// A member's name and surface, by its place in the config: the newest view of it.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<(&str, &Surface)> {
        let (name, spans) = self.members.get(place)?;
        Some((name, spans.newest()?))
    }

    /// How many there are: the config's members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether the organism has no members; a parsed config always has some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Every member's name and surface, in the config's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Surface)> {
        self.members.iter().filter_map(|(name, spans)| Some((name.as_str(), spans.newest()?)))
    }
}

/// A member's views, in the pool.
fn pool_views(
    pool: &ReadPool,
    members: usize,
    name: &str,
    views: Vec<Surface>,
) -> Result<Spans, ReplayError> {
    let in_pool = |surface: Surface| match surface.in_pool(pool) {
        Err(SurfaceError::MemoryBudget { needed_bytes, budget_bytes }) => {
            Err(ReplayError::MemoryBudget { members, needed_bytes, budget_bytes })
        }
        other => other.map_err(|source| ReplayError::Member { member: name.to_owned(), source }),
    };
    views.into_iter().map(in_pool).collect::<Result<_, _>>().map(Spans::new)
}

/// Every member's surface, by its genesis.
fn find(organism: &Organism, dir: &Path) -> Result<Vec<(String, Surface)>, ReplayError> {
    let found = Found::list(dir).map_err(ReplayError::SurfacesUnreadable)?;
    let mut missing = Vec::new();
    let mut members = Vec::new();
    for member in &organism.members {
        let surface_id = member.surface_id();
        let expected_at = dir.join(&member.name);
        let failed = |source| ReplayError::Member { member: member.name.clone(), source };
        match found.holding(surface_id).as_slice() {
            [path] => {
                let surface = Surface::open(path).map_err(failed)?;
                members.push((member.name.clone(), surface));
            }
            [] => {
                // What cannot be read might be the one that is missed.
                if let Some(error) = found.failure(&expected_at) {
                    return Err(failed(error));
                }
                let found = found.at(&expected_at);
                let member = member.name.clone();
                missing.push(Missing { member, surface_id, expected_at, found });
            }
            [one, other, ..] => {
                return Err(ReplayError::TwoCopies {
                    member: member.name.clone(),
                    one: (*one).to_owned(),
                    other: (*other).to_owned(),
                });
            }
        }
    }
    if !missing.is_empty() {
        return Err(ReplayError::SurfacesMissing { missing });
    }
    Ok(members)
}

/// The surfaces in the folders of a folder.
struct Found(BTreeMap<PathBuf, Result<UniqueId, SurfaceError>>);

impl Found {
    fn list(dir: &Path) -> Result<Self, SurfaceError> {
        let failed = |source| SurfaceError::Io { file: dir.to_owned(), doing: "listing", source };
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                let id = read_genesis(&path).map(|genesis| genesis.surface_id);
                found.insert(path, id);
            }
        }
        Ok(Self(found))
    }

    fn holding(&self, id: UniqueId) -> Vec<&Path> {
        let is_it = |found: &Result<UniqueId, SurfaceError>| found.as_ref().ok() == Some(&id);
        self.0.iter().filter(|(_, it)| is_it(it)).map(|(path, _)| path.as_path()).collect()
    }

    fn at(&self, path: &Path) -> Option<UniqueId> {
        self.0.get(path).and_then(|id| id.as_ref().ok()).copied()
    }

    /// Why the folder where a surface is expected cannot be read, if that is so.
    fn failure(&self, path: &Path) -> Option<SurfaceError> {
        self.0.get(path)?.as_ref().err()?;
        read_genesis(path).err()
    }
}
