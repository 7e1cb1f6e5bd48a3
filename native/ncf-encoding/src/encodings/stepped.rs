//! Strings that are put together of short parts: of each as many bytes are copied as the longest usual part has, and the
//! next part overwrites what is too much.

use arrow_buffer::{Buffer, OffsetBuffer};
use ncf_core::{Budget, ByteValues, Error, Result};

/// Bytes that are copied at a time: most parts are shorter.
pub(crate) const STEP: usize = 32;

/// The first `N` bytes, with zeros after fewer.
pub(crate) fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut padded = [0; N];
    padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    padded
}

/// Bytes that are made ready at a time: they are still in the nearest cache when they are written.
const READY: usize = 16 << 10;

/// Strings of which it is declared how many bytes they will have, and room for one more step.
pub(super) struct Output {
    /// Where strings begin, and where the last one ends.
    offsets: Vec<i32>,
    /// As many as are ready.
    bytes: Vec<u8>,
    at: usize,
    size: usize,
    /// What gives the bytes, for errors.
    what: &'static str,
}

impl Output {
    /// For `len` strings of `size` bytes.
    pub(super) fn new(
        len: usize,
        size: usize,
        what: &'static str,
        budget: &Budget,
    ) -> Result<Self> {
        let mut offsets: Vec<i32> = budget.vec("offsets", len.saturating_add(1))?;
        offsets.push(0);
        let bytes = budget.vec("bytes", size.saturating_add(STEP))?;
        Ok(Self { offsets, bytes, at: 0, size, what })
    }

    /// Ends a string.
    #[inline]
    pub(super) fn end(&mut self) {
        self.end_at(self.at);
    }

    /// The next bytes, of which `write` says how many it wrote; `Corrupt` where more than all stand already.
    #[inline]
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut [u8; STEP]) -> usize) -> Result<()> {
        if self.bytes.len() < self.at + STEP {
            self.make_ready(self.at + STEP)?;
        }
        let rest = self.bytes.get_mut(self.at..).and_then(|rest| rest.first_chunk_mut::<STEP>());
        self.at += rest.map_or(0, write);
        Ok(())
    }

    /// Where the next bytes go, and how many bytes there are before them. Room for `steps` steps is ready where that is
    /// not more than all.
    #[inline]
    pub(super) fn ready(&mut self, steps: usize) -> Result<(&mut [u8], usize)> {
        let end = (self.at + steps * STEP).min(self.size + STEP);
        if self.bytes.len() < end {
            self.make_ready(end)?;
        }
        Ok((self.bytes.get_mut(self.at..).unwrap_or(&mut []), self.at))
    }

    /// `len` of the bytes that [`Output::ready`] gave were written.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        self.at += len;
    }

    /// Ends a string after so many bytes of all.
    #[inline]
    pub(super) fn end_at(&mut self, at: usize) {
        // Where it is over `size`, which fits, nothing comes of it.
        self.offsets.push(i32::try_from(at).unwrap_or(i32::MAX));
    }

    /// Makes bytes ready up to `end`, and some more.
    #[cold]
    fn make_ready(&mut self, end: usize) -> Result<()> {
        let room = self.size + STEP;
        if end > room {
            return Err(Error::corrupt(format!("{} give more bytes than declared", self.what)));
        }
        self.bytes.resize((end + READY).min(room), 0);
        Ok(())
    }

    /// `len` bytes, at most as many as the head has.
    #[inline]
    pub(super) fn push_head(&mut self, head: &[u8; STEP], len: usize) -> Result<()> {
        self.push_with(|slot| {
            *slot = *head;
            len
        })
    }

    /// Bytes that begin `all`, of which more may be copied where there are more.
    #[inline]
    pub(super) fn push_short(&mut self, bytes: &[u8], all: &[u8]) -> Result<()> {
        match all.first_chunk::<STEP>() {
            Some(head) if bytes.len() <= STEP => self.push_head(head, bytes.len()),
            _ => self.push(bytes),
        }
    }

    /// Any number of bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.at.saturating_add(bytes.len());
        if self.bytes.len() < end {
            self.make_ready(end)?;
        }
        if let Some(to) = self.bytes.get_mut(self.at..end) {
            to.copy_from_slice(bytes);
        }
        self.at = end;
        Ok(())
    }

    /// The strings, if they have as many bytes as declared.
    pub(super) fn finish(mut self) -> Result<ByteValues> {
        let Self { at, size, what, .. } = self;
        if at != size {
            return Err(Error::corrupt(format!("{what} give {at} bytes; {size} declared")));
        }
        self.bytes.truncate(size);
        let offsets = OffsetBuffer::new(self.offsets.into());
        Ok(ByteValues { offsets, data: Buffer::from_vec(self.bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_every_length_fill_what_is_declared() {
        let part: Vec<u8> = (1..=40).collect();
        for len in 0..=part.len() {
            let own = &part[..len];
            for declared in [2 * len, 2 * len + 1, (2 * len).saturating_sub(1)] {
                let mut out = Output::new(2, declared, "parts", &Budget::new(1000)).unwrap();
                let pushed = (0..2).try_for_each(|_| {
                    match len <= STEP {
                        true => out.push_head(&padded(own), len),
                        false => out.push(own),
                    }?;
                    out.end();
                    Ok(())
                });
                let found = pushed.and_then(|()| out.finish());
                match declared == 2 * len {
                    true => assert!(found.unwrap().iter().eq([own, own])),
                    false => assert!(found.is_err(), "{len} {declared}"),
                }
            }
        }
    }
}
