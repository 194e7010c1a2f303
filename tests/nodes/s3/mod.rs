//! Nodes whose snapshots are in a bucket at S3: a gateway of Ceph's.

mod by_hand;
mod damaged;
mod disaster;
mod faults;
mod foreign;
mod frozen;
mod gateway;
mod hybrid;
mod interrupted;
mod kms;
mod many;
mod proxy;
mod quota;
mod read_only;
mod refused;
mod requests;
mod shared;
mod skew;
mod slow;
mod tls;

pub(crate) use shared::shared;

/// The settings of a bucket there, with a prefix of its own.
fn settings(endpoint: &str) -> String {
    let prefix = uuid::Uuid::new_v4();
    format!("url = \"s3://standfast/nodes/{prefix}\"\nendpoint = \"{endpoint}\"")
}
