//! The values of codes: each row's value copied out of few.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Budget, ByteValues, Result, Values};

use crate::decoded::BytesBuilder;
use crate::encodings::stepped::padded;
use crate::native::{Native, with_values};

/// Distinct strings up to which short ones are gathered from copies of one length.
const SHORT_STRINGS: usize = 1 << 12;
/// Bytes of all rows up to which that is done: far from those that offsets can count.
const SHORT_BYTES: u64 = 1 << 30;
/// Short strings for which memory is made ready at a time.
const AT_ONCE: usize = 256;
/// Values of which one byte of a code tells which it is.
const BYTE: usize = 1 << 8;

/// The values of the codes, which must be less than `values.len()`.
pub(crate) fn gather(values: &Values, codes: &[u32], budget: &Budget) -> Result<Values> {
    fn fixed<T: Native>(values: &[T], codes: &[u32], budget: &Budget) -> Result<Values> {
        let mut out: Vec<T> = budget.vec("values", codes.len())?;
        let many = codes.len() >= BYTE;
        match many.then(|| table(values.iter().copied())).flatten() {
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
    let starts: &[i32] = &values.offsets;
    let lengths: Vec<u32> = starts
        .windows(2)
        .map(|pair| pair.last().zip(pair.first()).map_or(0, |(b, a)| (b - a).cast_unsigned()))
        .collect();
    let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
    let few = values.len() <= SHORT_STRINGS.min(codes.len());
    let flags = few && values.len() <= BYTE && lengths.iter().all(|len| *len == 1);
    if flags && codes.len() as u64 <= SHORT_BYTES {
        return gather_bytes_of_one(values, codes, budget);
    }
    let bytes: u64 =
        codes.iter().map(|code| u64::from(lengths.get(*code as usize).copied().unwrap_or(0))).sum();
    match longest {
        0..=8 if few && bytes <= SHORT_BYTES => {
            return gather_short::<8>(values, codes, bytes, budget);
        }
        9..=16 if few && bytes <= SHORT_BYTES => {
            return gather_short::<16>(values, codes, bytes, budget);
        }
        17..=32 if few && bytes <= SHORT_BYTES => {
            return gather_short::<32>(values, codes, bytes, budget);
        }
        _ => {}
    }
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
    bytes: u64,
    budget: &Budget,
) -> Result<Values> {
    let heads: Vec<([u8; N], usize)> =
        values.iter().map(|string| (padded(string), string.len())).collect();
    let mut out = BytesBuilder::new(codes.len(), bytes.saturating_add(N as u64), budget)?;
    let room = usize::try_from(bytes).unwrap_or(0) + N;
    let mut end = 0;
    for codes in codes.chunks(AT_ONCE) {
        // Made ready a little at a time, so that it is in the nearest cache when it is written.
        out.data.resize(room.min(end + AT_ONCE * N), 0);
        let data = out.data.as_mut_slice();
        out.offsets.extend(codes.iter().map(|code| {
            if let Some((string, len)) = heads.get(*code as usize) {
                if let Some(to) = data.get_mut(end..end + N) {
                    to.copy_from_slice(string);
                }
                end += len;
            }
            i32::try_from(end).unwrap_or(i32::MAX)
        }));
    }
    out.data.truncate(end);
    Ok(out.finish())
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
            for count in [0, 1, strings.len(), 255, 256, 257, 600] {
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
