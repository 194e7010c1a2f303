//! Transactions that come again, late, after others; and one of which etcd says that it is full, though it was done.

use etcd_client::{Client, DeleteOptions, GetOptions};
use standfast::standfast_core::{Epoch, OpLogStore, OpLogWriter, Position, Store};
use standfast_backends::EtcdOpLog;

use super::endpoints;
use super::proxy::Proxy;
use super::words::{batch, cluster, epoch_start, token};

/// Takes a log over and appends to it; the transactions that this takes.
async fn lead(log: &EtcdOpLog, epoch: Epoch) -> Box<dyn OpLogWriter> {
    let mut writer = log.open_writer(&token(epoch)).await.unwrap();
    let begun = epoch_start(epoch, writer.tail());
    writer.append(&begun).await.unwrap();
    for _ in 0..5 {
        append(&mut *writer).await;
    }
    writer
}

async fn append(writer: &mut dyn OpLogWriter) -> Position {
    let next = batch(writer.epoch(), writer.tail(), b"one");
    writer.append(&next).await.unwrap()
}

/// All keys and values.
async fn everything(client: &mut Client, root: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = GetOptions::new().with_prefix();
    let found = client.get(format!("{root}/"), Some(all)).await.unwrap();
    let pairs = found.kvs().iter();
    pairs
        .map(|kv| (kv.key().to_vec(), kv.value().to_vec()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h03_a_transaction_that_comes_once_more_changes_nothing() {
    let root = format!("/tests/{:032x}", rand::random::<u128>());
    let mut client = Client::connect(endpoints(), None).await.unwrap();
    let proxy = Proxy::start(&endpoints()[0], None);
    let log = EtcdOpLog::open(std::slice::from_ref(&proxy.url), &root);
    log.init(cluster()).await.unwrap();
    let mut writer = lead(&log, Epoch(1)).await;

    let before = everything(&mut client, &root).await;
    let count = proxy.repeat(&endpoints()[0]).await;
    assert!(count > 6, "{count}");
    assert_eq!(everything(&mut client, &root).await, before);
    // Nor does it disturb the one who writes.
    append(&mut *writer).await;

    let successor = EtcdOpLog::open(&endpoints(), &root);
    let mut writer = lead(&successor, Epoch(2)).await;
    let before = everything(&mut client, &root).await;
    proxy.repeat(&endpoints()[0]).await;
    assert_eq!(everything(&mut client, &root).await, before);
    append(&mut *writer).await;

    remove(client, &root, proxy).await;
}

async fn remove(mut client: Client, root: &str, proxy: Proxy) {
    let all = DeleteOptions::new().with_prefix();
    client.delete(format!("{root}/"), Some(all)).await.unwrap();
    // A runtime must not be dropped on one.
    tokio::task::spawn_blocking(move || drop(proxy))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_filled_etcd_is_there_and_told_as_such() {
    let root = format!("/tests/{:032x}", rand::random::<u128>());
    let client = Client::connect(endpoints(), None).await.unwrap();
    let proxy = Proxy::start(&endpoints()[0], None);
    let log = EtcdOpLog::open(std::slice::from_ref(&proxy.url), &root);
    log.init(cluster()).await.unwrap();
    let mut writer = lead(&log, Epoch(1)).await;
    proxy.fill();
    let end = append(&mut *writer).await;
    assert_eq!(log.bounds().await.unwrap().tail, end);
    append(&mut *writer).await;
    remove(client, &root, proxy).await;
}
