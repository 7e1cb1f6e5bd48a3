//! Numbers of the format that never change. `docs/spec/format.md` lists them; a test compares.

/// First and last bytes of every file.
pub const MAGIC: [u8; 4] = *b"NCF\0";
/// Major version: a reader refuses other majors.
pub const MAJOR_VERSION: u16 = 1;
/// Minor version: readers accept any.
pub const MINOR_VERSION: u16 = 0;
/// Bytes of the header.
pub const HEADER_LEN: usize = 256;
/// Bytes of the trailer.
pub const TRAILER_LEN: usize = 128;
/// Bytes of a directory record.
pub const DIRECTORY_RECORD_LEN: usize = 40;
/// Pages start at multiples of this and are padded with zeros up to it.
pub const PAGE_ALIGNMENT: usize = 64;
/// Most rows of a page.
pub const PAGE_ROWS: usize = 65_536;
/// Rows of a zone.
pub const ZONE_ROWS: usize = 8_192;
/// Rows of a vector; pages that are closed early end at a multiple of it.
pub const VECTOR_ROWS: usize = 1_024;
/// Most rows of a block.
pub const BLOCK_ROWS: usize = 1_048_576;
/// Bytes of string bounds in statistics; longer ones are truncated outwards.
pub const BOUND_BYTES: usize = 64;
/// Registers of the distinct-count sketch.
pub const SKETCH_REGISTERS: usize = 256;
/// Bytes of the first read of a reader, from the end of the file.
pub const TAIL_READ: u64 = 65_536;
/// Metadata records longer than this are compressed when that makes them smaller.
pub const COMPRESS_RECORD_OVER: usize = 4_096;

/// A file has a byte of learned indexes for so many others.
pub const INDEX_SHARE: u64 = 1000;
/// What learned indexes may take of any file, however small.
pub const INDEX_LEAST: u64 = 1_024;
/// Filters that nobody asked for take one byte in so many of a block.
pub const FILTER_SHARE: u64 = 50;
/// Bytes of a filter page, at most.
pub const FILTER_PAGE_BYTES: u64 = 1 << 20;
/// Bytes of a learned index, at most: readers leave longer ones out of account.
pub const INDEX_BYTES: usize = 1 << 20;

/// Records of this kind and greater ones may be skipped by a reader that does not know them.
pub const OPTIONAL_KINDS: u32 = 24;

/// What a checksummed piece of a file is; part of its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum PieceKind {
    /// Values of a run of rows of a column.
    DataPage = 1,
    /// What the data pages of a chunk share.
    SharedPage = 2,
    /// What a block of a column may hold: a part of its filter.
    FilterPage = 3,
    /// A map that blocks of a column share.
    MapPage = 4,
    /// Statistics of a column.
    Statistics = 16,
    /// Indexes of a column.
    Index = 17,
    /// Optional model registry.
    Model = 18,
    /// Where the pages of a column are.
    ColumnMeta = 19,
    /// The schema.
    Schema = 20,
    /// Row counts of the blocks.
    Blocks = 21,
    /// The directory itself.
    Directory = 22,
    /// Where the filter pages of a column are.
    Filters = 23,
    /// The order that the rows are in.
    Clustering = 24,
}

impl PieceKind {
    /// Every kind with its name in the specification.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::DataPage, "data page"),
        (Self::SharedPage, "shared page"),
        (Self::FilterPage, "filter page"),
        (Self::MapPage, "map page"),
        (Self::Statistics, "statistics"),
        (Self::Index, "index"),
        (Self::Model, "model"),
        (Self::ColumnMeta, "column meta"),
        (Self::Schema, "schema"),
        (Self::Blocks, "blocks"),
        (Self::Directory, "directory"),
        (Self::Filters, "filters"),
        (Self::Clustering, "clustering"),
    ];

    /// The kind's number in the file.
    pub fn code(self) -> u32 {
        self as u32
    }

    /// The kind with this number.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.iter().find(|(kind, _)| kind.code() == code).map(|(kind, _)| *kind)
    }

    /// The kind's name in messages.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("piece", |(_, name)| name)
    }
}

/// Stands for "no column", "no block" or "no page" in a checksum.
pub const NONE: u32 = u32::MAX;
/// Directory flag: the record's bytes are one zstd frame.
pub const RECORD_ZSTD: u32 = 1;
/// Required feature bits that this build knows.
pub const KNOWN_REQUIRED_FEATURES: u64 = 0;
