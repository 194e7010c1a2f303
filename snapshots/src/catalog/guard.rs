use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast_core::{FenceToken, Result, Seq, SnapshotStore, TrimGuard};

/// Keeps one trim of the log behind the restores in progress (R8).
#[derive(Debug)]
pub struct PinGuard {
    token: FenceToken,
    store: Arc<dyn SnapshotStore>,
    /// The lowest that was needed when the trim asked.
    named: Mutex<Option<Seq>>,
}

impl PinGuard {
    /// For the term of `token`.
    pub fn new(token: FenceToken, store: Arc<dyn SnapshotStore>) -> Self {
        Self {
            token,
            store,
            named: Mutex::new(None),
        }
    }

    /// Whether a restore has kept the trim from getting through this entry.
    pub fn has_held(&self, through: Seq) -> bool {
        self.named.lock().is_some_and(|needed| needed <= through)
    }
}

#[async_trait]
impl TrimGuard for PinGuard {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        let pins = self.store.pins().await?;
        let needed = pins.iter().map(|pin| pin.seq.next()).min();
        *self.named.lock() = needed;
        Ok(needed)
    }
}
