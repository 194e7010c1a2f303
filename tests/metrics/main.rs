//! What a node tells over HTTP: each metric is listed in `docs/metrics.md` and made to move, and the health answers are
//! true.

#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod defects;
#[cfg(test)]
mod drills;
#[cfg(test)]
mod health;
#[cfg(test)]
#[path = "../nodes/http.rs"]
mod http;
#[cfg(test)]
mod moves;
#[cfg(test)]
#[expect(dead_code, reason = "the stories of tests/nodes need more of it")]
#[path = "../nodes/node.rs"]
mod node;
#[cfg(test)]
#[expect(dead_code, reason = "random stories need more of it")]
#[path = "../nodes/seeds.rs"]
mod seeds;
#[cfg(test)]
#[expect(dead_code, reason = "the stories of tests/nodes need more of it")]
#[path = "../nodes/support.rs"]
mod support;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod watch;
