//! Backends with one fault each: the suite fails the cases that name the fault, and no other.

mod appends;
mod factory;
mod faults;

use std::sync::Arc;

use standfast::conformance::{Log, LogTwist, run};

use crate::kinds::{on, plan};

use self::factory::Broken;

/// Runs all cases about logs on one in memory with this fault. Each case of `named` fails, and no other; those of `racing` find
/// the fault in a race, which a slow machine may not run.
fn fails(twist: impl LogTwist + 'static, named: &[&str], racing: &[&str]) {
    let mut registry = standfast_backends::builtin();
    let memory = Arc::clone(registry.oplogs.get("memory").unwrap());
    let broken = Broken::new(memory, Arc::new(twist));
    registry.oplogs.register("broken", broken);
    let rows = on::<Log, _>(&registry, "broken", |suite| {
        let log = suite.log().expect("there is a log");
        run::<Log>(&log, &plan(), "", |row| println!("{row:?}"))
    });
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row.verdict.is_failed())
        .map(|row| row.case)
        .collect();
    for case in named {
        assert!(
            failed.contains(case),
            "{case} does not find it: {failed:#?}"
        );
    }
    for case in &failed {
        let meant = named.contains(case) || racing.contains(case);
        assert!(meant, "{case} fails, and has nothing to do with it");
    }
}

#[test]
fn a_log_that_forgets_the_fence() {
    fails(
        faults::ForgetsTheFence,
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
    fails(
        faults::AcknowledgesBeforeSync,
        &[
            "h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives",
            "h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer",
            "h01_a_zombie_is_fenced_and_stays_so",
            "h19_an_epoch_that_is_not_higher_is_fenced",
            "what_nobody_marked_is_settled_by_the_next_writer",
            "h16_of_racing_writers_every_acknowledged_entry_stays",
            "h28_what_lands_during_a_promotion_is_drained_or_refused",
            "a_wait_that_was_dropped_loses_nothing",
            "a_log_is_what_its_model_says_after_any_steps",
        ],
        &[],
    );
}

#[test]
fn a_log_that_lets_a_second_create_win() {
    fails(
        faults::SecondCreateWins,
        &[
            "of_two_clusters_that_claim_a_log_one_wins",
            "h20_the_data_of_another_cluster_are_foreign",
        ],
        &[],
    );
}

#[test]
fn a_log_that_drops_one_entry_in_a_thousand() {
    fails(
        faults::DropsOneInAThousand::default(),
        &["h08_a_tail_sees_all_batches_in_order_while_they_are_written"],
        &[],
    );
}

#[test]
fn a_log_that_trims_past_a_pin() {
    fails(
        faults::TrimsPastAPin,
        &[
            "h10_trim_keeps_what_is_needed_and_the_last_batch",
            "h10_what_is_needed_and_cannot_be_found_out_stays",
            "a_log_is_what_its_model_says_after_any_steps",
        ],
        &[],
    );
}
