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

/// The bits of `table` that `codes` name. All equal bits need no look at the codes; one run of bits, as comparisons of
/// ascending values give, needs no look at the table.
pub(crate) fn gather(table: &BooleanBuffer, codes: &[u32]) -> BooleanBuffer {
    let mut runs = table.set_slices();
    let Some((start, end)) = runs.next() else { return splat(false, codes.len()) };
    if end - start == table.len() {
        return splat(true, codes.len());
    }
    if let (None, Ok(start), Ok(len)) =
        (runs.next(), u32::try_from(start), u32::try_from(end - start))
    {
        return super::pack(codes, |code| code.wrapping_sub(start) < len);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_get_the_bits_of_their_values() {
        let codes: Vec<u32> = (0..200).map(|row| row * 7 % 6).collect();
        for bits in 0..1u32 << 6 {
            let table = BooleanBuffer::collect_bool(6, |bit| bits >> bit & 1 == 1);
            let expected: BooleanBuffer =
                codes.iter().map(|code| table.value(*code as usize)).collect();
            assert_eq!(gather(&table, &codes), expected, "{bits:06b}");
        }
    }
}
