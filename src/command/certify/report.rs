use serde::Serialize;
use standfast::config::Config;
use standfast::conformance::{Row, Verdict};

use super::CertifyArguments;
use super::grades::{RuleReport, by_rule};
use super::promises::needed_by;

/// What `certify` found. Fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether everything holds that the node relies on: the exit code.
    certified: bool,
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
}

/// A case, and what it came to.
#[derive(Debug, Serialize)]
pub(super) struct CaseReport {
    #[serde(flatten)]
    pub(super) row: Row,
    /// The setting that needs this case, though it does not apply; none: the node can do without it.
    pub(super) needed_by: Option<&'static str>,
    /// The command that runs a failed case again.
    pub(super) again: Option<String>,
}

impl CaseReport {
    fn new(arguments: &CertifyArguments, config: &Config, row: Row) -> Self {
        let again = match row.verdict {
            Verdict::Failed { seed, .. } => Some(format!(
                "standfast certify --config {} --only {} --seed {seed}",
                arguments.config.config.display(),
                row.case
            )),
            _ => None,
        };
        Self {
            needed_by: needed_by(config, &row),
            again,
            row,
        }
    }

    /// Whether it is no reason against the stores.
    pub(super) const fn holds(&self) -> bool {
        !self.row.verdict.is_failed() && self.needed_by.is_none()
    }
}

impl Report {
    pub(super) fn new(arguments: &CertifyArguments, config: &Config, rows: Vec<Row>) -> Self {
        let cases: Vec<_> = rows
            .into_iter()
            .map(|row| CaseReport::new(arguments, config, row))
            .collect();
        let count = |wanted: fn(&Verdict) -> bool| {
            cases
                .iter()
                .filter(|case| wanted(&case.row.verdict))
                .count()
        };
        Self {
            certified: cases.iter().all(CaseReport::holds),
            stores: stores(config),
            seed: arguments.seed,
            seeds: arguments.seeds,
            passed: count(|verdict| *verdict == Verdict::Passed),
            not_applicable: count(|verdict| matches!(verdict, Verdict::NotApplicable { .. })),
            failed: count(Verdict::is_failed),
            rules: by_rule(&cases),
            cases,
        }
    }

    pub(super) const fn holds(&self) -> bool {
        self.certified
    }
}

fn stores(config: &Config) -> Vec<StoreReport> {
    let log = config.oplog.as_ref().map(|oplog| ("log", &oplog.kind));
    let snapshots = config.snapshots.as_ref();
    let snapshots = snapshots.map(|(backend, _)| ("snapshots", &backend.kind));
    let election = ("election", &config.election.kind);
    let all = log.into_iter().chain(snapshots).chain([election]);
    all.map(|(kind, backend)| StoreReport {
        kind,
        backend: backend.clone(),
    })
    .collect()
}
