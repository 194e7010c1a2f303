//! Endpoints that are none, or not those that were meant.

use standfast::ports;
use standfast::standfast_core::ErrorKind;
use tokio::task::JoinSet;

use super::Members;
use super::impostors::{etcd_of_version, http1};
use super::opened::{log, refusal};
use super::secure::SecureMembers;
use crate::certificates::Authority;

/// What a node says whose configuration names these endpoints.
async fn told(endpoints: &[String], kind: ErrorKind) -> String {
    let dir = tempfile::tempdir().unwrap();
    let refused = refusal(dir.path(), &format!("endpoints = {endpoints:?}")).await;
    assert_eq!(*refused.kind(), kind, "{refused}");
    refused.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etcd_that_is_too_old_is_refused_whichever_member_it_is() {
    let members = Members::launch(1, &[], &[]);
    let mut tasks = JoinSet::new();
    for version in ["3.3.25", "2.3.8", "not a number"] {
        let old = etcd_of_version(version, &mut tasks).await;
        let wanted = format!("etcd {version} at {old} is too old: 3.4 or later is needed");
        let said = told(std::slice::from_ref(&old), ErrorKind::Version).await;
        assert!(said.contains(&wanted), "{said}");
        let said = told(&[members.endpoints[0].clone(), old], ErrorKind::Version).await;
        assert!(said.contains(&wanted), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_two_etcds_are_refused() {
    let (one, other) = (Members::launch(1, &[], &[]), Members::launch(1, &[], &[]));
    let both = [one.endpoints[0].clone(), other.endpoints[0].clone()];
    let said = told(&both, ErrorKind::Config).await;
    assert!(said.contains("must name members of one"), "{said}");
    for endpoint in both {
        assert!(said.contains(&endpoint), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_where_nobody_listens_or_whose_name_is_unknown_is_named() {
    let free = format!("http://127.0.0.1:{}", ports::reserve().unwrap());
    let said = told(std::slice::from_ref(&free), ErrorKind::Unavailable).await;
    let wanted = format!("none of {free} answers: is etcd running there");
    assert!(said.contains(&wanted) && said.contains("refused"), "{said}");

    let unknown = ["http://etcd.invalid:2379".to_owned()];
    let said = told(&unknown, ErrorKind::Unavailable).await;
    assert!(
        said.contains("the name etcd.invalid is not known"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_speaks_http_1_is_told_as_such() {
    let address = http1();
    let said = told(&[format!("http://{address}")], ErrorKind::Config).await;
    assert!(said.contains("it speaks HTTP/1"), "{said}");
    let said = told(&[format!("https://{address}")], ErrorKind::Config).await;
    assert!(said.contains("it does not speak TLS"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_where_there_is_none_and_none_where_it_is_wanted_is_asked_after() {
    let plain = Members::launch(1, &[], &[]);
    let over_tls = plain.endpoints[0].replace("http://", "https://");
    let said = told(&[over_tls], ErrorKind::Unavailable).await;
    assert!(said.contains("does it speak TLS"), "{said}");

    let secure = SecureMembers::start(1);
    let plainly = secure.members.endpoints[0].replace("https://", "http://");
    let said = told(&[plainly], ErrorKind::Unavailable).await;
    assert!(said.contains("does it speak without TLS"), "{said}");
}

/// What is wrong with one member is no reason to do without the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_refuses_us_is_left_for_the_next() {
    let secure = SecureMembers::start(1);
    let own = secure.settings(&secure.own);
    let dir = tempfile::tempdir().unwrap();
    let other = Authority::make(dir.path(), "ca");
    let server = other.sign("server");
    let stranger = SecureMembers::start_as(1, dir, other, &server);
    let both = own.replace(
        "endpoints = [",
        &format!("endpoints = [{:?}, ", stranger.members.endpoints[0]),
    );
    let log = log(secure.dir(), &both).await.unwrap();
    log.probe().await.unwrap();
    assert_eq!(log.fingerprint().await.unwrap(), None);
}
