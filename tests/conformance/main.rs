//! The conformance suite on every backend of this workspace, on backends that are broken on purpose, and on sound
//! ones that are unlike any of this workspace.

#[cfg(test)]
#[path = "../nodes/seeds.rs"]
mod seeds;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod election;
#[cfg(test)]
mod etcd;
#[cfg(test)]
mod hazards;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod left_behind;
#[cfg(test)]
mod log;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod scratch;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod sound;
#[cfg(test)]
mod table;
