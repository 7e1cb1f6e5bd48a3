//! Bytes of index sections: little-endian numbers and varints, every read checked.

use ncf_core::{Error, Result};

/// A position in the bytes of a section.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i128(&mut self) -> Result<i128> {
        self.array().map(i128::from_le_bytes)
    }

    /// A number of 1 to 10 bytes: seven bits each, the lowest first, the top bit set in all but the last.
    pub(crate) fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = u64::from(self.u8()?);
            let bits = byte & 0x7F;
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt("a number of an index has too many digits"))
    }

    /// A varint that is a length of what follows.
    pub(crate) fn length(&mut self) -> Result<usize> {
        let length = self.varint()?;
        usize::try_from(length).map_err(|_| ends_early())
    }

    /// Room for items of at least `least` bytes each: never more than the bytes that are left can hold.
    pub(crate) fn items<T>(&self, wanted: u64, least: usize) -> Result<Vec<T>> {
        let count = usize::try_from(wanted).ok().filter(|count| *count <= self.0.len() / least);
        count.map(Vec::with_capacity).ok_or_else(ends_early)
    }

    /// Fails where bytes are left.
    pub(crate) fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("an index has {} bytes too many", self.0.len())))
    }
}

fn ends_early() -> Error {
    Error::corrupt("an index ends early")
}

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
            let mut cursor = Cursor::new(&bytes);
            assert_eq!(cursor.varint().unwrap(), value);
            cursor.finish().unwrap();
        }
        assert!(Cursor::new(&[0x80]).varint().is_err());
        assert!(Cursor::new(&[0xFF; 11]).varint().is_err());
        assert!(Cursor::new(&[0; 8]).items::<u64>(3, 3).is_err());
    }
}
