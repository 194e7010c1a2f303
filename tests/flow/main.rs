//! Stories of terms in one process: what a primary answers, and when, whatever happens to its log and lease.

#[cfg(test)]
mod support;

mod answers;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod drill;
mod end_of_term;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod slow_log;
mod takeover;
#[cfg(test)]
mod upkeep;
