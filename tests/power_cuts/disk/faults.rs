use fuser::Errno;

/// What goes wrong, and what has been counted. Counts begin at 1 and with each mount.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) syncs: u64,
    pub(super) writes: u64,
    pub(super) steps: u64,
    /// The sync of this number fails.
    pub(super) fail_sync: Option<u64>,
    /// And all after it.
    pub(super) all_syncs: bool,
    /// The write of this number finds no room.
    pub(super) fail_write: Option<u64>,
    /// From this step on, a change or a sync, nothing happens any more: the power is gone, and the process does not know.
    pub(super) stop_at: Option<u64>,
    /// The same, from the sync of this number on.
    pub(super) stop_before_sync: Option<u64>,
    pub(super) read_only: bool,
    /// In pages.
    pub(super) capacity: Option<u64>,
}

impl Faults {
    /// A change or a sync begins.
    pub(super) fn step(&mut self) -> Result<(), Errno> {
        self.steps += 1;
        match self.stop_at {
            Some(stop) if self.steps >= stop => Err(Errno::EIO),
            _ => Ok(()),
        }
    }

    pub(super) fn change(&mut self) -> Result<(), Errno> {
        self.step()?;
        if self.read_only {
            return Err(Errno::EROFS);
        }
        Ok(())
    }

    pub(super) fn write(&mut self) -> Result<(), Errno> {
        self.change()?;
        self.writes += 1;
        if self.fail_write == Some(self.writes) {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// Whether this sync is one that fails.
    pub(super) fn sync(&mut self) -> Result<bool, Errno> {
        if self.stop_before_sync == Some(self.syncs + 1) {
            self.stop_at.get_or_insert(self.steps);
        }
        self.step()?;
        self.syncs += 1;
        let fails = |number| self.syncs == number || (self.all_syncs && self.syncs > number);
        Ok(self.fail_sync.is_some_and(fails))
    }
}
