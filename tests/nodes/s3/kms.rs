use std::time::Duration;

use object_store::path::Path;

use super::by_hand::ByHand;
use super::{settings, shared};
use crate::lender::{all_exist, lender, objects, put_all};
use crate::support::TestCluster;

fn encrypted(key: &str) -> String {
    let settings = settings(&shared());
    format!("{settings}\nencryption = \"aws:kms\"\nkms_key = \"{key}\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_with_a_key_is_encrypted_by_the_store_and_restored() {
    let settings = encrypted("testkey-1");
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings);
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    let puts = objects(0..2000, 32);
    put_all(&client, &puts).await;
    let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(made.status.success(), "{made:?}");
    let bucket = ByHand::at(&shared(), &settings);
    let names = bucket.names("").await;
    for folder in ["parts", "manifests", "catalog"] {
        let inside = |name: &&_| format!("{name}").contains(&format!("/{folder}/"));
        assert!(names.iter().any(|name| inside(&name)), "{names:?}");
    }
    // Those of a probe come and go.
    let stay = |name: &Path| !name.as_ref().contains("/probe/");
    for name in names.into_iter().filter(stay) {
        let head = bucket.head(&name).await.to_lowercase();
        for header in [
            "x-amz-server-side-encryption: aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id: testkey-1",
        ] {
            assert!(head.contains(header), "{name}: {head}");
        }
    }

    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    cluster.nodes[0].start();
    all_exist(&client, &puts).await;
    let told = cluster.nodes[0].log_text();
    assert!(told.contains("restored snapshot="), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_store_does_not_know_is_told_by_its_name() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&encrypted("nobodys-key"));
    let told = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(!told.status.success(), "{told:?}");
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("kms-keyid: nobodys-key"), "{told}");
}
