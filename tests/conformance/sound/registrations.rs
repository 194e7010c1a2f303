use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use standfast::Result;
use standfast::conformance::ElectionTwist;
use standfast::standfast_core::{ElectionBackend, Member, Registration};

/// Those that were dropped, and have not ended yet.
type Dropped = Arc<Mutex<Vec<Box<dyn Registration>>>>;

/// A registration that was dropped ends once the members have been looked at.
#[derive(Default)]
pub(super) struct EndLate(Dropped);

#[async_trait]
impl ElectionTwist for EndLate {
    async fn members(&self, election: &dyn ElectionBackend) -> Result<Vec<Member>> {
        let members = election.members().await;
        self.0.lock().clear();
        members
    }

    async fn register(
        &self,
        election: &dyn ElectionBackend,
        member: &Member,
    ) -> Result<Box<dyn Registration>> {
        Ok(Box::new(Late {
            inner: Some(election.register(member).await?),
            dropped: Arc::clone(&self.0),
        }))
    }
}

struct Late {
    inner: Option<Box<dyn Registration>>,
    dropped: Dropped,
}

#[async_trait]
impl Registration for Late {
    async fn update(&self, member: &Member) -> Result<()> {
        let inner = self.inner.as_ref().expect("it is there until the drop");
        inner.update(member).await
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.dropped.lock().extend(self.inner.take());
    }
}
