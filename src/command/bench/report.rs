use std::io;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};
use serde_json::{Serializer, Value};

use super::rpo::Loss;
use super::stats::Latency;
use crate::command::args::Output;
use crate::command::{Failure, output};

/// What a benchmark prints: one JSON object. `value` is the median of the runs.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    pub(super) bench: &'static str,
    pub(super) backend: &'static str,
    pub(super) params: Value,
    pub(super) runs: Vec<f64>,
    pub(super) value: f64,
    /// Where the value is a latency.
    #[serde(flatten)]
    pub(super) latency: Option<Latency>,
    /// Where writes may be lost.
    #[serde(flatten)]
    pub(super) loss: Option<Loss>,
    pub(super) unit: &'static str,
    pub(super) higher_is_better: bool,
    /// The same, done bare, in this very run; `None` where nothing is comparable.
    pub(super) yardstick: Option<f64>,
    /// Value through yardstick: the median over pairs.
    pub(super) ratio: Option<f64>,
    /// Measured once on the incumbent; no yardstick.
    pub(super) reference: Value,
    /// What it is to reach.
    pub(super) target: String,
    pub(super) holds: bool,
}

/// These params, and more.
pub(super) fn with(mut params: Value, more: Value) -> Value {
    if let (Value::Object(all), Value::Object(more)) = (&mut params, more) {
        all.extend(more);
    }
    params
}

/// Prints all of a benchmark: a line of JSON each, or one table. Success only if every target is reached.
pub(super) fn print(reports: &[BenchReport], form: Output) -> Result<ExitCode, Failure> {
    match form {
        Output::Json => {
            for report in reports {
                output::line(rounded(report)?)?;
            }
        }
        Output::Table => output::line(table(reports))?,
    }
    Ok(exit_code(reports))
}

/// JSON whose fractions end at the third decimal: more of them would be noise.
fn rounded(value: &impl Serialize) -> Result<String, Failure> {
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut text, ThreeDecimals))?;
    Ok(String::from_utf8(text)?)
}

struct ThreeDecimals;

impl Formatter for ThreeDecimals {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        CompactFormatter.write_f64(writer, (value * 1e3).round() / 1e3)
    }
}

fn exit_code(reports: &[BenchReport]) -> ExitCode {
    if reports.iter().all(|report| report.holds) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn table(reports: &[BenchReport]) -> String {
    let mut table = output::table(&[
        "bench",
        "with",
        "median",
        "p99",
        "max",
        "lost",
        "yardstick",
        "ratio",
        "target",
        "holds",
    ]);
    let or_none = |number: Option<f64>| number.map_or_else(String::new, |n| format!("{n:.2}"));
    for report in reports {
        let lost = |loss: &Loss| format!("{} of {}", loss.lost, loss.acknowledged);
        table.add_row([
            format!("{}, {}", report.bench, report.backend),
            params(&report.params),
            format!("{:.2} {}", report.value, report.unit),
            or_none(report.latency.map(|latency| latency.p99)),
            or_none(report.latency.map(|latency| latency.max)),
            report.loss.as_ref().map(lost).unwrap_or_default(),
            or_none(report.yardstick),
            or_none(report.ratio),
            report.target.clone(),
            if report.holds { "yes" } else { "NO" }.to_owned(),
        ]);
    }
    table.to_string()
}

/// A line each: `runs 20`.
fn params(params: &Value) -> String {
    let fields = params.as_object().into_iter().flatten();
    let lines: Vec<_> = fields
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name} {text}"),
            value => format!("{name} {}", rounded(value).unwrap_or_default()),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(holds: bool) -> BenchReport {
        BenchReport {
            bench: "lag",
            backend: "file",
            params: json!({ "rate": 10, "what": "all" }),
            runs: vec![1.0],
            value: 1.0,
            latency: Some(Latency::of(&[1.0])),
            loss: None,
            unit: "ms",
            higher_is_better: false,
            yardstick: None,
            ratio: None,
            reference: Value::Null,
            target: "p50 < 2 ms".to_owned(),
            holds,
        }
    }

    #[test]
    fn one_target_that_is_missed_is_a_failure() {
        let code = |holds: &[bool]| {
            let reports: Vec<_> = holds.iter().map(|holds| report(*holds)).collect();
            format!("{:?}", exit_code(&reports))
        };
        assert_eq!(code(&[true, true]), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(&[true, false]), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn fractions_end_at_the_third_decimal_and_counts_stay_counts() {
        let value =
            json!({ "a": 29.629_106_999_999_998, "b": [0.5, 10_000_000_000_u64], "c": null });
        assert_eq!(
            rounded(&value).unwrap(),
            r#"{"a":29.629,"b":[0.5,10000000000],"c":null}"#
        );
    }

    #[test]
    fn percentiles_stand_beside_the_value() {
        let value = serde_json::to_value(report(true)).unwrap();
        assert_eq!(value["p99"], json!(1.0));
        assert_eq!(value["yardstick"], Value::Null);
        assert!(value.get("lost").is_none(), "{value}");
    }
}
