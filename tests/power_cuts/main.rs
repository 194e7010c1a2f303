//! Stories of power cuts and of syncs that fail: what was acknowledged is there, on a disk that forgets all else.

#[cfg(test)]
mod disk;
#[cfg(test)]
#[path = "../nodes/seeds.rs"]
mod seeds;
