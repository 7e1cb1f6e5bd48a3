//! Lossless encodings of typed values and the chooser that picks among them.
//!
//! A page is a tree of *nodes*. A node is `u16 encoding id · u32 body length · body`; its physical
//! type and number of values come from its parent, so the bytes hold no copy of them. The bytes of
//! every encoding are in `docs/spec/encodings.md`, one section per file of [`encodings`].
//!
//! ```text
//! encode: Values ─▶ select (statistics → sample → cost) ─▶ Plan ─▶ encodings::* ─▶ node bytes ─▶ page
//! decode: page ─▶ reader (bounded) ─▶ encodings::* (budgeted) ─▶ DecodedValues
//! ```
#![forbid(unsafe_code)]

pub mod chunk;
pub mod compression;
pub mod decoded;
pub mod effort;
pub mod encodings;
mod estimate;
pub(crate) mod frames;
pub(crate) mod gather;
pub mod id;
pub(crate) mod native;
pub mod node;
mod numbering;
pub mod page;
pub mod reader;
pub mod relations;
pub mod select;
pub mod shared;
pub mod symbol_strings;

pub use chunk::{ChooserState, ChunkInput, EncodeOptions, EncodedChunk, SharedPage, encode_chunk};
pub use decoded::{DecodedPage, DecodedValues, join};
pub use effort::Effort;
pub use encodings::dictionary::Numbered;
pub use encodings::{Encoding, all};
pub use estimate::estimate_chunk;
pub use id::{EncodingId, Profile};
pub use native::zero;
pub use numbering::Numbering;
pub use page::{EncodedPage, decode_page, decode_related, decode_values, encode_values};
pub use relations::{ChunkMap, GrownMap, Referenced, Relation, encode_related};
pub use shared::{SharedKind, SharedMap, SharedPages, decode_shared};
pub use symbol_strings::SymbolStrings;

#[cfg(test)]
mod tests;
