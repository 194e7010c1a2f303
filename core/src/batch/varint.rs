/// Appends `value` in LEB128: seven bits a byte, the lowest first, at most ten bytes.
pub fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Reads what [`write_varint`] wrote and moves `input` past it; `None` when it is cut or does not fit.
pub fn read_varint(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            300,
            u64::from(u32::MAX),
            u64::MAX - 1,
            u64::MAX,
        ] {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            let mut input = bytes.as_slice();
            assert_eq!(read_varint(&mut input), Some(value));
            assert!(input.is_empty());
        }
    }

    #[test]
    fn a_cut_or_overlong_number_is_refused() {
        assert_eq!(read_varint(&mut [0x80].as_slice()), None);
        assert_eq!(read_varint(&mut [0xff; 11].as_slice()), None);
    }
}
