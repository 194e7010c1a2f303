//! The conformance suite on every backend of this workspace, and on backends that are broken on purpose.

#[cfg(test)]
#[path = "../nodes/seeds.rs"]
mod seeds;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod election;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod log;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod table;
