//! The cases about snapshot stores.

use std::path::Path;
use std::sync::Arc;

use standfast::conformance::{SnapshotHarness, Snapshots, Suite};

use crate::kinds::{Tried, every_case};

impl Tried for Snapshots {
    const BACKENDS: &'static [&'static str] = &["bucket", "s3"];
    const OWN_TESTS: &'static [(&'static str, &'static str)] = &[
        (
            "bucket",
            include_str!("../../backends/src/bucket/tests/suite.rs"),
        ),
        (
            "s3",
            include_str!("../../backends/src/bucket/tests/on_s3.rs"),
        ),
    ];

    fn config(backend: &str, dir: &Path) -> String {
        let place = match backend {
            "s3" => crate::s3::place(dir),
            _ => "url = \"bucket\"".to_owned(),
        };
        format!(
            r#"
            cluster = {{ id = "certified" }}
            node = {{ id = "a", data_dir = "a" }}
            oplog = {{ type = "memory", name = {dir:?} }}
            election = {{ type = "memory", name = {dir:?} }}
            snapshots = {{ type = "bucket", {place} }}
            "#
        )
    }

    fn harness(suite: &Suite) -> Arc<dyn SnapshotHarness> {
        suite.snapshots().expect("there is one")
    }
}

every_case!(
    Snapshots,
    on [bucket, s3],
    [
        of_two_clusters_that_claim_a_store_one_wins,
        h20_what_is_of_another_cluster_is_foreign,
        what_is_stored_under_a_name_never_changes,
        of_several_attestations_the_first_stays,
        damage_is_corrupt_and_names_the_part,
        h14_rot_is_corrupt_and_names_the_part,
        h23_what_a_later_version_wrote_is_told_as_such,
        h24_of_two_publishers_nobody_harms_the_other,
        h05_of_twenty_racers_for_an_entry_one_wins_and_all_agree,
        h01_an_entry_on_one_of_a_higher_epoch_is_fenced,
        h19_the_epoch_of_the_catalog_never_falls,
        h02_no_old_leader_wins_after_everything_was_collected,
        an_entry_is_the_token_holders_own,
        h03_an_entry_that_is_sent_again_is_won_again,
        h05_of_two_leaders_in_any_order_of_their_steps_the_later_stays,
        an_entry_lists_what_its_manifests_say,
        what_was_revoked_is_not_listed,
        a_part_is_reused_only_while_a_listed_snapshot_refers_to_it,
        a_snapshot_whose_own_upload_was_revoked_is_not_listed,
        what_is_retired_never_comes_back,
        what_is_retired_goes_and_what_is_listed_or_young_stays,
        h11_what_is_pinned_stays_until_it_is_unpinned,
        an_entry_that_was_not_won_collects_nothing,
        h24_a_collection_that_thaws_late_deletes_nothing_newer,
        h24_a_publisher_held_between_any_two_calls_is_listed_whole_or_not,
        h01_a_leader_held_between_any_two_calls_undoes_nothing,
        h11_a_restore_is_safe_from_a_collector_held_between_any_two_calls,
        h11_a_restore_held_between_any_two_calls_keeps_what_it_relies_on,
        h24_a_collector_held_between_any_two_calls_deletes_nothing_newer,
        h03_a_lost_answer_at_any_call_is_no_lost_entry,
        h01_a_frozen_process_lists_nothing_after_its_successor,
        h24_what_a_killed_process_listed_is_there_and_whole,
        the_catalog_is_what_its_model_is,
    ]
);
