use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{FenceToken, Result, Seq, SnapshotStore, TrimGuard};

/// Keeps a trim of the log behind the restores in progress (R8).
#[derive(Debug)]
pub struct PinGuard {
    token: FenceToken,
    store: Arc<dyn SnapshotStore>,
}

impl PinGuard {
    /// For the term of `token`.
    pub fn new(token: FenceToken, store: Arc<dyn SnapshotStore>) -> Self {
        Self { token, store }
    }
}

#[async_trait]
impl TrimGuard for PinGuard {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        let pins = self.store.pins().await?;
        Ok(pins.iter().map(|pin| pin.seq.next()).min())
    }
}
