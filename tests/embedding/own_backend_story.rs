//! The backend of the guide, proved and used.

use rusqlite::Connection;
use standfast::conformance::Verdict;

use crate::own_backend::{CONFIG, count, prove};
use crate::support::config;

#[tokio::test(flavor = "multi_thread")]
async fn it_passes_every_case_that_it_does_not_declare_away() {
    let dir = tempfile::tempdir().unwrap();
    let rows = prove(CONFIG, dir.path()).await.unwrap();
    let failed = rows.iter().filter(|row| row.verdict.is_failed());
    assert_eq!(failed.collect::<Vec<_>>(), Vec::<&_>::new());
    let because = |row: &standfast::conformance::Row| match &row.verdict {
        Verdict::NotApplicable { because } if row.kind == "log" => Some(because.clone()),
        _ => None,
    };
    let mut without: Vec<_> = rows.iter().filter_map(because).collect();
    without.sort();
    without.dedup();
    assert_eq!(
        without,
        [
            "begins_anew = false",
            "fencing is not lock",
            "follower = false",
            "keeps_skips = false",
            "no watch in the harness's hand: it cannot lie",
            "no way to damage what is stored",
            "no way to freeze a writer",
            "no wire: the harness cannot hold single calls",
            "tells_usage = false",
        ]
    );
    let left = std::fs::read_dir(dir.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_database_is_refused_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("oplog.sqlite");
    let file = Connection::open(&path).unwrap();
    file.execute_batch("CREATE TABLE theirs (it)").unwrap();
    drop(file);
    let before = std::fs::read(&path).unwrap();
    let oplog = r#"type = "sqlite", path = "oplog.sqlite""#;
    let config = config(oplog, r#"type = "file""#);
    let error = count(&config, dir.path()).await.unwrap_err().to_string();
    assert!(error.contains("another program's database"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_it_goes_on_where_its_last_run_ended() {
    let dir = tempfile::tempdir().unwrap();
    let oplog = r#"type = "sqlite", path = "oplog.sqlite""#;
    let config = config(oplog, r#"type = "file""#);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 1);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_newer_or_not_its_own_is_refused() {
    for (change, wanted) in [
        ("PRAGMA user_version = 2", "format 2"),
        ("PRAGMA application_id = 7", "another program's database"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let oplog = r#"type = "sqlite", path = "oplog.sqlite""#;
        let config = config(oplog, r#"type = "file""#);
        count(&config, dir.path()).await.unwrap();
        let file = Connection::open(dir.path().join("oplog.sqlite")).unwrap();
        file.execute_batch(change).unwrap();
        let error = count(&config, dir.path()).await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_the_guide_shows_is_what_the_program_does() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/own_backend");
    let program: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let guide = include_str!("../../docs/writing-a-backend.md");
    let shown = guide.split("```rust\n").chain(guide.split("```toml\n"));
    let pieces: Vec<_> = shown
        .filter(|piece| !piece.starts_with('#'))
        .filter_map(|piece| piece.split("```").next())
        .collect();
    assert!(pieces.len() > 10, "{}", pieces.len());
    for piece in pieces {
        assert!(program.contains(piece), "the program has no\n{piece}");
    }
}
