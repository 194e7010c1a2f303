use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{
    Damage, SnapshotHarness, SnapshotSpace, Snapshots, Wire, WiredSnapshots,
};
use standfast_core::{Result, SnapshotStore};
use tempfile::TempDir;

use super::line::Line;
use super::unreliable::Unreliable;
use crate::bucket::BucketSnapshotStore;
use crate::suite::suite;

#[derive(Debug)]
struct Files;

fn files() -> Arc<dyn SnapshotHarness> {
    Arc::new(Files)
}

#[async_trait]
impl SnapshotHarness for Files {
    async fn space(&self) -> Result<Box<dyn SnapshotSpace>> {
        Ok(Box::new(Space(TempDir::new().unwrap())))
    }
}

#[derive(Debug)]
struct Space(TempDir);

#[async_trait]
impl SnapshotSpace for Space {
    async fn open(&self) -> Result<Arc<dyn SnapshotStore>> {
        let store = BucketSnapshotStore::open(self.0.path(), "c").await?;
        Ok(Arc::new(store))
    }

    async fn open_wired(&self) -> Result<Option<WiredSnapshots>> {
        let line = Arc::<Line>::default();
        let objects = Arc::new(Unreliable::over(self.0.path(), &line));
        Ok(Some(WiredSnapshots {
            store: Arc::new(BucketSnapshotStore::over(objects, None, "c")),
            wire: line as Arc<dyn Wire>,
        }))
    }

    async fn damage(&self, how: Damage) -> Result<bool> {
        let root = self.0.path().join("c");
        match how {
            Damage::Rot => change(&root.join("parts"), |bytes| bytes[0] ^= 1),
            Damage::Newer => {
                for folder in ["manifests", "catalog"] {
                    change(&root.join(folder), |bytes| {
                        let text = String::from_utf8(bytes.clone()).unwrap();
                        *bytes = text.replace("\"format\": 1", "\"format\": 99").into();
                    });
                }
            }
        }
        Ok(true)
    }

    async fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(self.0.path()).unwrap();
        Ok(())
    }
}

/// Changes every file in a folder and below, if it is there.
fn change(folder: &Path, how: impl Fn(&mut Vec<u8>) + Copy) {
    for file in std::fs::read_dir(folder).into_iter().flatten() {
        let path = file.unwrap().path();
        if path.is_dir() {
            change(&path, how);
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            how(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        }
    }
}

suite!(Snapshots, files(),
    holds:
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
        the_catalog_is_what_its_model_is;
    does not apply:
        h01_a_frozen_process_lists_nothing_after_its_successor,
        h24_what_a_killed_process_listed_is_there_and_whole;
);
