//! Front-coded (22): of each string what it does not share with the beginning of the one before: sorted strings,
//! such as those of dictionaries.

use arrow_buffer::{Buffer, OffsetBuffer};
use ncf_core::{Budget, ByteValues, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::column;
use super::strings::declared_bytes;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::lengths_column;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Bytes that decoding a page may take: a reader's budget for a page is larger.
const MAX_MEMORY: usize = 192 << 20;
/// Pairs of neighbours that are looked at.
const SAMPLE: usize = 256;
/// Bytes that neighbours must share on average.
const SHARED: usize = 3;

/// See `docs/spec/encodings.md`, Front-coded.
pub(crate) struct FrontCoded;

impl Encoding for FrontCoded {
    fn id(&self) -> EncodingId {
        EncodingId::FRONT_CODED
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.entropy
            && statistics.prefixes
            && statistics.len >= TELLING_VALUES
            && statistics.runs > 1
    }

    fn nests(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        5.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let Values::Bytes(strings) = values else {
            return Ok(false);
        };
        let Ok(size) = u32::try_from(strings.byte_len()) else {
            return Ok(false);
        };
        if 2 * strings.byte_len() + 32 * strings.len() > MAX_MEMORY {
            return Ok(false);
        }
        let (mut prefixes, mut rests) = (Vec::new(), Vec::new());
        let mut last: &[u8] = &[];
        for string in strings.iter() {
            let prefix = shared_prefix(last, string);
            // A string has less than 2^31 bytes.
            prefixes.push(i32::try_from(prefix).unwrap_or(i32::MAX));
            rests.push(string.get(prefix..).unwrap_or(&[]));
            last = string;
        }
        out.extend_from_slice(&size.to_le_bytes());
        children.child(&lengths_column(prefixes), out)?;
        children.child(&Values::Bytes(rests.iter().collect()), out)?;
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let size = declared_bytes(body)?;
        let prefixes = column::<i32>(body, len, context)?;
        let Values::Bytes(rests) = context.flat(body, PhysicalType::Bytes, len)? else {
            return Err(Error::internal("rests of strings are not strings"));
        };
        let strings = join(&prefixes, &rests, size, context.budget)?;
        Ok(DecodedValues::Flat(Values::Bytes(strings)))
    }
}

fn join(prefixes: &[i32], rests: &ByteValues, size: usize, budget: &Budget) -> Result<ByteValues> {
    let mut offsets: Vec<i32> = budget.vec("offsets", prefixes.len().saturating_add(1))?;
    offsets.push(0);
    let mut bytes: Vec<u8> = budget.vec("bytes", size)?;
    let mut last = 0..0;
    for (prefix, rest) in prefixes.iter().zip(rests.iter()) {
        let prefix = usize::try_from(*prefix).ok().filter(|prefix| *prefix <= last.len());
        let prefix = prefix.ok_or_else(|| {
            Error::corrupt("a string shares more bytes than the one before it has")
        })?;
        if prefix + rest.len() > size - bytes.len() {
            return Err(Error::corrupt("front-coded strings give more bytes than declared"));
        }
        let start = bytes.len();
        bytes.extend_from_within(last.start..last.start + prefix);
        bytes.extend_from_slice(rest);
        last = start..bytes.len();
        // Not over `size`, which fits.
        offsets.push(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
    }
    if bytes.len() != size {
        return Err(Error::corrupt(format!(
            "front-coded strings give {} bytes; {size} declared",
            bytes.len()
        )));
    }
    Ok(ByteValues { offsets: OffsetBuffer::new(offsets.into()), data: Buffer::from_vec(bytes) })
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Whether neighbours begin alike, by a sample of them.
pub(crate) fn share_prefixes(strings: &ByteValues) -> bool {
    let step = strings.len().div_ceil(SAMPLE).max(1);
    let rows = (1..strings.len()).step_by(step);
    let shared: usize =
        rows.clone().map(|row| shared_prefix(strings.get(row - 1), strings.get(row))).sum();
    shared >= SHARED * rows.count() && shared > 0
}
