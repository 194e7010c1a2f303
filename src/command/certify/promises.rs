use standfast::config::{Config, Mode};
use standfast::conformance::{Row, Verdict};
use standfast_core::ByteSize;

/// What a node of a configuration asks of its stores.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) config: &'a Config,
    /// The election lets nodes in other processes lead.
    pub(super) others_lead: bool,
}

/// What a configuration asks of a store that not every store promises, and the cases that prove it.
struct Promise {
    /// As the configuration has it.
    setting: &'static str,
    asked: fn(&Asked<'_>) -> bool,
    /// Of which store: `log`, ..
    kind: &'static str,
    /// A case, or a rule or a hazard that cases name, of which one proves it: of those about frozen writers, for one, some are
    /// for logs that are locked and some for all others.
    proof: &'static str,
}

/// What a process acknowledged before it was killed is there.
const KILLED: &str = "h06_what_a_killed_process_acknowledged_is_in_the_log_for_good";

const PROMISES: [Promise; 7] = [
    // Nobody knows when a log that does not tell its size has reached its limit.
    Promise {
        setting: "[oplog] max_bytes",
        asked: has_limit,
        kind: "log",
        proof: "OL-14",
    },
    Promise {
        setting: "[oplog] ack = \"durable\"",
        asked: is_durable,
        kind: "log",
        proof: KILLED,
    },
    // A leader that was frozen and replaced writes nothing.
    Promise {
        setting: "[election] type",
        asked: others_lead,
        kind: "log",
        proof: "h01",
    },
    // What another process wrote is there for its successor, and for those that follow.
    Promise {
        setting: "[election] type",
        asked: others_lead,
        kind: "log",
        proof: KILLED,
    },
    Promise {
        setting: "[election] type",
        asked: others_lead,
        kind: "log",
        proof: "OL-6",
    },
    // A leader that was frozen is replaced, and believes in itself no more.
    Promise {
        setting: "[election] ttl",
        asked: others_lead,
        kind: "election",
        proof: "h01",
    },
    // Trimming leaves what a restore needs.
    Promise {
        setting: "[recovery] mode = \"hybrid\"",
        asked: trims,
        kind: "log",
        proof: "OL-8",
    },
];

/// The setting that relies on a case of `rows` which does not apply, while no other case proves the same; none when the node
/// can do without it.
pub(super) fn needed_by(asked: &Asked<'_>, row: &Row, rows: &[Row]) -> Option<&'static str> {
    if !matches!(row.verdict, Verdict::NotApplicable { .. }) {
        return None;
    }
    let promise = PROMISES.iter().find(|promise| {
        promise.covers(row) && (promise.asked)(asked) && !rows.iter().any(|row| promise.proved(row))
    })?;
    Some(promise.setting)
}

impl Promise {
    fn covers(&self, row: &Row) -> bool {
        row.kind == self.kind && (row.case == self.proof || row.rules.contains(&self.proof))
    }

    fn proved(&self, row: &Row) -> bool {
        self.covers(row) && row.verdict == Verdict::Passed
    }
}

fn has_limit(asked: &Asked<'_>) -> bool {
    let setting = asked
        .config
        .oplog
        .as_ref()
        .and_then(|oplog| oplog.table.get("max_bytes"));
    let limit = setting.and_then(|limit| limit.clone().try_into::<ByteSize>().ok());
    limit.is_some_and(|limit| limit.0 > 0)
}

fn is_durable(asked: &Asked<'_>) -> bool {
    asked.config.master.ack.is_committed()
}

const fn others_lead(asked: &Asked<'_>) -> bool {
    asked.others_lead
}

fn trims(asked: &Asked<'_>) -> bool {
    asked.config.recovery.mode == Mode::Hybrid
}

#[cfg(test)]
mod tests {
    use standfast::conformance::{Election, Kind, Log};

    use super::*;

    fn config(oplog: &str, mode: &str) -> Config {
        let snapshots = match mode {
            "log" => "",
            _ => "snapshots = { type = \"bucket\", url = \"bucket\" }",
        };
        let text = format!(
            r#"
            cluster = {{ id = "c" }}
            node = {{ id = "a", data_dir = "a" }}
            election = {{ type = "memory" }}
            oplog = {{ {oplog} }}
            recovery = {{ mode = "{mode}" }}
            {snapshots}
            "#
        );
        let registry = standfast_backends::builtin();
        Config::from_text(&text, "/nowhere".into(), &registry).unwrap()
    }

    fn row(kind: &'static str, rules: &'static [&'static str], passed: bool) -> Row {
        let because = "not promised".to_owned();
        let verdict = if passed {
            Verdict::Passed
        } else {
            Verdict::NotApplicable { because }
        };
        Row {
            kind,
            case: "a_case",
            rules,
            verdict,
        }
    }

    /// What relies on the first of `rows`.
    fn needs(config: &Config, others_lead: bool, rows: &[Row]) -> Option<&'static str> {
        needed_by(
            &Asked {
                config,
                others_lead,
            },
            &rows[0],
            rows,
        )
    }

    #[test]
    fn a_limit_needs_a_log_that_tells_its_size() {
        let limited = config("type = \"file\", max_bytes = \"1GiB\"", "log");
        let sized = row("log", &["OL-14", "h25"], false);
        let needed = Some("[oplog] max_bytes");
        assert_eq!(needs(&limited, false, std::slice::from_ref(&sized)), needed);
        assert_eq!(
            needs(&limited, false, &[row("log", &["OL-13"], false)]),
            None
        );
        assert_eq!(
            needs(&limited, false, &[row("log", &["OL-14"], true)]),
            None
        );
        let unlimited = config("type = \"file\", max_bytes = \"0B\"", "log");
        assert_eq!(needs(&unlimited, false, &[sized]), None);
    }

    #[test]
    fn durable_needs_a_log_that_outlives_a_killed_process() {
        let killed = Row {
            case: KILLED,
            ..row("log", &["OL-3", "h06"], false)
        };
        let needed = Some("[oplog] ack = \"durable\"");
        let durable = config("type = \"file\"", "log");
        assert_eq!(
            needs(&durable, false, std::slice::from_ref(&killed)),
            needed
        );
        let lossy = config("type = \"file\", ack = \"async\"", "log");
        assert_eq!(needs(&lossy, false, std::slice::from_ref(&killed)), None);
        let settled = row("log", &["OL-3", "h06"], true);
        let needed = Some("[election] type");
        assert_eq!(needs(&lossy, true, &[killed, settled]), needed);
    }

    #[test]
    fn leaders_in_other_processes_need_fences_and_leases_that_end() {
        let config = config("type = \"file\", ack = \"async\"", "log");
        let frozen = row("log", &["OL-2", "h01"], false);
        let needed = Some("[election] type");
        assert_eq!(needs(&config, true, std::slice::from_ref(&frozen)), needed);
        assert_eq!(needs(&config, false, std::slice::from_ref(&frozen)), None);
        // A log that is locked proves it in another way.
        let locked = row("log", &["OL-2", "h01"], true);
        assert_eq!(needs(&config, true, &[frozen.clone(), locked]), None);
        // That of the election does not help the log.
        let elected = row("election", &["EL-2", "h01"], true);
        assert_eq!(needs(&config, true, &[frozen, elected]), needed);
        let replaced = row("election", &["EL-2", "h01"], false);
        let needed = Some("[election] ttl");
        assert_eq!(
            needs(&config, true, std::slice::from_ref(&replaced)),
            needed
        );
        assert_eq!(needs(&config, false, &[replaced]), None);
        let followed = row("log", &["OL-6"], false);
        assert_eq!(needs(&config, true, &[followed]), Some("[election] type"));
    }

    #[test]
    fn a_log_that_is_trimmed_needs_a_trim_that_leaves_what_is_needed() {
        let trimmed = row("log", &["OL-8"], false);
        let needed = Some("[recovery] mode = \"hybrid\"");
        let hybrid = config("type = \"file\"", "hybrid");
        assert_eq!(
            needs(&hybrid, false, std::slice::from_ref(&trimmed)),
            needed
        );
        assert_eq!(
            needs(&config("type = \"file\"", "log"), false, &[trimmed]),
            None
        );
    }

    #[test]
    fn there_are_cases_that_prove_it() {
        let of_log = Log::cases().into_iter().map(|case| (case.name, case.rules));
        let of_election = Election::cases().into_iter();
        let of_election = of_election.map(|case| (case.name, case.rules));
        let (log, election): (Vec<_>, Vec<_>) = (of_log.collect(), of_election.collect());
        for Promise { kind, proof, .. } in &PROMISES {
            let cases = if *kind == "log" { &log } else { &election };
            let mut cases = cases.iter();
            let found = cases.any(|(name, rules)| name == proof || rules.contains(proof));
            assert!(found, "no case of {kind} is or names {proof}");
        }
    }
}
