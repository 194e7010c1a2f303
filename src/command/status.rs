use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use standfast::config::Config;
use standfast::node::{ClusterStatus, DrillStatus, open_election};
use standfast_core::{Clock, NodeId};
use standfast_metadata::root_cause;
use standfast_wire::v1::GetStatusRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::Failure;
use super::args::TargetArguments;
use super::{moment, nodes, output};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often the cluster is looked at while something is waited for.
const LOOK: Duration = Duration::from_millis(50);

pub(super) async fn run(target: TargetArguments) -> Result<ExitCode, Failure> {
    let status = cluster_status(&target).await?;
    output::print(target.output, &status, table)?;
    Ok(ExitCode::SUCCESS)
}

/// The status as the first node that answers has it.
pub(super) async fn cluster_status(target: &TargetArguments) -> Result<ClusterStatus, Failure> {
    let endpoints = endpoints(target).await?;
    let mut last: Option<Failure> = None;
    for endpoint in &endpoints {
        match ask(endpoint).await {
            Ok(status) => return Ok(status),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| "no node is registered: is one running?".into()))
}

/// Looks at the cluster until `wanted` finds what it looks for; `None` when it did not within `patience`. Nodes that do
/// not answer meanwhile are asked again.
pub(super) async fn wait_for<T>(
    target: &TargetArguments,
    patience: Duration,
    mut wanted: impl FnMut(&ClusterStatus) -> Option<T>,
) -> Option<T> {
    let looking = async {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let found = cluster_status(target).await.ok();
            if let Some(found) = found.and_then(|status| wanted(&status)) {
                return found;
            }
        }
    };
    tokio::time::timeout(patience, looking).await.ok()
}

/// The status as one node has it.
pub(super) async fn ask(endpoint: &str) -> Result<ClusterStatus, Failure> {
    let mut client = AdminServiceClient::new(connect(endpoint).await?);
    let answer = client
        .get_status(GetStatusRequest { own_only: false })
        .await
        .map_err(|status| format!("{endpoint} does not answer: {}", status.message()))?;
    Ok(serde_json::from_str(&answer.into_inner().json)?)
}

pub(super) async fn connect(endpoint: &str) -> Result<Channel, Failure> {
    connected(endpoint, |to| to.timeout(PATIENCE)).await
}

/// A connection for calls that take as long as they take.
pub(super) async fn connect_patiently(endpoint: &str) -> Result<Channel, Failure> {
    connected(endpoint, |to| to).await
}

async fn connected(
    endpoint: &str,
    settings: impl FnOnce(Endpoint) -> Endpoint,
) -> Result<Channel, Failure> {
    let to = Endpoint::from_shared(format!("http://{endpoint}"))?.connect_timeout(PATIENCE);
    let told = |error| format!("cannot connect to {endpoint}: {}", root_cause(&error));
    Ok(settings(to).connect().await.map_err(told)?)
}

/// The endpoints named, or those that the election store knows.
pub(super) async fn endpoints(target: &TargetArguments) -> Result<Vec<String>, Failure> {
    if let Some(url) = &target.discover {
        return Ok(nodes::open(url).await?.endpoints().await?);
    }
    let Some(path) = &target.config else {
        return Ok(target.endpoint.clone());
    };
    let registry = standfast_backends::builtin();
    let config = Config::load(path, &registry)?;
    let election = open_election(&config, &registry, &Clock::system()).await?;
    let members = election.members().await?;
    Ok(members
        .into_iter()
        .map(|member| member.candidate.endpoint)
        .collect())
}

fn table(status: &ClusterStatus) -> String {
    let mut table = output::table(&[
        "node",
        "role",
        "endpoint",
        "epoch",
        "applied",
        "committed",
        "lag",
        "lag ms",
        "snapshot",
        "verified",
        "in sync",
        "digest",
    ]);
    for node in &status.nodes {
        let digest = node.digest.map(|digest| digest.to_string());
        table.add_row([
            node.id.to_string(),
            if node.answered() {
                format!("{:?}", node.role).to_lowercase()
            } else {
                "no answer".to_owned()
            },
            node.endpoint.clone(),
            node.epoch.to_string(),
            node.applied_seq.to_string(),
            node.committed_seq.to_string(),
            node.lag_entries.to_string(),
            format!("{:.1}", node.lag_ms),
            node.snapshot_seq.to_string(),
            node.verified_seq.to_string(),
            if node.in_sync { "yes" } else { "no" }.to_owned(),
            digest.map_or_else(
                || "-".to_owned(),
                |digest| {
                    format!(
                        "{}.. @{}",
                        digest.chars().take(8).collect::<String>(),
                        node.digest_seq
                    )
                },
            ),
        ]);
    }
    let leader = status
        .leader
        .as_ref()
        .map_or("nobody", |leader| leader.as_str());
    format!(
        "cluster {}, epoch {}, led by {leader}\n{table}{}",
        status.cluster,
        status.epoch,
        notes(status)
    )
}

/// What there is to say of single nodes, each on a line of its own.
fn notes(status: &ClusterStatus) -> String {
    let mut text = String::new();
    for node in status.nodes.iter().filter(|node| node.answered()) {
        if let Some(failure) = &node.failure {
            let written = write!(text, "\n{} stands still: {failure}", node.id);
            written.expect("writing to a String cannot fail");
        }
        if let Some(entries) = node.uncovered_entries {
            let age = node.snapshot_age_ms.map(Duration::from_millis);
            let age = age.map_or_else(
                || "there is no snapshot".to_owned(),
                |age| format!("the newest snapshot is {:.1} s old", age.as_secs_f64()),
            );
            let written = write!(
                text,
                "\n{} keeps no log: a crash loses {entries} entries; {age}",
                node.id
            );
            written.expect("writing to a String cannot fail");
        }
        if let Some(why) = &node.read_only {
            let written = write!(text, "\n{} is read-only: {why}", node.id);
            written.expect("writing to a String cannot fail");
        }
        if !node.in_sync_set.is_empty() {
            let set: Vec<_> = node.in_sync_set.iter().map(NodeId::as_str).collect();
            let written = write!(
                text,
                "\n{} acknowledges what is in the logs of {}",
                node.id,
                set.join(", ")
            );
            written.expect("writing to a String cannot fail");
        }
        for standby in &node.standbys {
            let written = write!(
                text,
                "\n{} sends its log to {}, which has it up to seq {} ({} entries behind)",
                node.id, standby.id, standby.synced_seq, standby.unsynced_entries
            );
            written.expect("writing to a String cannot fail");
        }
        if let Some(why) = &node.too_few_in_sync {
            let written = write!(text, "\n{}: {why}", node.id);
            written.expect("writing to a String cannot fail");
        }
        let drill = node.drill.as_ref().map(drilled).into_iter().flatten();
        for line in drill {
            let written = write!(text, "\n{} {line}", node.id);
            written.expect("writing to a String cannot fail");
        }
    }
    text
}

/// What a node's drills came to.
fn drilled(drill: &DrillStatus) -> Vec<String> {
    let proved = drill.last_proven_seq.zip(drill.last_proven_time_ms);
    let proved = proved.map(|(seq, at_ms)| {
        format!(
            "has proved at {} that the stores recover up to seq {seq}, in {:.3} s",
            moment::text(at_ms),
            drill.measured_rto_seconds.unwrap_or_default()
        )
    });
    let problem = drill.problem.as_ref();
    let problem = problem.map(|problem| format!("has tried a recovery, which FAILED: {problem}"));
    proved.into_iter().chain(problem).collect()
}
