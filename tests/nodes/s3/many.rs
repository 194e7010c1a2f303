use std::time::Duration;

use object_store::path::Path;
use standfast_core::UploadId;
use standfast_metadata::{MetadataClient, PutObject};

use super::by_hand::ByHand;
use super::proxy::{Counted, Proxy, WELL};
use super::settings;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::seeds;
use crate::served::Served;
use crate::support::TestCluster;

/// Objects for each seed, half of them in the cluster's own folder.
const OBJECTS: usize = 40_000;
/// The gateway keeps them in memory, 25 KB each.
const MOST_SEEDS: usize = 5;
/// What a page of a listing holds.
const PAGE: usize = 1000;
/// Listings that have nothing to do with how many objects there are: of looks meanwhile, and of pins.
const OTHERS: u64 = 24;

/// Parts in a folder: what uploads have left that began when the catalog was empty, and died.
fn parts(bucket: &ByHand) -> impl Iterator<Item = Path> {
    let count = OBJECTS * seeds::seeds().count().min(MOST_SEEDS) / 2;
    (0..count).map(|n| {
        let upload = UploadId {
            began_on: 0,
            random: (n / 500) as u64,
        };
        bucket.path(&format!("parts/{upload}/{n:064x}.zst"))
    })
}

struct Story {
    cluster: TestCluster,
    client: MetadataClient,
    proxy: Proxy,
    puts: Vec<PutObject>,
}

impl Story {
    async fn succeeds(&self, words: &[&str]) {
        let done = self.cluster.nodes[0].command(words).await;
        assert!(done.status.success(), "{words:?}: {done:?}");
    }

    /// Puts objects and makes a snapshot of them: two entries of the catalog, as it is listed and as it is verified.
    async fn snapshot_of(&self, puts: std::ops::Range<usize>) {
        put_all(&self.client, &self.puts[puts]).await;
        self.succeeds(&["snapshot", "create"]).await;
        self.cluster
            .until("the newest to be verified", |status| {
                let node = &status.nodes[0];
                node.verified_seq == node.snapshot_seq
            })
            .await;
    }

    /// What was asked for since `before`.
    fn since(&self, before: Counted) -> Counted {
        let now = self.proxy.counted();
        Counted {
            lists: now.lists - before.lists,
            reads: now.reads - before.reads,
            writes: now.writes - before.writes,
            deletes: now.deletes - before.deletes,
            held: now.held,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_objects_lie_in_a_bucket_few_requests_tell_what_is_there() {
    let served = Served::start("s3", &[], &[]);
    let proxy = Proxy::start(&served.ready, WELL).await;
    let settings = settings(&proxy.endpoint);
    let bucket = ByHand::at(&served.ready, &settings);
    let neighbours = bucket.of("neighbour");
    bucket.fill(parts(&bucket).chain(parts(&neighbours))).await;
    let pages = (parts(&bucket).count() / PAGE) as u64 + 1;

    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings);
    cluster.launch().await;
    let mut story = Story {
        client: lender(&cluster, Duration::from_secs(30)).await,
        cluster,
        proxy,
        puts: objects(0..8000, 32),
    };
    let before = story.proxy.counted();
    story.snapshot_of(0..500).await;
    let made = story.since(before);
    assert!(made.lists <= 4 * pages + OTHERS, "{pages} pages: {made:?}");
    let before = story.proxy.counted();
    story.succeeds(&["snapshot", "list"]).await;
    let listed = story.since(before);
    assert!(listed.lists < pages / 2, "{listed:?}");

    story.cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&story.cluster.nodes[0].data_dir).unwrap();
    let before = story.proxy.counted();
    story.cluster.nodes[0].start();
    all_exist(&story.client, &story.puts[..500]).await;
    story.succeeds(&["drill"]).await;
    let begun = story.since(before);
    // Its term begins with an entry.
    assert!(
        begun.lists <= 2 * pages + OTHERS,
        "{pages} pages: {begun:?}"
    );
    let log = story.cluster.nodes[0].log_text();
    assert!(log.contains("restored snapshot="), "{log}");

    // Until the first is retired, and with it the uploads that began before it: nobody waits until all they left is gone.
    let before = story.proxy.counted();
    for end in [1000, 2000, 4000, 8000] {
        story.snapshot_of(end / 2..end).await;
    }
    let retired = story.since(before);
    let most = 4 * 3 * (PAGE as u64 + OTHERS);
    assert!(
        (PAGE as u64..most).contains(&retired.deletes),
        "{retired:?}"
    );
    story.succeeds(&["snapshot", "verify"]).await;
    let left = neighbours.names("parts").await.len();
    assert_eq!(left, parts(&neighbours).count(), "of the neighbour");
}
