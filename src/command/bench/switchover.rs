use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use standfast_master::Ack;
use standfast_wire::v1::SwitchoverRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use tokio::time::{Instant, sleep};

use super::cluster::BenchCluster;
use super::report::{self, BenchReport};
use super::stats::{Latency, median};
use super::writer::{Writer, Written};
use crate::command::args::RtoArguments;
use crate::command::status::connect;
use crate::command::{Failure, output};

/// Load before each switchover.
const WARM: Duration = Duration::from_millis(500);
/// The client is watched for so long after the old primary has answered.
const AFTER: Duration = Duration::from_millis(500);
/// What is to be reached.
const TARGET_MS: f64 = 100.0;

/// Hands leadership over, `runs` times, to and fro: the longest time between two acknowledgements around it, as a
/// client with default retries sees it.
pub(super) async fn run(arguments: RtoArguments) -> Result<ExitCode, Failure> {
    let mut cluster = BenchCluster::start_on(&arguments.log, Ack::Durable).await?;
    let mut writer = Writer::start(&cluster.endpoints()).await?;
    let progress = output::progress(arguments.runs, "switchovers");
    let (mut runs, mut here) = (Vec::new(), Vec::new());
    for _ in 0..arguments.runs {
        let paused = one_switchover(&mut cluster, &mut writer).await?;
        runs.push(paused.client_ms);
        here.push(paused.old_primary_ms);
        progress.inc(1);
    }
    progress.finish_and_clear();
    cluster.remove(&arguments.log).await?;
    let (value, latency) = (median(&runs), Latency::of(&runs));
    let report = BenchReport {
        bench: "switchover",
        backend: arguments.log.backend.name(),
        params: json!({
            "runs": arguments.runs,
            "pacing_ms": 1,
            "what": "longest gap between two acknowledgements",
            "median_until_old_primary_resigned_ms": median(&here),
        }),
        runs,
        value,
        latency: Some(latency),
        loss: None,
        unit: "ms",
        higher_is_better: false,
        yardstick: None,
        ratio: None,
        reference: json!(null),
        target: format!("median < {TARGET_MS} ms"),
        holds: value < TARGET_MS,
    };
    report::print(&[report], arguments.output)
}

struct Paused {
    client_ms: f64,
    /// From closing intake to the end of the old term.
    old_primary_ms: f64,
}

async fn one_switchover(
    cluster: &mut BenchCluster,
    writer: &mut Writer,
) -> Result<Paused, Failure> {
    sleep(WARM).await;
    let (leader, standby) = cluster.roles().await?;
    let mut admin = AdminServiceClient::new(connect(&leader.endpoint).await?);
    let to = standby.name.to_owned();
    writer.forget();
    // The first gap begins with an acknowledgement before the switchover.
    let mut seen = writer.until_begun_after(Instant::now()).await?;
    let answer = admin.switchover(SwitchoverRequest { to }).await;
    let answer = answer.map_err(|status| status.message().to_owned())?;
    sleep(AFTER).await;
    seen.extend(writer.until_begun_after(Instant::now()).await?);
    cluster.complete().await?;
    Ok(Paused {
        client_ms: longest_gap(&seen).as_secs_f64() * 1e3,
        old_primary_ms: answer.into_inner().pause_ms,
    })
}

/// The longest time between two acknowledgements.
fn longest_gap(written: &[Written]) -> Duration {
    let gaps = written.windows(2).filter_map(|two| match two {
        [before, after] => Some(after.acknowledged - before.acknowledged),
        _ => None,
    });
    gaps.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_the_longest_time_between_two_acknowledgements() {
        let begun = Instant::now();
        let at = |ms: u64| Written {
            begun,
            acknowledged: begun + Duration::from_millis(ms),
        };
        let gap = longest_gap(&[at(0), at(2), at(42), at(43)]);
        assert_eq!(gap, Duration::from_millis(40));
        assert_eq!(longest_gap(&[at(1)]), Duration::ZERO);
    }
}
