use comfy_table::presets::NOTHING;
use standfast::conformance::Verdict;

use super::grades::Grade;
use super::report::{CaseReport, Report, StoreReport};
use crate::command::output;

/// What no suite sees that only calls a store.
const UNSEEN: &str = "\
Not seen by certify: what is left after a power cut, whether a disk tells the truth about its syncs, the network
between hosts and what other hosts see, and each place between two calls of one operation (`no wire`): processes
are frozen and killed wherever that meets them.";

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
        cases.add_row([
            row.kind,
            row.case,
            &row.rules.join(" "),
            Grade::of(case).word(),
        ]);
    }
    let mut text = format!("{rules}\n\n{cases}\n");
    for case in &report.cases {
        remark(&mut text, case);
    }
    for store in &report.stores {
        text.push_str(&tried(store));
    }
    format!("{text}\n\n{UNSEEN}\n\n{}", verdict(report))
}

fn tried(store: &StoreReport) -> String {
    let StoreReport {
        kind,
        backend,
        place,
        missing,
    } = store;
    let missing = missing.as_ref().map(|missing| {
        format!(
            "\n      {} is not there; tried in {place}: is it the file system that is meant?",
            missing.display()
        )
    });
    format!(
        "\ntried {kind} on `{backend}` in {place}{}",
        missing.unwrap_or_default()
    )
}

fn verdict(report: &Report) -> String {
    let stores = report.stores.iter();
    let stores: Vec<_> = stores
        .map(|store| format!("{} on `{}`", store.kind, store.backend))
        .collect();
    let verdict = match (&report.only, report.holds()) {
        (None, true) => "CERTIFIED".to_owned(),
        (None, false) => "NOT CERTIFIED".to_owned(),
        (Some(only), _) if report.passed == 0 && report.failed == 0 => {
            format!("NOTHING PROVED, no case with `{only}` in its name applies")
        }
        (Some(only), _) => format!(
            "{} of {} cases with `{only}` in their names hold",
            report.passed,
            report.cases.len()
        ),
    };
    format!(
        "{verdict}: {}; {} passed, {} not applicable, {} failed",
        stores.join(", "),
        report.passed,
        report.not_applicable,
        report.failed
    )
}

/// What is to be said about a case that did not pass.
fn remark(text: &mut String, case: &CaseReport) {
    let name = case.row.case;
    let remark = match (&case.row.verdict, case.needed_by) {
        (Verdict::NotApplicable { because }, None) => format!("n/a   {name}\n      {because}"),
        (Verdict::NotApplicable { because }, Some(setting)) => format!(
            "FAIL  {name}\n      does not apply ({because}), but {setting} relies on it: change it, or take another type"
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
