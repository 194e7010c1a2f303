//! Backends unlike those of this workspace, which keep the contract all the same: no case may fail on them.

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
