/// What a block's memory is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    /// What nobody has set aside.
    Spare,
    /// What is set aside for the reader that needs the block.
    Reserve,
}

/// Who may have how much of the memory for blocks. What it has let through is never more than the
/// budget.
///
/// Every reader has enough set aside for the block in its hand, so that it gets on whatever others
/// do. The rest, the *spare* memory, is for larger blocks, for reading ahead, and for blocks that
/// wait for a second reader.
#[derive(Debug)]
pub(crate) struct Ledger {
    budget_bytes: u64,
    /// Set aside for readers, in use or not.
    reserve_bytes: u64,
    in_use_of_spare: u64,
    in_use_of_reserve: u64,
    /// Allocated and in no block.
    free_bytes: u64,
    peak_bytes: u64,
}

impl Ledger {
    pub(crate) const fn new(budget_bytes: u64) -> Self {
        Self {
            budget_bytes,
            reserve_bytes: 0,
            in_use_of_spare: 0,
            in_use_of_reserve: 0,
            free_bytes: 0,
            peak_bytes: 0,
        }
    }

    /// Sets memory aside; what would be needed in all, where it is not there.
    pub(crate) fn set_aside(&mut self, bytes: u64) -> Result<(), u64> {
        let wanted = self.reserve_bytes.saturating_add(bytes);
        if wanted.saturating_add(self.in_use_of_spare) > self.budget_bytes {
            return Err(wanted.saturating_add(self.in_use_of_spare));
        }
        self.reserve_bytes = wanted;
        Ok(())
    }

    pub(crate) const fn give_back(&mut self, bytes: u64) {
        self.reserve_bytes = self.reserve_bytes.saturating_sub(bytes);
    }

    /// Charges a block: to what is spare, or where `reserved` says so to what is set aside.
    pub(crate) fn charge(&mut self, bytes: u64, reserved: bool) -> Option<Charge> {
        let spare = self.budget_bytes.saturating_sub(self.reserve_bytes);
        let in_use = self.in_use_of_spare.saturating_add(bytes);
        if in_use <= spare {
            self.in_use_of_spare = in_use;
            return Some(Charge::Spare);
        }
        let in_use = self.in_use_of_reserve.saturating_add(bytes);
        if reserved && in_use <= self.reserve_bytes {
            self.in_use_of_reserve = in_use;
            return Some(Charge::Reserve);
        }
        None
    }

    pub(crate) const fn release(&mut self, charge: Charge, bytes: u64) {
        match charge {
            Charge::Spare => self.in_use_of_spare = self.in_use_of_spare.saturating_sub(bytes),
            Charge::Reserve => {
                self.in_use_of_reserve = self.in_use_of_reserve.saturating_sub(bytes);
            }
        }
    }

    pub(crate) const fn keep_free(&mut self, bytes: u64) {
        self.free_bytes = self.free_bytes.saturating_add(bytes);
    }

    /// Memory that was free is in a block again, or given back to the system.
    pub(crate) const fn reuse(&mut self, bytes: u64) {
        self.free_bytes = self.free_bytes.saturating_sub(bytes);
    }

    /// Whether what is in use and what is free are more than the budget together.
    pub(crate) const fn is_over(&self) -> bool {
        self.held_bytes() > self.budget_bytes
    }

    /// Whether three quarters of the spare memory are in use.
    pub(crate) const fn is_tight(&self) -> bool {
        let spare = self.budget_bytes.saturating_sub(self.reserve_bytes);
        self.in_use_of_spare > spare.saturating_sub(spare >> 2)
    }

    pub(crate) fn note_peak(&mut self) {
        self.peak_bytes = self.peak_bytes.max(self.held_bytes());
    }

    pub(crate) const fn peak_bytes(&self) -> u64 {
        self.peak_bytes
    }

    /// What is in use, and what is set aside.
    #[cfg(test)]
    pub(crate) const fn in_use_bytes(&self) -> (u64, u64) {
        (self.in_use_of_spare.saturating_add(self.in_use_of_reserve), self.reserve_bytes)
    }

    const fn held_bytes(&self) -> u64 {
        self.in_use_of_spare.saturating_add(self.in_use_of_reserve).saturating_add(self.free_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_there_for_readers_and_for_nobody_else() {
        let mut ledger = Ledger::new(100);
        assert_eq!(ledger.set_aside(101), Err(101));
        assert_eq!(ledger.set_aside(60), Ok(()));
        assert_eq!(ledger.charge(41, false), None);
        assert_eq!(ledger.charge(40, false), Some(Charge::Spare));
        assert_eq!(ledger.set_aside(1), Err(101));
        assert_eq!(ledger.charge(1, false), None);
        assert_eq!(ledger.charge(61, true), None);
        assert_eq!(ledger.charge(60, true), Some(Charge::Reserve));
        assert_eq!(ledger.charge(1, true), None);
        assert_eq!(ledger.in_use_bytes(), (100, 60));
        assert!(!ledger.is_over());

        ledger.release(Charge::Spare, 40);
        ledger.keep_free(40);
        ledger.note_peak();
        assert!(!ledger.is_over());
        assert_eq!(ledger.charge(10, true), Some(Charge::Spare));
        assert!(ledger.is_over());
        ledger.reuse(40);
        ledger.note_peak();
        assert_eq!(ledger.peak_bytes(), 100);
        ledger.release(Charge::Reserve, 60);
        ledger.release(Charge::Spare, 10);
        ledger.give_back(60);
        assert_eq!(ledger.in_use_bytes(), (0, 0));
    }

    #[test]
    fn a_quarter_of_the_spare_memory_is_kept_for_reading_ahead() {
        let mut ledger = Ledger::new(140);
        assert_eq!(ledger.set_aside(40), Ok(()));
        assert_eq!(ledger.charge(75, false), Some(Charge::Spare));
        assert!(!ledger.is_tight());
        assert_eq!(ledger.charge(1, false), Some(Charge::Spare));
        assert!(ledger.is_tight());
    }
}
