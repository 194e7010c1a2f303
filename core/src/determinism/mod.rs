//! For tests: catches a service that is not deterministic (R10).

mod check;
mod trial;

pub use check::check_deterministic;

#[cfg(test)]
mod tests;
