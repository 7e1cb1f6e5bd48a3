//! Pco (13): numbers as entropy-coded bins and offsets in them, by the crate `pco`: one chunk of one page.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};
use pco::data_types::Number;
use pco::metadata::{ChunkMeta, DeltaEncoding};
use pco::wrapped::{FileCompressor, FileDecompressor};
use pco::{ChunkConfig, PagingSpec};

use super::Encoding;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::Native;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::{Statistics, TELLING_VALUES};

/// Values of a chunk that the crate takes.
const MAX_VALUES: usize = 1 << 24;
/// Bits of the first byte after the header that tell the mode.
const MODE_BITS: u8 = 0x0f;
/// The mode that keeps distinct values: NCF has a dictionary of its own.
const MODE_DICTIONARY: u8 = 4;
/// Binary logarithm of the values before that the delta encoding "lookback" may keep: what the crate writes, so that a
/// file cannot ask for much memory.
const MAX_WINDOW_LOG: u32 = 15;

/// See `docs/spec/encodings.md`, Pco.
pub(crate) struct Pco;

impl Encoding for Pco {
    fn id(&self) -> EncodingId {
        EncodingId::PCO
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        use PhysicalType::{F32, F64, I8, I16, I32, I64};
        matches!(physical, I8 | I16 | I32 | I64 | F32 | F64)
    }

    fn candidate(&self, statistics: &Statistics) -> bool {
        statistics.entropy && statistics.len >= TELLING_VALUES && statistics.runs > 1
    }

    fn decode_cost(&self) -> f64 {
        1.5
    }

    fn encode(
        &self,
        values: &Values,
        children: &mut ChildEncoder<'_>,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let level = children.effort().pco_level();
        match values {
            Values::I8(v) => encode::<i8>(v, level, out),
            Values::I16(v) => encode::<i16>(v, level, out),
            Values::I32(v) => encode::<i32>(v, level, out),
            Values::I64(v) => encode::<i64>(v, level, out),
            Values::F32(v) => encode::<f32>(v, level, out),
            Values::F64(v) => encode::<f64>(v, level, out),
            Values::I128(_) | Values::Bool(_) | Values::Bytes(_) => Ok(false),
        }
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let bytes = body.take(body.remaining())?;
        let budget = context.budget;
        Ok(DecodedValues::Flat(match physical {
            PhysicalType::I8 => decode::<i8>(bytes, len, budget)?,
            PhysicalType::I16 => decode::<i16>(bytes, len, budget)?,
            PhysicalType::I32 => decode::<i32>(bytes, len, budget)?,
            PhysicalType::I64 => decode::<i64>(bytes, len, budget)?,
            PhysicalType::F32 => decode::<f32>(bytes, len, budget)?,
            PhysicalType::F64 => decode::<f64>(bytes, len, budget)?,
            other => return Err(Error::corrupt(format!("{other:?} values are never pco"))),
        }))
    }
}

fn encode<T: Native + Number>(values: &[T], level: usize, out: &mut Vec<u8>) -> Result<bool> {
    if values.is_empty() {
        return Ok(true);
    }
    if values.len() > MAX_VALUES {
        return Ok(false);
    }
    let config = ChunkConfig::default()
        .with_compression_level(level)
        .with_enable_8_bit(true)
        .with_paging_spec(PagingSpec::EqualPagesUpTo(values.len()));
    let failed = |error| Error::internal(format!("pco cannot compress: {error}"));
    let file = FileCompressor::default();
    // The crate may refuse what it found itself; other encodings hold the values then.
    let Ok(mut chunk) = file.chunk_compressor(values, &config) else {
        return Ok(false);
    };
    file.write_header(&mut *out).map_err(failed)?;
    chunk.write_meta(&mut *out).map_err(failed)?;
    chunk.write_page(0, &mut *out).map_err(failed)?;
    Ok(true)
}

fn decode<T: Native + Number>(bytes: &[u8], len: usize, budget: &Budget) -> Result<Values> {
    let mut values: Vec<T> = budget.vec("values", len)?;
    let rest = if len == 0 { bytes } else { decompress(bytes, len, &mut values)? };
    if rest.is_empty() {
        Ok(T::wrap(values))
    } else {
        Err(Error::corrupt(format!("{} bytes after a pco page", rest.len())))
    }
}

/// Appends `len` values and gives the bytes after them.
fn decompress<'a, T: Native + Number>(
    bytes: &'a [u8],
    len: usize,
    values: &mut Vec<T>,
) -> Result<&'a [u8]> {
    let damaged = |error| Error::corrupt(format!("a pco chunk is damaged: {error}"));
    if len > MAX_VALUES {
        return Err(Error::limit_exceeded("values of a pco chunk", len as u64, MAX_VALUES as u64));
    }
    let (file, rest) = FileDecompressor::new(bytes).map_err(damaged)?;
    if rest.first().is_some_and(|first| first & MODE_BITS == MODE_DICTIONARY) {
        return Err(Error::corrupt("a pco chunk has a dictionary of its own"));
    }
    let (mut chunk, rest) = file.chunk_decompressor::<T, _>(rest).map_err(damaged)?;
    check_window(chunk.meta())?;
    values.resize(len, T::default());
    let mut page = chunk.page_decompressor(rest, len).map_err(damaged)?;
    let progress = page.read(values).map_err(damaged)?;
    if progress.n_processed != len || !progress.finished {
        return Err(Error::corrupt(format!("a pco page ends before its {len} values do")));
    }
    Ok(page.into_src())
}

/// `Corrupt` where decoding would keep more values before than any writer makes it keep.
fn check_window(meta: &ChunkMeta) -> Result<()> {
    match &meta.delta_encoding {
        DeltaEncoding::Lookback { config, .. } if config.window_n_log > MAX_WINDOW_LOG => {
            let log = config.window_n_log;
            Err(Error::corrupt(format!("a pco chunk looks back over 2^{log} values")))
        }
        _ => Ok(()),
    }
}
