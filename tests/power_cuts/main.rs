//! Stories of power cuts and of syncs that fail: what was acknowledged is there, on a disk that forgets all else.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod disk;
#[cfg(test)]
#[path = "../nodes/http.rs"]
mod http;
#[cfg(test)]
#[path = "../nodes/node.rs"]
mod node;
#[cfg(test)]
#[path = "../nodes/seeds.rs"]
mod seeds;
#[cfg(test)]
#[expect(dead_code, reason = "other stories of nodes ask for more")]
#[path = "../nodes/support.rs"]
mod support;
#[cfg(test)]
mod words;

#[cfg(test)]
mod bucket;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod election;
#[cfg(test)]
mod held;
#[cfg(test)]
mod high_water;
#[cfg(test)]
mod log;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod record;
