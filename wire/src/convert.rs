use standfast_core::{Chain, Epoch, Error, ErrorKind, Position, Result, Seq};

use crate::v1;

/// A Position as a message.
pub fn position_to_wire(position: Position) -> v1::Position {
    v1::Position {
        epoch: position.epoch.0,
        seq: position.seq.0,
        chain: position.chain.0.to_vec(),
    }
}

/// A Position from a message.
///
/// # Errors
/// `Invalid` when it is missing or its chain is not 16 bytes.
pub fn position_from_wire(message: Option<&v1::Position>) -> Result<Position> {
    let refused = |what: &str| Error::new(ErrorKind::Invalid, "read message").context(what);
    let message = message.ok_or_else(|| refused("a message without a position"))?;
    let chain =
        message
            .chain
            .as_slice()
            .try_into()
            .map_err(|source: std::array::TryFromSliceError| {
                refused("a chain is 16 bytes").source(source)
            })?;
    Ok(Position {
        epoch: Epoch(message.epoch),
        seq: Seq(message.seq),
        chain: Chain(chain),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back_from_the_wire_and_a_short_chain_does_not() {
        let position = Position {
            epoch: Epoch(3),
            seq: Seq(9),
            chain: Chain::of(b"x"),
        };
        let mut message = position_to_wire(position);
        assert_eq!(position_from_wire(Some(&message)).unwrap(), position);
        message.chain.pop();
        assert_eq!(
            *position_from_wire(Some(&message)).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
}
