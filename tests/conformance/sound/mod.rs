//! Backends unlike those of this workspace, which keep the contract all the same: no case may fail on them.

mod appends;
mod registrations;
mod sizes;
mod tails;

use std::sync::Arc;

use standfast::conformance::{Case, Election, Log, run_twin};

use crate::kinds::{Tried, case, on, plan};

/// Runs a case on a sound store that `unlike` makes another one of `backend`. It must hold.
fn holds_on<K: Tried>(backend: &str, unlike: fn() -> Arc<K::Twist>, name: &str) {
    let registry = standfast_backends::builtin();
    let case = Case {
        twin: unlike,
        ..case::<K>(name)
    };
    let ran = on::<K, _>(&registry, backend, |suite| {
        run_twin::<K>(&K::harness(suite), &case, &plan())
    });
    match ran {
        Ok(failure) => panic!("{name} rejects a store that is sound: {failure}"),
        Err(passes) => assert!(passes.to_string().contains("passes"), "{passes}"),
    }
}

#[test]
fn a_tail_that_reads_ahead() {
    holds_on::<Log>(
        "memory",
        || Arc::new(tails::ReadsAhead::default()),
        "h11_a_tail_below_the_floor_says_so",
    );
}

#[test]
fn a_log_that_compresses() {
    holds_on::<Log>(
        "memory",
        || Arc::new(sizes::Compresses),
        "h25_its_size_grows_with_appends_and_falls_with_trims",
    );
}

#[test]
fn a_log_that_limits_the_bytes_of_a_batch_and_not_its_entries() {
    holds_on::<Log>(
        "memory",
        || Arc::new(sizes::LimitsBytesAlone),
        "h27_a_batch_of_too_many_entries_is_unsupported_and_the_writer_lives",
    );
}

#[test]
fn a_registration_that_ends_a_moment_after_it_was_dropped() {
    holds_on::<Election>(
        "memory",
        || Arc::new(registrations::EndLate::default()),
        "a_node_is_registered_once",
    );
}

#[test]
fn a_writer_that_wants_every_batch_twice() {
    for case in [
        "h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer",
        "h13_what_a_fenced_writer_wrote_is_never_read",
        "h28_what_lands_during_a_promotion_is_drained_or_refused",
        "a_tail_tells_batches_then_that_it_caught_up_then_a_new_epoch",
        "a_log_is_what_its_model_says_after_any_steps",
        "a_batch_that_does_not_follow_is_a_gap_and_the_writer_lives",
        "h27_a_batch_over_the_limit_is_unsupported_and_the_writer_lives",
        "h27_a_batch_of_too_many_entries_is_unsupported_and_the_writer_lives",
    ] {
        holds_on::<Log>("memory", || Arc::new(appends::AsksAgain::default()), case);
    }
}

#[test]
fn a_writer_in_a_process_of_its_own_that_wants_every_batch_twice() {
    for case in [
        "h01_a_frozen_process_acknowledges_nothing_after_its_successor",
        "h06_what_a_killed_process_acknowledged_is_in_the_log_for_good",
    ] {
        holds_on::<Log>("file", || Arc::new(appends::AsksAgain::default()), case);
    }
}
