use standfast_core::write_varint;

use crate::names::ClientNumber;
use crate::op::{Reader, read_places, write_places};
use crate::request::{Place, TransferKind};

/// A copy or a move that is under way. Its object is complete and lies in the source; source and targets are mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) kind: TransferKind,
    pub(crate) client: ClientNumber,
    pub(crate) since_ms: u64,
    /// How long the memory of its targets is held back should it come to nothing.
    pub(crate) hold_ms: u64,
    /// Bytes of each replica.
    pub(crate) size: u64,
    pub(crate) source: Place,
    pub(crate) targets: Vec<Place>,
}

impl UnderWay {
    /// Source and targets.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<'_> {
        std::iter::once(self.source).chain(self.targets.iter().copied())
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind.to_byte());
        let client = u64::from(self.client.0);
        for number in [client, self.since_ms, self.hold_ms, self.size] {
            write_varint(out, number);
        }
        let places: Vec<_> = self.places().collect();
        write_places(out, &places);
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Option<Self> {
        let kind = TransferKind::of_byte(input.byte()?)?;
        let client = ClientNumber(input.u32()?);
        let (since_ms, hold_ms, size) = (input.varint()?, input.varint()?, input.varint()?);
        let mut places = read_places(input)?.into_iter();
        Some(Self {
            kind,
            client,
            since_ms,
            hold_ms,
            size,
            source: places.next()?,
            targets: places.collect(),
        })
    }
}
