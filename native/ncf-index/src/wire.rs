//! Writing varints; `ncf_core::wire` reads them.

pub(crate) use ncf_core::wire::Cursor;

/// Appends a number as [`Cursor::varint`] reads it.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_bits(value));
}

#[allow(clippy::cast_possible_truncation, reason = "seven bits fit")]
fn low_bits(value: u64) -> u8 {
    (value & 0x7F) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, u64::MAX - 1, u64::MAX, 1 << 63] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut cursor = Cursor::new("a test", &bytes);
            assert_eq!(cursor.varint().unwrap(), value);
            cursor.finish().unwrap();
        }
        assert!(Cursor::new("a test", &[0x80]).varint().is_err());
        assert!(Cursor::new("a test", &[0xFF; 11]).varint().is_err());
        assert!(Cursor::new("a test", &[0; 8]).items::<u64>(3, 3).is_err());
    }
}
