use standfast::config::Config;
use standfast::conformance::{Row, Verdict};
use standfast_core::ByteSize;

/// What a configuration asks of a store that not every store promises, and the cases that prove it.
struct Promise {
    /// As the configuration has it.
    setting: &'static str,
    asked: fn(&Config) -> bool,
    /// One of the rules that the cases name.
    rule: &'static str,
}

const PROMISES: [Promise; 1] = [Promise {
    setting: "[oplog] max_bytes",
    asked: has_limit,
    rule: "OL-14",
}];

/// The setting that needs a case which does not apply; none when the node can do without it.
pub(super) fn needed_by(config: &Config, row: &Row) -> Option<&'static str> {
    let promise = PROMISES.iter().find(|promise| {
        row.rules.contains(&promise.rule)
            && matches!(row.verdict, Verdict::NotApplicable { .. })
            && (promise.asked)(config)
    })?;
    Some(promise.setting)
}

/// Nobody knows when a log that does not tell its size has reached its limit.
fn has_limit(config: &Config) -> bool {
    let setting = config
        .oplog
        .as_ref()
        .and_then(|oplog| oplog.table.get("max_bytes"));
    let limit = setting.and_then(|limit| limit.clone().try_into::<ByteSize>().ok());
    limit.is_some_and(|limit| limit.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_needs_a_log_that_tells_its_size() {
        let config = |limit: &str| {
            let text = format!(
                r#"
                cluster = {{ id = "c" }}
                node = {{ id = "a", data_dir = "a" }}
                election = {{ type = "memory" }}
                oplog = {{ type = "file", max_bytes = "{limit}" }}
                recovery = {{ mode = "log" }}
                "#
            );
            let registry = standfast_backends::builtin();
            Config::from_text(&text, "/nowhere".into(), &registry).unwrap()
        };
        let row = |rules, verdict| Row {
            kind: "log",
            case: "a_case",
            rules,
            verdict,
        };
        let because = || Verdict::NotApplicable {
            because: "tells_usage = false".into(),
        };
        let (sized, other) = (&["OL-14", "h25"], &["OL-13"]);
        let limited = config("1GiB");
        assert_eq!(
            needed_by(&limited, &row(sized, because())),
            Some("[oplog] max_bytes")
        );
        assert_eq!(needed_by(&limited, &row(other, because())), None);
        assert_eq!(needed_by(&limited, &row(sized, Verdict::Passed)), None);
        assert_eq!(needed_by(&config("0B"), &row(sized, because())), None);
    }
}
