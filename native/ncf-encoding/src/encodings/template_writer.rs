//! The templates of a column chunk as writers find them: digits are slots, rare words are slots, all else is text.

use std::cmp::Reverse;

use ncf_core::{ByteValues, Values};
use xxhash_rust::xxh3::xxh3_64;

use super::dictionary::hash_bits;
use super::hash_table::HashTable;
use super::template_table::{COLUMNS, MARK, MAX_DIGITS};
use super::template_tree::TemplateTree;
use crate::select::sample::spread;

/// Strings that templates are made of.
const SAMPLE: usize = 4096;
/// Bytes of strings under which a chunk does not earn its templates.
const MIN_CHUNK_BYTES: usize = 64 << 10;
/// Bytes of an average string under which there is nothing to take apart.
const MIN_AVERAGE: usize = 6;
/// A word is text of templates where one string in so many has it.
const FREQUENT: usize = 32;
/// Strings of the sample that must have a template in common.
const MIN_COUNT: u32 = 2;
/// Templates of a chunk.
const MAX_TEMPLATES: usize = 1024;
/// Bytes of all of them.
const MAX_BYTES: usize = 256 << 10;
/// Part of the sample, in percent, that must fit the templates.
const COVERED: usize = 80;
/// The same for words not to be looked for, and the part of the sample's bytes that may be text in slots then.
const NEARLY_ALL: usize = 95;
const LITTLE_TEXT: usize = 5;
/// Columns of slots whose surroundings are not told apart: numbers, and text.
const OTHER_NUMBERS: u8 = 0;
const OTHER_TEXTS: u8 = 1;
/// How many such columns there are.
const SHARED: usize = 2;

/// A part of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Bytes of the template.
    Fixed(&'a [u8]),
    /// Decimal digits, at most 18.
    Number(&'a [u8]),
    /// Something else that varies.
    Text(&'a [u8]),
}

impl Part<'_> {
    /// Bytes of text in a slot.
    fn text(&self) -> usize {
        if let Self::Text(text) = self { text.len() } else { 0 }
    }
}

/// A word is a run of these.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// Calls `each` with the parts of a string. `is_fixed` tells whether letters are text of templates. Fixed parts
/// that meet are one.
fn take_apart<'a>(
    string: &'a [u8],
    is_fixed: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(Part<'a>),
) {
    // Where what is fixed begins that was not handed over yet, and where the next word may begin.
    let (mut fixed, mut at) = (0, 0);
    let part = |range: std::ops::Range<usize>| string.get(range).unwrap_or(&[]);
    while at < string.len() {
        let length = part(at..string.len()).iter().take_while(|byte| in_word(**byte)).count();
        let (start, end) = (at, at + length.max(1));
        at = end;
        let word = part(start..end);
        let letters = word.iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let digits = word.len() - letters;
        let number = word.iter().skip(letters).all(u8::is_ascii_digit)
            && (1..=usize::from(MAX_DIGITS)).contains(&digits);
        let known = length == 0 || letters == 0 || is_fixed(part(start..start + letters));
        let slot = match (known, number) {
            (true, true) => start + letters,
            (true, false) if digits == 0 => continue,
            _ => start,
        };
        if fixed < slot {
            each(Part::Fixed(part(fixed..slot)));
        }
        each(if slot > start || (number && letters == 0) {
            Part::Number(part(slot..end))
        } else {
            Part::Text(part(start..end))
        });
        fixed = end;
    }
    if fixed < string.len() {
        each(Part::Fixed(part(fixed..string.len())));
    }
}

/// What tells the column of a slot: eight bytes of the template before it, in which a slot counts as one byte, and
/// whether it holds text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    before: u64,
    text: bool,
}

/// The last bytes of a template before a place in it.
#[derive(Debug, Clone, Copy, Default)]
struct Before(u64);

impl Before {
    fn add(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |before, byte| before << 8 | u64::from(*byte));
    }

    /// The key of a slot here; what follows comes after that slot.
    fn slot(&mut self, text: bool) -> Key {
        let key = Key { before: self.0, text };
        self.add(&[MARK]);
        key
    }
}

impl Key {
    fn hash(self) -> u64 {
        hash_bits(u128::from(self.before) << 1 | u128::from(self.text))
    }
}

/// A column of slots.
#[derive(Debug)]
struct Column {
    key: Key,
    /// Digits to which numbers are filled up; 0 = text.
    digits: u8,
}

/// The templates of a chunk, the most frequent first.
#[derive(Debug)]
pub(crate) struct Templates {
    columns: Vec<Column>,
    /// Finds columns but the shared ones.
    keys: HashTable,
    words: Strings,
    templates: Strings,
    /// Finds most of them faster.
    tree: TemplateTree,
    /// Bytes of the templates for each byte of the strings.
    overhead: f64,
    /// The percentage of a sample that has one.
    covered: usize,
    /// The percentage of its bytes that is text in slots, or in strings that cannot have a template.
    text: usize,
}

/// Strings by number.
#[derive(Debug, Default)]
struct Strings {
    strings: Vec<Vec<u8>>,
    table: HashTable,
}

impl Strings {
    fn find(&self, string: &[u8]) -> Option<u32> {
        let same = |number: u32| self.strings.get(number as usize).is_some_and(|s| s == string);
        self.table.find(xxh3_64(string), same)
    }

    /// The number of a string, which is new where it is as many as there were.
    fn add(&mut self, string: &[u8]) -> Option<usize> {
        let strings = &self.strings;
        let same = |number: u32| strings.get(number as usize).is_some_and(|s| s == string);
        let number = self.table.code(xxh3_64(string), same)? as usize;
        if number == self.strings.len() {
            self.strings.push(string.to_vec());
        }
        Some(number)
    }
}

/// Strings and how often each was met.
#[derive(Debug, Default)]
struct Counts {
    strings: Strings,
    counts: Vec<u32>,
}

impl Counts {
    fn add(&mut self, string: &[u8]) {
        let Some(number) = self.strings.add(string) else { return };
        self.counts.resize(self.strings.strings.len(), 0);
        if let Some(count) = self.counts.get_mut(number) {
            *count += 1;
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &Vec<u8>)> {
        self.counts.iter().copied().zip(&self.strings.strings)
    }
}

/// What the rows of a page put into columns.
#[derive(Debug, Default)]
pub(crate) struct Filled<'a> {
    /// 0 = the next exception, else a template's place, counted from 1.
    pub(crate) templates: Vec<i16>,
    pub(crate) exceptions: Vec<&'a [u8]>,
    pub(crate) columns: Vec<FilledColumn<'a>>,
}

/// Values of one column of slots: numbers or texts.
#[derive(Debug, Default, Clone)]
pub(crate) struct FilledColumn<'a> {
    pub(crate) numbers: Vec<i64>,
    pub(crate) texts: Vec<&'a [u8]>,
}

impl Filled<'_> {
    /// Bytes that decoding takes besides the strings.
    pub(crate) fn memory(&self) -> usize {
        let columns = self.columns.iter();
        let slots: usize = columns.map(|column| column.numbers.len() + column.texts.len()).sum();
        let texts = self.columns.iter().flat_map(|column| &column.texts);
        slots * 8 + texts.chain(&self.exceptions).map(|text| text.len()).sum::<usize>()
    }
}

impl Templates {
    /// Templates for the strings of a chunk; `None` for other types and where a sample has too little in common.
    pub(crate) fn promising(values: &Values) -> Option<Self> {
        let Values::Bytes(strings) = values else {
            return None;
        };
        let bytes = strings.byte_len();
        if bytes < MIN_CHUNK_BYTES || bytes / MIN_AVERAGE < strings.len() {
            return None;
        }
        let found = Self::learn(strings);
        let slots = found.templates.strings.iter().any(|template| template.contains(&MARK));
        (slots && found.covered >= COVERED).then_some(found)
    }

    /// Templates for any strings.
    pub(crate) fn of(strings: &ByteValues) -> Self {
        Self::learn(strings)
    }

    fn learn(strings: &ByteValues) -> Self {
        let sample = || spread(strings.len(), SAMPLE).map(|row| strings.get(row));
        let rows = sample().count();
        let mut found = Self {
            columns: [(false, 1), (true, 0)]
                .map(|(text, digits)| Column { key: Key { before: 0, text }, digits })
                .into(),
            keys: HashTable::default(),
            words: frequent_words(sample(), rows),
            templates: Strings::default(),
            tree: TemplateTree::default(),
            overhead: 0.0,
            covered: 0,
            text: 0,
        };
        for string in sample() {
            found.add_columns(string);
        }
        let mut counts = Counts::default();
        let (mut template, mut slots) = (Vec::new(), Vec::new());
        let (mut bytes, mut text) = (0, 0);
        for string in sample() {
            bytes += string.len();
            // A string that is one slot of text is no better off than before.
            if found.parse(string, &mut template, &mut slots) && !matches!(*template, [MARK, _, 0])
            {
                counts.add(&template);
                text += slots.iter().map(|(_, part)| part.text()).sum::<usize>();
            } else {
                text += string.len();
            }
        }
        let mut order: Vec<(u32, &Vec<u8>)> =
            counts.iter().filter(|(count, _)| *count >= MIN_COUNT).collect();
        order.sort_unstable_by_key(|(count, template)| (Reverse(*count), *template));
        let (mut left, mut covered) = (MAX_BYTES, 0);
        for (count, template) in order.into_iter().take(MAX_TEMPLATES) {
            let Some(rest) = left.checked_sub(template.len()) else { break };
            left = rest;
            covered += count as usize;
            found.templates.add(template);
        }
        found.tree = TemplateTree::of(found.templates.strings.iter().map(Vec::as_slice));
        found.overhead = (MAX_BYTES - left) as f64 / strings.byte_len().max(1) as f64;
        found.covered = covered * 100 / rows.max(1);
        found.text = (text * 100).div_ceil(bytes.max(1));
        found
    }

    /// Whether nearly all strings of a sample have a template, and little is left beside numbers.
    pub(crate) fn leave_little_text(&self) -> bool {
        self.covered >= NEARLY_ALL && self.text <= LITTLE_TEXT
    }

    /// The templates in the order of their numbers.
    pub(crate) fn templates(&self) -> Values {
        Values::Bytes(self.templates.strings.iter().collect())
    }

    /// About how many bytes the table takes for each byte of strings.
    pub(crate) fn overhead(&self) -> f64 {
        self.overhead
    }

    /// The strings as templates and columns.
    pub(crate) fn fill<'a>(&self, strings: &'a ByteValues) -> Filled<'a> {
        let mut out = Filled {
            templates: Vec::with_capacity(strings.len()),
            exceptions: Vec::new(),
            columns: vec![FilledColumn::default(); self.columns.len()],
        };
        let (mut template, mut slots) = (Vec::new(), Vec::new());
        for string in strings.iter() {
            let number = self.tree.find(string, &mut slots).or_else(|| {
                let known = self.parse(string, &mut template, &mut slots);
                let number = known.then(|| self.templates.find(&template)).flatten();
                // At most 1024.
                number.and_then(|number| i16::try_from(number + 1).ok())
            });
            out.templates.push(number.unwrap_or(0));
            if number.is_none() {
                out.exceptions.push(string);
                continue;
            }
            for (column, part) in &slots {
                let Some(column) = out.columns.get_mut(usize::from(*column)) else { continue };
                match part {
                    Part::Number(digits) => column.numbers.push(value(digits)),
                    Part::Text(text) | Part::Fixed(text) => column.texts.push(text),
                }
            }
        }
        out
    }

    fn is_fixed(&self, word: &[u8]) -> bool {
        self.words.find(word).is_some()
    }

    /// Gives slots of a string that have new surroundings a column of their own.
    fn add_columns(&mut self, string: &[u8]) {
        let mut before = Before::default();
        let mut new: Vec<(Key, u8)> = Vec::new();
        take_apart(
            string,
            |word| self.is_fixed(word),
            |part| match part {
                Part::Fixed(text) => before.add(text),
                Part::Number(digits) => {
                    let zeros = digits.first() == Some(&b'0');
                    // At most 18.
                    let filled = if zeros { digits.len().to_le_bytes()[0] } else { 1 };
                    new.push((before.slot(false), filled));
                }
                Part::Text(_) => new.push((before.slot(true), 0)),
            },
        );
        for (key, digits) in new {
            match self.own_column(key).and_then(|own| self.columns.get_mut(own)) {
                Some(column) => column.digits = column.digits.max(digits),
                None => {
                    if self.columns.len() < COLUMNS {
                        self.keys.code(key.hash(), |_| false);
                        self.columns.push(Column { key, digits });
                    }
                }
            }
        }
    }

    /// The template of a string and what stands in its slots; `false` where it can have none.
    fn parse<'a>(
        &self,
        string: &'a [u8],
        template: &mut Vec<u8>,
        slots: &mut Vec<(u8, Part<'a>)>,
    ) -> bool {
        template.clear();
        slots.clear();
        if string.contains(&MARK) {
            return false;
        }
        let mut before = Before::default();
        let mut fits = true;
        take_apart(
            string,
            |word| self.is_fixed(word),
            |part| {
                if let Part::Fixed(text) = part {
                    template.extend_from_slice(text);
                    before.add(text);
                    return;
                }
                let text = matches!(part, Part::Text(_));
                let (number, digits) = self.column(before.slot(text));
                if let Part::Number(found) = part {
                    fits &= is_canonical(found, digits);
                }
                template.extend_from_slice(&[MARK, number, digits]);
                slots.push((number, part));
            },
        );
        fits
    }

    /// The column of a slot and its digits.
    fn column(&self, key: Key) -> (u8, u8) {
        let other = if key.text { OTHER_TEXTS } else { OTHER_NUMBERS };
        let own = self.own_column(key);
        let column = own.and_then(|own| self.columns.get(own));
        let number = own.and_then(|own| u8::try_from(own).ok());
        number.zip(column).map_or((other, u8::from(!key.text)), |(n, column)| (n, column.digits))
    }

    /// The place of the column that has these surroundings.
    fn own_column(&self, key: Key) -> Option<usize> {
        let same = |own: u32| self.columns.get(own as usize + SHARED).is_some_and(|c| c.key == key);
        Some(self.keys.find(key.hash(), same)? as usize + SHARED)
    }
}

/// Whether a number of at least so many digits is written like this.
pub(super) fn is_canonical(found: &[u8], digits: u8) -> bool {
    let digits = usize::from(digits);
    found.len() == digits || (found.len() > digits && found.first() != Some(&b'0'))
}

/// The value of at most 18 digits.
fn value(digits: &[u8]) -> i64 {
    digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

/// Words of letters that enough strings have.
fn frequent_words<'a>(sample: impl Iterator<Item = &'a [u8]>, rows: usize) -> Strings {
    let mut counts = Counts::default();
    for string in sample {
        for word in string.split(|byte| !in_word(*byte)) {
            let letters = word.iter().take_while(|byte| !byte.is_ascii_digit()).count();
            if letters > 0 {
                counts.add(word.get(..letters).unwrap_or(&[]));
            }
        }
    }
    let mut words = Strings::default();
    for (_, word) in counts.iter().filter(|(count, _)| *count as usize * FREQUENT >= rows) {
        words.add(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(string: &'a str, fixed: &[&str]) -> Vec<Part<'a>> {
        let mut out = Vec::new();
        let is_fixed = |word: &[u8]| fixed.iter().any(|fixed| fixed.as_bytes() == word);
        take_apart(string.as_bytes(), is_fixed, |part| out.push(part));
        out
    }

    #[test]
    fn strings_are_taken_apart() {
        use Part::{Fixed, Number, Text};
        let fixed = ["GET", "api", "v"];
        assert_eq!(parts("", &fixed), []);
        assert_eq!(parts("GET /", &fixed), [Fixed(b"GET /")]);
        assert_eq!(
            parts("GET /api/v2/name?id=12 ", &fixed),
            [
                Fixed(b"GET /api/v"),
                Number(b"2"),
                Fixed(b"/"),
                Text(b"name"),
                Fixed(b"?"),
                Text(b"id"),
                Fixed(b"="),
                Number(b"12"),
                Fixed(b" "),
            ]
        );
        // Mixed words, words that begin with rare letters, and long digits are text.
        for text in ["3f2a", "v2b", "x17", "1234567890123456789"] {
            assert_eq!(parts(text, &fixed), [Text(text.as_bytes())]);
        }
        assert_eq!(parts("123456789012345678", &fixed), [Number(b"123456789012345678")]);
        assert_eq!(parts("né_1", &fixed), [Text("né_1".as_bytes())]);
    }

    #[test]
    fn words_are_not_looked_for_where_little_text_is_left() {
        let little = |string: fn(usize) -> String| {
            Templates::of(&(0..5000).map(string).collect()).leave_little_text()
        };
        assert!(little(|row| format!("GET /users/{} HTTP/1.1 200 {}", row % 97, row * 7)));
        assert!(!little(|row| format!("GET /users/{:x}/a/b/{:x}", row * 977, row * 9973)));
    }

    #[test]
    fn numbers_keep_their_zeros() {
        assert!(is_canonical(b"0", 1) && is_canonical(b"10", 1) && !is_canonical(b"01", 1));
        assert!(is_canonical(b"01", 2) && is_canonical(b"123", 2));
        assert!(!is_canonical(b"1", 2) && !is_canonical(b"012", 2));
        assert_eq!(value(b"999999999999999999"), 999_999_999_999_999_999);
    }

    #[test]
    fn logs_have_few_templates() {
        let line = |row: usize| {
            let path = ["users", "orders"].get(row % 2).copied().unwrap_or_default();
            format!("2026-11-{:02} /{path}/{}?q=x{:x}", row % 30 + 1, row * 7, row * 31)
        };
        let strings: ByteValues = (0..5000).map(line).collect();
        let found = Templates::promising(&Values::Bytes(strings.clone())).unwrap();
        assert!(found.templates.strings.len() < 20, "{:?}", found.templates.strings);
        let filled = found.fill(&strings);
        assert!(filled.exceptions.len() < 50);
        let days = filled.columns.iter().find(|column| column.numbers.first() == Some(&1)).unwrap();
        assert_eq!(days.numbers.get(..3), Some([1, 2, 3].as_slice()));
        let noise = (0..5000u64).map(|row| format!("{:x}", xxh3_64(&row.to_le_bytes())));
        assert!(Templates::promising(&Values::Bytes(noise.collect())).is_none());
    }

    #[test]
    fn a_mark_in_a_string_makes_an_exception() {
        let strings: ByteValues = ["1 1", "1 2", "1 \u{1a}3"].iter().collect();
        let filled = Templates::of(&strings).fill(&strings);
        assert_eq!(filled.templates, [1, 1, 0]);
        assert_eq!(filled.exceptions, [b"1 \x1a3"]);
    }
}
