use std::collections::BTreeSet;

use bytes::Bytes;
use standfast_core::{ErrorKind, Seq};
use standfast_metadata::v1::SegmentStatus;
use standfast_metadata::{
    Answer, Call, ClientOptions, Cursor, ListObjects, MetadataClient, ObjectPage, Placement,
    PutObject, Question, Target,
};

use crate::support::{Caller, Node, Primary, key, segment};

fn lent() -> (Primary, Caller) {
    let (mut primary, mut caller) = (Primary::new(), Caller::new(1));
    let mounted = primary.mount(&mut caller, &segment(1, 1 << 40));
    mounted.outcome.expect("mounted");
    (primary, caller)
}

fn put_all(primary: &mut Primary, caller: &mut Caller, names: &[String]) {
    let start = Call::PutStart {
        objects: names.iter().map(|name| (key(name), 100)).collect(),
        placement: Placement::default(),
    };
    let end = Call::PutEnd(names.iter().map(|name| (key(name), None)).collect());
    for answered in primary.call(caller, start) {
        answered.outcome.expect("started");
    }
    for answered in primary.call(caller, end) {
        answered.outcome.expect("ended");
    }
    primary.seal();
}

fn page(primary: &mut Primary, prefix: &Target, from: Cursor, limit: usize) -> (ObjectPage, Seq) {
    let question = Question::ListObjects(ListObjects {
        prefix: prefix.clone(),
        from,
        limit,
    });
    match primary.ask(&question) {
        (Answer::Objects(page), waits_for) => (page, waits_for),
        (other, _) => panic!("{other:?}"),
    }
}

/// Lists everything, nothing twice; between two pages, `between` may change it.
fn list(
    mut primary: Primary,
    prefix: &Target,
    limit: usize,
    mut between: impl FnMut(Primary) -> Primary,
) -> (Primary, Vec<String>) {
    let (mut told, mut next) = (Vec::new(), Some(Cursor::default()));
    let mut distinct = BTreeSet::new();
    while let Some(from) = next {
        let (page, _) = page(&mut primary, prefix, from, limit);
        assert!(page.objects.len() <= limit);
        for row in page.objects {
            let key = String::from_utf8(row.key).unwrap();
            assert!(distinct.insert(key.clone()), "{key} is told twice");
            told.push(key);
        }
        next = page.next;
        primary = between(primary);
    }
    (primary, told)
}

/// Packed keys and others.
fn names(range: std::ops::Range<u32>) -> Vec<String> {
    let name = |n: u32| match n % 3 {
        0 => format!("key-{n}"),
        _ => format!("{n:032x}"),
    };
    range.map(name).collect()
}

#[test]
fn what_is_there_throughout_is_told_once_while_others_come_and_go_and_the_primary_changes() {
    let (mut primary, mut caller) = lent();
    let stay = names(0..4000);
    let leave = names(4000..8000);
    put_all(&mut primary, &mut caller, &stay);
    put_all(&mut primary, &mut caller, &leave);
    let (mut leaving, mut coming) = (leave.chunks(10), 8000);
    let (_, told) = list(primary, &key(""), 7, |mut primary| {
        if let Some(names) = leaving.next() {
            let targets = names.iter().map(|name| key(name)).collect();
            let remove = Call::Remove {
                targets,
                force: true,
            };
            primary.call(&mut caller, remove);
            put_all(&mut primary, &mut caller, &names_of(&mut coming));
        }
        if coming == 8500 {
            return primary.fail_over();
        }
        primary
    });
    let told: BTreeSet<_> = told.iter().collect();
    let missed: Vec<_> = stay.iter().filter(|name| !told.contains(name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

fn names_of(next: &mut u32) -> Vec<String> {
    *next += 10;
    names(*next - 10..*next)
}

#[test]
fn the_order_is_the_same_whatever_the_page_and_on_every_node() {
    let (mut primary, mut caller) = lent();
    let all = names(0..3000);
    put_all(&mut primary, &mut caller, &all);
    let same = |primary| primary;
    let (primary, by_one) = list(primary, &key(""), 1, same);
    let (primary, by_many) = list(primary, &key(""), 1000, same);
    let (_, elsewhere) = list(primary.fail_over(), &key(""), 33, same);
    assert_eq!(by_one.len(), 3000);
    assert_eq!(by_one, by_many);
    assert_eq!(by_one, elsewhere);
}

#[test]
fn only_what_begins_with_the_prefix_is_told_and_only_of_the_tenant() {
    let (mut primary, mut caller) = lent();
    put_all(&mut primary, &mut caller, &names(0..300));
    let same = |primary| primary;
    let (primary, told) = list(primary, &key("key-1"), 10, same);
    let begins = |name: &String| name.starts_with("key-1");
    let wanted = names(0..300).into_iter().filter(begins).count();
    assert_eq!(told.len(), wanted);
    assert!(told.iter().all(begins));
    let (primary, packed) = list(primary, &key("0000000000000000000000000000001"), 10, same);
    assert_eq!(
        packed.len(),
        11,
        "hex 10 to 1f without every third: {packed:?}"
    );
    let (_, other) = list(primary, &Target::new(b"other", b""), 10, same);
    assert_eq!(other, Vec::<String>::new());
}

#[test]
fn a_page_that_finds_nothing_ends_before_it_has_looked_at_everything() {
    let (mut primary, mut caller) = lent();
    for n in 0..10 {
        put_all(&mut primary, &mut caller, &names(n * 4000..(n + 1) * 4000));
    }
    let (mut next, mut pages) = (Some(Cursor::default()), 0);
    while let Some(from) = next {
        let (page, _) = page(&mut primary, &key("none"), from, 1000);
        assert_eq!(page.objects, []);
        next = page.next;
        pages += 1;
    }
    assert_eq!(pages, 3, "of 40 000 objects, 16 384 and a bucket a page");
}

#[test]
fn a_page_waits_until_all_it_tells_is_committed() {
    let (mut primary, mut caller) = lent();
    put_all(&mut primary, &mut caller, &names(0..10));
    let (_, waits_for) = page(&mut primary, &key(""), Cursor::default(), 100);
    assert!(waits_for <= primary.committed());
    primary.put(&mut caller, "open", 100);
    let (_, waits_for) = page(&mut primary, &key(""), Cursor::default(), 100);
    assert_eq!(waits_for, primary.machine.applied());
    assert!(waits_for > primary.committed());
}

#[test]
fn a_put_under_way_is_told_as_such_and_what_lay_in_an_unmounted_segment_is_not_told() {
    let (mut primary, mut caller) = lent();
    primary.put(&mut caller, "done", 100);
    primary.start(&mut caller, "under way", 70).outcome.unwrap();
    let (listed, _) = page(&mut primary, &key(""), Cursor::default(), 100);
    let mut rows: Vec<_> = listed
        .objects
        .iter()
        .map(|row| (row.key.as_slice(), row.complete, row.located.size))
        .collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [
            (b"done".as_slice(), true, 100),
            (b"under way".as_slice(), false, 70)
        ]
    );
    let unmount = Call::Unmount(vec![segment(1, 0).id]);
    primary.one(&mut caller, unmount).outcome.unwrap();
    let (listed, waits_for) = page(&mut primary, &key(""), Cursor::default(), 100);
    assert_eq!(listed.objects, []);
    assert_eq!(waits_for, primary.machine.applied());
}

async fn client(node: &Node) -> MetadataClient {
    let endpoints = [node.address.clone()];
    MetadataClient::connect(&endpoints, ClientOptions::default())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_lists_objects_with_their_places_in_pages() {
    let node = Node::start();
    let client = client(&node).await;
    let lent = segment(1, 1 << 40);
    client.mount_segment(&lent).await.unwrap().unwrap();
    let object = |name: String| PutObject {
        key: name.into(),
        size: 100,
        checksum: Some(7),
    };
    let objects: Vec<_> = names(0..2500).into_iter().map(object).collect();
    for result in client.put(&objects, &Placement::default()).await.unwrap() {
        result.unwrap();
    }
    let (mut told, mut pages) = (BTreeSet::new(), 0);
    let mut next = None::<Bytes>;
    loop {
        let page = client.list_objects(b"", 0, next.as_ref()).await.unwrap();
        assert!(page.objects.len() <= 1000);
        pages += 1;
        for listed in page.objects {
            assert!(listed.complete);
            assert_eq!((listed.size, listed.checksum), (100, Some(7)));
            assert_eq!(listed.replicas[0].segment.name, lent.name);
            assert!(told.insert(listed.key));
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((told.len(), pages), (2500, 3));
}

#[tokio::test]
async fn a_cursor_that_no_page_ended_with_and_an_overlong_prefix_are_refused() {
    let node = Node::start();
    let client = client(&node).await;
    let wrong = Bytes::from_static(b"\xff\xffdefault\0k");
    let refused = client.list_objects(b"", 0, Some(&wrong)).await.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("begin again"), "{refused}");
    let refused = client.list_objects(&[b'k'; 4097], 0, None).await;
    let refused = refused.unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("4096"), "{refused}");
}

#[tokio::test]
async fn more_segments_than_a_page_holds_are_listed_with_what_of_them_is_used() {
    let node = Node::start();
    let client = client(&node).await;
    for n in 1..=1001 {
        let mounted = client.mount_segment(&segment(n, 1 << 20)).await;
        mounted.unwrap().unwrap();
    }
    let object = PutObject {
        key: Bytes::from_static(b"k"),
        size: 100,
        checksum: None,
    };
    let placement = Placement {
        replicas: 2,
        preferred: vec!["node-3".to_owned(), "node-1001".to_owned()],
        ..Placement::default()
    };
    let put = client.put(&[object], &placement).await.unwrap();
    put.into_iter().next().unwrap().unwrap();
    let listed = client.list_segments().await.unwrap();
    let infos: Vec<_> = listed.iter().map(|listed| listed.info.clone()).collect();
    let mounted: Vec<_> = (1..=1001).map(|n| segment(n, 1 << 20)).collect();
    assert_eq!(infos, mounted);
    for (n, listed) in (1..).zip(&listed) {
        let used = if n == 3 || n == 1001 { 100 } else { 0 };
        assert_eq!(listed.used, used, "segment {n}");
        assert_eq!(listed.status, SegmentStatus::Mounted);
    }
}
