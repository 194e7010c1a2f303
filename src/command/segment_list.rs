use std::process::ExitCode;

use serde::Serialize;
use standfast_metadata::ListedSegment;
use standfast_metadata::v1::SegmentStatus;

use super::Failure;
use super::object::ClusterArguments;
use super::{output, text};

#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    endpoint: String,
    size: u64,
    used: u64,
    status: &'static str,
}

pub(super) async fn run(cluster: &ClusterArguments) -> Result<ExitCode, Failure> {
    let client = cluster.connect("default").await?;
    let segments = client.list_segments().await?;
    let listed: Vec<_> = segments.into_iter().map(of).collect();
    output::print(cluster.output, &listed, table)?;
    Ok(ExitCode::SUCCESS)
}

fn of(segment: ListedSegment) -> Listed {
    Listed {
        id: segment.info.id.to_string(),
        name: segment.info.name,
        endpoint: segment.info.endpoint,
        size: segment.info.size,
        used: segment.used,
        status: match segment.status {
            SegmentStatus::Mounted => "mounted",
            SegmentStatus::Remounting => "remounting",
            SegmentStatus::Unmounting => "unmounting",
        },
    }
}

fn table(listed: &Vec<Listed>) -> String {
    let mut table = output::table(&["id", "name", "endpoint", "size", "used", "status"]);
    for segment in listed {
        table.add_row([
            segment.id.clone(),
            text::shown(&segment.name).into_owned(),
            text::shown(&segment.endpoint).into_owned(),
            segment.size.to_string(),
            segment.used.to_string(),
            segment.status.to_owned(),
        ]);
    }
    table.to_string()
}
