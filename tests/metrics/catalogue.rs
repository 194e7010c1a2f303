use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MEMBERS: [&str; 8] = [
    "",
    "backends",
    "core",
    "master",
    "metadata",
    "snapshots",
    "standby",
    "wire",
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every name that the sources write to.
fn written() -> BTreeSet<String> {
    let mut files = Vec::new();
    for member in MEMBERS {
        rust_files(&Path::new(ROOT).join(member).join("src"), &mut files);
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        for quoted in text.split('"') {
            let is_name = quoted.starts_with("standfast_")
                && quoted
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if is_name {
                names.insert(quoted.to_owned());
            }
        }
    }
    names
}

/// The rows of the table: the name, and the file whose test moves it.
fn documented() -> BTreeMap<String, String> {
    let text = fs::read_to_string(Path::new(ROOT).join("docs/metrics.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| `standfast_"));
    let row = |line: &str| {
        let cells: Vec<_> = line
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [_, name, kind, _, meaning, by, test, _] = cells[..] else {
            panic!("six cells: {line}");
        };
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
        assert!(!meaning.is_empty() && !by.is_empty(), "{line}");
        (name.to_owned(), test.to_owned())
    };
    rows.map(row).collect()
}

#[test]
fn every_metric_is_in_the_table_and_nothing_else_is() {
    let documented: BTreeSet<_> = documented().into_keys().collect();
    assert_eq!(documented, written());
}

#[test]
fn every_metric_is_named_by_the_test_that_moves_it() {
    for (name, test) in documented() {
        let text = fs::read_to_string(Path::new(ROOT).join(&test)).unwrap();
        // The tests of a crate may leave its own prefix out.
        let short = name.trim_start_matches("standfast_snapshot_");
        assert!(text.contains(short), "{name} is not in {test}");
    }
}

#[test]
fn a_name_ends_in_its_unit() {
    for line in fs::read_to_string(Path::new(ROOT).join("docs/metrics.md"))
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("| `standfast_"))
    {
        let name = line.split('`').nth(1).unwrap();
        assert_eq!(
            line.contains("| counter |"),
            name.ends_with("_total"),
            "{line}"
        );
        // A time that is measured once in a while is a gauge.
        let in_seconds = name.ends_with("_seconds");
        assert!(in_seconds || !line.contains("| histogram |"), "{line}");
        assert!(!in_seconds || !line.contains("| counter |"), "{line}");
    }
}
