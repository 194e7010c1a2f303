use super::access::Access;
use super::cluster;
use super::connection::Connection;
use super::error::error;
use super::layout::Layout;
use crate::off_thread::off_thread;
use crate::scratch;
use standfast_core::{OpenContext, Result, Scratch};

/// Where an etcd is that nobody said anything about.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:2379";
const HTTP: &str = "http://";
const HTTPS: &str = "https://";
/// What is done to scratch places.
const REMOVE: &str = "remove scratch place";
/// What a key prefix has in the place of the cluster's id.
pub(super) const CLUSTER: &str = "{cluster}";
/// What the root of a scratch place has between the configured root and its name.
const SCRATCH: &str = "-scratch-";

/// Where keys are: which etcd, as whom, and under what.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) endpoints: Vec<String>,
    /// Without it everything is under `{prefix}/{cluster}`.
    pub(super) key_prefix: Option<String>,
    pub(super) access: Access,
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
        found.extend(self.endpoints.iter().filter_map(|url| is_wrong(url)));
        let tls = self.endpoints.iter().filter(|url| speaks_tls(url)).count();
        if tls > 0 && tls < self.endpoints.len() {
            found.push(format!(
                "`endpoints`: {tls} of {} with `https://`, the others with `http://`: all members are spoken to in one way",
                self.endpoints.len()
            ));
        }
        found.extend(self.access.problems(tls > 0));
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

    /// How the members are reached, once the files that it takes were read.
    ///
    /// # Errors
    /// `Config`.
    pub(super) async fn connection(
        &self,
        context: &OpenContext,
        operation: &'static str,
    ) -> Result<Connection> {
        let access = self.access.resolved(context);
        let connection = Connection::new(&self.endpoints, access.clone());
        let tls = self.endpoints.iter().any(|url| speaks_tls(url));
        off_thread(operation, move || access.check(operation, tls)).await?;
        Ok(connection)
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
        // That one is the cluster's own: the scratch place has one under its prefix.
        table.remove("leader_key");
        Scratch {
            table,
            context: scratch::context(context),
        }
    }

    /// Removes everything in a scratch place.
    ///
    /// # Errors
    /// `Config` when this is none; `Auth`, `Unavailable` with what stays.
    pub(super) async fn remove_scratch(&self, context: &OpenContext) -> Result<()> {
        let place = self.key_prefix.as_deref().unwrap_or_default();
        let named = place.rsplit_once(SCRATCH).is_some_and(|(root, name)| {
            !root.trim_matches('/').is_empty() && !name.is_empty() && !name.contains('/')
        });
        if !named {
            return Err(scratch::no_scratch(place));
        }
        let connection = self.connection(context, REMOVE).await?;
        let removed = cluster::remove(&connection, &Layout::new(place)).await;
        removed.map_err(|source| {
            error(source.kind().clone(), REMOVE)
                .context(format!("{place}/ stays: remove it"))
                .source(source)
        })
    }
}

/// Whether a member is spoken to over TLS.
pub(super) fn speaks_tls(url: &str) -> bool {
    url.starts_with(HTTPS)
}

/// Where a member is, if this is an endpoint.
pub(super) fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let authority = url.strip_prefix(HTTP).or_else(|| url.strip_prefix(HTTPS))?;
    let (host, port) = authority.trim_end_matches('/').rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok()?;
    (!host.is_empty()).then_some((host, port))
}

/// What is wrong with an endpoint, if anything.
fn is_wrong(url: &str) -> Option<String> {
    if url.contains('@') {
        // Not said again: it may hold a password.
        let told = "`endpoints` hold no user: name one in `user`, with the password in the file `password_file`";
        return Some(told.to_owned());
    }
    host_and_port(url).is_none().then(|| {
        format!(
            "`endpoints`: \"{url}\" is none: want `http://host:port` or `https://host:port`, as in \"{DEFAULT_ENDPOINT}\""
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use standfast_core::{Clock, ClusterId, NodeId};

    fn place(endpoints: &[&str], key_prefix: Option<&str>) -> Place {
        Place {
            endpoints: endpoints.iter().map(|url| (*url).to_owned()).collect(),
            key_prefix: key_prefix.map(str::to_owned),
            access: Access::default(),
        }
    }

    fn context() -> OpenContext {
        OpenContext {
            cluster: ClusterId::new("kv").unwrap(),
            prefix: "/standfast".to_owned(),
            node: NodeId::new("a").unwrap(),
            data_dir: "/data".into(),
            base_dir: "/etc/standfast".into(),
            clock: Clock::manual(),
            make: false,
        }
    }

    #[test]
    fn what_is_no_endpoint_or_no_prefix_is_refused_with_what_to_write() {
        let several = place(&["http://a:2379", "http://[::1]:2379"], None);
        assert_eq!(several.problems(), Vec::<String>::new());
        assert_eq!(place(&["https://a:2379"], None).problems().len(), 0);
        for wrong in ["a:2379", "http://a", "http://:2379", "https://a:port", ""] {
            let told = place(&[wrong], None).problems().join("\n");
            assert!(told.contains("want `http://host:port`"), "{wrong}: {told}");
        }
        assert_eq!(place(&[], None).problems().len(), 1);
        assert_eq!(place(&[DEFAULT_ENDPOINT], Some("/")).problems().len(), 1);
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_and_not_said_again() {
        let told = place(&["http://root:secret@a:2379"], None).problems();
        assert!(told[0].contains("name one in `user`"), "{told:?}");
        assert!(!told.join("").contains("secret"), "{told:?}");
    }

    #[test]
    fn members_with_and_without_tls_are_refused_together() {
        let told = place(&["http://a:2379", "https://b:2379"], None).problems();
        assert!(told[0].contains("1 of 2 with `https://`"), "{told:?}");
    }

    #[test]
    fn half_a_certificate_half_a_user_and_a_certificate_without_tls_are_refused() {
        let file = || Some("f".into());
        let access = Access::default;
        let tls = "https://a:2379";
        for (endpoint, access, told) in [
            (
                tls,
                Access {
                    cert_file: file(),
                    ..access()
                },
                "name that in `key_file`",
            ),
            (
                tls,
                Access {
                    key_file: file(),
                    ..access()
                },
                "name that in `cert_file`",
            ),
            (
                tls,
                Access {
                    password_file: file(),
                    ..access()
                },
                "name the user in `user`",
            ),
            (
                tls,
                Access {
                    user: Some("u".into()),
                    ..access()
                },
                "`password_file`",
            ),
            (
                tls,
                Access {
                    user: Some(String::new()),
                    ..access()
                },
                "is nobody",
            ),
            (
                "http://a:2379",
                Access {
                    ca_file: file(),
                    ..access()
                },
                "write `https://`",
            ),
        ] {
            let place = Place {
                access,
                ..place(&[endpoint], None)
            };
            let problems = place.problems();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(told), "{problems:?}");
        }
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
            let error = place.remove_scratch(&context()).await.unwrap_err();
            assert!(
                error.to_string().contains("no scratch place"),
                "{prefix}: {error}"
            );
        }
    }
}
