//! The cases about logs.

use std::path::Path;
use std::sync::Arc;

use standfast::conformance::{Log, LogHarness, Suite};

use crate::kinds::{Tried, every_case};

impl Tried for Log {
    const BACKENDS: &'static [&'static str] = &["memory", "file", "rocksdb", "etcd"];
    const OWN_TESTS: &'static [(&'static str, &'static str)] = &[
        ("file", include_str!("../power_cuts/held.rs")),
        (
            "file",
            include_str!("../../backends/src/file/tests/logs.rs"),
        ),
        ("etcd", include_str!("etcd/logs.rs")),
    ];

    fn config(backend: &str, dir: &Path) -> String {
        let place = match backend {
            "file" | "rocksdb" => "dir = \"log\"".to_owned(),
            "etcd" => crate::etcd::place(dir),
            // Spaces in memory are shared by name.
            _ => format!("name = {:?}", dir.display().to_string()),
        };
        format!(
            r#"
            cluster = {{ id = "certified" }}
            node = {{ id = "a", data_dir = "a" }}
            oplog = {{ type = "{backend}", {place} }}
            election = {{ type = "memory", name = {dir:?} }}
            recovery = {{ mode = "log" }}
            "#
        )
    }

    fn harness(suite: &Suite) -> Arc<dyn LogHarness> {
        suite.log().expect("there is a log")
    }
}

every_case!(
    Log,
    on [memory, file, rocksdb, etcd],
    [
        of_two_clusters_that_claim_a_log_one_wins,
        h20_the_data_of_another_cluster_are_foreign,
        what_is_acknowledged_is_read_back_byte_for_byte,
        a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives,
        h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives,
        h27_a_batch_of_too_many_entries_is_unsupported_and_the_writer_lives,
        h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer,
        h01_a_zombie_is_fenced_and_stays_so,
        h02_a_zombie_is_fenced_after_everything_was_trimmed,
        while_a_writer_holds_the_log_another_is_unavailable,
        h19_an_epoch_that_is_not_higher_is_fenced,
        what_nobody_marked_is_settled_by_the_next_writer,
        h13_what_a_fenced_writer_wrote_is_never_read,
        h01_a_writer_held_between_any_two_calls_loses_nothing_it_acknowledges,
        h03_a_lost_answer_at_any_call_is_no_lost_entry,
        h01_a_frozen_process_acknowledges_nothing_after_its_successor,
        h02_a_frozen_process_is_fenced_after_everything_was_trimmed,
        h01_a_frozen_process_keeps_the_log_until_it_is_killed,
        h06_what_a_killed_process_acknowledged_is_in_the_log_for_good,
        h02_a_writer_held_while_its_successor_trims_past_it_leaves_no_trace,
        h10_a_trim_cut_at_any_call_is_done_by_the_next,
        h16_of_racing_writers_every_acknowledged_entry_stays,
        h28_what_lands_during_a_promotion_is_drained_or_refused,
        a_position_of_another_history_is_regressed,
        a_read_keeps_its_limits_but_gives_one_batch,
        a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch,
        h08_a_tail_sees_all_batches_in_order_while_they_are_written,
        a_wait_that_was_dropped_loses_nothing,
        h08_a_watch_that_lies_only_wakes_a_tail,
        h09_what_nobody_reads_comes_in_pieces,
        h10_trim_keeps_what_is_needed_and_the_last_batch,
        h10_what_is_needed_and_cannot_be_found_out_stays,
        h07_who_no_longer_leads_trims_nothing,
        what_is_left_is_read_from_before_the_floor,
        h11_a_tail_below_the_floor_says_so,
        h25_its_size_grows_with_appends_and_falls_with_trims,
        h11_a_reader_that_races_trims_misses_nothing_unsaid,
        h11_a_tail_that_races_trims_misses_nothing_unsaid,
        a_log_begun_anew_holds_nothing_of_lower_epochs,
        h21_what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out,
        what_a_follower_stores_is_the_primarys_log_byte_for_byte,
        what_comes_together_is_stored_as_if_it_came_one_by_one,
        h01_a_follower_promises_an_epoch_for_good,
        a_follower_opened_again_goes_on_behind_what_it_stored,
        what_does_not_follow_is_refused_and_the_follower_lives,
        h06_a_cut_comes_with_the_next_batch_or_not_at_all,
        h06_of_two_dead_ends_the_one_of_the_higher_epoch_is_cut_as_well,
        what_is_committed_is_never_cut,
        who_is_let_in_proves_nothing_committed,
        h11_a_follower_begins_anew_as_often_as_it_falls_behind,
        a_log_has_an_id_of_its_own,
        h14_damage_is_corrupt_and_never_passed_over,
        h23_what_a_later_version_wrote_is_told_as_such,
        a_log_is_what_its_model_says_after_any_steps,
    ]
);
