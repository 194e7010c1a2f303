//! Which of the frames in the segments are history.
//!
//! Several epochs leave segments behind, and some of them are dead: a zombie that was fenced while it wrote, a leader
//! that died before its first batch. Each segment is one straight run of frames behind the Position its header
//! names, so the segments form a tree, and history is one path in it.
//!
//! * A reader never guesses which branch goes on. It takes the *evidence* with the highest committed Seq (a frame
//!   proves the one before it, a mark the one it follows, a header its `previous`) and walks back from the segment
//!   that holds it to where it stands itself. To follow at each step the batch of the highest epoch is wrong: epoch 3
//!   may have written its EpochStart, dead, beside the batch that epoch 4 settled and built on.
//! * A new writer builds on the segment of the highest epoch. Every segment appears with its settled tail in it, so
//!   whoever passed its fence check has shown all later epochs what it builds on.

mod path;
mod route;
mod segments;
mod survey;

pub(super) use path::{Path, Span};
pub(super) use route::Route;
pub(super) use segments::SegmentDir;
pub(super) use survey::Survey;
