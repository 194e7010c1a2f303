//! Backends unlike those of this workspace, which keep the contract all the same: no case may fail on them.

mod appends;
mod registrations;
mod sizes;
mod tails;

use std::sync::Arc;

use standfast::conformance::{Case, Election, Log, run_twin};

use crate::kinds::{Tried, case, on, plan};

/// Runs a case on a sound store that `unlike` makes another one of. It must hold.
fn holds_on<K: Tried>(unlike: fn() -> Arc<K::Twist>, name: &str) {
    let registry = standfast_backends::builtin();
    let case = Case {
        twin: unlike,
        ..case::<K>(name)
    };
    let ran = on::<K, _>(&registry, K::BACKENDS[0], |suite| {
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
        || Arc::new(tails::ReadsAhead::default()),
        "h11_a_tail_below_the_floor_says_so",
    );
}

#[test]
fn a_log_that_compresses() {
    holds_on::<Log>(
        || Arc::new(sizes::Compresses),
        "h25_its_size_grows_with_appends_and_falls_with_trims",
    );
}

#[test]
fn a_registration_that_ends_a_moment_after_it_was_dropped() {
    holds_on::<Election>(
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
    ] {
        holds_on::<Log>(|| Arc::new(appends::AsksAgain::default()), case);
    }
}
