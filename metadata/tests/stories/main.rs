//! Stories of the metadata service: through core's `Machine` with a small primary and its followers, and over gRPC.

#[cfg(test)]
mod client;
#[cfg(test)]
mod corrupt;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod eviction;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod forgotten;
#[cfg(test)]
mod graceful;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod matching;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod puts;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod remount;
#[cfg(test)]
mod remove_many;
mod replaced;
#[cfg(test)]
mod reservations;
#[cfg(test)]
mod segment_objects;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod strategies;
#[cfg(test)]
mod support;
#[cfg(test)]
mod transfer;
#[cfg(test)]
mod upsert;
#[cfg(test)]
mod waiting;
