use crate::support::{GOOD, parse, told};

#[test]
fn the_environment_goes_before_the_file() {
    let set = [
        ("STANDFAST__ELECTION__TTL", "3s"),
        ("STANDFAST__OPLOG__BATCH_MAX_ENTRIES", "17"),
        ("STANDFAST__NODE__ID", "z"),
    ];
    let config = parse(GOOD, &set).unwrap();
    assert_eq!(config.election.table["ttl"].as_str(), Some("3s"));
    assert_eq!(config.master.batch_max_entries, 17);
    assert_eq!(config.node.id.as_str(), "z");
}

#[test]
fn a_mistake_in_a_variable_is_told_with_its_name_and_not_with_a_line() {
    let said = told(GOOD, &[("STANDFAST__ELECTION__TTL", "soon")]);
    assert!(
        said.starts_with("environment, STANDFAST__ELECTION__TTL: [election] "),
        "{said}"
    );
    assert!(said.contains("soon") && !said.contains("line"), "{said}");
    assert_eq!(
        told(GOOD, &[("STANDFAST__ELECTON__TTL", "2s")]),
        "environment, STANDFAST__ELECTON__TTL: unknown [electon]: did you mean `election`?"
    );
    assert_eq!(
        told(GOOD, &[("STANDFAST__ELECTION__TLL", "2s")]),
        "environment, STANDFAST__ELECTION__TLL: unknown [election] tll: did you mean `ttl`?"
    );
}

#[test]
fn a_variable_that_names_no_key_is_not_passed_over() {
    let said = told(GOOD, &[("STANDFAST__TTL", "2s")]);
    assert!(
        said.starts_with("environment, STANDFAST__TTL: sets nothing"),
        "{said}"
    );
}
