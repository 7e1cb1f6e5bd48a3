//! The values of codes: each row's value copied out of few.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, ByteValues, Result, Values};

use crate::decoded::BytesBuilder;
use crate::encodings::stepped::padded;
use crate::native::{Native, with_values};

/// Distinct strings up to which short ones are gathered from copies of one length.
const SHORT_STRINGS: usize = 1 << 12;
/// Bytes of all rows up to which that is done: far from those that offsets can count.
const SHORT_BYTES: usize = 1 << 30;
/// Short strings that are put together at a time, in the nearest cache.
const AT_ONCE: usize = 64;
/// Values of which one byte of a code tells which it is.
const BYTE: usize = 1 << 8;

/// The values of the codes, which must be less than `values.len()`.
pub(crate) fn gather(values: &Values, codes: &[u32], budget: &Budget) -> Result<Values> {
    fn fixed<T: Native>(values: &[T], codes: &[u32], budget: &Budget) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", codes.len())?;
        match table(values.iter().copied()).filter(|_| codes.len() >= BYTE) {
            Some(table) => out.extend(codes.iter().map(|code| look_up(&table, *code))),
            None => out.extend(
                codes.iter().map(|code| values.get(*code as usize).copied().unwrap_or_default()),
            ),
        }
        Ok(T::wrap(out))
    }
    with_values!(values,
        fixed(v) => fixed(v, codes, budget),
        bool(v) => Ok(Values::Bool(BooleanBuffer::collect_bool(codes.len(), |row| {
            codes.get(row).is_some_and(|code| (*code as usize) < v.len() && v.value(*code as usize))
        }))),
        bytes(v) => gather_bytes(v, codes, budget),
    )
}

/// So few values that one byte tells them apart, and room for codes that none has: no look-up is out of range.
fn table<T: Copy + Default>(values: impl ExactSizeIterator<Item = T>) -> Option<[T; BYTE]> {
    let mut table = [T::default(); BYTE];
    let fits = values.len() <= BYTE;
    table.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
    fits.then_some(table)
}

/// The value of a code less than 256.
#[inline]
fn look_up<T: Copy + Default>(table: &[T; BYTE], code: u32) -> T {
    table.get(usize::from(code.to_le_bytes()[0])).copied().unwrap_or_default()
}

fn gather_bytes(values: &ByteValues, codes: &[u32], budget: &Budget) -> Result<Values> {
    let longest = values.iter().map(<[u8]>::len).max().unwrap_or(0);
    let all = codes.len().saturating_mul(longest);
    let few = values.len() <= SHORT_STRINGS.min(codes.len()) && all <= SHORT_BYTES;
    match longest {
        1 if few && values.len() <= BYTE && values.iter().all(|string| string.len() == 1) => {
            return gather_bytes_of_one(values, codes, budget);
        }
        0..=8 if few => return gather_short::<8>(values, codes, budget),
        9..=16 if few => return gather_short::<16>(values, codes, budget),
        17..=32 if few => return gather_short::<32>(values, codes, budget),
        _ => {}
    }
    let len = |code: &u32| values.get(*code as usize).len() as u64;
    let bytes = codes.iter().map(len).fold(0, u64::saturating_add);
    let mut out = BytesBuilder::new(codes.len(), bytes, budget)?;
    for code in codes {
        out.push(values.get(*code as usize));
    }
    Ok(out.finish())
}

/// Strings of one byte each: flags, mostly.
fn gather_bytes_of_one(values: &ByteValues, codes: &[u32], budget: &Budget) -> Result<Values> {
    let mut out = BytesBuilder::new(codes.len(), codes.len() as u64, budget)?;
    let bytes = values.iter().map(|string| string.first().copied().unwrap_or(0));
    // Callers have seen that there are no more.
    let table = table(bytes).unwrap_or([0; BYTE]);
    out.data.extend(codes.iter().map(|code| look_up(&table, *code)));
    // At most `SHORT_BYTES`.
    out.offsets.extend((1..).take(codes.len()));
    Ok(out.finish())
}

/// Strings of at most `N` bytes: as many are copied of each, and the next string overwrites what is too much.
fn gather_short<const N: usize>(
    values: &ByteValues,
    codes: &[u32],
    budget: &Budget,
) -> Result<Values> {
    let mut heads: Vec<([u8; N], usize)> = budget.vec("short strings", values.len())?;
    heads.extend(values.iter().map(|string| (padded(string), string.len())));
    let mut offsets: Vec<i32> = budget.vec("offsets", codes.len().saturating_add(1))?;
    offsets.push(0);
    let mut end = 0;
    offsets.extend(codes.iter().map(|code| {
        end += heads.get(*code as usize).map_or(0, |(_, len)| *len);
        // At most `SHORT_BYTES`.
        i32::try_from(end).unwrap_or(i32::MAX)
    }));
    let mut data: Vec<u8> = budget.vec("bytes", end)?;
    let mut block = [[0; N]; AT_ONCE];
    let block = block.as_flattened_mut();
    for codes in codes.chunks(AT_ONCE) {
        let mut at = 0;
        for code in codes {
            let Some((head, len)) = heads.get(*code as usize) else { continue };
            // There is room: those before have at most `N` bytes each.
            if let Some(to) = block.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
                *to = *head;
            }
            at += len;
        }
        data.extend_from_slice(block.get(..at).unwrap_or(&[]));
    }
    Ok(BytesBuilder { offsets, data }.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(1 << 20)
    }

    #[test]
    fn strings_of_one_byte_are_gathered() {
        let values = Values::Bytes(["", "a", "b"].iter().collect());
        let of = |values: &Values, codes: &[u32]| gather(values, codes, &budget()).unwrap();
        assert_eq!(of(&values, &[1, 2, 1]), Values::Bytes(["a", "b", "a"].iter().collect()));
        assert_eq!(of(&values, &[1, 0, 1]), Values::Bytes(["a", "", "a"].iter().collect()));
        assert_eq!(of(&values, &[]), Values::Bytes(std::iter::empty::<&str>().collect()));
        let all: Vec<[u8; 1]> = (0..=255).map(|byte| [byte]).collect();
        let values = Values::Bytes(all.iter().collect());
        let codes: Vec<u32> = (0..256).rev().chain([7, 255]).collect();
        let expected = codes.iter().map(|code| &all[*code as usize]).collect();
        assert_eq!(of(&values, &codes), Values::Bytes(expected));
    }

    #[test]
    fn strings_of_every_length_are_gathered() {
        for longest in 0..=40_u32 {
            let strings: Vec<Vec<u8>> = (0..=longest as usize)
                .map(|len| (1_u8..=40).rev().skip(40 - len).collect())
                .collect();
            let values = Values::Bytes(strings.iter().collect());
            // Longer ones before shorter ones, the longest one last, and as few codes as there can be.
            for count in [0, 1, strings.len(), 63, 64, 65, 500] {
                let codes: Vec<u32> =
                    (0_u32..).map(|row| row * 7 % (longest + 1)).take(count).collect();
                let expected = codes.iter().map(|code| &strings[*code as usize]).collect();
                assert_eq!(gather(&values, &codes, &budget()).unwrap(), Values::Bytes(expected));
            }
        }
    }

    #[test]
    fn numbers_are_gathered_whether_few_or_many() {
        for distinct in [1, 2, 255, 256, 257, 1000_u32] {
            for rows in [0, 1, 255, 256, 3000] {
                let number = |code: u32| i64::from(code) * 1_000_003 - 7;
                let values = Values::I64((0..distinct).map(number).collect());
                let codes: Vec<u32> = (0..rows).map(|row| row * 7919 % distinct).collect();
                let expected = codes.iter().map(|code| number(*code)).collect();
                assert_eq!(gather(&values, &codes, &budget()).unwrap(), Values::I64(expected));
            }
        }
    }
}
