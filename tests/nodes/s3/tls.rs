use super::proxy::Proxy;
use super::{settings, shared};
use crate::certificates::Authority;
use crate::support::TestCluster;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_behind_tls_is_believed_by_the_authority_that_is_named_and_by_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let [ours, other] = ["ours", "other"].map(|name| Authority::make(dir.path(), name));
    let proxy = Proxy::start_tls(&shared(), &ours.sign("store")).await;
    let settings = settings(&proxy.endpoint);
    let named = |authority: &Authority| format!("{settings}\nca_file = {:?}", authority.file);
    for refused in [named(&other), settings.clone()] {
        let cluster = TestCluster::prepare(&["a"], "1h");
        cluster.turn_to_bucket(&refused);
        let told = cluster.nodes[0].command(&["cluster", "init"]).await;
        let said = String::from_utf8(told.stderr).unwrap();
        assert!(
            !told.status.success() && said.contains("certificate"),
            "{said}"
        );
    }
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&named(&ours));
    cluster.launch().await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
}
