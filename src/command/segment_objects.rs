use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use standfast_metadata::SegmentObject;

use super::Failure;
use super::args::Output;
use super::object::ClusterArguments;
use super::object_list::{key_hex, status};
use super::segment::named;
use super::{output, text};

#[derive(Debug, Args)]
pub(crate) struct ObjectsArguments {
    /// Name or id of the segment
    #[arg(value_name = "SEGMENT")]
    segment: String,
    /// Most objects to print
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Serialize)]
struct Listed {
    tenant: String,
    key: String,
    /// The key's bytes, when they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hex: Option<String>,
    size: u64,
    status: &'static str,
    address: u64,
}

/// Prints each page as it comes: there may be millions of objects.
pub(super) async fn run(arguments: &ObjectsArguments) -> Result<ExitCode, Failure> {
    let client = arguments.cluster.connect("default").await?;
    let found = named(&client, std::slice::from_ref(&arguments.segment)).await?;
    let segment = found.first().expect("one for each name");
    let form = arguments.cluster.output;
    let mut header =
        (form == Output::Table).then(|| row(["key", "size", "status", "address", "tenant"]));
    let mut left = arguments.limit;
    let mut cursor = None;
    while left > 0 {
        // 0 is the longest page there is.
        let limit = u32::try_from(left).unwrap_or(0);
        let page = client.list_segment_objects(segment.id, limit, cursor.as_ref());
        let page = page
            .await?
            .map_err(|refusal| refusal.message.into_owned())?;
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

fn line(form: Output, object: &SegmentObject) -> Result<String, Failure> {
    let listed = Listed {
        tenant: object.tenant.clone(),
        key: String::from_utf8_lossy(&object.key).into_owned(),
        key_hex: key_hex(&object.key),
        size: object.size,
        status: status(object.complete),
        address: object.address,
    };
    Ok(match form {
        Output::Json => serde_json::to_string(&listed)?,
        Output::Table => row([
            &text::shown(&listed.key),
            &listed.size.to_string(),
            listed.status,
            &listed.address.to_string(),
            &text::shown(&listed.tenant),
        ]),
    })
}

/// A line of the table, whose columns cannot wait for the widest value.
fn row([key, size, status, address, tenant]: [&str; 5]) -> String {
    format!("{key:<32} {size:>14} {status:<10} {address:>20} {tenant}")
}
