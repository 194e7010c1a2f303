use std::path::PathBuf;

use serde::Serialize;
use standfast::conformance::{Row, TriedStore, Verdict};

use super::CertifyArguments;
use super::again::again;
use super::grades::{Grade, RuleReport, by_rule};
use super::promises::{Asked, needed_by};

/// What `certify` found. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether everything that was chosen holds, and something was: the exit code.
    certified: bool,
    /// What the names of the cases were chosen by; none: all were run.
    pub(super) only: Option<String>,
    pub(super) stores: Vec<StoreReport>,
    pub(super) seed: u64,
    pub(super) seeds: u64,
    pub(super) passed: usize,
    pub(super) not_applicable: usize,
    pub(super) failed: usize,
    pub(super) rules: Vec<RuleReport>,
    pub(super) cases: Vec<CaseReport>,
}

/// A store that was tried.
#[derive(Debug, Serialize)]
pub(super) struct StoreReport {
    /// `log`, `snapshots` or `election`, as in the cases.
    pub(super) kind: &'static str,
    /// `type` of the configuration.
    #[serde(rename = "type")]
    pub(super) backend: String,
    /// Where: its first scratch place.
    pub(super) place: String,
    /// The configured folder, when it is not there.
    pub(super) missing: Option<PathBuf>,
}

/// A case, and what it came to.
#[derive(Debug, Serialize)]
pub(super) struct CaseReport {
    #[serde(flatten)]
    pub(super) row: Row,
    /// The setting that needs this case, though it does not apply and no other proves the same; none: the node can do
    /// without it.
    pub(super) needed_by: Option<&'static str>,
    /// The command that runs a failed case again.
    pub(super) again: Option<String>,
}

impl CaseReport {
    fn new(arguments: &CertifyArguments, needed_by: Option<&'static str>, row: Row) -> Self {
        let again = match row.verdict {
            Verdict::Failed { seed, .. } => Some(again(arguments, row.case, seed)),
            _ => None,
        };
        Self {
            row,
            needed_by,
            again,
        }
    }

    /// Whether it is no reason against the stores.
    pub(super) const fn holds(&self) -> bool {
        !self.row.verdict.is_failed() && self.needed_by.is_none()
    }
}

impl Report {
    pub(super) fn new(
        arguments: &CertifyArguments,
        asked: &Asked<'_>,
        stores: Vec<TriedStore>,
        rows: Vec<Row>,
    ) -> Self {
        let only = Some(arguments.only.clone()).filter(|only| !only.is_empty());
        // Of chosen cases nobody knows whether another proves the same.
        let needed = |row| match &only {
            None => needed_by(asked, row, &rows),
            Some(_) => None,
        };
        let needed: Vec<_> = rows.iter().map(needed).collect();
        let cases: Vec<_> = rows
            .into_iter()
            .zip(needed)
            .map(|(row, needed)| CaseReport::new(arguments, needed, row))
            .collect();
        let count = |wanted: Grade| {
            cases
                .iter()
                .filter(|case| Grade::of(case) == wanted)
                .count()
        };
        let (passed, failed) = (count(Grade::Pass), count(Grade::Fail));
        Self {
            // Cases that do not apply prove nothing.
            certified: failed == 0 && passed > 0,
            only,
            stores: stores.into_iter().map(StoreReport::new).collect(),
            seed: arguments.seed,
            seeds: arguments.seeds,
            passed,
            not_applicable: count(Grade::NotApplicable),
            failed,
            rules: by_rule(&cases),
            cases,
        }
    }

    pub(super) const fn holds(&self) -> bool {
        self.certified
    }
}

impl StoreReport {
    fn new(store: TriedStore) -> Self {
        Self {
            kind: store.kind,
            backend: store.backend,
            place: store.place,
            missing: store.missing,
        }
    }
}
