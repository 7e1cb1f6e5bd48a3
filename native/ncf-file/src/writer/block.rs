//! One column of one block: Arrow pieces in, encoded pages and statistics out.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{Budget, ByteValues, Error, Field, Limits, Result, Values};
use ncf_encoding::{
    ChooserState, ChunkInput, EncodeOptions, EncodedChunk, decode_page, decode_shared, encode_chunk,
};

use super::{WriterOptions, pages::page_ranges};
use crate::arrays::to_values;
use crate::statistics::{ChunkStatistics, chunk_statistics};
use crate::wire::to_u32;

/// An encoded column chunk.
pub(super) struct EncodedColumn {
    pub(super) chunk: EncodedChunk,
    /// Rows of each data page.
    pub(super) rows: Vec<u32>,
    pub(super) statistics: ChunkStatistics,
}

/// Encodes the pieces of a column.
pub(super) fn encode_column(
    pieces: Vec<ArrayRef>,
    field: &Field,
    options: &WriterOptions,
    chooser: &mut ChooserState,
) -> Result<EncodedColumn> {
    let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    let array = arrow_select::concat::concat(&pieces)
        .map_err(|error| Error::invalid_argument(format!("rows cannot be joined: {error}")))?;
    let validity = array.nulls().filter(|n| n.null_count() > 0).map(|n| n.inner().clone());
    let values = to_values(array.as_ref(), field.data_type)?;
    drop(array);
    let values = match &validity {
        Some(validity) => fill_nulls(values, validity),
        None => values,
    };
    let statistics = chunk_statistics(&values, validity.as_ref(), field.data_type);
    let pages = page_ranges(&values, options.profile)?;
    let input = ChunkInput { values: &values, validity: validity.as_ref(), pages: &pages };
    let force = options.encodings.get(&field.name).copied();
    let encode = EncodeOptions { profile: options.profile, force };
    let chunk = encode_chunk(&input, &encode, chooser)?;
    if options.verify {
        verify(&input, &chunk)?;
    }
    let rows =
        pages.iter().map(|range| to_u32("rows of a page", range.len())).collect::<Result<_>>()?;
    Ok(EncodedColumn { chunk, rows, statistics })
}

/// Decodes what was just encoded and compares it with the original, bit by bit.
fn verify(input: &ChunkInput<'_>, chunk: &EncodedChunk) -> Result<()> {
    let physical = input.values.physical();
    let budget = || Budget::new(Limits::DEFAULT.page_bytes);
    let parts: Vec<_> =
        chunk.shared.iter().map(|page| (page.kind, page.count, page.bytes.as_slice())).collect();
    let shared = decode_shared(&parts, physical, &budget())?;
    for (page, range) in chunk.pages.iter().zip(input.pages) {
        let decoded = decode_page(&page.bytes, physical, range.len(), false, &shared, &budget())?;
        let expected_validity = input.validity.map(|v| v.slice(range.start, range.len()));
        let same_validity = match (&decoded.validity, &expected_validity) {
            (None, None) => true,
            (Some(a), Some(b)) => a == b,
            (None, Some(only)) | (Some(only), None) => only.count_set_bits() == only.len(),
        };
        let values = decoded.values.into_flat(&budget())?;
        if !same_validity || !values.bits_equal(&input.values.slice(range.start, range.len())) {
            return Err(Error::internal(format!(
                "a page encoded as {} does not decode to what was written; nothing was stored. \
                 Please report this, and write the column with another encoding meanwhile",
                page.tree
            )));
        }
    }
    Ok(())
}

/// Makes the values of null rows definite, so that equal rows give equal bytes: numbers repeat the
/// last valid value (which costs least to encode), strings are empty, booleans false.
fn fill_nulls(values: Values, validity: &BooleanBuffer) -> Values {
    match values {
        Values::Bool(v) => Values::Bool(&v & validity),
        Values::I8(v) => Values::I8(fill(&v, validity)),
        Values::I16(v) => Values::I16(fill(&v, validity)),
        Values::I32(v) => Values::I32(fill(&v, validity)),
        Values::I64(v) => Values::I64(fill(&v, validity)),
        Values::I128(v) => Values::I128(fill(&v, validity)),
        Values::F32(v) => Values::F32(fill(&v, validity)),
        Values::F64(v) => Values::F64(fill(&v, validity)),
        Values::Bytes(v) => Values::Bytes(empty_nulls(v, validity)),
    }
}

fn fill<T: arrow_buffer::ArrowNativeType + Default>(
    values: &ScalarBuffer<T>,
    validity: &BooleanBuffer,
) -> ScalarBuffer<T> {
    let first = validity.set_indices().next().and_then(|row| values.get(row));
    let mut last = first.copied().unwrap_or_default();
    let filled = values.iter().zip(validity).map(|(value, valid)| {
        if valid {
            last = *value;
        }
        last
    });
    filled.collect::<Vec<T>>().into()
}

fn empty_nulls(values: ByteValues, validity: &BooleanBuffer) -> ByteValues {
    let dirty = values.iter().zip(validity).any(|(string, valid)| !valid && !string.is_empty());
    if !dirty {
        return values;
    }
    values.iter().zip(validity).map(|(string, valid)| if valid { string } else { &[] }).collect()
}
