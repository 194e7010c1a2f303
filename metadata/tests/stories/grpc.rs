use bytes::Bytes;
use standfast_core::NodeId;
use standfast_metadata::v1::master_service_client::MasterServiceClient;
use standfast_metadata::{ErrorCode, v1};
use tonic::Code;
use tonic::transport::Channel;

use crate::support::{Node, segment};

type Stub = MasterServiceClient<Channel>;

async fn stub(node: &Node) -> Stub {
    let stub = Stub::connect(format!("http://{}", node.address)).await;
    stub.unwrap()
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
}

fn header(request: u64) -> v1::RequestHeader {
    v1::RequestHeader {
        client: Bytes::copy_from_slice(&[1; 16]),
        request,
        answered: request - 1,
    }
}

async fn mounted(node: &Node) -> Stub {
    let mut stub = stub(node).await;
    let info = segment(1, 1 << 40);
    let mount = v1::MountSegmentRequest {
        header: Some(header(1)),
        segments: vec![v1::Segment {
            id: Bytes::copy_from_slice(&info.id.to_bytes()),
            incarnation: 1,
            name: info.name,
            endpoint: info.endpoint,
            base: info.base,
            size: info.size,
            protocol: info.protocol,
        }],
    };
    let results = stub
        .mount_segment(mount)
        .await
        .unwrap()
        .into_inner()
        .results;
    assert_eq!(results, [v1::ItemResult::default()]);
    stub
}

fn starts(request: u64, keys: Vec<Bytes>, sizes: Vec<u64>) -> v1::BatchPutStartRequest {
    v1::BatchPutStartRequest {
        header: Some(header(request)),
        tenant: String::new(),
        keys,
        sizes,
        config: None,
    }
}

fn ends(request: u64, keys: Vec<Bytes>) -> v1::BatchPutEndRequest {
    v1::BatchPutEndRequest {
        header: Some(header(request)),
        tenant: String::new(),
        keys,
        checksums: Vec::new(),
    }
}

fn hex_keys(count: u64) -> Vec<Bytes> {
    (0..count).map(|n| format!("{n:032x}").into()).collect()
}

#[tokio::test]
async fn a_batch_of_100_000_keys_is_put_and_read_in_pieces_of_at_most_1024() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let keys = hex_keys(100_000);
    let started = stub
        .batch_put_start(starts(2, keys.clone(), vec![16_384]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(started.segments.len(), 1);
    assert_eq!(started.results.len(), 100_000);
    assert!(
        started
            .results
            .iter()
            .all(|r| r.code == 0 && r.replicas.len() == 1)
    );
    let ended = stub.batch_put_end(ends(3, keys.clone())).await.unwrap();
    assert!(ended.into_inner().results.iter().all(|r| r.code == 0));
    assert_eq!(*node.local.largest.lock(), 1024);

    let question = v1::BatchGetReplicaListRequest {
        tenant: String::new(),
        keys,
        client: Bytes::new(),
    };
    let found = stub
        .batch_get_replica_list(question)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((found.results.len(), found.lease_ms), (100_000, 10_000));
    for (found, started) in found.results.iter().zip(&started.results) {
        assert_eq!(found.replicas, started.replicas);
    }
}

#[tokio::test]
async fn a_batch_of_large_keys_is_cut_by_bytes_and_normal_puts_go_on() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let large = |n: u32| Bytes::from(format!("{n:03072}"));
    let keys: Vec<_> = (0..900).map(large).collect();
    let started = stub
        .batch_put_start(starts(2, keys.clone(), vec![100]))
        .await;
    assert!(
        started
            .unwrap()
            .into_inner()
            .results
            .iter()
            .all(|r| r.code == 0)
    );
    assert!(*node.local.largest.lock() < 400);
    let ended = stub.batch_put_end(ends(3, keys)).await.unwrap();
    assert!(ended.into_inner().results.iter().all(|r| r.code == 0));
    let normal = stub
        .batch_put_start(starts(4, hex_keys(3), vec![100]))
        .await;
    assert!(
        normal
            .unwrap()
            .into_inner()
            .results
            .iter()
            .all(|r| r.code == 0)
    );
}

#[tokio::test]
async fn items_that_are_wrong_fail_for_themselves() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let keys = vec![
        Bytes::from(vec![b'k'; 5000]),
        Bytes::new(),
        Bytes::from_static(b"zero"),
        Bytes::from_static(b"good"),
    ];
    let request = starts(2, keys, vec![1, 1, 0, 1]);
    let results = stub
        .batch_put_start(request)
        .await
        .unwrap()
        .into_inner()
        .results;
    let codes: Vec<_> = results.iter().map(v1::PutStartResult::code).collect();
    let invalid = ErrorCode::InvalidParams;
    assert_eq!(codes, [invalid, invalid, invalid, ErrorCode::Ok]);
    assert!(results[0].message.contains("5000") && results[0].message.contains("4096"));
}

#[tokio::test]
async fn an_empty_batch_has_an_empty_answer() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let started = stub
        .batch_put_start(starts(2, Vec::new(), Vec::new()))
        .await;
    assert!(started.unwrap().into_inner().results.is_empty());
    let ended = stub.batch_put_end(ends(3, Vec::new())).await;
    assert!(ended.unwrap().into_inner().results.is_empty());
    let exist = stub
        .batch_exist_key(v1::BatchExistKeyRequest::default())
        .await;
    assert!(exist.unwrap().into_inner().results.is_empty());
}

#[tokio::test]
async fn a_request_that_contradicts_itself_is_refused_as_a_whole() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let sizes = stub
        .batch_put_start(starts(2, hex_keys(3), vec![1, 2]))
        .await;
    assert_eq!(sizes.unwrap_err().code(), Code::InvalidArgument);
    let mut checksums = ends(2, hex_keys(3));
    checksums.checksums = vec![1];
    let checksums = stub.batch_put_end(checksums).await;
    assert_eq!(checksums.unwrap_err().code(), Code::InvalidArgument);
    let mut unnumbered = ends(1, hex_keys(1));
    unnumbered.header.as_mut().unwrap().request = 0;
    let unnumbered = stub.batch_put_end(unnumbered).await;
    assert_eq!(unnumbered.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn single_calls_tell_the_whole_story_of_an_object() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let key = Bytes::from_static(b"a");
    let start = v1::PutStartRequest {
        header: Some(header(2)),
        key: key.clone(),
        size: 64,
        ..v1::PutStartRequest::default()
    };
    let started = stub.put_start(start).await.unwrap().into_inner();
    let replica = started.result.unwrap().replicas[0];
    assert_eq!((replica.size, replica.segment), (64, 0));
    assert_eq!(started.segments[0].name, "node-1");
    assert!(replica.address >= segment(1, 1).base);

    let end = v1::PutEndRequest {
        header: Some(header(3)),
        key: key.clone(),
        checksum: Some(9),
        ..v1::PutEndRequest::default()
    };
    let ended = stub.put_end(end).await.unwrap().into_inner();
    assert_eq!(ended.result.unwrap().code(), ErrorCode::Ok);
    let question = v1::GetReplicaListRequest {
        key: key.clone(),
        ..v1::GetReplicaListRequest::default()
    };
    let found = stub.get_replica_list(question).await.unwrap().into_inner();
    assert_eq!(found.result.unwrap().checksum, Some(9));
    let remove = |request, force| v1::RemoveRequest {
        header: Some(header(request)),
        key: key.clone(),
        force,
        ..v1::RemoveRequest::default()
    };
    let leased = stub.remove(remove(4, false)).await.unwrap().into_inner();
    assert_eq!(leased.result.unwrap().code(), ErrorCode::ObjectHasLease);
    let removed = stub.remove(remove(5, true)).await.unwrap().into_inner();
    assert_eq!(removed.result.unwrap().code(), ErrorCode::Ok);
    let question = v1::ExistKeyRequest {
        key,
        ..v1::ExistKeyRequest::default()
    };
    let exists = stub.exist_key(question).await.unwrap().into_inner();
    assert!(!exists.result.unwrap().exists);
}

#[tokio::test]
async fn a_node_that_does_not_lead_refuses_with_the_address_of_the_one_that_does() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    node.local.step_down(Some("10.0.0.9:7400"));
    let status = stub.batch_put_end(ends(2, hex_keys(1))).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(
        status.metadata().get("standfast-primary").unwrap(),
        "10.0.0.9:7400"
    );
    assert_eq!(
        status.metadata().get("standfast-error").unwrap(),
        "not_primary"
    );
    let primary = stub
        .get_primary(v1::GetPrimaryRequest {})
        .await
        .unwrap()
        .into_inner();
    assert!(!primary.leads);
    assert_eq!(primary.primary, "10.0.0.9:7400");
    node.local.lead();
    let primary = stub
        .get_primary(v1::GetPrimaryRequest {})
        .await
        .unwrap()
        .into_inner();
    assert!(primary.leads);
    assert_eq!((primary.epoch, primary.primary), (1, node.address.clone()));
    assert_eq!(primary.node, NodeId::new("node").unwrap().as_str());
}

#[tokio::test]
async fn a_put_that_was_started_and_cannot_be_described_is_in_doubt_and_not_refused() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    *node.local.leads_to_here.lock() = true;
    let start = starts(2, hex_keys(1), vec![64]);
    let status = stub.batch_put_start(start).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(status.metadata().get("standfast-error").unwrap(), "unknown");
}

#[tokio::test]
async fn batch_remove_answers_for_each_key_by_itself() {
    let node = Node::start();
    let mut stub = mounted(&node).await;
    let keys = |names: &[&'static str]| -> Vec<Bytes> {
        let key = |name: &&'static str| Bytes::from_static(name.as_bytes());
        names.iter().map(key).collect()
    };
    let put = keys(&["a", "b", "open"]);
    let start = starts(2, put.clone(), vec![100; 3]);
    stub.batch_put_start(start).await.unwrap();
    let end = ends(3, put[..2].to_vec());
    stub.batch_put_end(end).await.unwrap();

    let remove = v1::BatchRemoveRequest {
        header: Some(header(4)),
        tenant: String::new(),
        keys: keys(&["a", "absent", "", "open", "b"]),
        force: false,
    };
    let codes = |response: tonic::Response<v1::BatchRemoveResponse>| -> Vec<ErrorCode> {
        let results = response.into_inner().results;
        results.iter().map(v1::ItemResult::code).collect()
    };
    let expect = |complete, open| {
        let (absent, empty) = (ErrorCode::ObjectNotFound, ErrorCode::InvalidParams);
        [complete, absent, empty, open, complete]
    };
    let refused = stub.batch_remove(remove.clone()).await.unwrap();
    let young = expect(ErrorCode::ObjectHasLease, ErrorCode::ReplicaIsNotReady);
    assert_eq!(codes(refused), young, "the term has only begun");
    let forced = v1::BatchRemoveRequest {
        header: Some(header(5)),
        force: true,
        ..remove
    };
    for _asked_again in [false, true] {
        let removed = stub.batch_remove(forced.clone()).await.unwrap();
        assert_eq!(codes(removed), expect(ErrorCode::Ok, ErrorCode::Ok));
    }
}
