//! A cursor over stored bytes that never reads outside them.

use arrow_buffer::Buffer;
use ncf_core::{Error, Result};

/// Reads little-endian fields from a slice. A read past the end is `Corrupt`.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    owner: Option<&'a Buffer>,
    page: Option<&'a Buffer>,
}

impl<'a> From<&'a [u8]> for Reader<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::new(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Reader<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

/// A reader of a page, from which [`Reader::take_page_buffer`] can share instead of copy.
impl<'a> From<&'a Buffer> for Reader<'a> {
    fn from(page: &'a Buffer) -> Self {
        Self { bytes: page.as_slice(), owner: None, page: Some(page) }
    }
}

impl<'a> Reader<'a> {
    /// A reader of borrowed bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, owner: None, page: None }
    }

    /// A reader of a buffer, from which [`Reader::take_buffer`] can share instead of copy.
    pub fn of_buffer(buffer: &'a Buffer) -> Self {
        Self { bytes: buffer.as_slice(), owner: Some(buffer), page: None }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes not yet read.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.bytes.split_at_checked(count) else {
            return Err(short(count, self.bytes.len()));
        };
        self.bytes = tail;
        Ok(head)
    }

    /// A reader of the next `count` bytes only.
    pub fn sub(&mut self, count: usize) -> Result<Self> {
        Ok(Self { bytes: self.take(count)?, ..*self })
    }

    /// The next `count` bytes as a buffer and whether they were copied (else they are shared).
    pub fn take_buffer(&mut self, count: usize) -> Result<(Buffer, bool)> {
        let bytes = self.take(count)?;
        Ok(match self.owner.and_then(|owner| shared(owner, bytes)) {
            Some(buffer) => (buffer, false),
            None => (Buffer::from(bytes), true),
        })
    }

    /// The next `count` bytes as a part of the page's own buffer, where the page has one. Whoever keeps
    /// it keeps all that was read with the page, so it is for what is most of the page.
    pub fn take_page_buffer(&mut self, count: usize) -> Result<Option<Buffer>> {
        let bytes = self.take(count)?;
        Ok(self.page.and_then(|page| shared(page, bytes)))
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Four bytes that count something in memory.
    pub fn size(&mut self) -> Result<usize> {
        Ok(self.u32()? as usize)
    }

    /// Fails with `Corrupt` unless everything was read.
    pub fn finish(&self, what: &str) -> Result<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Error::corrupt(format!("{what} has {left} bytes too many"))),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.bytes.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.bytes = tail;
                Ok(*head)
            }
            None => Err(short(N, self.bytes.len())),
        }
    }
}

/// `bytes` as a part of `owner`, if they are one.
fn shared(owner: &Buffer, bytes: &[u8]) -> Option<Buffer> {
    let offset = (bytes.as_ptr() as usize).checked_sub(owner.as_ptr() as usize)?;
    let end = offset.checked_add(bytes.len())?;
    (end <= owner.len()).then(|| owner.slice_with_length(offset, bytes.len()))
}

fn short(wanted: usize, left: usize) -> Error {
    Error::corrupt(format!("encoded bytes end early: {wanted} wanted, {left} left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_stops_at_the_end() {
        let mut reader = Reader::new(&[1, 2, 0, 3, 0, 0, 0, 9]);
        assert_eq!(reader.u8().unwrap(), 1);
        assert_eq!(reader.u16().unwrap(), 2);
        assert_eq!(reader.u32().unwrap(), 3);
        assert!(reader.finish("x").is_err());
        assert!(reader.u16().is_err());
        assert_eq!(reader.take(1).unwrap(), &[9]);
        assert!(reader.take(usize::MAX).is_err());
        reader.finish("x").unwrap();
    }

    #[test]
    fn shares_an_owner() {
        let buffer = Buffer::from_vec(vec![1u8, 2, 3, 4]);
        let mut reader = Reader::of_buffer(&buffer);
        reader.u8().unwrap();
        let mut inner = reader.sub(3).unwrap();
        let (taken, copied) = inner.take_buffer(2).unwrap();
        assert_eq!(taken.as_slice(), &[2, 3]);
        assert!(!copied);
        assert!(Reader::new(&[1, 2]).take_buffer(2).unwrap().1);
    }
}
