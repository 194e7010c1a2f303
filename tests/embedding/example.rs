use standfast::Config;

use crate::counter::count;
use crate::support::config;

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_goes_on_where_its_last_run_ended() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(r#"type = "file""#, r#"type = "file""#);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 1);
    assert_eq!(count(&config, dir.path()).await.unwrap(), 2);
}

#[test]
fn the_guide_shows_a_configuration_that_loads() {
    let guide = include_str!("../../docs/writing-a-service.md");
    let shown = guide.split("```toml\n").skip(1);
    let mut blocks = shown.filter_map(|block| block.split("```").next());
    let text = blocks.find(|text| text.contains("[cluster]"));
    let registry = standfast_backends::builtin();
    let config = Config::from_text(text.expect("it is there"), "/".into(), &registry).unwrap();
    assert_eq!(config.cluster.id.to_string(), "accounts");
}
