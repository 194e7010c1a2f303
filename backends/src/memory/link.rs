use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::error;
use standfast_core::{ErrorKind, Result};

/// The way from one node to the spaces it shares with others. While a test has cut it, every call over it is
/// `Unavailable`, changes nothing, and renews no lease.
#[derive(Clone, Debug, Default)]
pub struct MemoryLink {
    cut: Arc<AtomicBool>,
}

impl MemoryLink {
    /// A way that is open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the way, for all clones.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Opens it again.
    pub fn heal(&self) {
        self.cut.store(false, Ordering::Release);
    }

    /// Whether it is cut.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.is_cut() {
            return Err(error(ErrorKind::Unavailable, "reach the space").context("the link is cut"));
        }
        Ok(())
    }
}
