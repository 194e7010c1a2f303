//! An etcd that speaks TLS, and asks for a certificate of ours.

use std::time::Duration;

use standfast::standfast_core::ErrorKind;
use tokio::time::Instant;

use super::opened::{log, refusal};
use super::secure::SecureMembers;
use crate::certificates::Authority;
use crate::kill::kill_primaries;
use crate::node::standfast;
use crate::support::TestCluster;

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_show_their_certificates_lose_nothing_when_primaries_are_killed() {
    let secure = SecureMembers::start(3);
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_etcd(&secure.settings(&secure.own), "5s");
    cluster.launch().await;
    let url = format!(
        "etcds://{}/test?ca_file={}&cert_file={}&key_file={}",
        secure.members.endpoints.join(",").replace("https://", ""),
        secure.authority.file.display(),
        secure.own.file.display(),
        secure.own.key_file.display()
    );
    let mut found = standfast();
    let found = found.args(["status", "--discover", &url]).output().await;
    assert!(found.unwrap().status.success());
    let load = cluster.load(61).await;
    kill_primaries(&mut cluster, &load).await;
    cluster.lost_nothing(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_the_members_do_not_take_is_told_as_such_at_once() {
    let secure = SecureMembers::start(1);
    let stranger = Authority::make(secure.dir(), "other").sign("stranger");
    let expired = secure.authority.sign_for("expired", "127.0.0.1", 2001);
    for shown in [&stranger, &expired] {
        let refused = refusal(secure.dir(), &secure.settings(shown)).await;
        assert_eq!(*refused.kind(), ErrorKind::Auth, "{refused}");
        assert!(
            refused.to_string().contains("`cert_file` must"),
            "{refused}"
        );
    }
    let none = format!(
        "{}\nca_file = {:?}",
        secure.members.settings(),
        secure.authority.file
    );
    let refused = refusal(secure.dir(), &none).await;
    assert_eq!(*refused.kind(), ErrorKind::Auth, "{refused}");
    assert!(refused.to_string().contains("or misses one"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_whom_nobody_trusts_are_not_spoken_to() {
    let secure = SecureMembers::start(1);
    let dir = secure.dir();
    Authority::make(dir, "other");
    let by_other = secure.settings(&secure.own).replace("ca.pem", "other.pem");
    // Nor does the system trust them.
    let by_none = by_other.replace("ca_file", "#");
    for settings in [by_other, by_none] {
        let refused = refusal(dir, &settings).await;
        assert_eq!(*refused.kind(), ErrorKind::Auth, "{refused}");
        assert!(
            refused.to_string().contains("is `ca_file` the"),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_a_member_that_has_expired_or_is_for_another_name_is_told_as_such() {
    for (host, until, told) in [
        ("127.0.0.1", 2001, "has expired: renew it"),
        ("etcd-1", 2099, "for another name"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::make(dir.path(), "ca");
        let server = authority.sign("server");
        let wrong = authority.sign_for("wrong", host, until);
        let secure = SecureMembers::start_as(1, dir, authority, &server);
        // The members take what is in their files when they are asked next.
        std::fs::copy(&wrong.key_file, &server.key_file).unwrap();
        std::fs::copy(&wrong.file, &server.file).unwrap();
        let refused = refusal(secure.dir(), &secure.settings(&secure.own)).await;
        assert_eq!(*refused.kind(), ErrorKind::Auth, "{refused}");
        assert!(refused.to_string().contains(told), "{refused}");
    }
}

/// The members forget whom they spoke to: the log makes another connection, and shows what is in the files now.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_renewed_is_shown_by_the_next_connection() {
    let mut secure = SecureMembers::start(1);
    let log = log(secure.dir(), &secure.settings(&secure.own))
        .await
        .unwrap();
    log.probe().await.unwrap();
    let expired = secure.authority.sign_for("expired", "127.0.0.1", 2001);
    let renewed = secure.authority.sign("renewed");
    for (now, taken) in [(&expired, false), (&renewed, true)] {
        std::fs::copy(&now.file, &secure.own.file).unwrap();
        std::fs::copy(&now.key_file, &secure.own.key_file).unwrap();
        secure.members.kill(1).await;
        secure.members.restart(1);
        let give_up = Instant::now() + Duration::from_mins(1);
        let probed = loop {
            match log.probe().await {
                Err(error) if error.retry() && Instant::now() < give_up => {}
                probed => break probed,
            }
        };
        match probed {
            Ok(()) => assert!(taken),
            Err(error) => assert!(!taken && *error.kind() == ErrorKind::Auth, "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_or_holds_something_else_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::make(dir.path(), "ca");
    authority.sign("own");
    authority.sign("another");
    std::fs::write(dir.path().join("empty"), "").unwrap();
    let at = "endpoints = [\"https://127.0.0.1:1\"]\n";
    let own = "cert_file = \"own.pem\"\nkey_file";
    for (settings, told) in [
        ("ca_file = \"none\"".to_owned(), "none cannot be read"),
        ("ca_file = \"empty\"".to_owned(), "holds no certificate"),
        (
            "ca_file = \"own-key.pem\"".to_owned(),
            "holds no certificate",
        ),
        (format!("{own} = \"own.pem\""), "no private key"),
        (format!("{own} = \"another-key.pem\""), "is not the key of"),
        (
            "user = \"u\"\npassword_file = \"empty\"".to_owned(),
            "is empty: write the password into it",
        ),
    ] {
        let refused = refusal(dir.path(), &format!("{at}{settings}")).await;
        let kind = refused.kind();
        assert!(
            matches!(kind, ErrorKind::Auth | ErrorKind::Config),
            "{refused}"
        );
        assert!(refused.to_string().contains(told), "{refused}");
    }
}
