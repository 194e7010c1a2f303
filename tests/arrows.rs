//! Which crate needs which: the arrows of ARCHITECTURE.md, read from `cargo metadata`.
//!
//! A contract lives in `standfast-core`, so that whoever uses it and whoever fulfils it need not know each other. One
//! dependency too many undoes that without a test failing; so this one does.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace, with all it needs of the workspace, for whatever purpose.
const ARROWS: [(&str, &[&str]); 8] = [
    ("standfast-core", &[]),
    ("standfast-wire", &["standfast-core"]),
    ("standfast-backends", &["standfast-core"]),
    ("standfast-snapshots", &["standfast-core"]),
    (
        "standfast-standby",
        &["standfast-core", "standfast-snapshots", "standfast-wire"],
    ),
    ("standfast-master", &["standfast-core", "standfast-wire"]),
    ("standfast-metadata", &["standfast-core"]),
    (
        "standfast",
        &[
            "standfast-backends",
            "standfast-core",
            "standfast-master",
            "standfast-metadata",
            "standfast-snapshots",
            "standfast-standby",
            "standfast-wire",
        ],
    ),
];

/// What each crate needs of the workspace, dev- and build-dependencies included.
fn needed() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {said}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .expect("there are packages");
    packages
        .iter()
        .map(|package| (name(package), needs(package)))
        .collect()
}

fn needs(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"]
        .as_array()
        .expect("there are dependencies");
    let names = all.iter().map(name);
    names.filter(|name| name.starts_with("standfast")).collect()
}

fn name(value: &Value) -> String {
    value
        .get("name")
        .and_then(Value::as_str)
        .expect("it has a name")
        .to_owned()
}

#[test]
fn every_crate_needs_exactly_what_the_architecture_says() {
    let drawn: BTreeMap<String, BTreeSet<String>> = ARROWS
        .into_iter()
        .map(|(name, needs)| {
            (
                name.to_owned(),
                needs.iter().map(ToString::to_string).collect(),
            )
        })
        .collect();

    let found = needed();

    assert_eq!(
        found, drawn,
        "change ARCHITECTURE.md and this list together, or neither"
    );
}
