use crate::counter::count;
use crate::support::config;

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_goes_on_where_its_last_run_ended() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(r#"type = "file""#, r#"type = "file""#);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 1);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 2);
}
