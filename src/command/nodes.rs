use std::sync::Arc;

use clap::Args;
use standfast::{ClusterUrl, Discovery};
use standfast_core::{Clock, Result};
use standfast_metadata::{ClientOptions, MetadataClient};

use super::endpoint;

/// Which cluster a client command speaks to.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct NodesArguments {
    /// Nodes of the cluster, `host:port` of their gRPC, with commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',', value_parser = endpoint::parse)]
    endpoint: Vec<String>,
    /// Or where its nodes are registered: etcd://host:port,host:port/CLUSTER
    #[arg(long, value_name = "URL")]
    discover: Option<ClusterUrl>,
}

impl NodesArguments {
    /// A client, which looks for other nodes as long as it lives where it was told where they are registered.
    pub(crate) async fn connect(&self, mut options: ClientOptions) -> Result<MetadataClient> {
        options.reach_within = endpoint::REACH;
        match &self.discover {
            Some(url) => MetadataClient::discover(Arc::new(open(url).await?), options).await,
            None => MetadataClient::connect(&self.endpoint, options).await,
        }
    }

    /// The nodes that are there now.
    pub(crate) async fn endpoints(&self) -> Result<Vec<String>> {
        match &self.discover {
            Some(url) => open(url).await?.endpoints().await,
            None => Ok(self.endpoint.clone()),
        }
    }
}

/// Where the nodes of a cluster are registered.
pub(super) async fn open(url: &ClusterUrl) -> Result<Discovery> {
    let registry = standfast_backends::builtin();
    Discovery::open(url.clone(), &registry, &Clock::system()).await
}
