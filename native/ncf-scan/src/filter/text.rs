//! Searches in strings, compiled once.

use std::ops::Range;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use memchr::memmem::Finder;
use ncf_core::{ByteValues, Error, Result, TextOp, Values};

use super::pack_iter;

/// A compiled search.
#[derive(Debug, Clone)]
pub(crate) enum TextTest {
    StartsWith(Vec<u8>),
    EndsWith(Vec<u8>),
    Contains(Box<Finder<'static>>),
}

impl TextTest {
    pub(crate) fn compile(op: TextOp, pattern: &str) -> Self {
        match op {
            TextOp::StartsWith => Self::StartsWith(pattern.into()),
            TextOp::EndsWith => Self::EndsWith(pattern.into()),
            TextOp::Contains => Self::Contains(Box::new(Finder::new(pattern).into_owned())),
        }
    }

    /// Whether each string has the pattern. UTF-8 never matches inside a character, so bytes suffice.
    pub(crate) fn mask(&self, values: &Values) -> Result<BooleanBuffer> {
        let Values::Bytes(strings) = values else {
            return Err(Error::internal("a text search needs strings"));
        };
        let len = strings.len();
        Ok(match self {
            Self::StartsWith(p) => pack_iter(len, strings.iter(), |s: &[u8]| s.starts_with(p)),
            Self::EndsWith(p) => pack_iter(len, strings.iter(), |s: &[u8]| s.ends_with(p)),
            Self::Contains(finder) if finder.needle().is_empty() => BooleanBuffer::new_set(len),
            Self::Contains(finder) => contains(strings, finder),
        })
    }
}

/// One search over the bytes of all strings: hits are rare, calls per string are not. A hit across
/// the end of a string is none.
fn contains(strings: &ByteValues, finder: &Finder<'_>) -> BooleanBuffer {
    let mut out = BooleanBufferBuilder::new(strings.len());
    let offsets: &[i32] = &strings.offsets;
    let mut ends = offsets.iter().skip(1).map(|end| end.cast_unsigned() as usize);
    let mut at = offsets.first().map_or(0, |start| start.cast_unsigned() as usize);
    let limit = offsets.last().map_or(0, |end| end.cast_unsigned() as usize);
    // The string that `out` lacks next ends here.
    let mut end = ends.next();
    while let Some(hit) = find(finder, &strings.data, at..limit) {
        while end.is_some_and(|end| end <= hit) {
            out.append(false);
            end = ends.next();
        }
        let Some(current) = end else { break };
        if hit + finder.needle().len() <= current {
            out.append(true);
            end = ends.next();
            at = current;
        } else {
            at = hit + 1;
        }
    }
    out.append_n(strings.len() - out.len(), false);
    out.finish()
}

fn find(finder: &Finder<'_>, data: &[u8], range: Range<usize>) -> Option<usize> {
    let start = range.start;
    finder.find(data.get(range)?).map(|hit| start + hit)
}
