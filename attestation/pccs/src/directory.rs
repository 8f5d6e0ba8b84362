mod marks;
mod names;

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use holobiont_attestation::{Collateral, MAX_COLLATERAL_BYTES, PckCa};
use holobiont_identity::Digest;

use self::names::Platform;
use crate::{Freshness, MAX_BUNDLE_BYTES, StoreError, bundle, files, freshness, unbundle};

/// How many sets are kept of one platform; the one that ends first makes place for another.
pub const KEPT_SETS: usize = 32;

/// How many kinds of platform (FMSPC and CA) a directory takes.
pub const MAX_PLATFORMS: usize = 64;

/// Collateral in a directory, each set under the name of its content:
/// `<fmspc>-<ca>/<id>.json`, and next to them the marks that only go up, `marks.bin`.
///
/// Files are replaced in one step, and written by one process or thread at a time, so that
/// `collateral fetch` may run beside a node. A file that is not what its name says is refused by
/// name, and so is whatever was asked for: it is never skipped. Nothing here is believed: the
/// verifier checks every set that it is given.
///
/// *Limits*: [`MAX_PLATFORMS`], [`KEPT_SETS`].
///
/// ```no_run
/// use holobiont_attestation::PckCa;
/// use holobiont_attestation_pccs::{CollateralDirectory, CollateralSource};
///
/// let directory = CollateralDirectory::open("collateral")?;
/// let fmspc = [0x00, 0x80, 0x6f, 0x05, 0x00, 0x00];
/// directory.add(&CollateralSource::intel().fetch(fmspc, PckCa::Platform)?)?;
/// let now_s = 1_800_000_000;
/// let set = directory.newest(fmspc, PckCa::Platform, now_s)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CollateralDirectory {
    root: PathBuf,
}

/// One set, and the name of its content.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The name.
    pub id: Digest,
    /// The set.
    pub collateral: Collateral,
}

impl CollateralDirectory {
    /// Opens the directory, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(StoreError::io("creating", &root))?;
        Ok(Self { root })
    }

    /// Opens a directory that is there already: a wrong path is told, and nothing is made.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn existing(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        fs::read_dir(&root).map_err(StoreError::io("reading", &root))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Keeps a set. One that is there already is left as it is. Where [`KEPT_SETS`] of its platform
    /// are kept, the one that ends first goes.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn add(&self, collateral: &Collateral) -> Result<Digest, StoreError> {
        let _lock = files::lock(&self.root)?;
        let platform = Platform { fmspc: collateral.fmspc(), ca: collateral.ca() };
        let directory = self.root.join(platform.to_string());
        if !directory.is_dir() {
            if self.platforms()?.len() >= MAX_PLATFORMS {
                return Err(StoreError::Full { path: self.root.clone(), limit: MAX_PLATFORMS });
            }
            fs::create_dir(&directory).map_err(StoreError::io("creating", &directory))?;
            files::sync_directory(&self.root)?;
        }
        let id = collateral.id();
        let mut kept = self.sets(platform)?;
        if kept.iter().any(|stored| stored.id == id) {
            return Ok(id);
        }
        kept.sort_by_key(|stored| Reverse(stored.collateral.expires().0));
        for stored in kept.iter().skip(KEPT_SETS.saturating_sub(1)) {
            let path = names::set(&directory, &stored.id);
            fs::remove_file(&path).map_err(StoreError::io("removing", &path))?;
        }
        files::replace(&names::set(&directory, &id), collateral.to_json().as_bytes())?;
        Ok(id)
    }

    /// Every set, in the order of platforms, the newest of each first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] for a file that is not what its name says.
    pub fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let sets = self.platforms()?.into_iter().map(|platform| self.sets(platform));
        Ok(sets.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// One set by its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::Damaged`].
    pub fn get(&self, id: &Digest) -> Result<Collateral, StoreError> {
        for platform in self.platforms()? {
            let path = names::set(&self.root.join(platform.to_string()), id);
            if let Some(stored) = read_set(&path, *id, platform)? {
                return Ok(stored.collateral);
            }
        }
        Err(StoreError::Unknown { id: *id, path: self.root.clone() })
    }

    /// The sets of a platform that are valid at `now_s`, the newest first. A set that was imported
    /// may be a forgery, so where a verdict says that of one, the next is worth a try; never where
    /// it refuses the quote, since older sets do not know yet what is revoked by now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::NoneValid`], [`StoreError::Damaged`].
    pub fn usable(
        &self,
        fmspc: [u8; 6],
        ca: PckCa,
        now_s: u64,
    ) -> Result<Vec<Collateral>, StoreError> {
        let platform = Platform { fmspc, ca };
        let sets = self.sets(platform)?;
        let Some(newest) = sets.first().map(|stored| freshness(&stored.collateral, now_s)) else {
            return Err(StoreError::Missing {
                platform: platform.to_string(),
                path: self.root.clone(),
            });
        };
        let sets = sets.into_iter().map(|stored| stored.collateral);
        let usable: Vec<_> = sets.filter(|set| freshness(set, now_s).is_usable()).collect();
        if usable.is_empty() {
            return Err(StoreError::NoneValid { platform: platform.to_string(), newest });
        }
        Ok(usable)
    }

    /// The newest set of a platform that is valid at `now_s`.
    ///
    /// # Errors
    ///
    /// As [`usable`](Self::usable).
    pub fn newest(&self, fmspc: [u8; 6], ca: PckCa, now_s: u64) -> Result<Collateral, StoreError> {
        let first = self.usable(fmspc, ca, now_s)?.into_iter().next();
        first.ok_or_else(|| StoreError::Missing {
            platform: Platform { fmspc, ca }.to_string(),
            path: self.root.clone(),
        })
    }

    /// How the set stands that [`newest`](Self::newest) gives; where none is valid, the newest of
    /// all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Damaged`].
    pub fn freshness(
        &self,
        fmspc: [u8; 6],
        ca: PckCa,
        now_s: u64,
    ) -> Result<Freshness, StoreError> {
        match self.newest(fmspc, ca, now_s) {
            Ok(set) => Ok(freshness(&set, now_s)),
            Err(StoreError::NoneValid { newest, .. }) => Ok(newest),
            Err(error) => Err(error),
        }
    }

    /// Writes these sets into one file for another node.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get), and [`StoreError::Io`].
    pub fn export(&self, ids: &[Digest], file: &Path) -> Result<(), StoreError> {
        let sets = ids.iter().map(|id| self.get(id)).collect::<Result<Vec<_>, _>>()?;
        files::replace(file, bundle(&sets).as_bytes())
    }

    /// Takes in a file that [`export`](Self::export) wrote, or one set alone in the JSON form that
    /// other programs write. All of it or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Import`], and as [`add`](Self::add).
    pub fn import(&self, file: &Path) -> Result<Vec<Digest>, StoreError> {
        let bytes = files::read(file, MAX_BUNDLE_BYTES)?
            .ok_or_else(|| StoreError::io("opening", file)(std::io::ErrorKind::NotFound.into()))?;
        let sets =
            unbundle(&bytes).map_err(|why| StoreError::Import { path: file.to_owned(), why })?;
        sets.iter().map(|set| self.add(set)).collect()
    }

    /// What is in the directory under a platform's name; other names are not ours.
    fn platforms(&self) -> Result<Vec<Platform>, StoreError> {
        let names = names::of_directory(&self.root)?;
        let mut platforms: Vec<Platform> =
            names.iter().filter_map(|name| Platform::parse(name)).collect();
        platforms.sort();
        Ok(platforms)
    }

    /// A platform's sets, the newest first.
    fn sets(&self, platform: Platform) -> Result<Vec<Stored>, StoreError> {
        let directory = self.root.join(platform.to_string());
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let mut sets = Vec::new();
        for id in names::of_directory(&directory)?.iter().filter_map(|name| names::id(name)) {
            sets.extend(read_set(&names::set(&directory, &id), id, platform)?);
        }
        sets.sort_by_cached_key(|stored| Reverse(age(&stored.collateral, stored.id)));
        Ok(sets)
    }
}

/// Puts sets in the order in which they are worth a try, the newest first.
pub fn newest_first(sets: &mut [Collateral]) {
    sets.sort_by_cached_key(|set| Reverse(age(set, set.id())));
}

/// What makes one set newer than another: the numbers that Intel counts up, then issue dates. The
/// name decides between equals, so that every node takes the same.
fn age(set: &Collateral, id: Digest) -> (Vec<Option<u64>>, Vec<u64>, Digest) {
    let artefacts = set.artefacts();
    let numbers = artefacts.iter().map(|it| it.number).collect();
    (numbers, artefacts.iter().map(|it| it.issued_s).collect(), id)
}

fn read_set(path: &Path, id: Digest, platform: Platform) -> Result<Option<Stored>, StoreError> {
    let Some(bytes) = files::read(path, MAX_COLLATERAL_BYTES)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| StoreError::damaged(path, "it is no text"))?;
    let collateral = Collateral::from_json(&text)
        .map_err(|error| StoreError::damaged(path, error.to_string()))?;
    if collateral.id() != id {
        let why = format!("its content has the name {}", collateral.id());
        return Err(StoreError::damaged(path, why));
    }
    if collateral.fmspc() != platform.fmspc || collateral.ca() != platform.ca {
        return Err(StoreError::damaged(path, "it is of another platform than its directory"));
    }
    Ok(Some(Stored { id, collateral }))
}
