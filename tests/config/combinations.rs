use standfast::Node;
use standfast::config::Config;
use standfast::node::make_stores;
use standfast_core::{Clock, Error, ErrorKind, Span};
use standfast_metadata::{MetadataConfig, MetadataService};

use crate::support::{GOOD, parse, problems, with};

#[test]
fn snapshots_that_recovery_never_reads_are_refused_and_so_is_their_absence() {
    let told = problems(&format!("{GOOD}[recovery]\nmode = \"log\"\n"));
    assert!(
        told.starts_with("line 13: [snapshots] with [recovery] mode = \"log\""),
        "{told}"
    );
    assert!(
        told.contains("remove the section, or set mode = \"hybrid\""),
        "{told}"
    );
    let (without, _) = GOOD.split_once("[snapshots]").unwrap();
    assert_eq!(
        problems(without),
        "[snapshots] is missing: it needs at least `type = \"..\"`, or set [recovery] mode = \"log\""
    );
    let log_only = parse(&format!("{without}[recovery]\nmode = \"log\"\n"), &[]).unwrap();
    assert!(log_only.snapshots.is_none());
}

#[test]
fn mode_snapshot_takes_no_log_and_no_promise_that_it_cannot_keep() {
    let told = problems(&format!("{GOOD}[recovery]\nmode = \"snapshot\"\n"));
    let lines: Vec<_> = told.lines().collect();
    let [segment, ack] = lines[..] else {
        panic!("{told}")
    };
    assert!(
        segment.contains("[oplog] segment_size, type with [recovery] mode = \"snapshot\""),
        "{told}"
    );
    assert!(
        ack.starts_with("line 12: [oplog] ack = \"durable\"")
            && ack.contains("set ack = \"async\""),
        "{told}"
    );
    let (before, rest) = GOOD.split_once("[oplog]").unwrap();
    let (_, after) = rest.split_once("[snapshots]").unwrap();
    let with = |keys: &str| {
        format!("{before}[oplog]\n{keys}\n[snapshots]{after}[recovery]\nmode = \"snapshot\"\n")
    };
    let told = problems(&with("ack = \"async\"\nmax_unflushed = 7"));
    assert!(
        told.starts_with("line 11: [oplog] max_unflushed") && told.contains("[snapshots] every"),
        "{told}"
    );
    let delayed =
        with("ack = \"async\"").replace("[snapshots]", "[snapshots]\ntrim_delay = \"1h\"");
    let told = problems(&delayed);
    assert!(told.contains("[snapshots] trim_delay with"), "{told}");
    let config = parse(&with("ack = \"async\""), &[]).unwrap();
    assert!(config.oplog.is_none() && config.snapshots.is_some());
    let told = problems(&format!(
        "{before}[snapshots]{after}[recovery]\nmode = \"snapshot\"\n"
    ));
    assert!(
        told.contains("[oplog] ack = \"durable\", the default"),
        "{told}"
    );
}

#[test]
fn two_values_that_contradict_each_other_are_both_shown() {
    let told = with("ttl = \"2s\"", "ttl = \"2s\"\nmargin = \"1500ms\"");
    assert!(
        told.starts_with("line 9: ") && told.contains("\"1500ms\""),
        "{told}"
    );
    assert!(told.contains("\"2s\""), "{told}");
    let told = with("every = \"1m\"", "memory = \"1MiB\"\npart_size = \"1MiB\"");
    assert!(
        told.starts_with("line 16: ") && told.contains("part_size = \"1MiB\""),
        "{told}"
    );
    let told = with("client_ttl", "put_start_release = \"1s\"\nclient_ttl");
    assert!(
        told.starts_with("line 18: ") && told.contains("put_start_discard = \"30s\""),
        "{told}"
    );
}

#[test]
fn an_address_that_nobody_could_connect_to_is_refused() {
    let told = with("id = \"a\"", "id = \"a\"\nlisten = \"localhost\"");
    assert!(
        told.starts_with("line 5: [node] listen = \"localhost\": want a host and a port"),
        "{told}"
    );
    let told = with("id = \"a\"", "id = \"a\"\nlisten = \"127.0.0.1:0\"");
    assert!(told.contains("port of 1 to 65535"), "{told}");
    let told = with("id = \"a\"", "id = \"a\"\nlisten = \"0.0.0.0:7400\"");
    assert!(told.contains("set advertise"), "{told}");
    let both = "id = \"a\"\nlisten = \"127.0.0.1:1\"\nhttp = \"127.0.0.1:1\"";
    let told = with("id = \"a\"", both);
    assert!(
        told.starts_with("line 6: ") && told.contains("also what listen says"),
        "{told}"
    );
}

async fn open(config: Config) -> Error {
    let builder = Node::builder().config(config);
    let opened = builder
        .service(|| MetadataService::new(MetadataConfig::default()))
        .open()
        .await;
    opened.expect_err("it keeps no promise")
}

#[tokio::test]
async fn a_log_in_memory_cannot_promise_durability() {
    let dir = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (listen, http) = (free.local_addr().unwrap(), other.local_addr().unwrap());
    drop((free, other));
    let addresses = format!("id = \"a\"\nlisten = \"{listen}\"\nhttp = \"{http}\"");
    let text = GOOD
        .replacen("id = \"a\"", &addresses, 1)
        .replacen("[oplog]\ntype = \"file\"", "[oplog]\ntype = \"memory\"", 1)
        .replacen("segment_size = \"4MiB\"\n", "", 1);
    let mut config = parse(&text, &[]).unwrap();
    config.base_dir = dir.path().to_owned();
    let registry = standfast_backends::builtin();
    make_stores(&config, &registry, &Clock::system())
        .await
        .unwrap();
    let error = open(config).await;
    assert_eq!(*error.kind(), ErrorKind::Config);
    let told = error.to_string();
    assert!(
        told.contains("[oplog] type = \"memory\"") && told.contains("ack = \"durable\""),
        "{told}"
    );
    assert!(
        told.contains("choose another type, or ack = \"async\""),
        "{told}"
    );
}

#[test]
fn a_standby_that_no_drill_could_make_ready_is_refused() {
    let with_drill = |keys: &str| format!("{GOOD}[drill]\n{keys}\n");
    let told = problems(&with_drill("ready_within = \"1h\""));
    assert!(told.contains("set every"), "{told}");
    let told = problems(&with_drill("every = \"1h\"\nready_within = \"119m\""));
    assert!(told.contains("want at least twice that"), "{told}");
    let good = parse(&with_drill("every = \"1h\"\nready_within = \"2h\""), &[]).unwrap();
    assert_eq!(good.drill.every, Span::secs(3600));
}
