use super::cluster;
use super::connection::Connection;
use super::error::error;
use super::layout::Layout;
use crate::scratch;
use standfast_core::{OpenContext, Result, Scratch};

/// Where an etcd is that nobody said anything about.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:2379";
/// What a key prefix has in the place of the cluster's id.
const CLUSTER: &str = "{cluster}";
/// What the root of a scratch place has between the configured root and its name.
const SCRATCH: &str = "-scratch-";

/// Where keys are: which etcd, and under what.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) endpoints: Vec<String>,
    /// Without it everything is under `{prefix}/{cluster}`.
    pub(super) key_prefix: Option<String>,
}

/// Where an etcd is that nobody said anything about.
pub(super) fn default_endpoints() -> Vec<String> {
    vec![DEFAULT_ENDPOINT.to_owned()]
}

impl Place {
    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.endpoints.is_empty() {
            found.push(format!(
                "`endpoints = []`: name the members, as in [\"{DEFAULT_ENDPOINT}\"]"
            ));
        }
        let wrong = self.endpoints.iter().filter(|url| !is_endpoint(url));
        found.extend(wrong.map(|url| {
            format!("`endpoints`: \"{url}\" is none: want `http://host:port`, as in \"{DEFAULT_ENDPOINT}\"")
        }));
        if let Some(prefix) = &self.key_prefix
            && prefix.trim_matches('/').is_empty()
        {
            found.push(format!(
                "`key_prefix = \"{prefix}\"` is every key there is: name one, as in \"/standfast/{CLUSTER}\""
            ));
        }
        found
    }

    pub(super) fn root(&self, context: &OpenContext) -> String {
        let cluster = context.cluster.as_str();
        match &self.key_prefix {
            Some(prefix) => prefix.replace(CLUSTER, cluster),
            None => format!("{}/{cluster}", context.prefix.trim_end_matches('/')),
        }
    }

    /// The scratch place called `name`, beside the configured keys and not among them: those are counted and watched.
    pub(super) fn scratch(
        &self,
        table: &toml::Table,
        context: &OpenContext,
        name: &str,
    ) -> Scratch {
        let root = self.root(context);
        let root = root.trim_end_matches('/');
        let mut table = table.clone();
        let place = format!("{root}-{}", scratch::word(name));
        table.insert("key_prefix".to_owned(), place.into());
        Scratch {
            table,
            context: scratch::context(context),
        }
    }

    /// Removes everything in a scratch place.
    ///
    /// # Errors
    /// `Config` when this is none; `Auth`, `Unavailable` with what stays.
    pub(super) async fn remove_scratch(&self) -> Result<()> {
        let place = self.key_prefix.as_deref().unwrap_or_default();
        let named = place.rsplit_once(SCRATCH).is_some_and(|(root, name)| {
            !root.trim_matches('/').is_empty() && !name.is_empty() && !name.contains('/')
        });
        if !named {
            return Err(scratch::no_scratch(place));
        }
        let connection = Connection::new(&self.endpoints);
        let removed = cluster::remove(&connection, &Layout::new(place)).await;
        removed.map_err(|source| {
            error(source.kind().clone(), "remove scratch place")
                .context(format!("{place}/ stays: remove it"))
                .source(source)
        })
    }
}

fn is_endpoint(url: &str) -> bool {
    let authority = url.strip_prefix("http://");
    authority
        .and_then(|authority| authority.trim_end_matches('/').rsplit_once(':'))
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoints: &[&str], key_prefix: Option<&str>) -> Place {
        Place {
            endpoints: endpoints.iter().map(|url| (*url).to_owned()).collect(),
            key_prefix: key_prefix.map(str::to_owned),
        }
    }

    #[test]
    fn what_is_no_endpoint_or_no_prefix_is_refused_with_what_to_write() {
        let several = place(&["http://a:2379", "http://[::1]:2379"], None);
        assert_eq!(several.problems(), Vec::<String>::new());
        for wrong in ["a:2379", "http://a", "http://:2379", "http://a:port", ""] {
            let told = place(&[wrong], None).problems().join("\n");
            assert!(told.contains("want `http://host:port`"), "{wrong}: {told}");
        }
        assert_eq!(place(&[], None).problems().len(), 1);
        assert_eq!(place(&[DEFAULT_ENDPOINT], Some("/")).problems().len(), 1);
    }

    #[tokio::test]
    async fn what_is_no_scratch_place_is_not_removed() {
        for prefix in [
            "/standfast/kv",
            "-scratch-x",
            "/-scratch-x",
            "/a-scratch-",
            "/a-scratch-x/y",
        ] {
            let place = place(&[DEFAULT_ENDPOINT], Some(prefix));
            let error = place.remove_scratch().await.unwrap_err();
            assert!(
                error.to_string().contains("no scratch place"),
                "{prefix}: {error}"
            );
        }
    }
}
