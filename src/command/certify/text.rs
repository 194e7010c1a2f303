use comfy_table::presets::NOTHING;
use standfast::conformance::Verdict;

use super::report::{CaseReport, Report};
use crate::command::output;

/// What no suite sees that only calls a store.
const UNSEEN: &str = "\
Not seen by certify: what is left after a power cut, whether a disk tells the truth about its syncs, the network
between hosts and what other hosts see, and what happens between two calls of one operation (`no wire`).";

pub(super) fn text(report: &Report) -> String {
    let mut rules = output::table(&["rule", "", "cases"]);
    rules.load_style(NOTHING);
    for rule in &report.rules {
        let cases = format!("{} of {}", rule.passed, rule.cases);
        rules.add_row([rule.rule, rule.grade.word(), &cases]);
    }
    let mut cases = output::table(&["", "case", "rules", ""]);
    cases.load_style(NOTHING);
    for case in &report.cases {
        let row = &case.row;
        cases.add_row([row.kind, row.case, &row.rules.join(" "), word(case)]);
    }
    let mut text = format!("{rules}\n\n{cases}\n");
    for case in &report.cases {
        remark(&mut text, case);
    }
    let stores: Vec<_> = report
        .stores
        .iter()
        .map(|store| format!("{} on `{}`", store.kind, store.backend))
        .collect();
    let verdict = if report.holds() {
        "CERTIFIED"
    } else {
        "NOT CERTIFIED"
    };
    let counts = format!(
        "{} passed, {} not applicable, {} failed",
        report.passed, report.not_applicable, report.failed
    );
    format!(
        "{text}\n\n{UNSEEN}\n\n{verdict}: {}; {counts}",
        stores.join(", ")
    )
}

const fn word(case: &CaseReport) -> &'static str {
    match case.row.verdict {
        Verdict::Passed => "pass",
        Verdict::NotApplicable { .. } => "n/a",
        _ => "FAIL",
    }
}

/// What is to be said about a case that did not pass.
fn remark(text: &mut String, case: &CaseReport) {
    let name = case.row.case;
    let remark = match (&case.row.verdict, case.needed_by) {
        (Verdict::NotApplicable { because }, None) => format!("n/a   {name}\n      {because}"),
        (Verdict::NotApplicable { because }, Some(setting)) => format!(
            "FAIL  {name}\n      does not apply ({because}), but {setting} relies on it: unset it, or take another type"
        ),
        (Verdict::Failed { seed, why }, _) => format!(
            "FAIL  {name}\n      {why} (seed {seed})\n      again: {}",
            case.again.as_deref().unwrap_or_default()
        ),
        _ => return,
    };
    text.push('\n');
    text.push_str(&remark);
}
