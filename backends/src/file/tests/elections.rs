use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::conformance::{Apart, Election, ElectionHarness, ElectionSpace, Process};
use standfast_core::{Clock, ElectionBackend, Result};
use tempfile::TempDir;

use crate::file::FileElection;
use crate::suite::suite;

const TTL: Duration = Duration::from_millis(500);

#[derive(Debug)]
struct File;

fn file() -> Arc<dyn ElectionHarness> {
    Arc::new(File)
}

#[async_trait]
impl ElectionHarness for File {
    async fn space(&self) -> Result<Box<dyn ElectionSpace>> {
        Ok(Box::new(Space(tempfile::tempdir().unwrap())))
    }
}

#[derive(Debug)]
struct Space(TempDir);

impl Space {
    fn handle(&self, clock: &Clock) -> Result<FileElection> {
        FileElection::open_with_ttl(self.0.path(), clock.clone(), TTL)
    }
}

#[async_trait]
impl ElectionSpace for Space {
    async fn open(&self, clock: &Clock) -> Result<Arc<dyn ElectionBackend>> {
        Ok(Arc::new(self.handle(clock)?))
    }

    fn ttl(&self) -> Duration {
        TTL
    }

    fn goes_by_given_clocks(&self) -> bool {
        true
    }

    async fn open_apart(&self, clock: &Clock) -> Result<Option<Apart<dyn ElectionBackend>>> {
        let election = Arc::new(self.handle(clock)?);
        Ok(Some(Apart {
            store: Arc::clone(&election) as Arc<dyn ElectionBackend>,
            process: Arc::new(Standing(election)),
        }))
    }

    async fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(self.0.path()).unwrap();
        Ok(())
    }
}

/// What a process that stands still looks like to the others.
#[derive(Debug)]
struct Standing(Arc<FileElection>);

#[async_trait]
impl Process for Standing {
    async fn freeze(&self) -> Result<()> {
        self.0.freeze();
        Ok(())
    }

    async fn thaw(&self) -> Result<()> {
        self.0.thaw();
        Ok(())
    }

    /// The lock goes with the last handle on it, as it does with a process.
    async fn kill(&self) -> Result<()> {
        Ok(())
    }
}

suite!(Election, file(),
    holds:
        of_two_clusters_that_claim_an_election_one_wins,
        h20_an_election_of_another_cluster_is_foreign,
        one_leads_and_the_others_wait,
        h19_an_epoch_is_above_what_was_granted_and_what_was_asked_for,
        a_candidate_that_gives_up_holds_nothing,
        reopening_claims_a_higher_epoch_and_keeps_the_seat,
        a_killed_leader_is_replaced_without_waiting_for_its_lease,
        a_named_successor_goes_first,
        without_the_successor_another_takes_over,
        h16_of_racing_candidates_one_at_a_time_believes,
        h29_leadership_holds_through_a_drain_of_three_leases,
        h18_the_renewal_survives_a_runtime_that_is_blocked,
        h17_no_clock_is_compared_with_that_of_another_node,
        h01_a_frozen_leader_is_replaced_when_it_believes_no_more,
        h17_a_leader_whose_machine_slept_believes_no_more,
        h07_a_lost_term_confirms_announces_and_publishes_nothing,
        resigning_a_lost_term_ends_no_successor,
        h30_the_record_says_serving_only_after_the_announcement,
        h08_a_watch_tells_the_newest_for_ever,
        what_was_announced_never_goes_back,
        the_term_record_outlives_its_leader,
        a_node_is_registered_once,
        a_living_leader_is_not_deposed;
    does not apply:;
);
