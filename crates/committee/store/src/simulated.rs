mod file;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Disk;
use file::File;

/// A disk in memory that loses power, fills up and comes back, all from one seed.
///
/// What is not synced may be lost at a [`crash`](Self::crash): of a file's content any of its
/// 512-byte sectors, in part too; of its size all or some of what it grew by; of the directory any
/// of the creations, renames and removals since [`Disk::sync_dir`].
///
/// ```
/// use holobiont_committee_store::{Disk, SimulatedDisk};
///
/// let disk = SimulatedDisk::new(7);
/// disk.replace("vote", b"kept")?;
/// disk.write_at("log", 0, b"never synced")?;
/// let disk = disk.crash();
/// assert_eq!(disk.read_all("vote", 100)?.as_deref(), Some(&b"kept"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    /// Handles of an earlier life write nothing any more.
    life: u64,
}

/// A whole disk as it was, to roll a node back to.
#[derive(Debug, Clone)]
pub struct DiskImage(BTreeMap<String, Vec<u8>>);

#[derive(Debug)]
struct State {
    random: Random,
    life: u64,
    has_power: bool,
    operations: u64,
    /// The operation at which the power fails.
    power_fails_at: Option<u64>,
    /// The operation from which on nothing more can be written.
    full_from: Option<u64>,
    files: BTreeMap<u64, File>,
    next_file: u64,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// Changes of names since the directory was synced.
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Create(String, u64),
    /// What file it was, so that it is that one even if its creation is lost.
    Rename(String, String, u64),
    Remove(String),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Create(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Rename(from, to, file) => {
                if names.get(from) == Some(file) {
                    names.remove(from);
                }
                names.insert(to.clone(), *file);
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl SimulatedDisk {
    /// An empty disk. The same seed and the same operations give the same crashes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: Random(seed),
            life: 0,
            has_power: true,
            operations: 0,
            power_fails_at: None,
            full_from: None,
            files: BTreeMap::new(),
            next_file: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)), life: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes, syncs, renames and removals so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The power fails at the `count`-th operation from now, which may be done in part; 0 is the
    /// next one. Everything fails from then on, until [`crash`](Self::crash).
    pub fn fail_after(&self, count: u64) {
        let mut state = self.state();
        state.power_fails_at = Some(state.operations.saturating_add(count));
    }

    /// From the `count`-th operation from now on the disk is full, or never with `None`. Syncs,
    /// renames and removals work on a full disk.
    pub fn full_after(&self, count: Option<u64>) {
        let mut state = self.state();
        state.full_from = count.map(|count| state.operations.saturating_add(count));
    }

    /// The power is gone and back: loses or tears what was not synced, and gives the disk as the
    /// next life finds it. All handles from before fail from now on.
    #[must_use = "only the new handle can be used"]
    pub fn crash(&self) -> Self {
        let mut state = self.state();
        state.lose_names();
        let State { files, random, .. } = &mut *state;
        files.values_mut().for_each(|file| file.crash(random));
        self.next_life(state)
    }

    /// A handle for the next life without a loss, as after a process was killed. All handles from
    /// before fail from now on.
    #[must_use = "only the new handle can be used"]
    pub fn kill(&self) -> Self {
        self.next_life(self.state())
    }

    fn next_life(&self, mut state: MutexGuard<'_, State>) -> Self {
        state.has_power = true;
        state.power_fails_at = None;
        state.life = state.life.saturating_add(1);
        Self { state: Arc::clone(&self.state), life: state.life }
    }

    /// All files as a reader sees them now.
    #[must_use]
    pub fn image(&self) -> DiskImage {
        let state = self.state();
        let content =
            |(name, file)| Some((String::clone(name), state.files.get(file)?.bytes.clone()));
        DiskImage(state.names.iter().filter_map(content).collect())
    }

    /// Puts an image in place of all files, durably: a disk that was rolled back, or cloned.
    pub fn restore(&self, image: &DiskImage) {
        let mut state = self.state();
        state.files.clear();
        state.names.clear();
        for (name, bytes) in &image.0 {
            let number = state.next_file;
            state.next_file = number.saturating_add(1);
            state.files.insert(number, File::durable(bytes.clone()));
            state.names.insert(name.clone(), number);
        }
        state.durable_names = state.names.clone();
        state.changes.clear();
    }

    /// Changes bytes in place, as rot or a host would: durable, and no operation.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`].
    pub fn tamper(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let mut state = self.state();
        let file = state.file_mut(name)?;
        change(&mut file.bytes);
        file.sync();
        Ok(())
    }

    fn reading(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        match state.has_power && state.life == self.life {
            true => Ok(state),
            false => Err(power_loss()),
        }
    }

    /// Counts an operation, and does it in part where the power fails at it.
    fn operation(
        &self,
        does: impl FnOnce(&mut State) -> io::Result<()>,
        in_part: impl FnOnce(&mut State),
    ) -> io::Result<()> {
        let mut state = self.reading()?;
        let number = state.operations;
        state.operations = number.saturating_add(1);
        if state.power_fails_at.is_some_and(|at| number >= at) {
            in_part(&mut state);
            state.has_power = false;
            return Err(power_loss());
        }
        does(&mut state)
    }
}

fn power_loss() -> io::Error {
    io::Error::other("the simulated power is gone")
}

impl State {
    fn number(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&self, name: &str) -> io::Result<&File> {
        self.files.get(&self.number(name)?).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file_mut(&mut self, name: &str) -> io::Result<&mut File> {
        let number = self.number(name)?;
        self.files.get_mut(&number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn created(&mut self, name: &str) -> &mut File {
        let number = match self.number(name) {
            Ok(number) => number,
            Err(_) => {
                let number = self.next_file;
                self.next_file = number.saturating_add(1);
                self.change(Change::Create(name.to_owned(), number));
                number
            }
        };
        self.files.entry(number).or_default()
    }

    fn is_full(&self) -> bool {
        // The operation was counted already.
        self.full_from.is_some_and(|from| self.operations > from)
    }

    fn lose_names(&mut self) {
        let keep = self.random.below(4);
        for change in std::mem::take(&mut self.changes) {
            // All, none, or any of them.
            if keep == 0 || (keep > 1 && self.random.below(2) == 0) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        let State { files, names, .. } = self;
        files.retain(|number, _| names.values().any(|named| named == number));
    }
}

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.reading()?.names.keys().cloned().collect())
    }

    fn size_bytes(&self, name: &str) -> io::Result<u64> {
        let length = self.reading()?.file(name)?.bytes.len();
        u64::try_from(length).map_err(io::Error::other)
    }

    fn read_at(&self, name: &str, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.reading()?.file(name)?.read_at(offset, buffer))
    }

    fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let part = |state: &mut State| {
            let length = state.random.below_length(bytes.len());
            let written = bytes.get(..length).unwrap_or_default();
            state.created(name).write_at(offset, written)
        };
        let whole = |state: &mut State| match state.is_full() {
            true => part(state).and(Err(io::ErrorKind::StorageFull.into())),
            false => state.created(name).write_at(offset, bytes),
        };
        self.operation(whole, |state| drop(part(state)))
    }

    fn set_size(&self, name: &str, size_bytes: u64) -> io::Result<()> {
        let set = |state: &mut State| state.created(name).set_size(size_bytes);
        self.operation(set, |state| {
            if state.random.below(2) == 0 {
                drop(state.created(name).set_size(size_bytes));
            }
        })
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        let sync = |state: &mut State| state.file_mut(name).map(File::sync);
        self.operation(sync, |_| {})
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let rename = |state: &mut State| {
            let file = state.number(from)?;
            state.change(Change::Rename(from.to_owned(), to.to_owned(), file));
            Ok(())
        };
        self.operation(rename, |state| {
            if state.random.below(2) == 0 {
                drop(rename(state));
            }
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if self.reading()?.number(name).is_err() {
            return Ok(());
        }
        let remove = |state: &mut State| state.change(Change::Remove(name.to_owned()));
        self.operation(
            |state| {
                remove(state);
                Ok(())
            },
            |state| {
                if state.random.below(2) == 0 {
                    remove(state);
                }
            },
        )
    }

    fn sync_dir(&self) -> io::Result<()> {
        let sync = |state: &mut State| {
            state.durable_names = state.names.clone();
            state.changes.clear();
            let State { files, names, .. } = state;
            files.retain(|number, _| names.values().any(|named| named == number));
            Ok(())
        };
        self.operation(sync, |_| {})
    }
}

/// SplitMix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, or 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// A length up to and with `most`.
    fn below_length(&mut self, most: usize) -> usize {
        let end = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        usize::try_from(self.below(end)).unwrap_or(0)
    }
}
