//! Runs the conformance suite's cases as tests of their own, and their twins.

use std::sync::Arc;
use std::time::Duration;

use standfast_core::conformance::{Case, Kind, Plan, Verdict, run_case, run_twin};

fn plan() -> Plan {
    Plan {
        patience: Duration::from_mins(5),
        ..Plan::default()
    }
}

fn case<K: Kind>(name: &str) -> Case<K> {
    let found = K::cases().into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("there is no case {name}"))
}

/// The case holds.
pub(crate) fn passes<K: Kind>(harness: &Arc<K::Harness>, name: &str) {
    let row = run_case(harness, &case::<K>(name), &plan());
    assert_eq!(row.verdict, Verdict::Passed, "{}", row.verdict);
}

/// The case fails on a store that breaks what it is about.
pub(crate) fn notices<K: Kind>(harness: &Arc<K::Harness>, name: &str) {
    // A race is not run by every seed; the first that fails is enough.
    let plan = Plan {
        seeds: 50,
        ..plan()
    };
    let noticed = run_twin(harness, &case::<K>(name), &plan);
    println!("{}", noticed.unwrap_or_else(|unseen| panic!("{unseen}")));
}

/// The case says because of what it does not apply.
pub(crate) fn does_not_apply<K: Kind>(harness: &Arc<K::Harness>, name: &str) {
    let row = run_case(harness, &case::<K>(name), &plan());
    let Verdict::NotApplicable { because } = row.verdict else {
        panic!("{}", row.verdict);
    };
    assert!(!because.is_empty());
}

/// No case of the suite is left out.
pub(crate) fn are_all<K: Kind>(names: &[&str]) {
    let all: Vec<_> = K::cases().iter().map(|case| case.name).collect();
    let mut named = Vec::from(names);
    named.sort_by_key(|name| all.iter().position(|other| other == name));
    assert_eq!(named, all);
}

/// A test for each case, one for each twin, and one that no case is left out.
macro_rules! suite {
    ($kind:ty, $harness:expr, holds: $($case:ident),+; does not apply: $($other:ident),*;) => {
        $crate::suite::cases!($kind, $harness, holds: $($case),+;);

        $(
            #[test]
            fn $other() {
                $crate::suite::does_not_apply::<$kind>(&$harness, stringify!($other));
            }
        )*

        #[test]
        fn no_case_is_left_out() {
            $crate::suite::are_all::<$kind>(&[
                $(stringify!($case),)+ $(stringify!($other),)*
            ]);
        }
    };
}

/// A test for each of these cases, and one for each twin.
macro_rules! cases {
    ($kind:ty, $harness:expr, holds: $($case:ident),+;) => {
        $(
            #[test]
            fn $case() {
                $crate::suite::passes::<$kind>(&$harness, stringify!($case));
            }
        )+

        mod twins {
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::suite::notices::<$kind>(&$harness, stringify!($case));
                }
            )+
        }
    };
}

pub(crate) use {cases, suite};
