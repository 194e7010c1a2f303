use std::collections::HashSet;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde::Serialize;
use standfast_core::{ByteSize, Refusal, Span};
use standfast_metadata::{
    ClientOptions, MetadataClient, Placed, Placement, PutObject, TransferKind,
};

use super::Failure;
use super::args::Output;
use super::nodes::NodesArguments;
use super::object_list::{self, ListArguments};
use super::object_remove::{self, RemoveArguments};
use super::object_transfer::{self, TransferArguments};
use super::{output, text};

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectCommand {
    /// Have an object placed and made readable; its bytes are the writer's affair
    Put(PutArguments),
    /// Where objects lie; protects them from removal for a while
    Get(KeysArguments),
    /// Have more replicas of objects made readable; copying their bytes is the caller's affair
    Copy(TransferArguments),
    /// As copy, into one segment, and drop the replica that was read
    Move(TransferArguments),
    /// Remove objects: by key, by regular expression, or all
    Remove(RemoveArguments),
    /// List objects, those being written too, bucket by bucket and not in the order of keys; protects none of them
    List(ListArguments),
}

/// A command about keys.
#[derive(Debug, Args)]
pub(crate) struct KeysArguments {
    /// The keys
    #[arg(required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    cluster: ClusterArguments,
    /// The tenant
    #[arg(long, default_value = "default", value_parser = text::tenant)]
    tenant: String,
}

/// Which cluster a client command speaks to.
#[derive(Debug, Args)]
pub(crate) struct ClusterArguments {
    #[command(flatten)]
    nodes: NodesArguments,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(super) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    #[command(flatten)]
    keys: KeysArguments,
    /// Size of each object
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse)]
    size: ByteSize,
    /// Checksum of the bytes, as the writer computed it
    #[arg(long)]
    checksum: Option<u64>,
    /// Segments that each object lies in
    #[arg(long, default_value_t = 1)]
    replicas: u32,
    /// Names of the segments to try first, with commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    prefer: Vec<String>,
    /// Group they belong to: a read of one protects all of them
    #[arg(long, value_name = "NAME", default_value = "")]
    group: String,
    /// Write those again that are there already
    #[arg(long)]
    overwrite: bool,
    /// Never evict them
    #[arg(long)]
    hard_pin: bool,
    /// Evict them only when nothing else is left, until they were not read for so long
    #[arg(long, value_name = "TIME", value_parser = Span::parse, default_value = "0s")]
    soft_pin: Span,
}

#[derive(Serialize)]
struct Object {
    key: String,
    ok: bool,
    error: Option<String>,
    checksum: Option<u64>,
    replicas: Vec<Replica>,
}

#[derive(Serialize)]
struct Replica {
    segment: String,
    endpoint: String,
    address: u64,
    size: u64,
}

pub(super) async fn run(command: ObjectCommand) -> Result<ExitCode, Failure> {
    match command {
        ObjectCommand::Put(arguments) => put(arguments).await,
        ObjectCommand::Get(arguments) => get(&arguments).await,
        ObjectCommand::Copy(arguments) => {
            object_transfer::run(TransferKind::Copy, &arguments).await
        }
        ObjectCommand::Move(arguments) => {
            object_transfer::run(TransferKind::Move, &arguments).await
        }
        ObjectCommand::Remove(arguments) => object_remove::run(&arguments).await,
        ObjectCommand::List(arguments) => object_list::run(&arguments).await,
    }
}

impl ClusterArguments {
    /// A client of the cluster.
    pub(super) async fn connect(&self, tenant: &str) -> Result<MetadataClient, Failure> {
        let mut options = ClientOptions::default();
        tenant.clone_into(&mut options.tenant);
        Ok(self.nodes.connect(options).await?)
    }
}

impl KeysArguments {
    fn bytes(&self) -> Vec<Bytes> {
        bytes(&self.keys)
    }
}

/// Refuses a key that is named twice: its second answer would say nothing about the object.
pub(super) fn distinct(keys: &[String]) -> Result<(), Failure> {
    let mut named = HashSet::new();
    match keys.iter().find(|key| !named.insert(*key)) {
        Some(key) => Err(format!("key `{key}` is named twice: name each key once").into()),
        None => Ok(()),
    }
}

pub(super) fn bytes(keys: &[String]) -> Vec<Bytes> {
    keys.iter().map(|key| Bytes::from(key.clone())).collect()
}

async fn put(arguments: PutArguments) -> Result<ExitCode, Failure> {
    distinct(&arguments.keys.keys)?;
    let objects: Vec<_> = arguments
        .keys
        .bytes()
        .into_iter()
        .map(|key| PutObject {
            key,
            size: arguments.size.0,
            checksum: arguments.checksum,
        })
        .collect();
    let placement = Placement {
        replicas: arguments.replicas,
        preferred: arguments.prefer,
        group: arguments.group,
        hard_pin: arguments.hard_pin,
        soft_pin_ms: u64::try_from(arguments.soft_pin.0.as_millis())?,
    };
    let client = arguments
        .keys
        .cluster
        .connect(&arguments.keys.tenant)
        .await?;
    let results = if arguments.overwrite {
        client.upsert(&objects, &placement).await?
    } else {
        client.put(&objects, &placement).await?
    };
    let results = results.into_iter().map(|result| result.map(Some));
    let keys = &arguments.keys;
    conclude(keys.cluster.output, &keys.keys, results)
}

async fn get(arguments: &KeysArguments) -> Result<ExitCode, Failure> {
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    let found = client.get_replicas(&arguments.bytes()).await?;
    let form = arguments.cluster.output;
    conclude(form, &arguments.keys, found.into_iter())
}

/// Prints what became of each key: exit code 1 when it was not good for all of them.
pub(super) fn conclude(
    form: Output,
    keys: &[String],
    mut results: impl Iterator<Item = Result<Option<Placed>, Refusal>>,
) -> Result<ExitCode, Failure> {
    let none = || Ok(None);
    let objects: Vec<_> = keys
        .iter()
        .map(|key| object(key, results.next().unwrap_or_else(none)))
        .collect();
    output::print(form, &objects, |objects| {
        objects.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    let all = objects.iter().all(|object| object.ok);
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn object(key: &str, result: Result<Option<Placed>, Refusal>) -> Object {
    let (placed, error) = match result {
        Ok(Some(placed)) => (Some(placed), None),
        Ok(None) => (None, Some("not there, or not written yet".to_owned())),
        Err(refusal) => (None, Some(refusal.message.into_owned())),
    };
    let replicas = placed.iter().flat_map(|placed| &placed.replicas);
    Object {
        key: key.to_owned(),
        ok: error.is_none(),
        error,
        checksum: placed.as_ref().and_then(|placed| placed.checksum),
        replicas: replicas
            .map(|replica| Replica {
                segment: replica.segment.name.clone(),
                endpoint: replica.segment.endpoint.clone(),
                address: replica.address,
                size: replica.size,
            })
            .collect(),
    }
}

fn line(object: &Object) -> String {
    let key = text::shown(&object.key);
    if let Some(error) = &object.error {
        return format!("{key}: {error}");
    }
    let places: Vec<_> = object
        .replicas
        .iter()
        .map(|at| {
            let Replica {
                segment,
                endpoint,
                address,
                size,
            } = at;
            let (segment, endpoint) = (text::shown(segment), text::shown(endpoint));
            format!("\n  {size} bytes at {address:#x} of segment {segment} on {endpoint}")
        })
        .collect();
    format!("{key}: ok{}", places.concat())
}
