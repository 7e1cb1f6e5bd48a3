//! Pieces: strings cut after spaces or signs, each piece with its first bytes as a number, which most comparisons and
//! hashes need only.

use ncf_core::ByteValues;
use xxhash_rust::xxh3::xxh3_64;

use super::hash_table::seeded_hash;
use super::stepped::padded;

/// Bytes of a head.
pub(crate) const HEAD: usize = 16;
const SPACES: u64 = 0x2020_2020_2020_2020;
const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Where strings are cut. A piece ends after the byte that cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// After each space: prose.
    Spaces,
    /// After each ASCII byte that is neither letter nor digit: paths, addresses, records.
    Signs,
}

/// A piece of a string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) bytes: &'a [u8],
    /// Its first bytes, little-endian, and zeros.
    pub(crate) head: u128,
}

impl Piece<'_> {
    /// Whether both are the same bytes.
    #[inline]
    pub(crate) fn same(&self, other: &Piece<'_>) -> bool {
        self.is(other.head, other.bytes.len(), || self.bytes == other.bytes)
    }

    pub(crate) fn hash(&self) -> u64 {
        if self.bytes.len() <= HEAD {
            xxh3_64(&self.head.to_le_bytes())
        } else {
            xxh3_64(self.bytes)
        }
    }

    /// A hash that nobody who makes a file can foresee.
    #[inline]
    pub(crate) fn seeded_hash(&self) -> u64 {
        if self.bytes.len() <= HEAD {
            seeded_hash(&self.head.to_le_bytes())
        } else {
            seeded_hash(self.bytes)
        }
    }

    /// Whether these are the bytes of a word with such a head and so many bytes; `same` compares all of them.
    #[inline]
    pub(crate) fn is(&self, head: u128, len: usize, same: impl FnOnce() -> bool) -> bool {
        head == self.head && len == self.bytes.len() && (len <= HEAD || same())
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
    pub(crate) fn pieces(self, strings: &ByteValues, row: usize) -> Pieces<'_> {
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
pub(crate) struct Pieces<'a> {
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
        let window = window(self.data, self.at, rest);
        let len = match self.cut.within(&window) {
            Some(len) => len.min(rest.len()),
            None => {
                let later = rest.iter().skip(HEAD).position(|byte| self.cut.after(*byte));
                later.map_or(rest.len(), |later| HEAD + later + 1)
            }
        };
        self.at += len;
        Some(Piece { bytes: rest.get(..len)?, head: head(window, len) })
    }
}

/// The bytes at a place where `rest` begins: what follows a string in its column may be looked at, and is cut off later.
#[inline]
fn window(data: &[u8], at: usize, rest: &[u8]) -> [u8; HEAD] {
    match data.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
        Some(window) => *window,
        None => padded(rest),
    }
}

/// The first `len` bytes as a number.
#[inline]
fn head(window: [u8; HEAD], len: usize) -> u128 {
    let head = u128::from_le_bytes(window);
    if len < HEAD { head & ((1 << (8 * len)) - 1) } else { head }
}

impl<'a> Piece<'a> {
    /// A whole string.
    pub(crate) fn of(strings: &'a ByteValues, row: usize) -> Self {
        let bytes = strings.get(row);
        Self { bytes, head: u128::from_le_bytes(padded(bytes)) }
    }
}

/// Each string as one piece.
pub(crate) fn whole(strings: &ByteValues) -> impl Iterator<Item = Piece<'_>> {
    strings.offsets.windows(2).map(|bounds| {
        let (start, end) = match bounds {
            [start, end] => (start.cast_unsigned() as usize, end.cast_unsigned() as usize),
            _ => (0, 0),
        };
        let bytes = strings.data.get(start..end).unwrap_or(&[]);
        Piece { bytes, head: head(window(&strings.data, start, bytes), bytes.len()) }
    })
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
            for ((row, string), whole) in strings.iter().enumerate().zip(whole(&column)) {
                assert_eq!(whole.bytes, string.as_bytes());
                let expected = string.as_bytes().split_inclusive(|byte| cut.after(*byte));
                let pieces: Vec<Piece<'_>> = cut.pieces(&column, row).collect();
                assert!(pieces.iter().map(|piece| piece.bytes).eq(expected), "{string:?} {cut:?}");
                for piece in pieces.into_iter().chain([whole]) {
                    let mut head = [0; HEAD];
                    head.iter_mut().zip(piece.bytes).for_each(|(to, from)| *to = *from);
                    assert_eq!(piece.head, u128::from_le_bytes(head));
                    let len = piece.bytes.len();
                    assert!(piece.is(piece.head, len, || true));
                    assert_eq!(piece.is(piece.head, len, || false), len <= HEAD);
                    assert!(!piece.is(!piece.head, len, || true));
                    assert!(!piece.is(piece.head, len + 1, || true));
                }
            }
        }
    }
}
