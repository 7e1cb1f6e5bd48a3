//! Pieces: strings cut after spaces or signs, each piece with its first bytes as a number, which most comparisons and
//! hashes need only.

use ncf_core::ByteValues;
use xxhash_rust::xxh3::xxh3_64;

use super::dictionary::hash_bits;
use super::stepped::padded;

/// Bytes of a head.
const HEAD: usize = 16;
const SPACES: u64 = 0x2020_2020_2020_2020;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Where strings are cut. A piece ends after the byte that cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// After each space: prose.
    Spaces,
    /// After each ASCII byte that is neither letter nor digit: paths, addresses, records.
    Signs,
}

/// A piece of a string.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Its first bytes, little-endian, and zeros.
    pub(super) head: u128,
}

impl Piece<'_> {
    pub(super) fn hash(&self) -> u64 {
        if self.bytes.len() <= HEAD { hash_bits(self.head) } else { xxh3_64(self.bytes) }
    }

    /// Whether these are the bytes of a word with such a head.
    pub(super) fn is(&self, head: u128, word: &[u8]) -> bool {
        let len = self.bytes.len();
        head == self.head && word.len() == len && (len <= HEAD || word == self.bytes)
    }
}

impl Cut {
    fn after(self, byte: u8) -> bool {
        match self {
            Self::Spaces => byte == b' ',
            Self::Signs => byte.is_ascii() && !byte.is_ascii_alphanumeric(),
        }
    }

    /// The pieces of a string.
    pub(super) fn pieces(self, strings: &ByteValues, row: usize) -> Pieces<'_> {
        let bound =
            |row: usize| strings.offsets.get(row).map_or(0, |at| at.cast_unsigned() as usize);
        Pieces { cut: self, data: &strings.data, at: bound(row), end: bound(row + 1) }
    }

    /// How many of the first bytes are a piece, if it ends among them.
    fn within(self, first: &[u8; HEAD]) -> Option<usize> {
        match self {
            Self::Spaces => {
                let (eights, _) = first.as_chunks::<8>();
                let space = |eight: &[u8; 8]| {
                    // Spaces become zeros, and the lowest zero byte the lowest bit that is left.
                    let zeros = u64::from_le_bytes(*eight) ^ SPACES;
                    let found = zeros.wrapping_sub(ONES) & !zeros & TOPS;
                    (found != 0).then(|| found.trailing_zeros() as usize / 8)
                };
                let mut found = eights.iter().enumerate();
                found.find_map(|(at, eight)| Some(at * 8 + space(eight)? + 1))
            }
            Self::Signs => first.iter().position(|byte| self.after(*byte)).map(|at| at + 1),
        }
    }
}

/// The rest of a string in its column's bytes.
pub(super) struct Pieces<'a> {
    cut: Cut,
    data: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    #[inline]
    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.data.get(self.at..self.end).filter(|rest| !rest.is_empty())?;
        // What follows the string in its column may be looked at, and is cut off.
        let window = match self.data.get(self.at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
            Some(window) => *window,
            None => padded(rest),
        };
        let len = match self.cut.within(&window) {
            Some(len) => len.min(rest.len()),
            None => {
                let later = rest.iter().skip(HEAD).position(|byte| self.cut.after(*byte));
                later.map_or(rest.len(), |later| HEAD + later + 1)
            }
        };
        self.at += len;
        let head = u128::from_le_bytes(window);
        let head = if len < HEAD { head & ((1 << (8 * len)) - 1) } else { head };
        Some(Piece { bytes: rest.get(..len)?, head })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_what_a_plain_split_gives() {
        let strings = [
            "",
            " ",
            "  a",
            "sixteen letters!",
            "sixteen letter s",
            "fifteen letter ",
            "seventeen letters",
            "a-piece-that-is-longer-than-a-head and an end",
            "näïve, /usr/share\u{20ac}x",
            "a\u{0}b \u{0}",
            "end",
        ];
        let column: ByteValues = strings.iter().collect();
        for cut in [Cut::Spaces, Cut::Signs] {
            for (row, string) in strings.iter().enumerate() {
                let expected = string.as_bytes().split_inclusive(|byte| cut.after(*byte));
                let pieces: Vec<Piece<'_>> = cut.pieces(&column, row).collect();
                assert!(pieces.iter().map(|piece| piece.bytes).eq(expected), "{string:?} {cut:?}");
                for piece in pieces {
                    let mut head = [0; HEAD];
                    head.iter_mut().zip(piece.bytes).for_each(|(to, from)| *to = *from);
                    assert_eq!(piece.head, u128::from_le_bytes(head));
                    assert!(piece.is(piece.head, piece.bytes));
                    assert!(!piece.is(!piece.head, piece.bytes) && !piece.is(piece.head, &[]));
                }
            }
        }
    }
}
