//! `docs/configuration.md` is made of the configuration structs: their fields are its rows, their comments what it
//! says. `STANDFAST_WRITE_GOLDEN=1 cargo test --test config` writes it anew.

mod defaults;
mod page;
mod source;

use std::fs;
use std::path::Path;

use source::Struct;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A table of the configuration: its title, and the struct that reads it.
struct Table {
    title: &'static str,
    of: Struct,
}

/// All of them, in the order of the page.
fn tables() -> Vec<Table> {
    [
        ("[cluster]", "src/config/sections.rs", "ClusterSection"),
        ("[node]", "src/config/sections.rs", "NodeSection"),
        ("[oplog]", "master/src/config.rs", "MasterConfig"),
        (
            "[oplog] type = \"file\"",
            "backends/src/file/config.rs",
            "FileOpLogConfig",
        ),
        (
            "[oplog] type = \"memory\"",
            "backends/src/memory/config.rs",
            "MemoryOpLogConfig",
        ),
        (
            "[oplog] type = \"rocksdb\"",
            "backends/src/rocksdb/config.rs",
            "RocksDbOpLogConfig",
        ),
        (
            "[oplog] type = \"etcd\"",
            "backends/src/etcd/config.rs",
            "EtcdOpLogConfig",
        ),
        (
            "[election] type = \"file\"",
            "backends/src/file/config.rs",
            "FileElectionConfig",
        ),
        (
            "[election] type = \"memory\"",
            "backends/src/memory/config.rs",
            "MemoryElectionConfig",
        ),
        (
            "[election] type = \"etcd\"",
            "backends/src/etcd/config.rs",
            "EtcdElectionConfig",
        ),
        ("[snapshots]", "snapshots/src/policy.rs", "SnapshotPolicy"),
        (
            "[snapshots] type = \"bucket\"",
            "backends/src/bucket/config.rs",
            "BucketConfig",
        ),
        ("[recovery]", "src/config/sections.rs", "RecoverySection"),
        (
            "[replication]",
            "src/config/replication.rs",
            "ReplicationSection",
        ),
        ("[drill]", "src/config/sections.rs", "DrillSection"),
        ("[metadata]", "metadata/src/config.rs", "MetadataConfig"),
    ]
    .map(|(title, file, name)| Table {
        title,
        of: Struct::read(&Path::new(ROOT).join(file), name),
    })
    .into()
}

#[test]
fn the_reference_is_what_the_structs_say() {
    let page = page::render(&tables());
    let path = Path::new(ROOT).join("docs/configuration.md");
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md is not what the structs say: run\n\
         STANDFAST_WRITE_GOLDEN=1 cargo test --test config reference"
    );
}

#[test]
fn every_key_says_its_default_or_that_it_is_required() {
    for table in tables() {
        for field in &table.of.fields {
            assert!(
                field.default().is_some(),
                "{} {}: a sentence of its comment is \"Default ...\" or \"Required.\"",
                table.title,
                field.name
            );
        }
    }
}

/// The keys that a type of store takes are those of the struct that reads it.
#[test]
fn every_key_of_every_type_of_store_is_in_the_reference() {
    let registry = standfast_backends::builtin();
    let mut taken = Vec::new();
    for kind in registry.oplogs.types() {
        let keys = registry.oplogs.get(kind).unwrap().keys();
        taken.push((format!("[oplog] type = \"{kind}\""), keys));
    }
    for kind in registry.elections.types() {
        let keys = registry.elections.get(kind).unwrap().keys();
        taken.push((format!("[election] type = \"{kind}\""), keys));
    }
    for kind in registry.snapshots.types() {
        let keys = registry.snapshots.get(kind).unwrap().keys();
        taken.push((format!("[snapshots] type = \"{kind}\""), keys));
    }
    let tables = tables();
    for (title, keys) in taken {
        let table = tables.iter().find(|table| table.title == title);
        let table = table.unwrap_or_else(|| panic!("{title} is not in the reference"));
        let fields: Vec<_> = table.of.fields.iter().map(|field| &*field.name).collect();
        assert_eq!(fields, keys, "{title}");
    }
}
