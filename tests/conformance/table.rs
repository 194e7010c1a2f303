//! The table of docs/conformance.md: what each case comes to on each backend.

use standfast::conformance::{Row, Verdict};

const DOCUMENT: &str = include_str!("../../docs/conformance.md");

/// The lines of the table of a kind, each cut into its cells; the first one is the head.
fn lines(kind: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DOCUMENT
        .split_once(&format!("\n## {kind}\n"))
        .unwrap_or_else(|| panic!("docs/conformance.md has no part `## {kind}`"));
    let table = rest.lines().skip_while(|line| !line.starts_with('|'));
    let table = table.take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    table
        .filter(|line| !line.starts_with("|-"))
        .map(cells)
        .collect()
}

/// The cases that have a line.
pub(crate) fn cases(kind: &str) -> Vec<&'static str> {
    let lines = lines(kind);
    lines[1..]
        .iter()
        .map(|cells| cells[0].trim_matches('`'))
        .collect()
}

/// What the table has for a case on a backend.
fn expected(kind: &str, backend: &str, case: &str) -> Option<&'static str> {
    let lines = lines(kind);
    let column = lines[0].iter().position(|head| *head == backend)?;
    let line = lines
        .iter()
        .find(|cells| cells[0].trim_matches('`') == case)?;
    line.get(column).copied()
}

/// Fails unless a case came to what the table says; `own_test`: the backend's own tests run it.
pub(crate) fn compare(backend: &str, row: &Row, own_test: bool) {
    let found = match &row.verdict {
        Verdict::Passed => "pass".to_owned(),
        Verdict::NotApplicable { .. } if own_test => "own tests".to_owned(),
        Verdict::NotApplicable { because } => format!("n/a: {because}"),
        failed => panic!("{} {} on {backend}: {failed}", row.kind, row.case),
    };
    let expected = expected(row.kind, backend, row.case);
    assert!(
        expected == Some(&*found),
        "{} `{}` on {backend} came to `{found}`, and docs/conformance.md says {}: its line under `## {}` needs `{found}` in \
         column `{backend}`, if that is meant",
        row.kind,
        row.case,
        expected.map_or_else(|| "nothing".to_owned(), |cell| format!("`{cell}`")),
        row.kind,
    );
}

/// Shown at the end of `make test`.
#[test]
fn the_table() {
    for kind in ["log", "snapshots", "election"] {
        println!("\n{kind}");
        let lines = lines(kind);
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|column| {
                lines
                    .iter()
                    .map(|cells| cells[column].len())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for cells in &lines {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            println!("  {}", padded.collect::<Vec<_>>().join("  ").trim_end());
        }
    }
}
