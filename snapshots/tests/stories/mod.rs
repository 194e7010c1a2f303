//! What must hold on every snapshot store. Each file's stories are instantiated by `on_store!` for the store in memory
//! (here) and for real buckets (the root package's tests).

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "shared by several test binaries, none of which uses everything"
)]

pub(crate) mod damage;
pub(crate) mod diff;
pub(crate) mod interposed;
pub(crate) mod interrupted;
pub(crate) mod layers;
pub(crate) mod leaders;
pub(crate) mod map_service;
pub(crate) mod retention;
pub(crate) mod round_trip;
pub(crate) mod slow;
pub(crate) mod task;
pub(crate) mod world;

use std::sync::Arc;

use standfast_core::{Manifest, PartRef, SnapshotId, SnapshotStore};

/// A store made for one story, and how to damage it behind its back.
pub(crate) trait Fixture: Send + Sync {
    /// The store, made this cluster's.
    fn store(&self) -> Arc<dyn SnapshotStore>;
    fn damage_part(&self, part: &PartRef, damage: Damage);
    /// Takes the damage back.
    fn repair_part(&self, part: &PartRef);
    fn remove_manifest(&self, id: &SnapshotId);
    fn replace_manifest(&self, manifest: &Manifest);
    /// How many parts lie there, referred to or not.
    fn parts(&self) -> usize;
    /// How many manifests lie there.
    fn manifests(&self) -> usize;
}

/// What happened to a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    Remove,
    FlipBit,
    Truncate,
}

/// Makes a test of each story on the stores that `$make` makes.
macro_rules! on_store {
    ($make:expr; $($file:ident: $($story:ident),+ $(,)?;)+) => {
        $(mod $file {
            $(#[tokio::test]
            async fn $story() {
                let fixture = $make().await;
                $crate::stories::$file::$story(&fixture).await;
            })+
        })+
    };
}
pub(crate) use on_store;

/// All stories.
macro_rules! all_stories_on {
    ($make:expr) => {
        $crate::stories::on_store! {
            $make;
            round_trip: ten_thousand_objects_come_back,
                an_empty_state_comes_back,
                a_proposal_waits_until_its_position_is_committed,
                a_proposal_of_a_term_that_ends_is_never_made,
                a_second_capture_at_the_same_time_is_refused,
                a_cancelled_publication_ends_its_capture,
                parts_in_memory_are_bounded_up_and_down,
                a_snapshot_is_proved_with_and_without_a_scratch_state;
            layers: a_layer_is_as_large_as_what_changed,
                any_sequence_of_layers_restores_what_was_captured,
                after_four_layers_comes_a_base_and_also_when_much_has_changed,
                a_base_that_is_retired_stays_as_long_as_a_layer_needs_it,
                a_trim_relies_on_two_bases_and_not_on_two_layers_of_one,
                damage_in_a_base_is_found_and_the_next_snapshot_is_complete,
                a_comparison_looks_through_all_layers;
            leaders: a_proposal_is_listed_verified_and_retired_in_turn,
                only_what_the_leader_itself_passed_through_is_listed,
                of_two_leaders_racing_for_an_entry_one_wins_and_both_agree,
                a_leader_of_a_lower_epoch_is_fenced,
                two_publishers_of_one_milestone_are_listed_once,
                two_publishers_race_and_whatever_is_listed_restores,
                the_log_is_trimmed_behind_two_verified_snapshots_only,
                a_pin_holds_the_log,
                a_damaged_snapshot_does_not_count_for_trimming,
                a_wrong_attestation_verifies_nothing,
                an_upload_that_died_is_collected_in_the_end,
                twins_are_listed_when_wanted_and_a_trim_relies_on_both;
            retention: a_young_snapshot_is_kept_beyond_the_count,
                a_damaged_snapshot_never_pushes_out_one_that_trim_relies_on,
                more_proposals_at_once_than_are_kept_are_no_trouble,
                pruning_retires_by_other_limits_what_a_trial_said;
            diff: every_row_added_removed_or_changed_is_told_and_no_other,
                a_comparison_with_a_damaged_snapshot_names_the_part,
                a_service_that_cannot_tell_its_rows_apart_says_so;
            damage: each_damage_names_the_part_and_an_older_snapshot_is_restored,
                a_missing_manifest_or_a_foreign_one_falls_back,
                with_every_snapshot_damaged_the_restore_fails_and_says_what_is_missing,
                a_store_that_does_not_answer_damages_nothing,
                a_manifest_whose_layers_do_not_add_up_is_damage,
                a_snapshot_of_a_newer_program_is_no_damage_and_says_what_it_needs,
                an_empty_catalog_restores_nothing;
            interrupted: whatever_is_listed_restores_after_the_publisher_died_at_any_call,
                the_next_leader_takes_over_after_one_died_at_any_call,
                a_restore_frozen_at_any_call_survives_collection,
                a_collection_frozen_at_any_call_harms_no_restore,
                a_publisher_frozen_at_any_call_publishes_nothing_that_lacks_a_part;
            slow: a_slow_restore_survives_twenty_snapshots_and_trims,
                a_restore_whose_pin_is_taken_away_begins_again,
                a_restore_that_is_stopped_takes_its_pin_back;
            task: a_snapshot_is_made_when_it_is_asked_for,
                a_snapshot_is_made_by_the_clock_and_by_entries,
                nothing_is_made_without_news_or_after_somebody_else,
                shutting_down_does_not_wait_for_a_store_that_hangs,
                whatever_call_fails_a_last_snapshot_is_proved_or_made_again,
                the_time_to_the_next_one_counts_from_the_newest_that_is_listed;
        }
    };
}
pub(crate) use all_stories_on;
