//! FSST (11): strings as one-byte codes of symbols of up to eight bytes, which the column chunk keeps in a
//! shared page.

use std::fmt;

use arrow_buffer::{Buffer, OffsetBuffer};
use fsst::Compressor;
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
use crate::symbol_strings::SymbolStrings;

/// Symbols of a table; the code after the last possible one is the escape.
pub(crate) const MAX_SYMBOLS: usize = 255;
/// Bytes of a symbol, at most.
pub(crate) const SYMBOL_BYTES: usize = 8;
/// Codes that are decoded at a time.
const STEP: usize = 8;
/// Bytes after the end of a string that decoding may write to: a step's symbols, from anywhere in it.
const ROOM: usize = STEP * SYMBOL_BYTES + SYMBOL_BYTES;
/// The code before a byte that stands for itself.
const ESCAPE: u8 = 255;
/// Strings that a table is trained on; the crate takes 16 KiB of them.
const TRAINING_STRINGS: usize = 4096;
/// Bytes of strings under which a chunk does not earn its table.
const MIN_CHUNK_BYTES: usize = 64 << 10;
/// Bytes of an average string under which codes save nothing.
const MIN_AVERAGE: usize = 4;

/// See `docs/spec/encodings.md`, FSST.
pub(crate) struct Fsst;

impl Encoding for Fsst {
    fn id(&self) -> EncodingId {
        EncodingId::FSST
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical == PhysicalType::Bytes
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.symbols && statistics.len >= TELLING_VALUES && statistics.runs > 1
    }

    fn decode_cost(&self) -> f64 {
        9.0
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let (Values::Bytes(strings), Some(table)) = (values, children.symbols()) else {
            return Ok(false);
        };
        let Ok(size) = u32::try_from(strings.byte_len()) else {
            return Ok(false);
        };
        let strings: Vec<&[u8]> = strings.iter().collect();
        let (mut codes, mut ends) = (Vec::new(), Vec::new());
        table.0.compress_bulk_into::<{ Compressor::DEFAULT_BULK_LANES }>(
            &strings, &mut codes, &mut ends,
        );
        let starts = std::iter::once(&0).chain(&ends);
        let lengths = ends.iter().zip(starts).map(|(end, start)| i32::try_from(end - start));
        let Ok(lengths) = lengths.collect::<std::result::Result<Vec<i32>, _>>() else {
            return Ok(false);
        };
        out.extend_from_slice(&size.to_le_bytes());
        children.child(&lengths_column(lengths), out)?;
        out.extend_from_slice(&codes);
        Ok(true)
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        _: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let Some(table) = context.shared.symbols() else {
            return Err(Error::corrupt("a page has FSST codes but its chunk has no symbol table"));
        };
        let size = declared_bytes(body)?;
        let lengths = column::<i32>(body, len, context)?;
        let codes = body.take(body.remaining())?;
        let strings = SymbolStrings::new(table, codes, &lengths, size, context.budget)?;
        Ok(DecodedValues::Symbols(strings))
    }
}

/// A symbol table that compresses.
pub(crate) struct Trained(Compressor);

impl fmt::Debug for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trained({} symbols)", self.0.n_symbols())
    }
}

impl Trained {
    /// A table for the strings of a chunk; `None` for other types and where no table can pay.
    pub(crate) fn promising(values: &Values) -> Option<Self> {
        match values {
            Values::Bytes(strings)
                if strings.byte_len() >= MIN_CHUNK_BYTES
                    && strings.byte_len() / MIN_AVERAGE >= strings.len() =>
            {
                Some(Self::of(strings))
            }
            _ => None,
        }
    }

    /// A table for strings, trained on some of them spread over all.
    pub(crate) fn of(strings: &ByteValues) -> Self {
        let step = strings.len().div_ceil(TRAINING_STRINGS).max(1);
        let sample: Vec<&[u8]> = (0..strings.len())
            .step_by(step)
            .map(|row| strings.get(row))
            .filter(|string| !string.is_empty())
            .collect();
        Self(Compressor::train(&sample))
    }

    /// The symbols in the order of their codes.
    pub(crate) fn symbols(&self) -> Values {
        let symbols = self.0.symbol_table().iter().zip(self.0.symbol_lengths());
        let bytes = symbols.map(|(symbol, length)| {
            let bytes = symbol.to_u64().to_le_bytes();
            bytes.into_iter().take(usize::from(*length)).collect::<Vec<u8>>()
        });
        Values::Bytes(bytes.collect())
    }
}

/// A symbol table that decompresses: for each code its symbol and how long it is.
#[derive(Debug)]
pub(crate) struct SymbolTable {
    symbols: [[u8; SYMBOL_BYTES]; 256],
    /// 0 for codes without a symbol.
    lengths: [u8; 256],
}

impl SymbolTable {
    /// Checks the values of a shared page.
    pub(crate) fn new(values: &Values) -> Result<Self> {
        let Values::Bytes(strings) = values else {
            return Err(Error::internal("symbols are not strings"));
        };
        if strings.len() > MAX_SYMBOLS {
            return Err(Error::corrupt(format!("a table of {} symbols", strings.len())));
        }
        let mut table = Self { symbols: [[0; SYMBOL_BYTES]; 256], lengths: [0; 256] };
        let slots = table.symbols.iter_mut().zip(&mut table.lengths);
        for ((slot, length), symbol) in slots.zip(strings.iter()) {
            let Some(place) = slot.get_mut(..symbol.len()).filter(|place| !place.is_empty()) else {
                return Err(Error::corrupt(format!("a symbol of {} bytes", symbol.len())));
            };
            place.copy_from_slice(symbol);
            // At most 8.
            *length = symbol.len().to_le_bytes()[0];
        }
        Ok(table)
    }

    /// Strings of at most `size` bytes together, each of the codes between two places.
    pub(crate) fn decode(
        &self,
        codes: &[u8],
        rows: impl Iterator<Item = (usize, usize)>,
        len: usize,
        size: usize,
        budget: &Budget,
    ) -> Result<ByteValues> {
        let mut offsets: Vec<i32> = budget.vec("offsets", len.saturating_add(1))?;
        offsets.push(0);
        let room = size.saturating_add(ROOM);
        let mut out: Vec<u8> = budget.vec("bytes", room)?;
        out.resize(room, 0);
        let mut at = 0;
        for (start, end) in rows {
            let codes = codes.get(start..).unwrap_or(&[]);
            at = self.decode_one(codes, end.saturating_sub(start), &mut out, at)?;
            // Not over `size`, which fits.
            offsets.push(i32::try_from(at).unwrap_or(i32::MAX));
        }
        out.truncate(at);
        // Of some rows it is not known before how long they are.
        if out.capacity() > at.saturating_mul(2) {
            out.shrink_to_fit();
        }
        let (offsets, data) = (OffsetBuffer::new(offsets.into()), Buffer::from_vec(out));
        Ok(ByteValues { offsets, data })
    }

    /// Whether a string begins with `pattern`, or with `exact` is it. Looks at no more codes than it takes.
    pub(crate) fn compare(&self, codes: &[u8], pattern: &[u8], exact: bool) -> Result<bool> {
        let (mut codes, mut rest) = (codes.iter(), pattern);
        while exact || !rest.is_empty() {
            let Some((symbol, length)) = self.next_symbol(&mut codes)? else {
                return Ok(rest.is_empty());
            };
            let symbol = symbol.get(..length).unwrap_or(&[]);
            let Some(after) = rest.strip_prefix(symbol) else {
                // The pattern may end inside the symbol.
                return Ok(!exact && symbol.starts_with(rest));
            };
            rest = after;
        }
        Ok(true)
    }

    /// The symbol of the next code and its length, which is not 0; `None` after the last code.
    #[inline]
    fn next_symbol(
        &self,
        codes: &mut std::slice::Iter<'_, u8>,
    ) -> Result<Option<([u8; SYMBOL_BYTES], usize)>> {
        let Some(code) = codes.next() else { return Ok(None) };
        if *code == ESCAPE {
            let byte = codes
                .next()
                .ok_or_else(|| Error::corrupt("an FSST escape stands at the end of a string"))?;
            return Ok(Some(([*byte, 0, 0, 0, 0, 0, 0, 0], 1)));
        }
        let code = usize::from(*code);
        let length = self.lengths.get(code).copied().filter(|length| *length > 0);
        let symbol = self.symbols.get(code).copied().zip(length);
        let missing = || Error::corrupt(format!("FSST code {code} has no symbol"));
        symbol.map(|(symbol, length)| Some((symbol, usize::from(length)))).ok_or_else(missing)
    }

    /// Writes the string of the first `count` of `codes` at `at` of `out` and gives where it ends: at least
    /// [`ROOM`] bytes before the end of `out`.
    #[inline]
    fn decode_one(&self, codes: &[u8], count: usize, out: &mut [u8], at: usize) -> Result<usize> {
        let (mut codes, mut count, mut at) = (codes, count, at);
        while count > 0 {
            let steps = codes.first_chunk::<STEP>().zip(codes.get(STEP.min(count)..));
            let written = steps.and_then(|(step, rest)| {
                let ends = self.decode_step(step, out.get_mut(at..)?.first_chunk_mut()?)?;
                Some((ends, rest))
            });
            let Some((ends, rest)) = written else {
                return self.decode_slowly(codes.get(..count).unwrap_or(codes), out, at);
            };
            let done = STEP.min(count);
            at += usize::from(ends.get(done - 1).copied().unwrap_or(0));
            count -= done;
            codes = rest;
        }
        if at + ROOM > out.len() { Err(too_many()) } else { Ok(at) }
    }

    /// Writes the symbols of some codes one after the other and gives where each ends. `None` when one
    /// of them is an escape or no code at all. All are written, though some may be the next string's:
    /// that costs less than to stop.
    #[inline]
    fn decode_step(&self, codes: &[u8; STEP], out: &mut [u8; ROOM]) -> Option<[u8; STEP]> {
        let lengths = codes.map(|code| self.lengths.get(usize::from(code)).copied().unwrap_or(0));
        if lengths.contains(&0) {
            return None;
        }
        // Sums of all bytes up to each byte: at most 64, so none carries into the next.
        let ends = u64::from_le_bytes(lengths).wrapping_mul(0x0101_0101_0101_0101);
        let starts = (ends << 8).to_le_bytes();
        for (code, start) in codes.iter().zip(starts) {
            let symbol = self.symbols.get(usize::from(*code))?;
            // At most 56; the mask tells the compiler.
            let start = usize::from(start & 63);
            out.get_mut(start..start + SYMBOL_BYTES)?.copy_from_slice(symbol);
        }
        Some(ends.to_le_bytes())
    }

    /// As [`SymbolTable::decode_one`] for the codes of one string, with escapes and near the end of the page.
    #[cold]
    fn decode_slowly(&self, codes: &[u8], out: &mut [u8], mut at: usize) -> Result<usize> {
        let mut codes = codes.iter();
        while let Some((symbol, length)) = self.next_symbol(&mut codes)? {
            let Some(slot) = out.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) else {
                return Err(too_many());
            };
            *slot = symbol;
            at += length;
        }
        if at + ROOM > out.len() { Err(too_many()) } else { Ok(at) }
    }
}

fn too_many() -> Error {
    Error::corrupt("FSST codes give more bytes than declared")
}
