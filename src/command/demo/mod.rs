//! `standfast demo`: the whole story on one machine, in about half a minute.

pub(super) mod nodes;
mod sabotage;
mod story;
mod verdict;
mod view;

pub(super) use story::run;
