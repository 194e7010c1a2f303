use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use standfast_core::{Clock, ClusterId, Error, ErrorKind, NodeId, OpenContext, Result};
use toml::{Table, Value};

use crate::config::default_prefix;

/// How an address begins, which election that is, and how its endpoints begin.
const SCHEMES: [(&str, &str, &str); 2] = [("etcd", "etcd", "http"), ("etcds", "etcd", "https")];
const WANTED: &str = "etcd://host:port,host:port/CLUSTER, or etcds:// for TLS";
/// What the one who looks is called, where a name must be.
const ASKER: &str = "discovery";

/// Where the nodes of a cluster are registered:
///
/// ```text
///   etcd://host:port,host:port[/PREFIX]/CLUSTER[?key=value&key=value]
/// ```
///
/// `etcds` is the same over TLS. `PREFIX` is `[cluster] prefix`, `/standfast` where it is left out. The pairs are keys of
/// `[election]`, as `key_prefix`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterUrl {
    text: String,
    pub(super) cluster: ClusterId,
    prefix: String,
    /// `[election] type`.
    pub(super) kind: &'static str,
    /// What is left of `[election]`.
    pub(super) table: Table,
}

impl ClusterUrl {
    /// What the store of the election is opened with.
    pub(super) fn context(&self, clock: &Clock) -> Result<OpenContext> {
        Ok(OpenContext {
            cluster: self.cluster.clone(),
            prefix: self.prefix.clone(),
            node: NodeId::new(ASKER)?,
            data_dir: PathBuf::new(),
            base_dir: PathBuf::new(),
            clock: clock.clone(),
            make: false,
        })
    }
}

impl fmt::Display for ClusterUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ClusterUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // Never repeated: what comes before an `@` is a password as often as not.
        if text.contains('@') {
            return Err(Error::new(ErrorKind::Config, "discover").context(format!(
                "an address holds no user or password: want {WANTED}?user=NAME&password_file=FILE"
            )));
        }
        let wrong = |why: &str| {
            Error::new(ErrorKind::Config, "discover")
                .context(format!("`{text}`: {why}: want {WANTED}"))
        };
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| wrong("no address of an election store"))?;
        let (_, kind, transport) = SCHEMES
            .into_iter()
            .find(|(known, _, _)| *known == scheme)
            .ok_or_else(|| wrong("no way to find a cluster"))?;
        let (place, pairs) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let (prefix, cluster) = path.rsplit_once('/').unwrap_or(("", path));
        if cluster.is_empty() {
            return Err(wrong("it names no cluster"));
        }
        let mut table = Table::new();
        for (key, value) in form_urlencoded::parse(pairs.as_bytes()) {
            if table
                .insert(key.clone().into_owned(), value.into_owned().into())
                .is_some()
            {
                return Err(wrong(&format!("`{key}` is there twice")));
            }
        }
        let endpoints = hosts.split(',').map(|host| format!("{transport}://{host}"));
        let endpoints = endpoints.map(Value::from).collect::<Vec<_>>();
        if table
            .insert("endpoints".to_owned(), endpoints.into())
            .is_some()
        {
            return Err(wrong("the endpoints come before the cluster"));
        }
        Ok(Self {
            text: text.to_owned(),
            cluster: ClusterId::new(cluster).map_err(|error| wrong(&error.to_string()))?,
            prefix: if prefix.is_empty() {
                default_prefix()
            } else {
                format!("/{prefix}")
            },
            kind,
            table,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_store_the_cluster_and_the_keys_of_the_election() {
        let url: ClusterUrl = "etcd://a:2379,[::1]:2379/kv".parse().unwrap();
        assert_eq!(url.kind, "etcd");
        assert_eq!(url.cluster.as_str(), "kv");
        assert_eq!(url.prefix, "/standfast");
        let endpoints = ["http://a:2379", "http://[::1]:2379"].map(Value::from);
        assert_eq!(url.table["endpoints"], Value::from(endpoints.to_vec()));
        let url: ClusterUrl = "etcds://a:2379/team/one/kv?key_prefix=%2Fx&user=u"
            .parse()
            .unwrap();
        assert_eq!(url.prefix, "/team/one");
        assert_eq!(url.table["key_prefix"], Value::from("/x"));
        assert_eq!(url.table["user"], Value::from("u"));
        let endpoints = vec![Value::from("https://a:2379")];
        assert_eq!(url.table["endpoints"], Value::from(endpoints));
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = "etcd://root:secret@a:2379/kv".parse::<ClusterUrl>();
        let told = error.unwrap_err().to_string();
        assert!(
            told.contains("password_file") && !told.contains("secret"),
            "{told}"
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for (text, why) in [
            ("a:2379", "no address"),
            ("consul://a:2379/kv", "no way"),
            ("etcd://a:2379", "names no cluster"),
            ("etcd://a:2379/", "names no cluster"),
            ("etcd://a:2379/k v", "k v"),
            ("etcd://a:2379/kv?user=a&user=b", "twice"),
            (
                "etcd://a:2379/kv?endpoints=b",
                "endpoints come before the cluster",
            ),
        ] {
            let told = text.parse::<ClusterUrl>().unwrap_err().to_string();
            assert!(
                told.contains(why) && told.contains(WANTED),
                "{text}: {told}"
            );
        }
    }
}
