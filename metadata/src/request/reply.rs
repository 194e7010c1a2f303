use standfast_core::{Reply, write_varint};

use crate::names::SegmentNumber;
use crate::op::Reader;

/// Where a replica lies, as state, log and sessions keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The segment.
    pub segment: SegmentNumber,
    /// First byte, counted from the segment's base.
    pub offset: u64,
}

impl Place {
    /// The object's size and places in the reply to a put that was started; `None` for another reply.
    pub fn of_reply(reply: &Reply) -> Option<(u64, Vec<Self>)> {
        read_places(reply)
    }
}

/// The reply to a put that was started.
///
/// ```text
///   object size v · replicas v, each: segment v, offset v        v = LEB128
/// ```
///
/// Only numbers, because sessions remember it; what a segment's number stands for never changes and is filled
/// in on the way out.
pub(crate) fn write_places(size: u64, places: impl ExactSizeIterator<Item = Place>) -> Reply {
    let mut out = Vec::with_capacity(16);
    write_varint(&mut out, size);
    write_varint(&mut out, places.len() as u64);
    for place in places {
        write_varint(&mut out, u64::from(place.segment.0));
        write_varint(&mut out, place.offset);
    }
    Reply(out)
}

/// Reads what [`write_places`] wrote.
pub(crate) fn read_places(reply: &Reply) -> Option<(u64, Vec<Place>)> {
    let mut input = Reader(&reply.0);
    let size = input.varint()?;
    let count = input.count(2)?;
    let places: Option<Vec<_>> = (0..count)
        .map(|_| {
            Some(Place {
                segment: input.segment()?,
                offset: input.varint()?,
            })
        })
        .collect();
    places
        .filter(|_| input.is_empty())
        .map(|places| (size, places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_back_and_a_cut_reply_is_refused() {
        let places = [(1, 0), (70_000, 1 << 40)].map(|(segment, offset)| Place {
            segment: SegmentNumber(segment),
            offset,
        });
        let reply = write_places(99, places.iter().copied());
        assert_eq!(read_places(&reply), Some((99, places.to_vec())));
        for cut in 0..reply.0.len() {
            assert_eq!(read_places(&Reply(reply.0[..cut].to_vec())), None);
        }
    }
}
