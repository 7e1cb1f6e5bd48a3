//! A file that Java reads. All ranges of a read cross in one call, into one allocation.

use std::ops::Range;

use arrow_buffer::Buffer;
use jni::objects::{JLongArray, JObject};
use jni::refs::Global;
use jni::{JValue, JValueOwned};
use ncf::{ByteSource, Error, ErrorKind, Result};

use super::JvmStorage;
use crate::upcall::{Called, call};

/// Most bytes of one call: what a Java buffer, and an array for one of its ranges, can hold.
const MOST: u64 = 1 << 30;

/// An object of the interface `JvmSource`; closed when dropped.
pub(super) struct JvmSource {
    name: String,
    len: u64,
    object: Global<JObject<'static>>,
}

impl JvmSource {
    pub(super) fn open(storage: &JvmStorage, name: &str) -> Result<Self> {
        let opened = call(
            || "cannot open the file".to_owned(),
            |call| {
                let path = call.string(name)?;
                // SAFETY: `open(String)` of JvmStorage.
                let source =
                    unsafe { call.method(&storage.object, |m| &m.open, &[JValue::Object(&path)]) }?
                        .into_object()?;
                let object = call.env().new_global_ref(&source)?;
                if object.is_null() {
                    return Ok((object, 0));
                }
                // SAFETY: `length()` of JvmSource, which `open` answers with.
                let length = unsafe { call.method(&object, |m| &m.source_length, &[]) }?;
                Ok((object, length.into_long()?))
            },
        );
        let (object, len) = opened.map_err(|thrown| thrown.error.with("file", name))?;
        if object.is_null() {
            return Err(Error::internal("the storage opened nothing").with("file", name));
        }
        let mut source = Self { name: name.to_owned(), len: 0, object };
        source.len = u64::try_from(len)
            .map_err(|_| Error::internal("a file has a negative length").with("file", name))?;
        Ok(source)
    }

    /// Reads pieces, offsets and lengths, that together fill `bytes`.
    fn fill(&self, pieces: &[(u64, u64)], bytes: &mut [u8]) -> Called<()> {
        let what = || match pieces {
            [(start, len)] => format!("cannot read bytes {start}..{}", start + len),
            _ => format!("cannot read {} ranges", pieces.len()),
        };
        let numbers = pieces.iter().flat_map(|(start, len)| [*start, *len]);
        let numbers: Vec<i64> = numbers.map(u64::cast_signed).collect();
        call(what, |call| {
            let array = JLongArray::new(call.env(), numbers.len())?;
            array.set_region(call.env(), 0, &numbers)?;
            // SAFETY: Java's sources fill the buffer before they return and do not keep it.
            let buffer = unsafe { call.buffer(bytes.as_mut_ptr(), bytes.len()) }?;
            let arguments = [JValue::Object(&array), JValue::Object(&buffer)];
            // SAFETY: `read(long[], ByteBuffer)` of JvmSource.
            unsafe { call.method(&self.object, |m| &m.source_read, &arguments) }
                .and_then(JValueOwned::into_void)
        })
    }
}

impl ByteSource for JvmSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Buffer>> {
        let lengths = ranges.iter().map(len).collect::<Result<Vec<usize>>>()?;
        let total: usize = lengths.iter().sum();
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(total).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("no memory to read {total} bytes"))
        })?;
        bytes.resize(total, 0);
        let mut rest = bytes.as_mut_slice();
        for part in parts(ranges) {
            let part_len = part.iter().map(|(_, len)| to_usize(*len)).sum::<Result<usize>>()?;
            let (now, later) = rest
                .split_at_mut_checked(part_len)
                .ok_or_else(|| Error::internal("parts of a read are longer than the read"))?;
            if !now.is_empty() {
                self.fill(&part, now).map_err(|thrown| thrown.error.with("file", &self.name))?;
            }
            rest = later;
        }
        let whole = Buffer::from_vec(bytes);
        let mut start = 0;
        let cut = |len: usize| {
            let buffer = whole.slice_with_length(start, len);
            start += len;
            buffer
        };
        Ok(lengths.into_iter().map(cut).collect())
    }
}

impl Drop for JvmSource {
    fn drop(&mut self) {
        let object = std::mem::take(&mut self.object);
        // Nothing can be lost by closing what was only read.
        let _ = call(String::new, |call| {
            // SAFETY: `close()` of JvmSource.
            let closed = unsafe { call.method(&object, |m| &m.source_close, &[]) };
            drop(object);
            closed.and_then(JValueOwned::into_void)
        });
    }
}

fn len(range: &Range<u64>) -> Result<usize> {
    let len = range
        .end
        .checked_sub(range.start)
        .ok_or_else(|| Error::internal(format!("a range from {} to {}", range.start, range.end)))?;
    to_usize(len)
}

fn to_usize(len: u64) -> Result<usize> {
    usize::try_from(len).map_err(|_| Error::limit_exceeded("a read", len, usize::MAX as u64))
}

/// The ranges in their order as offsets and lengths, in groups of at most [`MOST`] bytes; a longer
/// range is cut.
fn parts(ranges: &[Range<u64>]) -> Vec<Vec<(u64, u64)>> {
    let mut parts: Vec<Vec<(u64, u64)>> = Vec::new();
    let mut room = 0;
    for range in ranges {
        let mut start = range.start;
        while start < range.end {
            let len = (range.end - start).min(MOST);
            match parts.last_mut() {
                Some(part) if len <= room => part.push((start, len)),
                _ => {
                    parts.push(vec![(start, len)]);
                    room = MOST;
                }
            }
            room -= len;
            start += len;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_cut_to_what_a_call_can_take() {
        assert!(parts(&[]).is_empty());
        assert_eq!(parts(&[5..9, 9..9, 0..3]), [vec![(5, 4), (0, 3)]]);
        assert_eq!(
            parts(&[0..MOST - 1, 0..2, 7..2 * MOST + 8]),
            [
                vec![(0, MOST - 1)],
                vec![(0, 2)],
                vec![(7, MOST)],
                vec![(MOST + 7, MOST)],
                vec![(2 * MOST + 7, 1)],
            ]
        );
    }
}
