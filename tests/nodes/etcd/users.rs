//! An etcd with users.

use std::path::PathBuf;

use standfast::standfast_core::ErrorKind;

use super::Members;
use super::opened::refusal;
use super::secure::{change_password, demand_users};
use crate::kill::kill_primaries;
use crate::support::TestCluster;

const USER: &str = "standfast";
/// Nowhere but in its file.
const PASSWORD: &str = "correct-horse-battery";

/// Two nodes, as a user who may do nothing but what is under their own prefix.
struct Guarded {
    cluster: TestCluster,
    members: Members,
    password_file: PathBuf,
}

impl Guarded {
    async fn start(ttl: &str) -> Self {
        let members = Members::start();
        demand_users(&members, USER, PASSWORD, "/standfast/test/");
        let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
        let password_file = cluster.dir.path().join("password");
        std::fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
        let settings = settings(&members, "password");
        cluster.turn_to_etcd(&settings, ttl);
        cluster.launch().await;
        Self {
            cluster,
            members,
            password_file,
        }
    }

    /// The password is in no node's log.
    fn kept_quiet(&self, password: &str) {
        for node in &self.cluster.nodes {
            let said = node.log_text();
            assert!(!said.is_empty() && !said.contains(password), "{said}");
        }
    }
}

fn settings(members: &Members, password_file: &str) -> String {
    format!(
        "{}\nuser = \"{USER}\"\npassword_file = \"{password_file}\"",
        members.settings()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_for_the_prefix_alone_is_enough_for_nodes_that_are_killed() {
    let mut guarded = Guarded::start("5s").await;
    let load = guarded.cluster.load(62).await;
    kill_primaries(&mut guarded.cluster, &load).await;
    guarded.cluster.lost_nothing(load).await;
    guarded.kept_quiet(PASSWORD);
}

/// With it etcd forgets whom it let in: the nodes prove who they are once more, over other connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_changed_is_taken_by_nodes_that_run() {
    let guarded = Guarded::start("10s").await;
    let load = guarded.cluster.load(63).await;
    let leader = guarded.cluster.leader().await;
    let changed = "another-donkey";
    std::fs::write(&guarded.password_file, changed).unwrap();
    change_password(&guarded.members, USER, changed);
    load.acknowledged_more(1000).await;
    assert_eq!(guarded.cluster.leader().await, leader);
    guarded.cluster.lost_nothing(load).await;
    guarded.kept_quiet(changed);
}

/// The other way round: everybody is refused until the file is there. Who was let in at the start goes on trying.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_whose_password_is_changed_too_early_serve_again_without_a_restart() {
    let guarded = Guarded::start("2s").await;
    let load = guarded.cluster.load(65).await;
    let changed = "another-donkey";
    change_password(&guarded.members, USER, changed);
    guarded
        .cluster
        .until("nobody to lead", |status| status.leader.is_none())
        .await;
    for node in &guarded.cluster.nodes {
        guarded
            .cluster
            .until_log(&node.name, "in `password_file`, right?")
            .await;
    }
    std::fs::write(&guarded.password_file, changed).unwrap();
    load.acknowledged_more(500).await;
    guarded.cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_why_and_never_the_password() {
    let members = Members::launch(1, &[], &[]);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("right"), PASSWORD).unwrap();
    std::fs::write(dir.path().join("wrong"), "a-guess").unwrap();
    let right = settings(&members, "right");

    let refused = refusal(dir.path(), &right).await;
    assert_eq!(*refused.kind(), ErrorKind::Config, "{refused}");
    assert!(refused.to_string().contains("has no users"), "{refused}");

    demand_users(&members, USER, PASSWORD, "/elsewhere/");
    for (settings, told) in [
        (members.settings(), "name one in `user`"),
        (settings(&members, "wrong"), "in `password_file`, right?"),
        (right, "grant its role"),
    ] {
        let refused = refusal(dir.path(), &settings).await;
        assert_eq!(*refused.kind(), ErrorKind::Auth, "{refused}");
        let said = format!("{refused} {refused:?}");
        assert!(said.contains(told), "{refused}");
        assert!(
            !said.contains(PASSWORD) && !said.contains("a-guess"),
            "{said}"
        );
    }
}
