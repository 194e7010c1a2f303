//! The configurations in `examples/configs` are good, and say the truth about defaults.

use std::fs;
use std::path::{Path, PathBuf};

use standfast::config::Config;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/configs");

fn examples() -> Vec<PathBuf> {
    let found = fs::read_dir(FOLDER).expect("the folder is there");
    let paths = found.map(|entry| entry.expect("it can be listed").path());
    let mut configs: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    configs.sort();
    assert!(configs.len() >= 2, "{configs:?}");
    configs
}

/// The configuration as it stands, or with every default that is shown in a comment written out.
fn load(path: &Path, written_out: bool) -> Config {
    let mut text = fs::read_to_string(path).expect("it can be read");
    if written_out {
        let lines = text.lines().map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting,
            _ => line,
        });
        text = lines.collect::<Vec<_>>().join("\n");
    }
    let registry = standfast_backends::builtin();
    let parsed = Config::parse(&text, FOLDER.into(), &registry, std::iter::empty());
    let problems = parsed.as_ref().err();
    assert!(problems.is_none(), "{}: {problems:?}", path.display());
    parsed.expect("just looked at")
}

#[test]
fn every_example_is_a_good_configuration() {
    for path in examples() {
        let config = load(&path, false);
        let name = path.file_stem().expect("it has a name");
        // What is named after a backend is of the first of its own two nodes.
        let node = if name == "a" || name == "b" || name == "file" {
            name.to_string_lossy()
        } else {
            "a".into()
        };
        assert_eq!(config.node.id.as_str(), node);
    }
}

#[test]
fn the_defaults_that_are_shown_are_the_defaults() {
    for path in examples() {
        let (short, long) = (load(&path, false), load(&path, true));
        assert_eq!(short.cluster, long.cluster);
        assert_eq!(short.node.endpoint(), long.node.endpoint());
        assert_eq!(short.master, long.master);
        assert_eq!(short.recovery, long.recovery);
        assert_eq!(short.drill, long.drill);
        assert_eq!(short.metadata, long.metadata);
        let policy = |config: Config| config.snapshots.map(|(_, policy)| format!("{policy:?}"));
        assert_eq!(policy(short), policy(long));
    }
}

/// What is not about stores.
fn keys_of_our_own(config: &Config) -> Vec<String> {
    let master = toml::Table::try_from(&config.master).expect("it can be written");
    let metadata = toml::Table::try_from(&config.metadata).expect("it can be written");
    let drill = toml::Table::try_from(config.drill).expect("it can be written");
    let policy = standfast_snapshots::SnapshotPolicy::KEYS.iter();
    [&master, &metadata, &drill]
        .into_iter()
        .flat_map(toml::Table::keys)
        .cloned()
        .chain(policy.map(|key| (*key).to_owned()))
        .collect()
}

#[test]
fn every_key_there_is_stands_in_the_complete_examples() {
    let registry = standfast_backends::builtin();
    let oplog = |of| registry.oplogs.get(of).expect("this build has it").keys();
    let election = |of| {
        let elections = registry.elections.get(of);
        elections.expect("this build has it").keys()
    };
    // The other keys of a bucket are of no use to a directory.
    let folder = &["url"][..];
    let bucket = registry.snapshots.get("bucket");
    let bucket = bucket.expect("this build has it").keys();
    let of_files = [oplog("file"), election("file"), folder].concat();
    let of_servers = [oplog("etcd"), election("etcd"), bucket].concat();
    for (name, stores) in [
        ("a.toml", &of_files),
        ("b.toml", &of_files),
        ("etcd-s3.toml", &of_servers),
    ] {
        stand_in(name, stores);
        let config = load(&Path::new(FOLDER).join(name), false);
        stand_in(name, &keys_of_our_own(&config));
    }
}

#[test]
fn the_examples_are_two_nodes_of_one_cluster() {
    let [a, b] =
        ["a", "b"].map(|name| load(&Path::new(FOLDER).join(format!("{name}.toml")), false));
    assert_eq!(a.cluster, b.cluster);
    assert_eq!((&a.oplog, &a.election), (&b.oplog, &b.election));
    assert_ne!(a.data_dir(), b.data_dir());
    assert_ne!(
        (&a.node.listen, &a.node.http),
        (&b.node.listen, &b.node.http)
    );
}

fn stand_in(example: &str, keys: &[impl AsRef<str>]) {
    let text = fs::read_to_string(Path::new(FOLDER).join(example)).expect("it is there");
    for key in keys.iter().map(AsRef::as_ref) {
        let set = |line: &str| {
            line.trim_start_matches('#')
                .starts_with(&format!("{key} = "))
        };
        assert!(text.lines().any(set), "{example}: {key} is not shown");
    }
}

#[test]
fn every_key_of_a_backend_stands_in_its_example() {
    let registry = standfast_backends::builtin();
    let oplogs = |of| registry.oplogs.get(of).expect("this build has it").keys();
    stand_in("rocksdb.toml", oplogs("rocksdb"));
    stand_in("etcd.toml", oplogs("etcd"));
    let election = registry.elections.get("etcd");
    stand_in("etcd.toml", election.expect("this build has it").keys());
}
