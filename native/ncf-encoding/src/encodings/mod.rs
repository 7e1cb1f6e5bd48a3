//! The encodings, one file each, and their registry. A new encoding is a file, a line in [`all`], a name
//! in [`EncodingId::NAMES`] and a section of `docs/spec/encodings.md`.

pub(crate) mod aligned;
pub(crate) mod alp;
pub(crate) mod alp_rd;
pub(crate) mod bitmap;
pub(crate) mod byte_stream_split;
pub(crate) mod concatenation;
pub(crate) mod constant;
pub(crate) mod decimal_parts;
pub(crate) mod delta;
pub(crate) mod dictionary;
pub(crate) mod equality;
pub(crate) mod fixed_parse;
pub(crate) mod for_bitpack;
pub(crate) mod front_coded;
pub(crate) mod fsst;
pub(crate) mod hash_table;
pub(crate) mod integers;
mod lanes;
pub(crate) mod linear;
pub(crate) mod map;
pub(crate) mod null_fill;
pub(crate) mod pco;
mod phrases;
pub(crate) mod pieces;
pub(crate) mod plain;
pub(crate) mod product;
pub(crate) mod run_length;
pub(crate) mod sequence;
pub(crate) mod sparse;
pub(crate) mod stepped;
mod strings;
pub(crate) mod template;
mod template_cells;
pub(crate) mod template_table;
mod template_tree;
pub(crate) mod template_writer;
mod text_forms;
pub(crate) mod timestamp_parts;
pub(crate) mod vocabulary;
pub(crate) mod words;
pub(crate) mod zstd;
pub(crate) mod zstd_dictionary;

use ncf_core::{Error, PhysicalType, Result, Values};

use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::{ChildEncoder, DecodeContext};
use crate::reader::Reader;
use crate::select::Statistics;

/// A lossless way to store values. Encoding is deterministic; decoding trusts nothing.
pub trait Encoding: Send + Sync {
    /// The stored number.
    fn id(&self) -> EncodingId;

    /// The name that `info` and options use.
    fn name(&self) -> &'static str {
        self.id().name()
    }

    /// Whether it can hold values of this type at all.
    fn accepts(&self, physical: PhysicalType) -> bool;

    /// Whether the chooser should try it on values with these statistics. `false` for encodings that
    /// the chooser places by other rules (Dictionary, Zstd), or that [`Encoding::relates`].
    fn candidate(&self, _statistics: &Statistics) -> bool {
        false
    }

    /// Whether its integer children are worth a further level, so that it must not repeat on a path.
    fn nests(&self) -> bool {
        false
    }

    /// Whether it refers to other columns: a writer of files places it, nobody can ask for it.
    fn relates(&self) -> bool {
        false
    }

    /// Time to decode one value, children left out, in nanoseconds: a constant of the cost model, measured with
    /// `ncf-bench encodings`.
    fn decode_cost(&self) -> f64;

    /// Appends the body; `false` when these values do not fit (the caller undoes what was appended). None fit an
    /// encoding that [`Encoding::relates`]: [`crate::encode_related`] makes its nodes. Nor do any fit zstd with a dictionary,
    /// whose nodes [`crate::encode_chunk`] makes of those of zstd.
    fn encode(
        &self,
        _values: &Values,
        _children: &mut ChildEncoder<'_>,
        _out: &mut Vec<u8>,
    ) -> Result<bool> {
        Ok(false)
    }

    /// Reads `len` values from a body, all of it.
    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues>;
}

static ALL: [&dyn Encoding; 29] = [
    &plain::Plain,
    &constant::Constant,
    &bitmap::Bitmap,
    &for_bitpack::ForBitpack,
    &delta::Delta,
    &run_length::RunLength,
    &dictionary::Dictionary,
    &sparse::Sparse,
    &sequence::Sequence,
    &alp::Alp,
    &alp_rd::AlpRd,
    &fsst::Fsst,
    &zstd::Zstd,
    &pco::Pco,
    &byte_stream_split::ByteStreamSplit,
    &decimal_parts::DecimalParts,
    &timestamp_parts::TimestampParts,
    &fixed_parse::FixedParse,
    &template::Template,
    &null_fill::NullFill,
    &words::Words,
    &aligned::Aligned,
    &front_coded::FrontCoded,
    &zstd_dictionary::ZstdDictionary,
    &equality::Equality,
    &map::Map,
    &linear::Linear,
    &product::Product,
    &concatenation::Concatenation,
];

/// The registry, in the order of ids.
pub fn all() -> &'static [&'static dyn Encoding] {
    &ALL
}

/// The encoding of an id.
pub(crate) fn find(id: EncodingId) -> Result<&'static dyn Encoding> {
    ALL.iter()
        .find(|encoding| encoding.id() == id)
        .copied()
        .ok_or_else(|| Error::unsupported(format!("encoding {} is not known to this build", id.0)))
}
