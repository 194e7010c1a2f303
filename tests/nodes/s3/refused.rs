use super::proxy::{Fault, Proxy, Script, WELL};
use super::{settings, shared};
use crate::node::standfast;
use crate::support::TestCluster;

/// What `cluster init` says of a bucket with these settings.
async fn init(settings: &str) -> String {
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(settings);
    let told = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(!told.status.success(), "{told:?}");
    String::from_utf8(told.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_not_there_is_told_by_its_name() {
    let settings = settings(&shared()).replace("s3://standfast/", "s3://nobodys/");
    let told = init(&settings).await;
    assert!(
        told.contains("NoSuchBucket") && told.contains("nobodys"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_the_store_does_not_know_are_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys = "[default]\naws_access_key_id = test\naws_secret_access_key = wrong\n";
    std::fs::write(file.path(), keys).unwrap();
    let settings = settings(&shared());
    let told = init(&format!("{settings}\ncredentials_file = {:?}", file.path())).await;
    assert!(told.contains("SignatureDoesNotMatch"), "{told}");
    assert!(!told.contains("wrong"), "{told}");
}

/// The same for all nodes: a unit file of one of them must not send it elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn where_the_store_is_stands_in_the_configuration_and_not_in_the_environment() {
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&shared()));
    let elsewhere = format!("http://127.0.0.1:{}", standfast::ports::reserve().unwrap());
    let made = standfast()
        .args(["cluster", "init", "--config"])
        .arg(&cluster.nodes[0].config)
        .env("AWS_ENDPOINT_URL", &elsewhere)
        .env("AWS_ENDPOINT_URL_S3", &elsewhere)
        .output();
    let made = made.await.unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// What Amazon says of a signature for another region, and of a bucket that is in another.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_region_is_told_as_the_store_tells_it() {
    for (status, code, said) in [
        (
            "400 Bad Request",
            "AuthorizationHeaderMalformed",
            "AuthorizationHeaderMalformed",
        ),
        ("301 Moved Permanently", "PermanentRedirect", "region"),
    ] {
        let wrong = Script {
            words: &[],
            fault: Fault::Refused(status, code),
            times: usize::MAX,
        };
        let proxy = Proxy::start(&shared(), wrong).await;
        let told = init(&settings(&proxy.endpoint)).await;
        assert!(told.contains(said), "{told}");
        assert!(told.contains("bad configuration"), "not in passing: {told}");
    }
}

/// Nobody listens there.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_told_by_its_address() {
    let port = standfast::ports::reserve().unwrap();
    let told = init(&settings(&format!("http://127.0.0.1:{port}"))).await;
    assert!(told.contains(&port.to_string()), "{told}");
}

/// Somebody removes it while nodes run: of an object that is looked up the answer says no more than that it is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_goes_away_under_a_node_is_told_as_that_and_not_as_damage() {
    let proxy = Proxy::start(&shared(), WELL).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let create = ["snapshot", "create"];
    let made = cluster.nodes[0].command(&create).await;
    assert!(made.status.success(), "{made:?}");
    proxy.turn(Script {
        words: &[],
        fault: Fault::Refused("404 Not Found", "NoSuchBucket"),
        times: usize::MAX,
    });
    let refused = cluster.nodes[0].command(&create).await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && told.contains("NoSuchBucket"),
        "{told}"
    );
    cluster.until_log("a", "NoSuchBucket").await;
    let told = cluster.nodes[0].log_text();
    assert!(!told.contains("rolled back"), "{told}");
    proxy.turn(WELL);
    let made = cluster.nodes[0].command(&create).await;
    assert!(made.status.success(), "{made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_section_of_a_file_do_whatever_the_environment_says() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let keys = "[default]\naws_access_key_id = nobody\naws_secret_access_key = wrong\n\
                [standfast]\naws_access_key_id = test\naws_secret_access_key = testsecret\n";
    std::fs::write(file.path(), keys).unwrap();
    let cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&format!(
        "{}\ncredentials_file = {:?}\nprofile = \"standfast\"",
        settings(&shared()),
        file.path()
    ));
    let made = standfast()
        .args(["cluster", "init", "--config"])
        .arg(&cluster.nodes[0].config)
        .env("AWS_ACCESS_KEY_ID", "nobody")
        .env("AWS_SECRET_ACCESS_KEY", "wrong")
        .output();
    let made = made.await.unwrap();
    assert!(made.status.success(), "{made:?}");
}
