//! The stories about snapshots over real buckets, in files.

#[cfg(test)]
#[path = "../../snapshots/tests/stories/mod.rs"]
mod stories;

#[cfg(test)]
mod bucket;

stories::all_stories_on!(crate::bucket::BucketFixture::new);
