//! What `standfast certify` says about stores, and that it leaves them as they were.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use crate::node::standfast;

/// A case that writes more than a kilobyte into one file of a bucket.
const LONG_CASE: &str = "a_snapshot_whose_own_upload_was_revoked_is_not_listed";

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/configs");

/// A directory with a configuration in it, whose log is in `log`.
pub(crate) fn configured(log: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let config = dir.path().join("c.toml");
    let text = format!(
        r#"
        cluster = {{ id = "c" }}
        node = {{ id = "a", data_dir = "a" }}
        election = {{ type = "file", dir = "election" }}
        oplog = {{ type = "file", dir = "{log}" }}
        snapshots = {{ type = "bucket", url = "bucket" }}
        "#
    );
    std::fs::write(&config, text).unwrap();
    (dir, config)
}

/// Changes the log of a configuration to one in memory.
fn on_memory(config: &Path, ack: &str) {
    let text = std::fs::read_to_string(config).unwrap();
    let log = format!(r#"type = "memory", ack = "{ack}""#);
    let text = text.replace(r#"type = "file", dir = "log""#, &log);
    std::fs::write(config, text).unwrap();
}

async fn certify(config: &Path, words: &[&str]) -> Output {
    let mut command = standfast();
    command.arg("certify").arg("--config").arg(config);
    command.args(words).output().await.unwrap()
}

/// Every path below `dir`.
pub(crate) fn listed(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // What certify made may go meanwhile.
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listed(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_stores_are_certified_and_nothing_stays_behind() {
    let (dir, config) = configured("log");
    let output = certify(&config, &["--only", "h1", "--seed", "7", "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["certified"], true, "{report:#}");
    assert_eq!((&report["seed"], &report["seeds"]), (&7.into(), &1.into()));
    assert_eq!(report["failed"], 0);
    let cases = report["cases"].as_array().unwrap();
    let case = |name: &str| {
        let found = cases.iter().find(|case| case["case"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {report:#}"))
    };
    let zombie = case("h19_an_epoch_that_is_not_higher_is_fenced");
    assert_eq!(
        (&zombie["kind"], &zombie["verdict"]),
        (&"log".into(), &"passed".into())
    );
    assert_eq!(zombie["rules"], serde_json::json!(["OL-4", "h19"]));
    let rules = report["rules"].as_array().unwrap();
    let h19 = rules.iter().find(|rule| rule["rule"] == "h19").unwrap();
    assert_eq!(h19["grade"], "pass", "{report:#}");
    assert_eq!(listed(dir.path()), [config]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_apply_says_because_of_what() {
    let (_dir, config) = configured("log");
    let output = certify(&config, &["--only", "while_a_writer_holds"]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("fencing is not lock"), "{told}");
    assert!(told.contains("Not seen by certify"), "{told}");
    // That nothing applies proves nothing.
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("NOTHING PROVED"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_chosen_and_where_it_was_tried_is_told() {
    let (dir, config) = configured("log");
    let output = certify(&config, &["--only", "h19"]).await;
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("cases with `h19` in their names hold: log on `file`"),
        "{told}"
    );
    assert!(!told.contains("CERTIFIED"), "{told}");
    let log = dir.path().join("log");
    let place = dir.path().join("scratch-certify-log-log");
    let wanted = format!(
        "{} is not there; tried in {}",
        log.display(),
        place.display()
    );
    assert!(told.contains(&wanted), "{told}");
    std::fs::create_dir(&log).unwrap();
    let output = certify(&config, &["--only", "h19", "-o", "json"]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let place = log.join("scratch-certify-log").display().to_string();
    assert_eq!(report["stores"][0]["place"], place, "{report:#}");
    assert_eq!(report["stores"][0]["missing"], Value::Null, "{report:#}");
    assert_eq!(report["only"], "h19");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_fails_is_told_with_the_command_that_runs_it_again() {
    let (dir, config) = configured("log");
    on_memory(&config, "async");
    // A file system that takes no file of more than 1 kB.
    let limited = r#"trap '' XFSZ; ulimit -f 1; exec "$0" "$@""#;
    let program = standfast();
    let output = tokio::process::Command::new("bash")
        .args(["-c", limited])
        .arg(program.as_std().get_program())
        .args([
            "certify",
            "-o",
            "json",
            "--scratch",
            "short",
            "--only",
            LONG_CASE,
        ])
        .arg("--config")
        .arg(&config)
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["certified"], &report["failed"]),
        (&false.into(), &1.into()),
        "{report:#}"
    );
    let case = &report["cases"][0];
    assert_eq!(case["verdict"], "failed", "{report:#}");
    let again = format!(
        "standfast certify --config {} --only {LONG_CASE} --seed 1 --scratch short",
        config.display()
    );
    assert_eq!(case["again"], again, "{report:#}");
    assert_eq!(listed(dir.path()), [config]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_refuses_to_start_with_is_not_certified() {
    let (dir, config) = configured("log");
    on_memory(&config, "durable");
    let output = certify(&config, &["--only", "h19"]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(r#"ack = "durable" cannot hold"#), "{told}");
    assert_eq!(listed(dir.path()), [config]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_left_behind_is_passed_over_and_stays() {
    let (dir, config) = configured("log");
    let left = dir.path().join("scratch-certify-log-1-log");
    std::fs::create_dir(&left).unwrap();
    let file = left.join("left");
    std::fs::write(&file, "behind").unwrap();
    let output = certify(&config, &["--only", "h19", "-o", "json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(listed(dir.path()), [config, left, file]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_is_certified_where_it_lies() {
    let before = listed(Path::new(EXAMPLES));
    let config = Path::new(EXAMPLES).join("file.toml");
    let scratch = format!("test-{}", std::process::id());
    let output = certify(&config, &["--only", "h19", "--scratch", &scratch]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let left = listed(Path::new(EXAMPLES));
    let left: Vec<_> = left.iter().filter(|path| !before.contains(path)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scratch_place_that_is_in_use_is_refused_and_left_alone() {
    // The log of a cluster lies where a scratch place would be.
    let (dir, config) = configured("log/scratch-certify-log");
    let mut init = standfast();
    init.args(["cluster", "init", "--config"]).arg(&config);
    assert!(init.status().await.unwrap().success());
    let text = std::fs::read_to_string(&config).unwrap();
    let above = text.replace("log/scratch-certify-log", "log");
    std::fs::write(&config, above).unwrap();
    let before = listed(dir.path());
    let output = certify(&config, &[]).await;
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("[oplog]") && told.contains("in use"),
        "{told}"
    );
    assert_eq!(listed(dir.path()), before);
    let output = certify(&config, &["--scratch", "other", "--only", "h19"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(listed(dir.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_help_says_what_it_touches() {
    let help = standfast().args(["certify", "--help"]).output().await;
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    for told in [
        "Prove that",
        "nothing but the scratch",
        "Exit code 0",
        "[default: 120s]",
    ] {
        assert!(help.contains(told), "{help}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_words_are_refused() {
    let (_dir, config) = configured("log");
    for (words, code, wanted) in [
        (["--seeds", "0"], 2, "--seeds"),
        (["--patience", "0"], 2, "want a time above zero"),
        (["--scratch", "A/B"], 2, "lower case letters"),
        (
            ["--only", "no such case"],
            1,
            "has `no such case` in its name",
        ),
    ] {
        let output = certify(&config, &words).await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(wanted), "{told}");
    }
}
