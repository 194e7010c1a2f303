use std::collections::BTreeMap;

use serde::Serialize;
use standfast::conformance::Verdict;

use super::report::CaseReport;

/// What became of a rule or a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grade {
    /// None of its cases applies.
    NotApplicable,
    /// All that apply hold.
    Pass,
    /// One does not hold, or the node relies on one that does not apply.
    Fail,
}

impl Grade {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "n/a",
            Self::Pass => "pass",
            Self::Fail => "FAIL",
        }
    }

    pub(super) fn of(case: &CaseReport) -> Self {
        match case.row.verdict {
            _ if !case.holds() => Self::Fail,
            Verdict::Passed => Self::Pass,
            _ => Self::NotApplicable,
        }
    }
}

/// A rule (OL-3) or a hazard (h16), and what its cases came to.
#[derive(Debug, Serialize)]
pub(super) struct RuleReport {
    pub(super) rule: &'static str,
    pub(super) grade: Grade,
    /// How many cases prove it.
    pub(super) cases: usize,
    /// How many of them were run and hold.
    pub(super) passed: usize,
}

/// The rules that the cases name: the hazards first, each in the order of its numbers.
pub(super) fn by_rule(cases: &[CaseReport]) -> Vec<RuleReport> {
    let mut rules: BTreeMap<_, RuleReport> = BTreeMap::new();
    for case in cases {
        for rule in case.row.rules {
            let grade = Grade::of(case);
            let report = rules.entry(order(rule)).or_insert(RuleReport {
                rule,
                grade,
                cases: 0,
                passed: 0,
            });
            report.grade = report.grade.max(grade);
            report.cases += 1;
            report.passed += usize::from(grade == Grade::Pass);
        }
    }
    rules.into_values().collect()
}

/// Hazards begin with a lower case letter, rules with capitals: the former come first.
fn order(rule: &str) -> (bool, &str, u32) {
    let digits = rule
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(rule.len());
    let (word, number) = rule.split_at(digits);
    let hazard = word.starts_with(|c: char| c.is_ascii_lowercase());
    (!hazard, word, number.parse().unwrap_or(0))
}
