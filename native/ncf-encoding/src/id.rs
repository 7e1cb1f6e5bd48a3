//! Names and numbers of encodings and profiles. Numbers are final once released.

use std::fmt;
use std::str::FromStr;

use ncf_core::{Error, Result};

/// The number of an encoding, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EncodingId(pub u16);

impl EncodingId {
    /// Values as they are.
    pub const PLAIN: Self = Self(0);
    /// One value for every row.
    pub const CONSTANT: Self = Self(1);
    /// One bit per boolean.
    pub const BITMAP: Self = Self(2);
    /// Frame of reference and bit-packing with patches.
    pub const FOR_BITPACK: Self = Self(3);
    /// Differences of neighbours.
    pub const DELTA: Self = Self(4);
    /// Lengths of runs and their values.
    pub const RUN_LENGTH: Self = Self(5);
    /// Codes into a dictionary that the column chunk shares.
    pub const DICTIONARY: Self = Self(6);
    /// One value for most rows, and the rows that have another.
    pub const SPARSE: Self = Self(7);
    /// A straight line over the row number, and what is left beside it.
    pub const SEQUENCE: Self = Self(8);
    /// Floats that were decimals, as integers.
    pub const ALP: Self = Self(9);
    /// Floats that were never decimals, as a left part of few values and a right part.
    pub const ALP_RD: Self = Self(10);
    /// Strings as codes of symbols that the column chunk shares.
    pub const FSST: Self = Self(11);
    /// Another node's bytes in one zstd frame.
    pub const ZSTD: Self = Self(12);
    /// Numbers as entropy-coded bins and offsets in them.
    pub const PCO: Self = Self(13);
    /// The first bytes of all values, then the second ones, and so on.
    pub const BYTE_STREAM_SPLIT: Self = Self(14);
    /// 128-bit integers as one or two columns of 64 bits.
    pub const DECIMAL_PARTS: Self = Self(15);
    /// Microseconds as days, seconds and microseconds.
    pub const TIMESTAMP_PARTS: Self = Self(16);
    /// Strings of one form, such as numbers or dates, as what they stand for.
    pub const FIXED_PARSE: Self = Self(17);
    /// Strings as templates that the column chunk shares, and columns of what stands in their slots.
    pub const TEMPLATE: Self = Self(18);
    /// The values of valid rows only.
    pub const NULL_FILL: Self = Self(19);
    /// Strings as numbers of words that the column chunk shares.
    pub const WORDS: Self = Self(20);
    /// Values as they are, at a multiple of 64 bytes.
    pub const ALIGNED: Self = Self(21);
    /// Of each string what it does not share with the beginning of the one before.
    pub const FRONT_CODED: Self = Self(22);
    /// Another node's bytes in one zstd frame, compressed with a dictionary that the column chunk shares.
    pub const ZSTD_DICTIONARY: Self = Self(23);
    /// Another column of the block, and the rows that differ.
    pub const EQUALITY: Self = Self(32);
    /// Ranks among the values that rows with the same values in other columns have.
    pub const MAP: Self = Self(33);
    /// What is left beside a sum over other columns.
    pub const LINEAR: Self = Self(34);
    /// What is left beside a product of other columns, or of one and a map of others.
    pub const PRODUCT: Self = Self(35);
    /// What is left of strings in which values of other columns stand.
    pub const CONCATENATION: Self = Self(36);

    /// Every encoding that this build knows, with its name.
    pub const NAMES: [(Self, &'static str); 29] = [
        (Self::PLAIN, "plain"),
        (Self::CONSTANT, "constant"),
        (Self::BITMAP, "bitmap"),
        (Self::FOR_BITPACK, "for_bitpack"),
        (Self::DELTA, "delta"),
        (Self::RUN_LENGTH, "run_length"),
        (Self::DICTIONARY, "dictionary"),
        (Self::SPARSE, "sparse"),
        (Self::SEQUENCE, "sequence"),
        (Self::ALP, "alp"),
        (Self::ALP_RD, "alp_rd"),
        (Self::FSST, "fsst"),
        (Self::ZSTD, "zstd"),
        (Self::PCO, "pco"),
        (Self::BYTE_STREAM_SPLIT, "byte_stream_split"),
        (Self::DECIMAL_PARTS, "decimal_parts"),
        (Self::TIMESTAMP_PARTS, "timestamp_parts"),
        (Self::FIXED_PARSE, "fixed_parse"),
        (Self::TEMPLATE, "template"),
        (Self::NULL_FILL, "null_fill"),
        (Self::WORDS, "words"),
        (Self::ALIGNED, "aligned"),
        (Self::FRONT_CODED, "front_coded"),
        (Self::ZSTD_DICTIONARY, "zstd_dictionary"),
        (Self::EQUALITY, "equality"),
        (Self::MAP, "map"),
        (Self::LINEAR, "linear"),
        (Self::PRODUCT, "product"),
        (Self::CONCATENATION, "concatenation"),
    ];

    /// The encoding's name; `unknown` for a number that this build does not know.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(id, _)| *id == self).map_or("unknown", |(_, name)| name)
    }

    /// The encoding of a stored number, or `Unsupported`, naming it.
    pub fn from_u16(number: u16) -> Result<Self> {
        let id = Self(number);
        if Self::NAMES.iter().any(|(known, _)| *known == id) {
            return Ok(id);
        }
        Err(Error::unsupported(format!(
            "encoding {number} is not known to this build; read the file with a newer NCF"
        )))
    }
}

impl fmt::Display for EncodingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EncodingId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(id, _)| *id).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(_, name)| *name).collect();
            Error::invalid_argument(format!(
                "no encoding is named '{text}'; use one of {}",
                names.join(", ")
            ))
        })
    }
}

/// What a writer optimises for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Light encodings only: the fastest scans.
    Fast,
    /// Light encodings, and where that is at least 5 % smaller zstd around them or words; columns that follow from others.
    #[default]
    Balanced,
    /// Every encoding wherever it saves anything, and zstd around it, at higher levels: the fewest bytes.
    Compact,
    /// As `Fast`, zstd around strings only, and short pages, so that reading one row decodes little; frames of zstd share
    /// a dictionary where that makes up for the pages being short.
    Point,
}

impl Profile {
    /// Every profile with its name.
    pub const NAMES: [(Self, &'static str); 4] = [
        (Self::Fast, "fast"),
        (Self::Balanced, "balanced"),
        (Self::Compact, "compact"),
        (Self::Point, "point"),
    ];

    /// Whether writers look for the words or templates that an encoding of strings needs.
    pub(crate) fn takes(self, id: EncodingId) -> bool {
        match id {
            EncodingId::WORDS | EncodingId::TEMPLATE => {
                matches!(self, Self::Balanced | Self::Compact)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(profile, _)| profile == self);
        f.write_str(name.map_or("unknown", |(_, name)| name))
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::NAMES.iter().find(|(_, name)| *name == text);
        known.map(|(profile, _)| *profile).ok_or_else(|| {
            let names = Self::NAMES.map(|(_, name)| name).join(", ");
            Error::invalid_argument(format!("no profile is named '{text}'; use one of {names}"))
        })
    }
}
