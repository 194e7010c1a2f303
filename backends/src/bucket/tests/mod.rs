mod catalog;
mod collection;
mod documents;
mod files;
mod line;
mod lost_answers;
#[cfg(feature = "s3")]
mod on_s3;
mod suite;
mod support;
mod unreliable;
