//! A configuration that is good, and what is said about one that is not.

use standfast::config::{Config, Problem};

/// Line 1 is `[cluster]`.
pub(crate) const GOOD: &str = r#"[cluster]
id = "test"
[node]
id = "a"
data_dir = "data"
[election]
type = "file"
ttl = "2s"
[oplog]
type = "file"
segment_size = "4MiB"
ack = "durable"
[snapshots]
type = "bucket"
url = "bucket"
every = "1m"
[metadata]
client_ttl = "10s"
"#;

pub(crate) fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    let set = environment.iter();
    let set = set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "/".into(), &standfast_backends::builtin(), set)
}

/// Everything that is said about a text, a line each.
pub(crate) fn problems(text: &str) -> String {
    told(text, &[])
}

/// Everything that is said about the good configuration with `from` replaced.
pub(crate) fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    problems(&GOOD.replacen(from, to, 1))
}

pub(crate) fn told(text: &str, environment: &[(&str, &str)]) -> String {
    let problems = parse(text, environment).expect_err("it has a mistake");
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
