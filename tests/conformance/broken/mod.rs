//! Backends with one fault each: the suite fails the cases that name the fault, and no other.

mod appends;
mod faults;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use standfast::conformance::{
    Case, Election, Kind, Log, LogTwist, Plan, SnapshotTwist, Snapshots, run_broken, run_twin,
};

use crate::kinds::{Tried, case, on, plan};

/// Runs all cases of a kind on a store with this fault, over a sound one. Each case of `named` fails, and no other; those of
/// `racing` find the fault in a race, which a slow machine may not run.
fn fails<K: Tried>(twist: &Arc<K::Twist>, named: &[&str], racing: &[&str]) {
    let registry = standfast_backends::builtin();
    let rows = on::<K, _>(&registry, K::BACKENDS[0], |suite| {
        run_broken::<K>(&K::harness(suite), twist, &plan())
    });
    let failed = rows.iter().filter(|row| row.verdict.is_failed());
    let failed: Vec<_> = failed.inspect(|row| println!("{row:?}")).collect();
    for case in named {
        let found = failed.iter().any(|row| row.case == *case);
        assert!(found, "{case} does not find it");
    }
    for row in &failed {
        let meant = named.contains(&row.case) || racing.contains(&row.case);
        assert!(meant, "{} fails, and has nothing to do with it", row.case);
    }
}

#[test]
fn a_log_that_forgets_the_fence() {
    fails::<Log>(
        &(Arc::new(faults::ForgetsTheFence) as Arc<dyn LogTwist>),
        &[
            "h01_a_zombie_is_fenced_and_stays_so",
            "h02_a_zombie_is_fenced_after_everything_was_trimmed",
            "h13_what_a_fenced_writer_wrote_is_never_read",
            "h28_what_lands_during_a_promotion_is_drained_or_refused",
            "a_log_begun_anew_holds_nothing_of_lower_epochs",
            "h21_what_is_skipped_is_told_for_good_and_shuts_lower_epochs_out",
            "a_log_is_what_its_model_says_after_any_steps",
        ],
        &["h16_of_racing_writers_every_acknowledged_entry_stays"],
    );
}

#[test]
fn a_log_that_acknowledges_before_it_syncs() {
    fails::<Log>(
        &(Arc::new(faults::AcknowledgesBeforeSync::default()) as Arc<dyn LogTwist>),
        &[
            "h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives",
            "h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer",
            "h19_an_epoch_that_is_not_higher_is_fenced",
            "what_nobody_marked_is_settled_by_the_next_writer",
        ],
        &["h16_of_racing_writers_every_acknowledged_entry_stays"],
    );
}

#[test]
fn a_log_that_lets_a_second_create_win() {
    fails::<Log>(
        &(Arc::new(faults::SecondCreateWins) as Arc<dyn LogTwist>),
        &[
            "of_two_clusters_that_claim_a_log_one_wins",
            "h20_the_data_of_another_cluster_are_foreign",
        ],
        &[],
    );
}

#[test]
fn a_snapshot_store_that_lets_a_second_create_win() {
    fails::<Snapshots>(
        &(Arc::new(faults::SecondCreateWins) as Arc<dyn SnapshotTwist>),
        &[
            "of_two_clusters_that_claim_a_store_one_wins",
            "h20_what_is_of_another_cluster_is_foreign",
            "h05_of_twenty_racers_for_an_entry_one_wins_and_all_agree",
            "h02_no_old_leader_wins_after_everything_was_collected",
            "h03_an_entry_that_is_sent_again_is_won_again",
            "h05_of_two_leaders_in_any_order_of_their_steps_the_later_stays",
        ],
        &["h24_of_two_publishers_nobody_harms_the_other"],
    );
}

#[test]
fn a_log_that_drops_one_entry_in_a_thousand() {
    fails::<Log>(
        &(Arc::new(faults::DropsOneInAThousand::default()) as Arc<dyn LogTwist>),
        &["h08_a_tail_sees_all_batches_in_order_while_they_are_written"],
        &[],
    );
}

#[test]
fn a_log_that_trims_past_a_pin() {
    fails::<Log>(
        &(Arc::new(faults::TrimsPastAPin) as Arc<dyn LogTwist>),
        &[
            "h10_trim_keeps_what_is_needed_and_the_last_batch",
            "h10_what_is_needed_and_cannot_be_found_out_stays",
            "a_log_is_what_its_model_says_after_any_steps",
        ],
        &[],
    );
}

/// How slow it is decides whether a fault is seen in time; the first seed that sees it is enough.
#[test]
fn an_election_that_is_slow_and_lets_two_lead() {
    let registry = standfast_backends::builtin();
    let case: Case<Election> = Case {
        twin: || Arc::new(seats::SlowlyLetsTwoLead::default()),
        ..case(seats::ONE_LEADS)
    };
    let plan = Plan {
        seeds: 20,
        ..plan()
    };
    let found = on::<Election, _>(&registry, "memory", |suite| {
        run_twin::<Election>(&Election::harness(suite), &case, &plan)
    });
    let found = found
        .unwrap_or_else(|unseen| panic!("{unseen}"))
        .to_string();
    assert!(found.contains("while another holds the seat"), "{found}");
}

/// A case that hangs costs its patience and nothing more: its places are removed.
#[test]
fn a_log_that_hangs_is_given_up_when_the_patience_is_over() {
    let registry = standfast_backends::builtin();
    let mut case = Log::cases().swap_remove(2);
    case.twin = || Arc::new(faults::Hangs);
    let plan = Plan {
        patience: Duration::from_millis(300),
        ..plan()
    };
    let failure = on::<Log, _>(&registry, "file", |suite| {
        run_twin::<Log>(&Log::harness(suite), &case, &plan).unwrap()
    });
    let told = failure.to_string();
    assert!(told.contains("no end after 300ms: it is stuck"), "{told}");
}
