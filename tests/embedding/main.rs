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
#[path = "../../examples/own_backend/main.rs"]
#[expect(dead_code, reason = "its `main`, and what only that names")]
mod own_backend;
#[cfg(test)]
mod own_backend_story;
#[cfg(test)]
#[path = "../../examples/own_service/main.rs"]
#[expect(dead_code, reason = "its `main`, and what only that names")]
mod own_service;
#[cfg(test)]
mod own_service_story;
#[cfg(test)]
mod support;
