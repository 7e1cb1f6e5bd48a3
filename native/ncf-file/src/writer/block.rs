//! One field of one block: Arrow pieces in, columns that can be encoded out, each by itself.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use ncf_core::{
    Budget, ByteValues, Column, DataType, Error, ErrorKind, Field, FieldType, Limits, LogicalType,
    PhysicalType, Result, Role, Values,
};
use ncf_encoding::{
    ChooserState, ChunkInput, DecodedValues, EncodeOptions, EncodedChunk, EncodingId, Numbered,
    Numbering, Profile, Referenced, SharedPages, decode_related, encode_chunk, estimate_chunk,
};
use ncf_index::ChunkOrder;

use super::WriterOptions;
use super::index::is_indexed;
use super::pages::{page_ranges, values_of};
use super::shred::{Shredded, shred};
use crate::constants::VECTOR_ROWS;
use crate::statistics::{ChunkStatistics, Known, chunk_statistics};
use crate::wire::to_u32;

/// An encoded column chunk.
pub(super) struct EncodedColumn {
    pub(super) chunk: EncodedChunk,
    /// Rows and values of each data page.
    pub(super) sizes: Vec<(u32, u32)>,
    /// `None` below arrays and maps.
    pub(super) statistics: Option<ChunkStatistics>,
    /// `None` where rows are not in order, or are not looked at.
    pub(super) order: Option<ChunkOrder>,
    /// Its filter, in parts; none where it has no filter.
    pub(super) filter: Vec<Vec<u8>>,
}

/// What a column takes by itself.
pub(super) enum Alone {
    /// So many bytes, about: it has not been encoded.
    About(usize),
    Exactly(EncodedChunk),
}

impl Alone {
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Self::About(bytes) => *bytes,
            Self::Exactly(chunk) => chunk.byte_len(),
        }
    }

    /// The chunk, where it has been encoded.
    pub(super) fn chunk(self) -> Option<EncodedChunk> {
        match self {
            Self::About(_) => None,
            Self::Exactly(chunk) => Some(chunk),
        }
    }
}

/// Elements from which on an array of one length is an embedding; shorter ones are points and pairs, whose
/// numbers compress.
const EMBEDDING_ELEMENTS: u32 = 16;

/// A stored column of a block, ready to be encoded.
pub(super) struct Prepared {
    /// Its number in the file.
    pub(super) number: u32,
    /// The numbers of its values.
    pub(super) numbering: Numbering,
    /// Null rows hold definite values.
    pub(super) values: Values,
    pub(super) validity: Option<BooleanBuffer>,
    /// Rows of each page, and values of each page.
    rows: Vec<Range<usize>>,
    pages: Vec<Range<usize>>,
    pub(super) encode: EncodeOptions,
    data_type: DataType,
    /// Whether it is a field's only column, neither nested nor below anything that repeats.
    pub(super) flat: bool,
    /// Whether its elements lie below arrays or maps.
    repeated: bool,
    /// Whether it may get an index.
    pub(super) indexed: bool,
    /// Whether a filter was asked for.
    pub(super) filtered: bool,
}

impl Prepared {
    /// Whether every page shows a value: pages of nulls store none, so no other column can refer to them.
    pub(super) fn shows_values(&self) -> bool {
        self.validity.as_ref().is_none_or(|validity| {
            let shows = |page: &Range<usize>| {
                page.is_empty() || validity.slice(page.start, page.len()).has_true()
            };
            self.pages.iter().all(shows)
        })
    }

    /// The most bytes that the pages have which hold the rows of a page of `other`.
    pub(super) fn most_bytes_for(&self, other: &Self) -> usize {
        let bytes: Vec<usize> = self
            .pages
            .iter()
            .map(|page| self.values.slice(page.start, page.len()).byte_len())
            .collect();
        let of_page = |wanted: &Range<usize>| {
            let start = self.rows.partition_point(|rows| rows.end <= wanted.start);
            let end = self.rows.partition_point(|rows| rows.start < wanted.end);
            bytes.get(start..end.max(start)).unwrap_or(&[]).iter().sum()
        };
        other.rows.iter().map(of_page).max().unwrap_or(0)
    }

    pub(super) fn input<'a>(&'a self, options: &'a WriterOptions) -> ChunkInput<'a> {
        ChunkInput {
            values: &self.values,
            validity: self.validity.as_ref(),
            pages: &self.pages,
            numbering: &self.numbering,
            interruption: &options.interruption,
        }
    }

    /// The column as others refer to it.
    pub(super) fn referenced(&self) -> Referenced<'_> {
        Referenced { values: &self.values, numbering: &self.numbering }
    }

    /// The column with an encoded chunk of it, with what is known of its values, whose numbers others may still need.
    pub(super) fn finish(&self, chunk: EncodedChunk, needed: bool) -> Result<EncodedColumn> {
        let size = |(rows, values): (&Range<usize>, &Range<usize>)| {
            Ok((to_u32("rows of a page", rows.len())?, to_u32("values of a page", values.len())?))
        };
        let sizes = self.rows.iter().zip(&self.pages).map(size).collect::<Result<_>>()?;
        let (numbered, validity) = (self.numbering.known(), self.validity.as_ref());
        let order = self.indexed.then(|| ChunkOrder::of(&self.values, validity)).flatten();
        let known = Known { numbered: numbered.as_ref(), order: order.as_ref() };
        let statistics = (!self.repeated)
            .then(|| chunk_statistics(&self.values, validity, self.data_type, known));
        if !needed {
            self.numbering.forget();
        }
        Ok(EncodedColumn { chunk, sizes, statistics, order, filter: Vec::new() })
    }

    /// Encodes the column by itself. What comes out is not verified.
    pub(super) fn encode(
        &self,
        options: &WriterOptions,
        chooser: &mut ChooserState,
    ) -> Result<EncodedChunk> {
        let chunk = encode_chunk(&self.input(options), &self.encode, chooser)?;
        #[cfg(test)]
        let chunk = options.damage.chunk(self.number, chunk);
        Ok(chunk)
    }

    /// Whether it may follow from other columns, or they from it.
    pub(super) fn may_relate(&self) -> bool {
        self.flat && self.values.physical() != PhysicalType::Bool
    }

    /// What the column takes by itself: of a long one an estimate, but for `compact`.
    pub(super) fn alone(
        &self,
        options: &WriterOptions,
        chooser: &mut ChooserState,
    ) -> Result<Alone> {
        // Where bytes count more than time, nothing is guessed.
        let guessed = self.encode.force.is_none() && self.encode.profile != Profile::Compact;
        let about = match guessed {
            true => estimate_chunk(&self.input(options), &self.encode, chooser)?,
            false => None,
        };
        match about {
            Some(bytes) => Ok(Alone::About(bytes)),
            None => self.encode(options, chooser).map(Alone::Exactly),
        }
    }

    /// Verifies a chunk that refers to no other column, where writers do.
    pub(super) fn verify(&self, options: &WriterOptions, chunk: &EncodedChunk) -> Result<()> {
        if options.verify { verify(&self.input(options), chunk, &[]) } else { Ok(()) }
    }
}

/// The stored columns of a field, whose first has the number `first`, from its pieces.
pub(super) fn prepare_field(
    pieces: Vec<ArrayRef>,
    field: &Field,
    first: u32,
    columns: &[&Column],
    options: &WriterOptions,
) -> Result<Vec<Prepared>> {
    let parts: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    let array = arrow_select::concat::concat(&parts)
        .map_err(|error| Error::invalid_argument(format!("rows cannot be joined: {error}")))?;
    // Three copies of a column would be held otherwise: pieces, array, values.
    drop(pieces);
    let shredded = shred(&array, field)?;
    let rows = array.len();
    drop(array);
    let pages = page_ranges(rows, &shredded, options.profile)?;
    let force = options.encodings.get(&field.name).copied();
    let parts = shredded.into_iter().zip(columns).zip(embedded(field)?).zip(first..);
    let prepare = |(((part, column), embedded), number): (((Shredded, &&Column), bool), u32)| {
        let aligned = embedded && part.validity.as_ref().is_none_or(|valid| !valid.has_false());
        let force = match aligned {
            true => Some(EncodingId::ALIGNED),
            false => force.filter(|_| columns.len() == 1),
        };
        let Shredded { values, validity, rows: offsets } = part;
        let validity = validity.filter(BooleanBuffer::has_false);
        let values = match &validity {
            Some(validity) => fill_nulls(values, validity),
            None => values,
        };
        Prepared {
            number,
            numbering: Numbering::default(),
            values,
            validity,
            pages: pages.iter().map(|range| values_of(offsets.as_ref(), range)).collect(),
            rows: pages.clone(),
            encode: EncodeOptions { profile: options.profile, force },
            data_type: column.data_type,
            flat: columns.len() == 1 && column.role == Role::Values && column.path.len() == 1,
            repeated: column.repeated_by.is_some(),
            indexed: options.index && is_indexed(column, field) && aligned_to_vectors(&pages),
            filtered: column.path.len() == 1 && options.filter_columns.contains(&field.name),
        }
    };
    Ok(parts.map(prepare).collect())
}

/// Whether all pages but the last end where vectors do; those of values of many megabytes may not.
fn aligned_to_vectors(pages: &[Range<usize>]) -> bool {
    let inner = pages.split_last().map_or(&[][..], |(_, inner)| inner);
    inner.iter().all(|page| page.len().is_multiple_of(VECTOR_ROWS))
}

/// Which of a field's stored columns hold the numbers of embeddings: they are best left where a reader
/// can use them in place.
fn embedded(field: &Field) -> Result<Vec<bool>> {
    let (mut found, mut below) = (Vec::new(), false);
    field.walk(&mut |part, _| {
        found.push(below);
        let long =
            matches!(LogicalType::of(part), Some(LogicalType::Array(n)) if n >= EMBEDDING_ELEMENTS);
        below = match &part.field_type {
            FieldType::Array(element) => {
                let number = element.field_type.value();
                let noisy = [DataType::Int8, DataType::Float32, DataType::Float64];
                long && number.is_some_and(|number| noisy.contains(&number))
            }
            _ => false,
        };
        Ok(())
    })?;
    Ok(found)
}

/// Decodes what was just encoded and compares it with the original, bit by bit.
/// `references` are the columns that it refers to; strings among them come by their numbers where these are known, which
/// are compared with the strings once, and not looked up again for each column that follows from them.
pub(super) fn verify(
    input: &ChunkInput<'_>,
    chunk: &EncodedChunk,
    references: &[Referenced<'_>],
) -> Result<()> {
    let physical = input.values.physical();
    let budget = || Budget::new(Limits::DEFAULT.page_bytes);
    let shared = chunk.shared_pages(physical, &budget());
    let shared = shared.map_err(|error| unlike("a shared page", Some(error)))?;
    let numbered: Vec<Option<Numbered>> =
        references.iter().map(numbers_of).collect::<Result<_>>()?;
    for (page, range) in chunk.pages.iter().zip(input.pages) {
        input.interruption.check()?;
        let references: Vec<DecodedValues> = references
            .iter()
            .zip(&numbered)
            .map(|(one, numbered)| match numbered {
                Some(Numbered { values, codes }) => DecodedValues::Dictionary {
                    codes: codes.slice(range.start, range.len()),
                    values: Arc::new(values.clone()),
                },
                None => DecodedValues::Flat(one.values.slice(range.start, range.len())),
            })
            .collect();
        let what = || format!("a page encoded as {}", page.tree);
        let same = reads_as(&page.bytes, input, range, &shared, &references);
        if !same.map_err(|error| unlike(&what(), Some(error)))? {
            return Err(unlike(&what(), None));
        }
    }
    Ok(())
}

/// The numbers of strings.
fn numbers_of(reference: &Referenced<'_>) -> Result<Option<Numbered>> {
    match reference.values {
        Values::Bytes(strings) => reference.numbering.proven(strings),
        _ => Ok(None),
    }
}

/// Whether a page decodes to what the input holds there.
fn reads_as(
    bytes: &[u8],
    input: &ChunkInput<'_>,
    range: &Range<usize>,
    shared: &SharedPages,
    references: &[DecodedValues],
) -> Result<bool> {
    let (physical, rows) = (input.values.physical(), range.len());
    let budget = || Limits::DEFAULT.page_budget(rows);
    let decoded = decode_related(bytes, physical, rows, false, shared, references, &budget())?;
    let expected_validity = input.validity.map(|v| v.slice(range.start, rows));
    let same_validity = match (&decoded.validity, &expected_validity) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b,
        (None, Some(only)) | (Some(only), None) => only.count_set_bits() == only.len(),
    };
    let values = decoded.values.into_flat(&budget())?;
    // A page of nulls only stores no value: whatever comes back stands for none.
    let none = expected_validity.is_some_and(|valid| valid.count_set_bits() == 0);
    Ok(same_validity && (none || values.bits_equal(&input.values.slice(range.start, rows))))
}

/// What a writer says of bytes of its own that do not decode to what was written. Where they do not decode at all it is
/// no damage to the user's data that the decoder has found.
pub(super) fn unlike(what: &str, cause: Option<Error>) -> Error {
    let error = Error::internal(format!(
        "{what} does not decode to what was written; nothing was stored. Please report this, and write the column with \
         another encoding meanwhile"
    ));
    match cause {
        None => error,
        Some(cause) if cause.kind() == ErrorKind::Corrupt => error.with_source(cause),
        Some(cause) => cause,
    }
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
