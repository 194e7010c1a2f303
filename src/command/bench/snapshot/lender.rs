use standfast_metadata::{ClientOptions, MetadataClient, SegmentId, SegmentInfo};

use crate::command::Failure;

/// A client of the node at `endpoint` that lends it memory.
pub(super) async fn lender(endpoint: &str, name: &str) -> Result<MetadataClient, Failure> {
    let endpoints = [endpoint.to_owned()];
    let client = MetadataClient::connect(&endpoints, ClientOptions::default()).await?;
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: name.to_owned(),
        endpoint: format!("{name}.invalid:1"),
        base: 1 << 32,
        size: 1 << 50,
        protocol: "none".to_owned(),
    };
    let mounted = client.mount_segment(&segment).await?;
    mounted.map_err(|refusal| format!("{refusal:?}"))?;
    Ok(client)
}
