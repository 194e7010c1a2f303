use crate::node::standfast;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_ok() {
    let output = standfast()
        .args(["demo", "--seconds", "8s"])
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("missing 0") && told.ends_with("verdict OK\n"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_cut_from_the_log_is_missed() {
    let arguments = ["demo", "--seconds", "8s", "--cut-log"];
    let output = standfast().args(arguments).output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.ends_with("verdict NOT OK\n"), "{told}");
}
