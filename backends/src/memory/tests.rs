use crate::log_words::cluster;
use standfast_core::{Clock, ClusterId, NodeId, OpenContext};

fn context() -> OpenContext {
    OpenContext {
        cluster: ClusterId::new("memory-tests").unwrap(),
        prefix: "/standfast".into(),
        node: NodeId::new("a").unwrap(),
        data_dir: "/nowhere".into(),
        base_dir: "/nowhere".into(),
        clock: Clock::system(),
        make: false,
    }
}

#[tokio::test]
async fn nodes_of_one_process_that_name_the_same_space_share_it() {
    let registry = crate::builtin();
    let factory = registry.oplogs.get("memory").unwrap();
    let named: toml::Table = toml::from_str("name = \"shared\"").unwrap();
    let first = factory.open(&named, &context()).await.unwrap();
    let second = factory.open(&named, &context()).await.unwrap();
    let other = factory.open(&toml::Table::new(), &context()).await.unwrap();
    first.init(cluster()).await.unwrap();
    assert_eq!(second.fingerprint().await.unwrap(), Some(cluster()));
    assert_eq!(other.fingerprint().await.unwrap(), None);
}

#[test]
fn every_problem_of_a_table_is_told_at_once() {
    let registry = crate::builtin();
    let factory = registry.elections.get("memory").unwrap();
    let table = toml::from_str("ttl = \"5\"\nmargin = 3\ntll = \"1s\"").unwrap();
    let problems = factory.check(&table);
    assert_eq!(problems.len(), 3, "{problems:?}");
    let table = toml::from_str("ttl = \"1s\"\nmargin = \"900ms\"").unwrap();
    let problems = factory.check(&table);
    assert!(
        problems.len() == 1 && problems[0].contains("900ms") && problems[0].contains("1s"),
        "{problems:?}"
    );
    assert_eq!(
        factory.check(&toml::from_str("ttl = \"1s\"").unwrap()),
        Vec::<String>::new()
    );
}
