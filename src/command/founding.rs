use std::sync::Arc;

use standfast_core::{Epoch, FenceToken, Manifest, TermRecord};
use standfast_snapshots::Publisher;
use standfast_standby::Sources;

use super::elected::elected;
use super::{Failure, snapshot};

/// Makes empty stores those of a cluster that begins with a snapshot, which `publish` puts into the bucket and lists. Returns
/// it, and the epoch in which that was done.
///
/// Election and bucket first, the log last: until it is there every `serve` refuses, and then it begins where the catalog
/// says. `streams`: each node has a log of its own, and this node's is the one that is complete.
pub(super) async fn found(
    sources: &Sources,
    at_least: Epoch,
    streams: bool,
    publish: impl AsyncFnOnce(&Publisher, FenceToken) -> Result<Manifest, Failure>,
) -> Result<(Manifest, Epoch), Failure> {
    let store = snapshot::store(sources)?;
    sources.election.init(sources.cluster).await?;
    store.init(sources.cluster).await?;
    let leadership = elected(sources, at_least).await?;
    let node = sources.candidate.node.clone();
    let publisher = Publisher::new(Arc::clone(store), node, sources.policy.clone());
    let token = leadership.token();
    let manifest = publish(&publisher, token.clone()).await?;
    sources.oplog.init(sources.cluster).await?;
    sources.oplog.begin_at(token, manifest.position).await?;
    if streams {
        let seated = TermRecord {
            epoch: token.epoch,
            in_sync: vec![(
                sources.candidate.node.clone(),
                sources.oplog.log_id().await?,
            )],
            committed: manifest.position,
        };
        leadership.publish(&seated).await?;
    }
    let epoch = token.epoch;
    leadership.resign(None).await?;
    Ok((manifest, epoch))
}
