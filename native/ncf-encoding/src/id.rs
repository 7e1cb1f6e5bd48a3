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
    /// Lengths of runs and their values.
    pub const RUN_LENGTH: Self = Self(5);
    /// Codes into a dictionary that the column chunk shares.
    pub const DICTIONARY: Self = Self(6);
    /// Floats that were decimals, as integers.
    pub const ALP: Self = Self(9);
    /// Another node's bytes in one zstd frame.
    pub const ZSTD: Self = Self(12);

    /// Every encoding that this build knows, with its name.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::PLAIN, "plain"),
        (Self::CONSTANT, "constant"),
        (Self::BITMAP, "bitmap"),
        (Self::FOR_BITPACK, "for_bitpack"),
        (Self::RUN_LENGTH, "run_length"),
        (Self::DICTIONARY, "dictionary"),
        (Self::ALP, "alp"),
        (Self::ZSTD, "zstd"),
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
    /// Light encodings, and zstd around them where that is at least 5 % smaller.
    #[default]
    Balanced,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
        })
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fast" => Ok(Self::Fast),
            "balanced" => Ok(Self::Balanced),
            _ => Err(Error::invalid_argument(format!(
                "no profile is named '{text}'; use fast or balanced"
            ))),
        }
    }
}
