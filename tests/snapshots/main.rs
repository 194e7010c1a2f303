//! The stories about snapshots over real buckets, in files.

#[cfg(test)]
#[path = "../../snapshots/tests/stories/mod.rs"]
mod stories;

#[cfg(test)]
mod bucket;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod flipped;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod mortal;

stories::all_stories_on!(crate::bucket::BucketFixture::new);
