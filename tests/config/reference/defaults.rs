//! The defaults that comments state are those that are taken.

use standfast::config::{DrillSection, RecoverySection, ReplicationSection};
use standfast_core::Span;
use standfast_master::MasterConfig;
use standfast_metadata::MetadataConfig;
use standfast_snapshots::SnapshotPolicy;
use toml::{Table, Value};

use super::tables;

/// Whether a comment that says `says` is true of a key that takes `taken`.
fn agrees(says: &str, taken: &Value) -> bool {
    let text = says.split_once(':').map_or(says, |(value, _)| value);
    let text = text.trim_matches('`');
    match taken {
        Value::String(taken) => match (Span::parse(text), Span::parse(taken)) {
            (Ok(says), Ok(takes)) => says == takes,
            _ => text == taken,
        },
        other => text == other.to_string(),
    }
}

fn same(title: &str, taken: &Table) {
    let tables = tables();
    let table = tables.iter().find(|table| table.title == title).unwrap();
    assert_eq!(taken.len(), table.of.fields.len(), "{title}");
    for field in &table.of.fields {
        let taken = taken
            .get(&field.name)
            .unwrap_or_else(|| panic!("{title} {}", field.name));
        let says = field.default().unwrap();
        assert!(
            agrees(&says, taken),
            "{title} {} says {says}, and takes {taken}",
            field.name
        );
    }
}

#[test]
fn the_defaults_in_the_reference_are_those_that_are_taken() {
    same(
        "[oplog]",
        &Table::try_from(MasterConfig::default()).unwrap(),
    );
    same(
        "[snapshots]",
        &Table::try_from(SnapshotPolicy::default()).unwrap(),
    );
    same(
        "[recovery]",
        &Table::try_from(RecoverySection::default()).unwrap(),
    );
    let mut replication = Table::try_from(ReplicationSection::default()).unwrap();
    let rule = ReplicationSection::default().in_sync_rule();
    let min_acks = i64::try_from(rule.min_acks).unwrap();
    assert!(rule.blocks);
    for (key, taken) in [
        ("founder", "none".into()),
        ("min_acks", min_acks.into()),
        ("on_too_few", "block".into()),
        (
            "member_timeout",
            Value::try_from(Span(rule.member_timeout)).unwrap(),
        ),
    ] {
        replication.insert(key.to_owned(), taken);
    }
    same("[replication]", &replication);
    same(
        "[drill]",
        &Table::try_from(DrillSection::default()).unwrap(),
    );
    same(
        "[metadata]",
        &Table::try_from(MetadataConfig::default()).unwrap(),
    );
}
