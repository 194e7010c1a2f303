use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use standfast_metadata::ListedObject;

use super::Failure;
use super::args::Output;
use super::object::ClusterArguments;
use super::{output, text};

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only keys that begin with this
    #[arg(long, default_value = "")]
    prefix: String,
    /// Only keys that match, anywhere unless anchored with ^ and $
    #[arg(
        long,
        value_name = "REGEX",
        default_value = "",
        hide_default_value = true
    )]
    regex: String,
    /// Most objects to print
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// The tenant
    #[arg(long, default_value = "default", value_parser = text::tenant)]
    tenant: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Serialize)]
struct Listed {
    key: String,
    /// The key's bytes, when they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hex: Option<String>,
    size: u64,
    status: &'static str,
    checksum: Option<u64>,
    segments: Vec<String>,
    group: String,
    hard_pin: bool,
    soft_pin_ms: u64,
}

/// Prints each page as it comes: there may be millions of objects.
pub(super) async fn run(arguments: &ListArguments) -> Result<ExitCode, Failure> {
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    let form = arguments.cluster.output;
    let mut header = (form == Output::Table).then(|| row("key", "size", "status", "segments"));
    let mut left = arguments.limit;
    let mut cursor = None;
    while left > 0 {
        // 0 is the longest page there is.
        let limit = u32::try_from(left).unwrap_or(0);
        let prefix = arguments.prefix.as_bytes();
        let page = client
            .list_matching(prefix, &arguments.regex, limit, cursor.as_ref())
            .await?;
        left -= page.objects.len() as u64;
        // Only now: an error comes first.
        if let Some(header) = header.take() {
            output::line(header)?;
        }
        output::lines(page.objects.iter().map(|object| line(form, object)))?;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(form: Output, object: &ListedObject) -> Result<String, Failure> {
    let replicas = object.replicas.iter();
    let listed = Listed {
        key: String::from_utf8_lossy(&object.key).into_owned(),
        key_hex: key_hex(&object.key),
        size: object.size,
        status: status(object.complete),
        checksum: object.checksum,
        segments: replicas.map(|at| at.segment.name.clone()).collect(),
        group: object.traits.group.clone(),
        hard_pin: object.traits.hard_pin,
        soft_pin_ms: object.traits.soft_pin_ms,
    };
    Ok(match form {
        Output::Json => serde_json::to_string(&listed)?,
        Output::Table => row(
            &text::shown(&listed.key),
            &listed.size.to_string(),
            listed.status,
            &text::shown(&listed.segments.join(",")),
        ),
    })
}

/// The key's bytes, when they are no text.
pub(super) fn key_hex(key: &[u8]) -> Option<String> {
    std::str::from_utf8(key).is_err().then(|| hex::encode(key))
}

pub(super) const fn status(complete: bool) -> &'static str {
    if complete { "complete" } else { "processing" }
}

/// A line of the table, whose columns cannot wait for the widest value.
fn row(key: &str, size: &str, status: &str, segments: &str) -> String {
    format!("{key:<32} {size:>14} {status:<10} {segments}")
}
