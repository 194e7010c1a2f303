use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::access::Access;
use super::error::error;
use super::layout::Layout;
use super::place::{CLUSTER, Place, default_endpoints};
use super::{EtcdElection, EtcdOpLog};
use crate::lease::Terms;
use crate::max_bytes;
use crate::settings::{self, Settings};
use standfast_core::{
    ByteSize, ElectionBackend, ErrorKind, Factory, OpLogStore, OpenContext, Result, Scratch, Span,
};

/// Half of what an etcd takes by default. The other half is for the history of the log, leases and other users' keys: whether it
/// is enough for the history depends on what is written (docs/etcd.md).
const DEFAULT_MAX_BYTES: ByteSize = ByteSize::mib(1024);
/// What the factories do.
const OPEN: &str = "open store";
/// Leases of etcd are counted in seconds.
const LEAST_TTL: Span = Span(Duration::from_secs(1));

/// `[oplog]` of type `etcd`: a log in etcd.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EtcdOpLogConfig {
    /// The members, each `http://host:port`, or each `https://host:port`. Default: `["http://127.0.0.1:2379"]`.
    endpoints: Vec<String>,
    /// Under which key everything is; `{cluster}` stands for the cluster's id. Default: `{prefix}/{cluster}`, with the
    /// prefix of `[cluster]`.
    key_prefix: Option<String>,
    /// The authority that signed the members' certificates, PEM. Default: those that the system trusts.
    ca_file: Option<PathBuf>,
    /// The certificate that is shown to the members, PEM, for an etcd that asks for one. Default: none.
    cert_file: Option<PathBuf>,
    /// Its private key, PEM. Default: none.
    key_file: Option<PathBuf>,
    /// As which of etcd's users. Default: none, for an etcd without users.
    user: Option<String>,
    /// The file that holds the user's password; nobody else should be able to read it. Default: none.
    password_file: Option<PathBuf>,
    /// At this size of its keys and values the primary refuses writes until the log was trimmed to three quarters of it.
    /// `0B`: no limit. Default: `1GiB`, half of what an etcd takes by default.
    max_bytes: ByteSize,
    /// The primary compacts what has been history for so long, of the whole etcd: for one that is not shared, and does not
    /// compact by itself. Default: `0s`, it compacts nothing.
    compact_after: Span,
}

impl Default for EtcdOpLogConfig {
    fn default() -> Self {
        Self {
            endpoints: default_endpoints(),
            key_prefix: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            user: None,
            password_file: None,
            max_bytes: DEFAULT_MAX_BYTES,
            compact_after: Span(Duration::ZERO),
        }
    }
}

impl EtcdOpLogConfig {
    fn place(&self) -> Place {
        Place {
            endpoints: self.endpoints.clone(),
            key_prefix: self.key_prefix.clone(),
            access: Access {
                ca_file: self.ca_file.clone(),
                cert_file: self.cert_file.clone(),
                key_file: self.key_file.clone(),
                user: self.user.clone(),
                password_file: self.password_file.clone(),
            },
        }
    }
}

impl Settings for EtcdOpLogConfig {
    const KEYS: &'static [&'static str] = &[
        "endpoints",
        "key_prefix",
        "ca_file",
        "cert_file",
        "key_file",
        "user",
        "password_file",
        "max_bytes",
        "compact_after",
    ];

    fn problems(&self) -> Vec<String> {
        let mut found = self.place().problems();
        found.extend(max_bytes::problems(self.max_bytes));
        found
    }
}

/// Opens [`EtcdOpLog`]s.
#[derive(Debug)]
pub(crate) struct EtcdOpLogFactory;

#[async_trait]
impl Factory<dyn OpLogStore> for EtcdOpLogFactory {
    fn keys(&self) -> &'static [&'static str] {
        EtcdOpLogConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<EtcdOpLogConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let config: EtcdOpLogConfig = settings::load(table)?;
        let place = config.place();
        let connection = place.connection(context, OPEN).await?;
        let log = EtcdOpLog::at(connection, &place.root(context));
        Ok(Arc::new(
            log.with_max_bytes(config.max_bytes)
                .with_compaction_after(config.compact_after.0),
        ))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: EtcdOpLogConfig = settings::load(table)?;
        Ok(config.place().scratch(table, context, name))
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: EtcdOpLogConfig = settings::load(&scratch.table)?;
        config.place().remove_scratch(&scratch.context).await
    }
}

/// `[election]` of type `etcd`: a key in etcd decides who leads.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EtcdElectionConfig {
    /// The members, each `http://host:port`, or each `https://host:port`. Default: `["http://127.0.0.1:2379"]`.
    endpoints: Vec<String>,
    /// Under which key everything is; `{cluster}` stands for the cluster's id. Default: `{prefix}/{cluster}`, with the
    /// prefix of `[cluster]`.
    key_prefix: Option<String>,
    /// The authority that signed the members' certificates, PEM. Default: those that the system trusts.
    ca_file: Option<PathBuf>,
    /// The certificate that is shown to the members, PEM, for an etcd that asks for one. Default: none.
    cert_file: Option<PathBuf>,
    /// Its private key, PEM. Default: none.
    key_file: Option<PathBuf>,
    /// As which of etcd's users. Default: none, for an etcd without users.
    user: Option<String>,
    /// The file that holds the user's password; nobody else should be able to read it. Default: none.
    password_file: Option<PathBuf>,
    /// Under which key the leader is, for those who look for it under one of their own; `{cluster}` stands for the cluster's
    /// id. All nodes must be told the same. Default: `leader` under the others.
    leader_key: Option<String>,
    /// After this time without a renewal others take over; etcd counts in whole seconds, rounded up. Default: `5s`.
    ttl: Option<Span>,
    /// The holder stops believing this much earlier. Default: a tenth of `ttl`.
    margin: Option<Span>,
}

impl Default for EtcdElectionConfig {
    fn default() -> Self {
        Self {
            endpoints: default_endpoints(),
            key_prefix: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            user: None,
            password_file: None,
            leader_key: None,
            ttl: None,
            margin: None,
        }
    }
}

impl EtcdElectionConfig {
    fn place(&self) -> Place {
        Place {
            endpoints: self.endpoints.clone(),
            key_prefix: self.key_prefix.clone(),
            access: Access {
                ca_file: self.ca_file.clone(),
                cert_file: self.cert_file.clone(),
                key_file: self.key_file.clone(),
                user: self.user.clone(),
                password_file: self.password_file.clone(),
            },
        }
    }
}

impl Settings for EtcdElectionConfig {
    const KEYS: &'static [&'static str] = &[
        "endpoints",
        "key_prefix",
        "ca_file",
        "cert_file",
        "key_file",
        "user",
        "password_file",
        "leader_key",
        "ttl",
        "margin",
    ];

    fn problems(&self) -> Vec<String> {
        let mut found = self.place().problems();
        let nameless = |key: &&String| key.trim_matches('/').is_empty() || key.ends_with('/');
        found.extend(self.leader_key.as_ref().filter(nameless).map(|key| {
            format!(
                "`leader_key = \"{key}\"` is no key: name one, as in \"/masters/{CLUSTER}/leader\""
            )
        }));
        found.extend(Terms::problems(self.ttl, self.margin));
        if let Some(ttl) = self.ttl.filter(|ttl| ttl.0 < LEAST_TTL.0) {
            found.push(format!(
                "`ttl = \"{ttl}\"` is too short for etcd: want at least \"{LEAST_TTL}\""
            ));
        }
        found
    }
}

/// Opens [`EtcdElection`]s.
#[derive(Debug)]
pub(crate) struct EtcdElectionFactory;

#[async_trait]
impl Factory<dyn ElectionBackend> for EtcdElectionFactory {
    fn keys(&self) -> &'static [&'static str] {
        EtcdElectionConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<EtcdElectionConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn ElectionBackend>> {
        let config: EtcdElectionConfig = settings::load(table)?;
        let place = config.place();
        let connection = place.connection(context, OPEN).await?;
        let mut layout = Layout::new(&place.root(context));
        if let Some(key) = &config.leader_key {
            let key = key.replace(CLUSTER, context.cluster.as_str());
            layout = layout.with_leader(&key).ok_or_else(|| {
                error(ErrorKind::Config, OPEN).context(format!(
                    "`leader_key`: something else is kept under {key}: choose another"
                ))
            })?;
        }
        let terms = Terms::new(config.ttl, config.margin);
        let clock = context.clock.clone();
        Ok(Arc::new(EtcdElection::at(connection, layout, clock, terms)))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        let config: EtcdElectionConfig = settings::load(table)?;
        Ok(config.place().scratch(table, context, name))
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let config: EtcdElectionConfig = settings::load(&scratch.table)?;
        config.place().remove_scratch(&scratch.context).await
    }
}
