//! Stories of programs that have a node in them.

#[cfg(test)]
mod builder;
#[cfg(test)]
mod cluster;
#[cfg(test)]
#[path = "../../examples/counter.rs"]
#[expect(dead_code, reason = "its `main`, and what only that names")]
mod counter;
#[cfg(test)]
mod example;
#[cfg(test)]
mod support;
