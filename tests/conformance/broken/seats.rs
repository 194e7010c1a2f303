use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast::Result;
use standfast::conformance::{Election, ElectionTwist};
use standfast::standfast_core::{Candidate, ElectionBackend, Epoch, Leadership};

use crate::kinds::case;

/// The case whose twin lets two lead.
pub(super) const ONE_LEADS: &str = "one_leads_and_the_others_wait";

/// How long a campaign takes, whatever comes of it.
const SLOW: Duration = Duration::from_millis(150);

/// Grants a seat that another holds, and takes its time about it.
pub(super) struct SlowlyLetsTwoLead(Arc<dyn ElectionTwist>);

impl Default for SlowlyLetsTwoLead {
    fn default() -> Self {
        Self((case::<Election>(ONE_LEADS).twin)())
    }
}

#[async_trait]
impl ElectionTwist for SlowlyLetsTwoLead {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        tokio::time::sleep(SLOW).await;
        self.0.campaign(election, candidate, at_least).await
    }
}
