//! Strings that stay FSST codes until somebody needs them: of a page of which few rows are wanted, only
//! those are decoded, and equality and prefixes are found out symbol by symbol.

use std::sync::Arc;

use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, ScalarBuffer};
use ncf_core::{Budget, Error, Result, Values};

use crate::decoded::check_utf8;
use crate::encodings::fsst::{SYMBOL_BYTES, SymbolTable};

/// Strings of one page, or some of them. Each row's codes are a part of the page's.
#[derive(Debug, Clone)]
pub struct SymbolStrings {
    table: Arc<SymbolTable>,
    codes: Buffer,
    starts: ScalarBuffer<u32>,
    ends: ScalarBuffer<u32>,
    /// Bytes of all strings of the page.
    size: usize,
    /// Whether these are all rows of the page, whose strings then have `size` bytes.
    whole: bool,
    /// Whether strings must be UTF-8.
    utf8: bool,
}

impl SymbolStrings {
    /// All strings of a page: `lengths` counts the codes of each, which stand one after the other.
    ///
    /// # Errors
    /// `Corrupt` unless the lengths fit the codes and these can give `size` bytes.
    pub(crate) fn new(
        table: &Arc<SymbolTable>,
        codes: &[u8],
        lengths: &[i32],
        size: usize,
        budget: &Budget,
    ) -> Result<Self> {
        if size > codes.len().saturating_mul(SYMBOL_BYTES) {
            let codes = codes.len();
            return Err(Error::corrupt(format!("{codes} FSST codes cannot give {size} bytes")));
        }
        let mut ends: Vec<u32> = budget.vec("ends", lengths.len())?;
        let mut starts: Vec<u32> = budget.vec("starts", lengths.len())?;
        let mut end = 0_u32;
        for length in lengths {
            starts.push(end);
            let next = u32::try_from(*length).ok().and_then(|length| end.checked_add(length));
            end = next
                .filter(|end| *end as usize <= codes.len())
                .ok_or_else(|| Error::corrupt("FSST lengths are more than the codes stored"))?;
            ends.push(end);
        }
        if end as usize != codes.len() {
            return Err(Error::corrupt(format!(
                "FSST lengths leave {} codes",
                codes.len() - end as usize
            )));
        }
        let mut copy: Vec<u8> = budget.vec("codes", codes.len())?;
        copy.extend_from_slice(codes);
        Ok(Self {
            table: table.clone(),
            codes: Buffer::from_vec(copy),
            starts: starts.into(),
            ends: ends.into(),
            size,
            whole: true,
            utf8: false,
        })
    }

    /// The same strings, which must be UTF-8 when they are decoded.
    pub(crate) fn into_text(self) -> Self {
        Self { utf8: true, ..self }
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that the codes take in memory; the table is the chunk's.
    pub fn byte_len(&self) -> usize {
        self.codes.len() + size_of_val(&*self.starts) + size_of_val(&*self.ends)
    }

    /// Some of the strings: `choose` takes the rows that are wanted out of where the codes of each row
    /// begin, and out of where they end. No row may be wanted twice.
    ///
    /// # Errors
    /// Those of `choose`.
    pub fn select(
        &self,
        choose: impl Fn(&ScalarBuffer<u32>) -> Result<ScalarBuffer<u32>>,
    ) -> Result<Self> {
        let (starts, ends) = (choose(&self.starts)?, choose(&self.ends)?);
        if starts.len() != ends.len() {
            return Err(Error::internal("strings were selected in two ways"));
        }
        Ok(Self { starts, ends, whole: false, ..self.clone() })
    }

    /// Rows `offset..offset + len`. The range must lie inside.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        Self {
            starts: self.starts.slice(offset, len),
            ends: self.ends.slice(offset, len),
            whole: self.whole && len == self.len(),
            ..self.clone()
        }
    }

    /// The strings at valid rows and empty ones at null rows; there is one for each valid row.
    pub(crate) fn spread(&self, validity: &BooleanBuffer, budget: &Budget) -> Result<Self> {
        let spread = |dense: &[u32]| -> Result<ScalarBuffer<u32>> {
            let mut out: Vec<u32> = budget.vec("codes of rows", validity.len())?;
            let mut rest = dense;
            for (start, end) in validity.set_slices() {
                let (part, after) = rest.split_at_checked(end - start).unwrap_or((rest, &[]));
                out.resize(start, 0);
                out.extend_from_slice(part);
                rest = after;
            }
            out.resize(validity.len(), 0);
            Ok(out.into())
        };
        Ok(Self { starts: spread(&self.starts)?, ends: spread(&self.ends)?, ..self.clone() })
    }

    /// The strings. Memory is taken from the budget.
    ///
    /// # Errors
    /// `Corrupt` for codes without a symbol, strings of more bytes than declared or not UTF-8.
    pub fn decode(&self, budget: &Budget) -> Result<Values> {
        let count: usize = self.rows().map(|(start, end)| end.saturating_sub(start)).sum();
        let most = self.size.min(count.saturating_mul(SYMBOL_BYTES));
        let values = self.table.decode(&self.codes, self.rows(), self.len(), most, budget)?;
        if self.whole && values.byte_len() != self.size {
            return Err(Error::corrupt(format!(
                "FSST codes give {} bytes; {} declared",
                values.byte_len(),
                self.size
            )));
        }
        let values = Values::Bytes(values);
        if self.utf8 {
            check_utf8(&values)?;
        }
        Ok(values)
    }

    /// Which strings begin with `prefix`.
    ///
    /// # Errors
    /// `Corrupt` for codes without a symbol, as far as they are looked at.
    pub fn starts_with(&self, prefix: &[u8]) -> Result<BooleanBuffer> {
        self.test(|codes| self.table.compare(codes, prefix, false))
    }

    /// Which strings are `text`.
    ///
    /// # Errors
    /// `Corrupt` for codes without a symbol, as far as they are looked at.
    pub fn equal_to(&self, text: &[u8]) -> Result<BooleanBuffer> {
        self.test(|codes| self.table.compare(codes, text, true))
    }

    fn test(&self, test: impl Fn(&[u8]) -> Result<bool>) -> Result<BooleanBuffer> {
        let mut out = BooleanBufferBuilder::new(self.len());
        for (start, end) in self.rows() {
            out.append(test(self.codes.get(start..end).unwrap_or(&[]))?);
        }
        Ok(out.finish())
    }

    /// Where the codes of each row begin and end.
    fn rows(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts
            .iter()
            .zip(self.ends.iter())
            .map(|(start, end)| (*start as usize, *end as usize))
    }
}

#[cfg(test)]
mod tests {
    use ncf_core::{ErrorKind, Limits, PhysicalType};

    use crate::tests::encode;
    use crate::*;

    use super::*;

    fn budget() -> Budget {
        Limits::DEFAULT.page_budget(2)
    }

    /// The strings of a page that was encoded with FSST, and the strings that went in.
    fn page(strings: &[&[u8]], utf8: bool) -> (SymbolStrings, Values) {
        let values = Values::Bytes(strings.iter().collect());
        let options = EncodeOptions { profile: Profile::Fast, force: Some(EncodingId::FSST) };
        let chunk = encode(&values, None, &options, &mut ChooserState::default()).unwrap();
        let shared = chunk.shared_pages(PhysicalType::Bytes, &budget()).unwrap();
        let bytes = chunk.pages[0].bytes.as_slice();
        let page = decode_page(bytes, PhysicalType::Bytes, strings.len(), utf8, &shared, &budget());
        let DecodedValues::Symbols(strings) = page.unwrap().values else { panic!() };
        (strings, values)
    }

    const WORDS: [&[u8]; 9] = [
        b"",
        b"a",
        b"carefully",
        b"carefully final",
        b"carefully final deposits sleep furiously",
        b"\xff\x00\xfe",
        b"final",
        b"carefullyfinal",
        b"zzzzzzzzzzzzzzzzzzzzzzzzzz",
    ];

    #[test]
    fn any_rows_decode_to_what_went_in() {
        let (strings, all) = page(&WORDS, false);
        assert_eq!(strings.decode(&budget()).unwrap(), all);
        for start in 0..WORDS.len() {
            for len in 0..=WORDS.len() - start {
                let part = strings.slice(start, len).decode(&budget()).unwrap();
                assert_eq!(part, Values::Bytes(WORDS[start..start + len].iter().collect()));
            }
        }
        let odd =
            |bounds: &ScalarBuffer<u32>| Ok(bounds.iter().skip(1).step_by(2).copied().collect());
        let odd = strings.select(odd).unwrap();
        let expected: Vec<&[u8]> = WORDS.iter().skip(1).step_by(2).copied().collect();
        assert_eq!(odd.decode(&budget()).unwrap(), Values::Bytes(expected.iter().collect()));
        let validity = BooleanBuffer::from(vec![false, true, true, false]);
        let spread = strings.slice(1, 2).spread(&validity, &budget()).unwrap();
        let expected: Vec<&[u8]> = vec![b"", b"a", b"carefully", b""];
        assert_eq!(spread.decode(&budget()).unwrap(), Values::Bytes(expected.iter().collect()));
    }

    #[test]
    fn patterns_are_found_as_in_decoded_strings() {
        let (strings, _) = page(&WORDS, false);
        let mut patterns: Vec<&[u8]> = Vec::new();
        for word in WORDS {
            patterns.extend((0..=word.len()).map(|end| &word[..end]));
            patterns.extend((1..word.len()).map(|start| &word[start..]));
        }
        for pattern in patterns {
            let prefix: Vec<bool> = WORDS.iter().map(|word| word.starts_with(pattern)).collect();
            assert_eq!(strings.starts_with(pattern).unwrap(), BooleanBuffer::from(prefix));
            let equal: Vec<bool> = WORDS.iter().map(|word| *word == pattern).collect();
            assert_eq!(strings.equal_to(pattern).unwrap(), BooleanBuffer::from(equal));
        }
    }

    #[test]
    fn what_is_wrong_is_found_when_it_is_decoded() {
        let (strings, _) = page(&WORDS, true);
        let error = strings.decode(&budget()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "not UTF-8: {error}");
        assert!(strings.slice(0, 5).decode(&budget()).is_ok());
        let (strings, _) = page(&WORDS, false);
        let wrong = SymbolStrings { size: strings.size + 1, ..strings.clone() };
        assert_eq!(wrong.decode(&budget()).unwrap_err().kind(), ErrorKind::Corrupt);
        let wrong = SymbolStrings { size: strings.size - 1, ..strings.clone() };
        assert_eq!(wrong.decode(&budget()).unwrap_err().kind(), ErrorKind::Corrupt);
        let lengths = |lengths: &[i32]| {
            SymbolStrings::new(&strings.table, &[0, 0, 0], lengths, 3, &budget()).is_ok()
        };
        assert!(lengths(&[1, 2]) && lengths(&[3, 0]));
        assert!(!lengths(&[1, 1]) && !lengths(&[2, 2]) && !lengths(&[4, -1]) && !lengths(&[]));
    }
}
