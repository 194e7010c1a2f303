use bytes::Bytes;
use standfast_metadata::{ClientOptions, MetadataClient, Placement, PutObject, Traits};

use crate::support::{Node, segment};

async fn traits(client: &MetadataClient, key: &str) -> Traits {
    let page = client.list_objects(key.as_bytes(), 1, None).await.unwrap();
    page.objects[0].traits.clone()
}

#[tokio::test]
async fn pins_are_kept_with_the_object_and_outlive_a_failover() {
    let node = Node::start();
    let client = MetadataClient::connect(
        std::slice::from_ref(&node.address),
        ClientOptions::default(),
    )
    .await
    .unwrap();
    let mounted = client.mount_segment(&segment(1, 1 << 20)).await;
    mounted.unwrap().unwrap();
    let wanted = Traits {
        group: "g".to_owned(),
        hard_pin: true,
        soft_pin_ms: 1_800_000,
    };
    let pinned = Placement {
        group: wanted.group.clone(),
        hard_pin: wanted.hard_pin,
        soft_pin_ms: wanted.soft_pin_ms,
        ..Placement::default()
    };
    for (key, placement) in [("pinned", &pinned), ("plain", &Placement::default())] {
        let object = PutObject {
            key: Bytes::from(key),
            size: 100,
            checksum: None,
        };
        let put = client.put(&[object], placement).await.unwrap();
        put.into_iter().next().unwrap().unwrap();
    }
    for _ in 0..2 {
        assert_eq!(traits(&client, "pinned").await, wanted);
        assert_eq!(traits(&client, "plain").await, Traits::default());
        node.local.primary.lock().change_leader();
    }
}
