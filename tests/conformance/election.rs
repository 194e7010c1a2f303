//! The cases about elections.

use std::path::Path;
use std::sync::Arc;

use standfast::conformance::{Election, ElectionHarness, Suite};

use crate::kinds::{Tried, every_case};

impl Tried for Election {
    const BACKENDS: &'static [&'static str] = &["memory", "file", "etcd"];
    const OWN_TESTS: &'static [(&'static str, &'static str)] = &[
        (
            "memory",
            include_str!("../../backends/src/memory/elections.rs"),
        ),
        (
            "file",
            include_str!("../../backends/src/file/tests/elections.rs"),
        ),
    ];

    fn config(backend: &str, dir: &Path) -> String {
        let place = match backend {
            "file" => "dir = \"election\"".to_owned(),
            "etcd" => crate::etcd::place(dir),
            // Spaces in memory are shared by name.
            _ => format!("name = {:?}", dir.display().to_string()),
        };
        format!(
            r#"
            cluster = {{ id = "certified" }}
            node = {{ id = "a", data_dir = "a" }}
            oplog = {{ type = "memory", name = {dir:?} }}
            election = {{ type = "{backend}", {place} }}
            recovery = {{ mode = "log" }}
            "#
        )
    }

    fn harness(suite: &Suite) -> Arc<dyn ElectionHarness> {
        suite.election().expect("there is one")
    }
}

every_case!(Election, on [memory, file, etcd], [
    of_two_clusters_that_claim_an_election_one_wins, h20_an_election_of_another_cluster_is_foreign, one_leads_and_the_others_wait, h19_an_epoch_is_above_what_was_granted_and_what_was_asked_for, a_candidate_that_gives_up_holds_nothing, reopening_claims_a_higher_epoch_and_keeps_the_seat, a_killed_leader_is_replaced_without_waiting_for_its_lease, a_named_successor_goes_first, without_the_successor_another_takes_over, h16_of_racing_candidates_one_at_a_time_believes, h29_leadership_holds_through_a_drain_of_three_leases, h18_the_renewal_survives_a_runtime_that_is_blocked, h17_no_clock_is_compared_with_that_of_another_node, h01_a_frozen_leader_is_replaced_when_it_believes_no_more, h17_a_leader_whose_machine_slept_believes_no_more, h07_a_lost_term_confirms_announces_and_publishes_nothing, resigning_a_lost_term_ends_no_successor, h30_the_record_says_serving_only_after_the_announcement, h08_a_watch_tells_the_newest_for_ever, what_was_announced_never_goes_back, the_term_record_outlives_its_leader, a_node_is_registered_once, a_living_leader_is_not_deposed,
]);
