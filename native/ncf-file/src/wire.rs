//! Reading and writing little-endian fields with every bound checked.

use ncf_core::{Budget, Error, Result};

/// A position in bytes that came from a file.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `what`.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, what }
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.bytes.split_at_checked(len) else {
            return Err(Error::corrupt(format!(
                "{} ends early: {len} bytes wanted, {} left",
                self.what,
                self.bytes.len()
            )));
        };
        self.bytes = rest;
        Ok(head)
    }

    /// The next bytes as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        <[u8; N]>::try_from(bytes).map_err(|_| Error::internal("wrong array length"))
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

    /// A `u32` used as a size.
    pub(crate) fn len_u32(&mut self) -> Result<usize> {
        self.u32().map(|value| value as usize)
    }

    /// `count` numbers, allocated from the budget.
    pub(crate) fn u32s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u32>> {
        let bytes = self.take(count.saturating_mul(4))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// `count` numbers, allocated from the budget.
    pub(crate) fn u64s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u64>> {
        let bytes = self.take(count.saturating_mul(8))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// `count` numbers, allocated from the budget.
    pub(crate) fn u16s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u16>> {
        let bytes = self.take(count.saturating_mul(2))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<2>().0.iter().map(|chunk| u16::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// Everything left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// Fails when bytes are left: nothing in a file is unread.
    pub(crate) fn finish(self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("{} has {} bytes too many", self.what, self.bytes.len())))
    }

    /// Skips `len` bytes that must be zero.
    pub(crate) fn zeros(&mut self, len: usize) -> Result<()> {
        if self.take(len)?.iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt(format!("reserved bytes of {} are not zero", self.what)));
        }
        Ok(())
    }
}

/// Appends little-endian numbers.
pub(crate) trait Put {
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
}

impl Put for Vec<u8> {
    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }
    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }
}

/// A size that the format stores in 32 bits.
pub(crate) fn to_u32(what: &str, value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::limit_exceeded(what, value as u64, u64::from(u32::MAX)))
}
