//! `standfast bench lag`: how far a standby is behind what the primary has answered.

mod lags;
mod measure;
mod raw;

pub(super) use measure::run;
