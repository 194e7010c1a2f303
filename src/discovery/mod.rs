//! Finds the nodes of a cluster where they are registered: in the store of its election, and nowhere else.

mod url;

use std::sync::Arc;

use standfast_core::{Clock, ElectionBackend, Error, ErrorKind, Member, Registry, Result, Role};

pub use url::ClusterUrl;

/// The list of a cluster's nodes, as they registered themselves: each under a lease, so that who is gone is not in it for long.
#[derive(Clone, Debug)]
pub struct Discovery {
    url: ClusterUrl,
    election: Arc<dyn ElectionBackend>,
}

impl Discovery {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `Config` with what is wrong with the address.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is left behind.
    pub async fn open(url: ClusterUrl, registry: &Registry, clock: &Clock) -> Result<Self> {
        let factory = registry.elections.get(url.kind)?;
        let problems = factory.check(&url.table);
        if !problems.is_empty() {
            return Err(Error::new(ErrorKind::Config, "discover")
                .context(format!("`{url}`: {}", problems.join("; "))));
        }
        let election = factory.open(&url.table, &url.context(clock)?).await?;
        Ok(Self { url, election })
    }

    /// Those that are registered, the primary first.
    ///
    /// # Errors
    /// `NotFound` when nobody is, `Unavailable`, `Auth`.
    ///
    /// # Cancel safety
    /// Cancel safe: only reads.
    pub async fn members(&self) -> Result<Vec<Member>> {
        let mut members = self.election.members().await?;
        if members.is_empty() {
            return Err(self.nobody().await);
        }
        members.sort_by_key(|member| member.role != Role::Primary);
        Ok(members)
    }

    /// `host:port` of their gRPC, the primary's first.
    ///
    /// # Errors
    /// As [`Self::members`].
    ///
    /// # Cancel safety
    /// Cancel safe: only reads.
    pub async fn endpoints(&self) -> Result<Vec<String>> {
        let members = self.members().await?;
        let endpoints = members.into_iter().map(|member| member.candidate.endpoint);
        Ok(endpoints.collect())
    }

    /// Whether the cluster is there at all tells a mistyped name from nodes that do not run.
    async fn nobody(&self) -> Error {
        let (url, cluster) = (&self.url, self.url.cluster.as_str());
        let told = match self.election.fingerprint().await {
            Err(error) => return error,
            Ok(None) => format!("there is no cluster `{cluster}`: check its name and its prefix"),
            Ok(Some(_)) => format!("no node of cluster `{cluster}` is registered: does one run?"),
        };
        Error::new(ErrorKind::NotFound, "discover").context(format!("{url}: {told}"))
    }
}

#[cfg(feature = "metadata")]
#[async_trait::async_trait]
impl standfast_metadata::FindNodes for Discovery {
    async fn find(&self) -> Result<Vec<String>> {
        self.endpoints().await
    }
}
