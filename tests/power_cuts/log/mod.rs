//! Stories of a log: whatever the power takes, what it acknowledged is there, and it opens.

mod promises;
mod stories;
mod user;
