//! Nodes whose snapshots are in a bucket at S3: a gateway of Ceph's.

mod faults;
mod gateway;
mod hybrid;
mod proxy;
mod refused;
mod tls;

/// The S3 that the tests share.
fn shared() -> String {
    std::env::var("STANDFAST_S3").unwrap_or_else(|_unset| {
        panic!(
            "STANDFAST_S3 names no S3: run `make test`, or `scripts/s3 DIR` beside this, and set it to what that prints"
        )
    })
}

/// The settings of a bucket there, with a prefix of its own.
fn settings(endpoint: &str) -> String {
    let prefix = uuid::Uuid::new_v4();
    format!("url = \"s3://standfast/nodes/{prefix}\"\nendpoint = \"{endpoint}\"")
}
