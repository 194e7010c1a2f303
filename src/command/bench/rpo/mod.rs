//! `standfast bench rpo`: what a kill of the primary takes with it.

mod kills;
mod load;
mod loss;

pub(super) use kills::run;
pub(super) use loss::Loss;
