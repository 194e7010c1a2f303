//! docs/hazards.md: every hazard and every rule has a line, and every test that it names is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use standfast::conformance::{Election, Kind, Log, Snapshots};

const DOCUMENT: &str = include_str!("../../docs/hazards.md");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const STORIES: &str = include_str!("../../snapshots/tests/stories/mod.rs");
/// The folders with tests in them.
const FOLDERS: [&str; 10] = [
    "backends",
    "core",
    "master",
    "metadata",
    "snapshots",
    "src",
    "standby",
    "tests",
    "wire",
    "examples",
];

/// The cells of each line about a hazard or a rule.
fn lines() -> Vec<Vec<&'static str>> {
    let lines = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| h") || line.starts_with("| R"));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.map(cells).collect()
}

/// The functions of a source that have the attribute of a test.
fn tests_of(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_test = false;
    for line in source.lines() {
        let line = line.trim_start();
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let Some((_, name)) = line.split_once("fn ") else {
            continue;
        };
        let name = name
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next();
        if is_test {
            found.extend(name.map(str::to_owned));
        }
        is_test = false;
    }
    found
}

/// The tests below `dir`.
fn tests_in(dir: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.extend(tests_of(&fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The stories about snapshots, of which a macro makes tests: lists of the form `module: story, story;`.
fn stories() -> impl Iterator<Item = String> {
    let (_, lists) = STORIES
        .split_once("on_store! {\n            $make;")
        .unwrap();
    let (lists, _) = lists.split_once('}').unwrap();
    let names = lists
        .split([',', ';'])
        .filter_map(|name| name.rsplit(':').next());
    names.map(|name| name.trim().to_owned())
}

/// The names of the cases of a kind.
fn cases<K: Kind>() -> impl Iterator<Item = String> {
    K::cases().into_iter().map(|case| case.name.to_owned())
}

#[test]
fn every_hazard_and_every_rule_has_a_line() {
    let hazards = (1..=32).map(|number| format!("h{number:02}"));
    let rules = (1..=10).map(|number| format!("R{number}"));
    let wanted: Vec<_> = hazards.chain(rules).collect();
    let lines = lines();
    let found: Vec<_> = lines.iter().map(|cells| cells[0]).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_helper_beside_tests_is_no_test() {
    let source = [
        "#[test]",
        "fn a_story() {",
        "#[cfg(test)]",
        "fn a_helper() {",
        "#[tokio::test(start_paused = true)]",
        "async fn a_paused_story() {",
        "fn another_helper() {",
    ];
    assert_eq!(tests_of(&source.join("\n")), ["a_story", "a_paused_story"]);
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let mut there = BTreeSet::new();
    for folder in FOLDERS {
        tests_in(&Path::new(ROOT).join(folder), &mut there);
    }
    there.extend(stories());
    there.extend(cases::<Log>());
    there.extend(cases::<Snapshots>());
    there.extend(cases::<Election>());
    for cells in lines() {
        let [of, _, guard, tests] = cells[..] else {
            panic!("four cells are wanted: {cells:?}");
        };
        assert!(!guard.is_empty(), "nothing guards against {of}");
        for name in tests.split(", ") {
            let name = name.trim_matches('`');
            assert!(there.contains(name), "{of}: there is no test `{name}`");
        }
    }
}

/// What is shown as code and has a slash is a file or a folder.
#[test]
fn every_file_that_the_page_names_is_there() {
    for word in DOCUMENT.split('`').skip(1).step_by(2) {
        let is_path = word.contains('/') && !word.contains(' ');
        assert!(!is_path || Path::new(ROOT).join(word).exists(), "{word}");
    }
}
