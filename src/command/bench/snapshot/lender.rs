use standfast_metadata::{ClientOptions, MetadataClient, SegmentId, SegmentInfo};

use crate::command::Failure;

/// A client of the node at `endpoint` that lends it memory. The objects of earlier ones stay: they had other endpoints.
pub(super) async fn lender(endpoint: &str) -> Result<MetadataClient, Failure> {
    let endpoints = [endpoint.to_owned()];
    let client = MetadataClient::connect(&endpoints, ClientOptions::default()).await?;
    let name = uuid::Uuid::new_v4().to_string();
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        endpoint: format!("{name}.invalid:1"),
        name,
        base: 1 << 32,
        size: 1 << 50,
        protocol: "none".to_owned(),
    };
    let mounted = client.mount_segment(&segment).await?;
    mounted.map_err(|refusal| format!("{refusal:?}"))?;
    Ok(client)
}
