use crate::support::{GOOD, parse, problems, with};

#[test]
fn the_good_configuration_is_good() {
    assert!(parse(GOOD, &[]).is_ok());
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_what_was_meant() {
    assert_eq!(
        with("ttl = \"2s\"", "tll = \"2s\""),
        "line 8: unknown [election] tll: did you mean `ttl`?"
    );
    assert_eq!(
        with("ack =", "acks ="),
        "line 12: unknown [oplog] acks: did you mean `ack`?"
    );
    assert_eq!(
        with("client_ttl", "client_tll"),
        "line 18: unknown [metadata] client_tll: did you mean `client_ttl`?"
    );
}

#[test]
fn a_key_that_resembles_nothing_is_told_what_there_is() {
    assert_eq!(
        with("ttl = \"2s\"", "quorum = 2"),
        "line 8: unknown [election] quorum: known here: dir, ttl, margin"
    );
}

#[test]
fn a_misspelt_section_is_named_with_what_was_meant() {
    let told = with("[snapshots]", "[snapshot]");
    assert!(
        told.starts_with("line 13: unknown [snapshot]: did you mean `snapshots`?"),
        "{told}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_shown_with_what_is_wanted() {
    let told = with("id = \"a\"", "id = 7");
    assert!(told.starts_with("line 4: [node] id = 7: "), "{told}");
    assert!(told.contains("expected a string"), "{told}");
    let told = with("ack = \"durable\"", "ack = \"sometimes\"");
    assert!(
        told.starts_with("line 12: [oplog] ack = \"sometimes\""),
        "{told}"
    );
    assert!(
        told.contains("`durable`") && told.contains("`async`"),
        "{told}"
    );
}

#[test]
fn a_duration_or_a_size_without_its_unit_is_told_the_units() {
    let told = with("ttl = \"2s\"", "ttl = \"2\"");
    assert!(
        told.starts_with("line 8: ") && told.contains("ms, s, m"),
        "{told}"
    );
    let told = with("\"4MiB\"", "\"4MB\"");
    assert!(
        told.starts_with("line 11: ") && told.contains("KiB, MiB"),
        "{told}"
    );
    assert!(told.contains("4MB"), "{told}");
}

#[test]
fn a_value_out_of_range_is_shown_with_the_range() {
    let told = with("every = \"1m\"", "level = 33");
    assert_eq!(told, "line 16: [snapshots] level = 33: want 1 to 19");
    let told = with("\"4MiB\"", "\"1B\"");
    assert!(
        told.starts_with("line 11: ") && told.contains("64KiB"),
        "{told}"
    );
}

#[test]
fn a_missing_section_is_told_what_it_needs() {
    assert_eq!(
        with("[cluster]\nid = \"test\"\n", ""),
        "[cluster] is missing: it needs at least `id = \"..\"`"
    );
    let node = "[node]\nid = \"a\"\ndata_dir = \"data\"\n";
    assert_eq!(
        with(node, ""),
        "[node] is missing: it needs at least `id = \"..\"` and `data_dir = \"..\"`"
    );
    let election = "[election]\ntype = \"file\"\nttl = \"2s\"\n";
    assert_eq!(
        with(election, ""),
        "[election] is missing: it needs at least `type = \"..\"`"
    );
}

#[test]
fn a_missing_key_is_named_at_its_section() {
    assert_eq!(
        with("data_dir = \"data\"\n", ""),
        "line 3: [node] `data_dir = \"..\"` is missing: it has no default"
    );
    assert_eq!(
        with("type = \"bucket\"\n", ""),
        "line 13: [snapshots] `type` is missing"
    );
}

#[test]
fn an_unknown_backend_type_is_told_the_nearest_or_all() {
    let mut known = vec!["file", "memory"];
    if cfg!(feature = "etcd") {
        known.insert(0, "etcd");
    }
    if cfg!(feature = "rocksdb") {
        known.push("rocksdb");
    }
    let known = known.join(", ");
    assert_eq!(
        with("[oplog]\ntype = \"file\"", "[oplog]\ntype = \"fiel\""),
        "line 10: [oplog] type = \"fiel\" is not in this build: did you mean `file`?"
    );
    assert_eq!(
        with("[oplog]\ntype = \"file\"", "[oplog]\ntype = \"postgres\""),
        format!("line 10: [oplog] type = \"postgres\" is not in this build: known here: {known}")
    );
}

#[test]
fn a_section_that_is_a_value_is_told_how_to_write_one() {
    let told = problems(&format!("recovery = \"log\"\n{GOOD}"));
    assert_eq!(
        told,
        "line 1: `recovery` is not a section: write [recovery]"
    );
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let told = with("ttl = \"2s\"", "ttl = 2s");
    assert!(told.starts_with("line 8: "), "{told}");
}

#[test]
fn every_mistake_is_told_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replacen("id = \"a\"", "id = 7\nlisten = 8", 1)
        .replacen("ttl = \"2s\"", "tll = \"2s\"\nmargin = 3", 1)
        .replacen("[oplog]\ntype = \"file\"", "[oplog]\ntype = \"fiel\"", 1)
        .replacen(
            "every = \"1m\"",
            "every = \"1m\"\nkeep = 0\nparallel = 0",
            1,
        );
    let text = format!("{text}lease_ttl = \"0s\"\n[recovry]\nmode = \"log\"\n");
    let told = problems(&text);
    let places: Vec<_> = told
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let wanted = [4, 5, 9, 10, 12, 19, 20, 23, 24].map(|line| format!("line {line}"));
    assert_eq!(places, wanted, "{told}");
}
