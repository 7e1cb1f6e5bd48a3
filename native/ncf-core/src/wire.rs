//! Reading little-endian fields with every bound checked.

use crate::error::{Error, Result};
use crate::limits::Budget;

/// A position in bytes that came from a file.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    what: &'static str,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `what`.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, what }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
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
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        <[u8; N]>::try_from(bytes).map_err(|_| Error::internal("wrong array length"))
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Sixteen bytes.
    pub fn i128(&mut self) -> Result<i128> {
        self.array().map(i128::from_le_bytes)
    }

    /// A number of 1 to 10 bytes: seven bits each, the lowest first, the top bit set in all but the last.
    pub fn varint(&mut self) -> Result<u64> {
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
        Err(Error::corrupt(format!("a number of {} has too many digits", self.what)))
    }

    /// A varint used as a size.
    pub fn varint_len(&mut self) -> Result<usize> {
        let length = self.varint()?;
        usize::try_from(length)
            .map_err(|_| Error::corrupt(format!("{} ends early: {length} bytes wanted", self.what)))
    }

    /// Room for items of at least `least` bytes each: never more than the bytes that are left can hold.
    pub fn items<T>(&self, wanted: u64, least: usize) -> Result<Vec<T>> {
        let count = usize::try_from(wanted).ok().filter(|count| *count <= self.bytes.len() / least);
        count.map(Vec::with_capacity).ok_or_else(|| {
            Error::corrupt(format!("{} ends early: {wanted} more items are declared", self.what))
        })
    }

    /// A `u32` used as a size.
    pub fn len_u32(&mut self) -> Result<usize> {
        self.u32().map(|value| value as usize)
    }

    /// `count` numbers, allocated from the budget.
    pub fn u32s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u32>> {
        let bytes = self.take(count.saturating_mul(4))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<4>().0.iter().map(|chunk| u32::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// `count` numbers, allocated from the budget.
    pub fn u64s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u64>> {
        let bytes = self.take(count.saturating_mul(8))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// `count` numbers, allocated from the budget.
    pub fn u16s(&mut self, count: usize, budget: &Budget) -> Result<Vec<u16>> {
        let bytes = self.take(count.saturating_mul(2))?;
        let mut out = budget.vec(self.what, count)?;
        out.extend(bytes.as_chunks::<2>().0.iter().map(|chunk| u16::from_le_bytes(*chunk)));
        Ok(out)
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Everything left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// Fails when bytes are left: nothing in a file is unread.
    pub fn finish(self) -> Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(Error::corrupt(format!("{} has {} bytes too many", self.what, self.bytes.len())))
    }

    /// Skips `len` bytes that must be zero.
    pub fn zeros(&mut self, len: usize) -> Result<()> {
        if self.take(len)?.iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt(format!("reserved bytes of {} are not zero", self.what)));
        }
        Ok(())
    }
}
