//! How a case is run on a backend, whatever it is about.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use standfast::Config;
use standfast::conformance::{Case, Kind, Plan, Processes, Suite, run_case, run_twin};
use standfast::standfast_core::Registry;

use crate::{seeds, table};

/// What the tests need to know about a kind.
pub(crate) trait Tried: Kind {
    /// The types of backend, in the order of the table.
    const BACKENDS: &'static [&'static str];
    /// Tests of a backend whose harness can do more than a configuration: the type of the backend, and their source.
    const OWN_TESTS: &'static [(&'static str, &'static str)];

    /// A configuration whose store of this kind is of type `backend`, in `dir`.
    fn config(backend: &str, dir: &Path) -> String;

    /// The harness of that store.
    fn harness(suite: &Suite) -> Arc<Self::Harness>;
}

/// The seeds of the environment; one unless it is set.
pub(crate) fn plan() -> Plan {
    let many = std::env::var_os("STANDFAST_SEEDS").is_some();
    Plan {
        seed: seeds::first(),
        seeds: if many {
            seeds::seeds().count() as u64
        } else {
            1
        },
        ..Plan::default()
    }
}

/// Does `work` on a backend, in a directory of its own.
pub(crate) fn on<K: Tried, T>(
    registry: &Registry,
    backend: &str,
    work: impl FnOnce(&Suite) -> T,
) -> T {
    let dir = tempfile::tempdir().unwrap();
    let text = K::config(backend, dir.path());
    let config = Config::from_text(&text, dir.path().to_owned(), registry).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let suite = runtime
        .block_on(Suite::claim(&config, registry, "tests"))
        .unwrap();
    let processes = Processes::new(env!("CARGO_BIN_EXE_standfast"), ["certify-process"]);
    let suite = suite.with_processes(processes);
    let result = work(&suite);
    runtime.block_on(suite.clean()).unwrap();
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "files were left behind");
    result
}

pub(crate) fn case<K: Kind>(name: &str) -> Case<K> {
    let found = K::cases().into_iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("there is no case {name} any more: take it out of the list"))
}

/// Runs a case on a backend, and compares what it comes to with the table.
pub(crate) fn holds<K: Tried>(backend: &str, name: &str) {
    let registry = standfast_backends::builtin();
    let row = on::<K, _>(&registry, backend, |suite| {
        run_case::<K>(&K::harness(suite), &case(name), &plan())
    });
    table::compare(backend, &row, has_own_test::<K>(backend, name));
}

/// Whether a backend's own tests run the case and its twin.
fn has_own_test<K: Tried>(backend: &str, case: &str) -> bool {
    let sources = K::OWN_TESTS.iter().filter(|(of, _)| *of == backend);
    sources
        .flat_map(|(_, source)| listed(source))
        .any(|name| name == case)
}

/// The cases behind `holds:` in the macros `suite!` and `cases!`: each is a test there.
fn listed(source: &str) -> impl Iterator<Item = &str> {
    let lists = source.split("holds:").skip(1);
    let lists = lists.filter_map(|rest| rest.split(';').next());
    lists.flat_map(|list| list.split(',')).map(str::trim)
}

/// Runs a case on its twin, over the first backend that it applies to.
pub(crate) fn twin_fails<K: Tried>(name: &str) {
    let registry = standfast_backends::builtin();
    // A race is not run by every seed; the first that fails is enough.
    let plan = Plan {
        seeds: plan().seeds.max(50),
        patience: Duration::from_mins(1),
        ..plan()
    };
    let mut told = Vec::new();
    for backend in K::BACKENDS {
        let ran = on::<K, _>(&registry, backend, |suite| {
            run_twin::<K>(&K::harness(suite), &case(name), &plan)
        });
        match ran {
            Ok(failure) => return println!("{name} fails on its twin: {failure}"),
            Err(why) if why.to_string().starts_with("does not apply") => told.push(why),
            Err(why) => panic!("{why}"),
        }
    }
    let mut backends = K::BACKENDS.iter();
    assert!(
        backends.any(|backend| has_own_test::<K>(backend, name)),
        "{name} applies to none of the backends, and none has a test of its own: {told:?}"
    );
}

/// Fails unless `listed` are the cases that there are, and the table has a line for each.
pub(crate) fn all_are_listed<K: Tried>(listed: &[&str]) {
    let names: Vec<_> = K::cases().iter().map(|case| case.name).collect();
    assert_eq!(
        listed, names,
        "the list of this test is not that of the suite"
    );
    let lines = table::cases(K::NAME);
    assert_eq!(
        lines,
        names,
        "docs/conformance.md has other lines under `## {}`",
        K::NAME
    );
}

/// A test for each case on each backend, and one for its twin.
macro_rules! every_case {
    ($kind:ty, on $backends:tt, $cases:tt) => {
        every_case!(@backends $kind, $backends, $cases);
        every_case!(@twins $kind, $cases);
    };
    (@backends $kind:ty, [$($backend:ident),+], $cases:tt) => {
        $(every_case!(@backend $kind, $backend, $cases);)+
    };
    (@backend $kind:ty, $backend:ident, [$($case:ident),+ $(,)?]) => {
        mod $backend {
            use super::*;

            $(#[test]
            fn $case() {
                $crate::kinds::holds::<$kind>(stringify!($backend), stringify!($case));
            })+
        }
    };
    (@twins $kind:ty, [$($case:ident),+ $(,)?]) => {
        mod twins {
            use super::*;

            $(#[test]
            fn $case() {
                $crate::kinds::twin_fails::<$kind>(stringify!($case));
            })+
        }

        #[test]
        fn every_case_is_listed() {
            $crate::kinds::all_are_listed::<$kind>(&[$(stringify!($case)),+]);
        }
    };
}

pub(crate) use every_case;
