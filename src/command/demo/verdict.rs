use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use standfast::replay::check;
use tokio::time::Instant;

use super::nodes::DemoNode;
use crate::command::Failure;
use crate::command::status::ask;

/// What this process, which is neither of the nodes, found out.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) lines: Vec<String>,
    pub(super) good: bool,
}

impl Verdict {
    fn hold(&mut self, holds: bool, line: String) {
        self.good &= holds;
        self.lines.push(format!(
            "{} {line}",
            if holds { "ok    " } else { "NOT OK" }
        ));
    }
}

/// Asks three times: the master for everything that was acknowledged, the log for everything it holds, and both for
/// the digest at the same Seq.
pub(super) async fn reach(record: &Path, node: &DemoNode) -> Result<Verdict, Failure> {
    let mut verdict = Verdict {
        lines: Vec::new(),
        good: true,
    };
    let begun = Instant::now();
    match check(
        record,
        std::slice::from_ref(&node.endpoint),
        &HashSet::new(),
    )
    .await
    {
        Ok(checked) => verdict.hold(
            checked.missing.is_empty(),
            format!(
                "acknowledged {}, missing {}",
                checked.acknowledged,
                checked.missing.len()
            ),
        ),
        Err(error) => verdict.hold(false, format!("the record cannot be checked: {error}")),
    }
    tracing::debug!(took = ?begun.elapsed(), "record checked");
    let output = node.command(&["oplog", "verify", "-o", "json"]).await?;
    let log: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let problem = log["problem"].as_str().map(str::to_owned);
    let told = problem.unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).trim().to_owned());
    let (from, to) = (&log["from"]["seq"], &log["to"]["seq"]);
    let line = if output.status.success() {
        let compared = &log["digests_compared"];
        format!("oplog verify: seq {from} to {to} read and replayed, {compared} digests equal")
    } else {
        format!("oplog verify: {told}")
    };
    verdict.hold(output.status.success(), line);
    compare_digests(&mut verdict, node, &log).await;
    Ok(verdict)
}

async fn compare_digests(verdict: &mut Verdict, node: &DemoNode, log: &Value) {
    let status = match ask(&node.endpoint).await {
        Ok(status) => status,
        Err(error) => return verdict.hold(false, format!("the node does not answer: {error}")),
    };
    let Some(own) = status.nodes.iter().find(|own| own.id.as_str() == node.name) else {
        return verdict.hold(false, "the node does not know itself".to_owned());
    };
    let replayed = (
        log["to"]["seq"].as_u64(),
        log["digest"].as_str().map(str::to_owned),
    );
    let served = (
        Some(own.digest_seq.0),
        own.digest.map(|digest| digest.to_string()),
    );
    verdict.hold(
        replayed == served,
        format!(
            "digest at seq {}: {} in memory, {} replayed from the log at seq {}",
            own.digest_seq,
            served.1.as_deref().unwrap_or("-"),
            replayed.1.as_deref().unwrap_or("-"),
            log["to"]["seq"]
        ),
    );
}
