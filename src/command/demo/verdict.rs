use std::collections::HashSet;
use std::path::Path;

use standfast::replay::check;
use tokio::time::Instant;

use super::nodes::DemoNode;
use crate::command::Failure;
use crate::command::oplog::Verified;
use crate::command::status::ask;

/// What this process, which is neither of the nodes, found out.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) lines: Vec<String>,
    pub(super) good: bool,
}

impl Verdict {
    fn hold(&mut self, holds: bool, line: impl AsRef<str>) {
        let line = line.as_ref();
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
    let log: Option<Verified> = serde_json::from_slice(&output.stdout).ok();
    let line = match &log {
        Some(log) if log.ok => format!(
            "oplog verify: seq {} to {} read, replayed from {}, {} digests equal",
            log.from.seq, log.to.seq, log.replayed_from.seq, log.digests_compared
        ),
        Some(log) => format!(
            "oplog verify: {}",
            log.problem.as_deref().unwrap_or_default()
        ),
        None => format!(
            "oplog verify: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    };
    verdict.hold(output.status.success(), line);
    compare_digests(&mut verdict, node, log.as_ref()).await;
    Ok(verdict)
}

async fn compare_digests(verdict: &mut Verdict, node: &DemoNode, log: Option<&Verified>) {
    let Some(log) = log else {
        return verdict.hold(false, "there is no replay to compare digests with");
    };
    let status = match ask(&node.endpoint).await {
        Ok(status) => status,
        Err(error) => return verdict.hold(false, format!("the node does not answer: {error}")),
    };
    let Some(own) = status.nodes.iter().find(|own| own.id.as_str() == node.name) else {
        return verdict.hold(false, "the node does not know itself");
    };
    verdict.hold(
        (log.to.seq, Some(log.digest)) == (own.digest_seq, own.digest),
        format!(
            "digest at seq {}: {} in memory, {} replayed from the log to seq {}",
            own.digest_seq,
            own.digest
                .map_or_else(|| "-".to_owned(), |digest| digest.to_string()),
            log.digest,
            log.to.seq
        ),
    );
}
