use std::path::Path;
use std::time::Duration;

use standfast::standfast_core::Command;
use standfast::testing::Cluster;
use standfast::{Refusal, RequestHeader, Typed, TypedProposer, assert_deterministic};

use crate::own_service::namespace::{Ask, Block, Found, Namespace};
use crate::own_service::{serve, tell};

/// For the processes of the story: the configuration of the node that it is.
const CONFIG: &str = "STANDFAST_STORY_CONFIG";
const SOON: Duration = Duration::from_secs(5);

/// Not a story of its own: what the processes of the story below do. Does nothing when it is run as a test.
#[tokio::test(flavor = "multi_thread")]
async fn the_part_of_a_node() {
    if let Some(config) = std::env::var_os(CONFIG) {
        serve(Path::new(&config)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_survives_the_death_of_one_primary_after_the_other() {
    let program = std::env::current_exe().unwrap();
    let node = |config: &Path| {
        let mut command = tokio::process::Command::new(&program);
        command
            .args(["--exact", "own_service_story::the_part_of_a_node"])
            .env(CONFIG, config);
        command
    };
    let dir = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let ended = tell(dir.path(), node, &mut told).await;
    let told = String::from_utf8(told).unwrap();
    ended.unwrap_or_else(|error| panic!("{told}{error}"));
    assert_eq!(told.matches("kill -9").count(), 2, "{told}");
}

fn folder(path: &str) -> Ask {
    let path = path.to_owned();
    Ask::CreateFolder { path }
}

fn file(path: &str) -> Ask {
    let path = path.to_owned();
    Ask::CreateFile { path }
}

fn block(path: &str, bytes: u64) -> Ask {
    let (path, machines) = (path.to_owned(), vec!["gpu-1".to_owned()]);
    let block = Block { machines, bytes };
    Ask::AddBlock { path, block }
}

fn rename(from: &str, to: &str) -> Ask {
    let (from, to) = (from.to_owned(), to.to_owned());
    Ask::Rename { from, to }
}

fn delete(path: &str) -> Ask {
    let path = path.to_owned();
    Ask::Delete { path }
}

async fn ask(door: &TypedProposer<Namespace>, ask: Ask) -> Result<(), Refusal> {
    let asked = door.propose(RequestHeader::default(), ask, SOON).await;
    asked.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_moves_with_all_that_is_in_it_and_never_into_itself() {
    let cluster = Cluster::start(2, || Typed::new(|| Namespace))
        .await
        .unwrap();
    let door = cluster.primary().await.unwrap().typed_proposer();
    for each in [
        folder("/a"),
        folder("/a/b"),
        file("/a/b/f"),
        block("/a/b/f", 7),
    ] {
        ask(&door, each).await.unwrap();
    }
    for (no, why) in [
        (rename("/a", "/a/b/c"), "/a/b/c is inside /a"),
        (rename("/a", "/a"), "/a exists"),
        (rename("/x", "/y"), "/x does not exist: there is no x"),
        (rename("/", "/y"), "`/` names nothing below /"),
        (delete("/a"), "/a is not empty"),
        (file("/a/b/f/g"), "/a/b/f is a file"),
        (block("/a", 1), "/a is a folder"),
        (file("f"), "`f` names nothing below /"),
    ] {
        assert_eq!(ask(&door, no).await.unwrap_err().message, why);
    }
    ask(&door, rename("/a/b", "/moved")).await.unwrap();
    let look = |path: &str| door.read(path.to_owned(), SOON);
    let names = |names: &[&str]| Found::Folder(names.iter().map(ToString::to_string).collect());
    assert_eq!(look("/").await.unwrap(), Ok(names(&["a", "moved"])));
    assert_eq!(look("/a").await.unwrap(), Ok(names(&[])));
    let Ok(Found::File(blocks)) = look("/moved/f").await.unwrap() else {
        panic!("not a file");
    };
    assert_eq!(blocks[0].bytes, 7);
    ask(&door, delete("/a")).await.unwrap();
    assert_eq!(look("/").await.unwrap(), Ok(names(&["moved"])));
    cluster.settled().await.unwrap();
}

#[test]
fn a_namespace_is_the_same_on_every_node() {
    let rounds = (0..50).flat_map(|n| {
        let (a, b) = (format!("/a{n}"), format!("/b{n}"));
        let inside = format!("{a}/f");
        let gone = if n % 2 == 0 { &inside } else { &b };
        [
            folder(&a),
            file(&inside),
            block(&inside, n),
            rename(&a, &b),
            delete(gone),
        ]
    });
    let commands = rounds.map(|ask| Command::new(RequestHeader::default(), 1, ask));
    assert_deterministic!(|| Typed::new(|| Namespace), commands.collect::<Vec<_>>());
}
