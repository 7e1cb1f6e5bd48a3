//! Three-valued results of many rows as two bitmaps.

use std::ops::Not;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use ncf_core::{Error, Result};

/// For each row true, false or null.
#[derive(Debug, Clone)]
pub(crate) struct Truth {
    /// Set where true. Never set where not known.
    pub(crate) is_true: BooleanBuffer,
    /// Set where true or false; `None` = in every row.
    pub(crate) known: Option<BooleanBuffer>,
}

impl Truth {
    /// The same result in every row.
    pub(crate) fn constant(value: Option<bool>, len: usize) -> Self {
        Self {
            is_true: splat(value == Some(true), len),
            known: value.is_none().then(|| BooleanBuffer::new_unset(len)),
        }
    }

    /// `mask` where `validity` is set, null elsewhere.
    pub(crate) fn masked(mask: BooleanBuffer, validity: Option<&BooleanBuffer>) -> Self {
        match validity {
            None => Self { is_true: mask, known: None },
            Some(valid) => Self { is_true: &mask & valid, known: Some(valid.clone()) },
        }
    }

    pub(crate) fn not(self) -> Self {
        let is_true = match &self.known {
            None => (&self.is_true).not(),
            Some(known) => known & &(&self.is_true).not(),
        };
        Self { is_true, known: self.known }
    }

    /// Kleene's AND: known where both are, or one is false.
    pub(crate) fn and(self, other: &Self) -> Self {
        let is_true = &self.is_true & &other.is_true;
        let known = match (&self.known, &other.known) {
            (None, None) => None,
            _ => Some(&(&is_true | &self.is_false()) | &other.is_false()),
        };
        Self { is_true, known }
    }

    /// Kleene's OR: known where both are, or one is true.
    pub(crate) fn or(self, other: &Self) -> Self {
        let is_true = &self.is_true | &other.is_true;
        let known = match (&self.known, &other.known) {
            (None, None) => None,
            _ => Some(&is_true | &(&self.is_false() & &other.is_false())),
        };
        Self { is_true, known }
    }

    fn is_false(&self) -> BooleanBuffer {
        let not_true = (&self.is_true).not();
        match &self.known {
            None => not_true,
            Some(known) => known & &not_true,
        }
    }

    /// The result of one row.
    #[cfg(test)]
    pub(crate) fn get(&self, row: usize) -> Option<bool> {
        let known = self.known.as_ref().is_none_or(|known| known.value(row));
        known.then(|| self.is_true.value(row))
    }
}

/// A bitmap of equal bits.
pub(crate) fn splat(bit: bool, len: usize) -> BooleanBuffer {
    if bit { BooleanBuffer::new_set(len) } else { BooleanBuffer::new_unset(len) }
}

/// The bits of `table` that `codes` name. All equal bits need no look at the codes.
pub(crate) fn gather(table: &BooleanBuffer, codes: &[u32]) -> BooleanBuffer {
    match table.count_set_bits() {
        0 => return splat(false, codes.len()),
        all if all == table.len() => return splat(true, codes.len()),
        _ => {}
    }
    let bytes: Vec<u8> = table.iter().map(u8::from).collect();
    super::pack(codes, |code| bytes.get(code as usize).is_some_and(|byte| *byte != 0))
}

/// Bit `i` repeated over the rows of run `i`.
pub(crate) fn spread(bits: &BooleanBuffer, ends: &[u32]) -> BooleanBuffer {
    let len = ends.last().map_or(0, |end| *end as usize);
    let mut out = BooleanBufferBuilder::new(len);
    for (bit, end) in bits.iter().zip(ends) {
        let rows = (*end as usize).saturating_sub(out.len());
        out.append_n(rows, bit);
    }
    out.finish()
}

/// Clears in `selection` the set bits whose counterpart in `keep` (one bit a set bit) is not set.
pub(crate) fn narrow(selection: &BooleanBuffer, keep: &BooleanBuffer) -> Result<BooleanBuffer> {
    if keep.len() != selection.count_set_bits() {
        return Err(Error::internal("a filter's result does not fit the selection"));
    }
    let mut out = BooleanBufferBuilder::new(selection.len());
    out.append_n(selection.len(), false);
    for (row, keep) in selection.set_indices().zip(keep.iter()) {
        if keep {
            out.set_bit(row, true);
        }
    }
    Ok(out.finish())
}
