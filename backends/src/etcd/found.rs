use crate::record::{Record, decode};
use standfast_core::Result;

/// Something, and the bytes that it was read from: a write compares those.
#[derive(Clone, Debug)]
pub(super) struct Found<T> {
    pub(super) is: T,
    pub(super) bytes: Vec<u8>,
}

/// The record that was found under `key`, if there was one.
///
/// # Errors
/// `Corrupt`, `Version`.
pub(super) fn record<T: Record>(key: &str, bytes: Option<Vec<u8>>) -> Result<Option<Found<T>>> {
    let read = |bytes: Vec<u8>| {
        let is = decode(&bytes).map_err(|error| error.context(key.to_owned()))?;
        Ok(Found { is, bytes })
    };
    bytes.map(read).transpose()
}
