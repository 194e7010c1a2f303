use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use standfast::Stop;
use standfast_core::{ByteSize, Span};
use standfast_metadata::{ErrorCode, MetadataClient, Replaced, SegmentId, SegmentInfo};

use super::Failure;
use super::object::ClusterArguments;
use super::segment_objects::ObjectsArguments;
use super::{endpoint, output, segment_list, segment_objects, text};

#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Lend segments until interrupted, then take them back: a segment lives while its client gives signs of life
    Mount(MountArguments),
    /// Take segments back, whoever lends them; the replicas in them are gone when the time of grace is over
    Unmount(UnmountArguments),
    /// List the segments that are lent, and how much of each is used
    List(ClusterArguments),
    /// List the objects of all tenants with a replica in a segment
    Objects(ObjectsArguments),
}

#[derive(Debug, Args)]
pub(crate) struct MountArguments {
    /// Name of the segment; with several, a number is added
    #[arg(long, value_parser = text::name)]
    name: String,
    /// Its size
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse)]
    size: ByteSize,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Where its memory is reached; no memory is taken by this command
    #[arg(long, value_name = "HOST:PORT", default_value = "segment.invalid:1")]
    at: String,
    /// How it is reached
    #[arg(long, default_value = "tcp")]
    protocol: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Args)]
pub(crate) struct UnmountArguments {
    /// Names or ids of the segments
    #[arg(required = true, value_name = "SEGMENT")]
    segments: Vec<String>,
    /// How long they are still read; nothing is put into them meanwhile
    #[arg(long, value_name = "TIME", value_parser = Span::parse, default_value = "0s")]
    grace: Span,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Serialize)]
struct Segment {
    id: String,
    name: String,
    error: Option<String>,
}

pub(super) async fn run(command: SegmentCommand) -> Result<ExitCode, Failure> {
    match command {
        SegmentCommand::Mount(arguments) => mount(&arguments).await,
        SegmentCommand::Unmount(arguments) => unmount(&arguments).await,
        SegmentCommand::List(cluster) => segment_list::run(&cluster).await,
        SegmentCommand::Objects(arguments) => segment_objects::run(&arguments).await,
    }
}

async fn mount(arguments: &MountArguments) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listen()?;
    // None of the four in the two is awaited again.
    let client = tokio::select! {
        client = arguments.cluster.connect("default") => client?,
        () = stop.told() => return Err("interrupted; nothing was mounted".into()),
    };
    let mut lent = Vec::new();
    let mounted = tokio::select! {
        mounted = lend(&client, arguments, &mut lent) => Some(mounted),
        () = stop.told() => None,
    };
    let mut ended = Ok(ExitCode::SUCCESS);
    if let Some(mounted) = mounted {
        let told = match mounted {
            Ok(()) => conclude(arguments.cluster.output, &lent, "mounted"),
            Err(failure) => Err(failure),
        };
        if lent.iter().all(|segment| segment.error.is_some()) {
            return told;
        }
        ended = match told {
            Ok(_some_mounted) => lending(&client, &mut stop).await,
            Err(failure) => Err(failure),
        };
    }
    let back = take_back(&client, lent).await;
    ended?;
    conclude(arguments.cluster.output, &back?, "unmounted")
}

/// Mounts the segments. Each is in `lent` before it is: who stops half-way takes back what may be mounted.
async fn lend(
    client: &MetadataClient,
    arguments: &MountArguments,
    lent: &mut Vec<Segment>,
) -> Result<(), Failure> {
    for number in 0..arguments.count {
        let info = SegmentInfo {
            id: SegmentId::random(),
            incarnation: 1,
            name: match arguments.count {
                1 => arguments.name.clone(),
                _ => format!("{}-{number}", arguments.name),
            },
            endpoint: arguments.at.clone(),
            base: 1 << 32,
            size: arguments.size.0,
            protocol: arguments.protocol.clone(),
        };
        lent.push(Segment {
            id: info.id.to_string(),
            name: info.name.clone(),
            error: None,
        });
        let refused = client.mount_segment(&info).await?.err();
        if let (Some(refusal), Some(segment)) = (refused, lent.last_mut()) {
            segment.error = Some(refusal.message.into_owned());
        }
    }
    Ok(())
}

/// Waits until it is told to stop; an error when another client has taken the place of a segment.
async fn lending(client: &MetadataClient, stop: &mut Stop) -> Result<ExitCode, Failure> {
    // Neither is awaited again.
    let replaced = tokio::select! {
        () = stop.told() => return Ok(ExitCode::SUCCESS),
        replaced = client.until_replaced() => replaced,
    };
    let told = |replaced: &Replaced| format!("`{}`: {}", replaced.name, replaced.message);
    let told: Vec<_> = replaced.iter().map(told).collect();
    Err(told.join("; ").into())
}

async fn unmount(arguments: &UnmountArguments) -> Result<ExitCode, Failure> {
    let client = arguments.cluster.connect("default").await?;
    let mut unmounted = Vec::new();
    for found in named(&client, &arguments.segments).await? {
        let dismissed = client.dismiss_segment(found.id, arguments.grace.0).await?;
        unmounted.push(Segment {
            id: found.id.to_string(),
            name: found.name,
            error: dismissed.err().map(|refusal| refusal.message.into_owned()),
        });
    }
    let done = if arguments.grace.0.is_zero() {
        "unmounted"
    } else {
        "will be unmounted:"
    };
    conclude(arguments.cluster.output, &unmounted, done)
}

/// The mounted segments with these names or ids.
pub(super) async fn named(
    client: &MetadataClient,
    segments: &[String],
) -> Result<Vec<SegmentInfo>, Failure> {
    let listed = client.list_segments().await?;
    let find = |wanted: &String| {
        let matches = |info: &SegmentInfo| info.name == *wanted || info.id.to_string() == *wanted;
        let mut found = listed.iter().map(|listed| &listed.info);
        let mut found = found.by_ref().filter(|info| matches(info));
        match (found.next(), found.next()) {
            (Some(info), None) => Ok(info.clone()),
            (None, _) => Err(format!(
                "no segment `{wanted}` is mounted: see `segment list`"
            )),
            (Some(_), Some(_)) => Err(format!(
                "several segments have the name `{wanted}`: give the id, which `segment list` tells"
            )),
        }
    };
    let found: Result<Vec<_>, String> = segments.iter().map(find).collect();
    Ok(found?)
}

/// Unmounts what was mounted; what is not mounted any more is fine as well.
async fn take_back(client: &MetadataClient, lent: Vec<Segment>) -> Result<Vec<Segment>, Failure> {
    let unmounting = async {
        let mut back = Vec::new();
        for segment in lent.into_iter().filter(|segment| segment.error.is_none()) {
            let id: uuid::Uuid = segment.id.parse()?;
            let refused = client.unmount_segment(SegmentId(id.as_u128())).await?.err();
            let refused = refused.filter(|r| ErrorCode::of(r) != ErrorCode::SegmentNotFound);
            back.push(Segment {
                error: refused.map(|refusal| refusal.message.into_owned()),
                ..segment
            });
        }
        Ok(back)
    };
    let unmounted = tokio::time::timeout(endpoint::REACH, unmounting).await;
    unmounted.unwrap_or_else(|_elapsed| {
        Err(format!(
            "no answer within {:?}: the segments are unmounted when the master expires this client",
            endpoint::REACH
        )
        .into())
    })
}

/// Prints what became of each: exit code 1 when it was not good for all of them.
fn conclude(
    form: super::args::Output,
    segments: &Vec<Segment>,
    done: &str,
) -> Result<ExitCode, Failure> {
    output::print(form, segments, |segments| {
        let line = |segment: &Segment| match &segment.error {
            None => format!("{done} {} {}", segment.id, text::shown(&segment.name)),
            Some(error) => format!("{} {}: {error}", segment.id, text::shown(&segment.name)),
        };
        segments.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    let all = segments.iter().all(|segment| segment.error.is_none());
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
