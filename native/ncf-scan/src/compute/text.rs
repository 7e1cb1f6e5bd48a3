//! Functions of strings over dense values.

use ncf_core::computation::text;
use ncf_core::{ByteValues, Error, Function, Limits, Result, Values};

/// What a function makes of strings.
pub(super) fn apply(function: &Function, values: &Values) -> Result<Values> {
    let Values::Bytes(bytes) = values else {
        return Err(Error::internal("a function of strings got other values"));
    };
    match function {
        Function::CharLength => Ok(counts(bytes, text::char_length)),
        Function::BitLength => Ok(counts(bytes, |string| string.len() * 8)),
        Function::Substring { start, length } => strings(bytes.iter().map(|string| {
            string.get(text::substring(string, *start, *length)).unwrap_or_default()
        })),
        Function::Upper => mapped(bytes, |string| text::upper(string).into()),
        Function::Lower => mapped(bytes, |string| text::lower(string).into()),
        Function::Trim { side, characters } => {
            mapped(bytes, |string| text::trim(string, *side, characters).into())
        }
        _ => Err(Error::internal(format!("{function} is no function of one string"))),
    }
}

fn counts(bytes: &ByteValues, count: impl Fn(&[u8]) -> usize) -> Values {
    let count = |string| i32::try_from(count(string)).unwrap_or(i32::MAX);
    Values::I32(bytes.iter().map(count).collect())
}

fn mapped<'a>(
    bytes: &'a ByteValues,
    function: impl Fn(&'a str) -> std::borrow::Cow<'a, str>,
) -> Result<Values> {
    let valid = |string: &'a [u8]| {
        std::str::from_utf8(string)
            .map_err(|_| Error::corrupt("a string is not UTF-8; verify the file"))
    };
    let made = bytes.iter().map(|string| valid(string).map(&function));
    strings(made.collect::<Result<Vec<_>>>()?.iter().map(|string| string.as_bytes()))
}

/// Strings row by row after each other.
pub(super) fn concat(parts: &[Values], len: usize) -> Result<Values> {
    let parts = parts.iter().map(|part| match part {
        Values::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::internal("only strings are put together")),
    });
    let parts = parts.collect::<Result<Vec<_>>>()?;
    let total = parts.iter().map(|part| part.byte_len() as u64).sum();
    check_size(total)?;
    let row = |row| parts.iter().map(|part| part.get(row)).collect::<Vec<_>>().concat();
    Ok(Values::Bytes((0..len).map(row).collect()))
}

/// Strings of any number of bytes.
///
/// # Errors
/// `LimitExceeded` when there are more bytes than rows may have.
pub(super) fn strings<T: AsRef<[u8]>>(all: impl Iterator<Item = T>) -> Result<Values> {
    let (mut data, mut lengths) = (Vec::new(), Vec::new());
    for string in all {
        data.extend_from_slice(string.as_ref());
        lengths.push(string.as_ref().len());
        check_size(data.len() as u64)?;
    }
    let offsets = arrow_buffer::OffsetBuffer::from_lengths(lengths);
    Ok(Values::Bytes(ByteValues { offsets, data: arrow_buffer::Buffer::from_vec(data) }))
}

fn check_size(bytes: u64) -> Result<()> {
    let limit = Limits::DEFAULT.page_bytes.min(i32::MAX.unsigned_abs().into());
    if bytes > limit {
        return Err(Error::limit_exceeded("bytes of computed strings", bytes, limit));
    }
    Ok(())
}
