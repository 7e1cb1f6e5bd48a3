//! The NCF file: immutable, self-contained, little-endian.
//!
//! ```text
//! 0        header 256 B    magic · version · file uuid · writer · crc32c        header.rs
//! 256      blocks          per block, per column: shared pages, data pages      writer/, page_reader.rs
//!                          each page: encoded values · zeros up to 64 B         ncf-encoding
//!                          then filter pages of some columns                    filters.rs
//!                          maps that blocks share                               writer/maps.rs, shared_pages.rs
//!          statistics      per column: zone bounds and counts, sketches         statistics/record.rs
//!          filters, index  of some columns: where values and keys can be         filters.rs, ncf-index
//!          clustering      the order that the rows are in                       clustering.rs
//!          column meta     per column: offset, length, rows, crc of pages       column_meta.rs
//!          blocks record   rows of each block                                   block.rs
//!          schema          Arrow IPC · field ids · metadata                     schema_record.rs
//!          directory       40-byte records: where the records above are         directory.rs
//! EOF-128  trailer 128 B   directory · rows · features · file uuid · crc32c     trailer.rs
//! ```
//!
//! Every byte is under a checksum ([`checksum`]) that is verified before the byte is used. The
//! trailer is the authority: a file without a valid one was never written. [`FileWriter`] makes a
//! file, [`FileReader`] opens one, [`ByteSource`] and [`ByteSink`] are where bytes live.
#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::cast_possible_truncation, reason = "tests choose values that fit"))]

mod arrays;
mod block;
pub mod checksum;
mod clustering;
mod column_meta;
pub mod constants;
mod directory;
mod filters;
mod header;
mod indexes;
mod nested;
mod page_reader;
mod reader;
mod rewrite;
mod schema_record;
mod shared_pages;
mod sink;
mod source;
mod statistics;
mod trailer;
mod verify;
mod wire;
mod writer;

pub use arrays::{null_array, to_array, to_values};
pub use block::BlockInfo;
pub use column_meta::{ChunkMeta, ColumnMeta, PageMeta, SharedPageMeta};
pub use directory::DirectoryRecord;
pub use header::Header;
pub use indexes::LeftOut;
pub use nested::element_offsets;
pub use page_reader::PagesRead;
pub use reader::{FileReader, PageRef, ReadOptions};
pub use schema_record::to_arrow_schema;
pub use sink::{ByteSink, LocalSink, MemorySink};
pub use source::{ByteSource, FileSource, MemorySource, MmapSource};
pub use statistics::{BlockStatistics, ColumnStatistics, Sketch, merge_all, scalar_at};
pub use trailer::Trailer;
pub use verify::VerifyReport;
pub use writer::{FileSummary, FileWriter, WriterOptions};

/// Lower-case hex digits of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// BLAKE3 of a file's directory and trailer: through their checksums it names the whole file.
pub(crate) fn digest(directory: &[u8], trailer: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(directory);
    hasher.update(trailer);
    hasher.finalize().to_hex().to_string()
}
