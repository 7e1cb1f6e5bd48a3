//! Functions of strings.

use std::ops::Range;

use super::function::TrimSide;

/// Number of characters.
#[inline]
pub fn char_length(text: &[u8]) -> usize {
    text.iter().filter(|byte| begins_character(**byte)).count()
}

/// The bytes of a part, in SQL's way of counting: [`super::Function::Substring`].
pub fn substring(text: &[u8], start: i32, length: Option<i32>) -> Range<usize> {
    let start = i64::from(start);
    let first = match start {
        1.. => start - 1,
        0 => 0,
        // Places before the first character count, as those of characters that are not there.
        _ => start + i64::try_from(char_length(text)).unwrap_or(i64::MAX),
    };
    let end = length.map_or(i64::MAX, |length| first.saturating_add(length.into()));
    if end <= first || end <= 0 {
        return 0..0;
    }
    let from = byte_of(text, 0, first.max(0));
    let to = byte_of(text, from, end.saturating_sub(first.max(0)));
    from..to
}

/// The place of the character that comes `characters` after the one at `from`.
fn byte_of(text: &[u8], from: usize, characters: i64) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    if rest.is_ascii() {
        let more = usize::try_from(characters).unwrap_or(usize::MAX);
        return from + more.min(rest.len());
    }
    let mut left = characters;
    for (place, byte) in rest.iter().enumerate() {
        if begins_character(*byte) {
            if left == 0 {
                return from + place;
            }
            left -= 1;
        }
    }
    text.len()
}

fn begins_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

/// In capital letters.
pub fn upper(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_uppercase();
    }
    if !text.contains(is_new_letter) {
        return text.to_uppercase();
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_new_letter(letter) {
            out.push(letter);
        } else {
            out.extend(letter.to_uppercase());
        }
    }
    out
}

/// In small letters.
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // What is no letter ends a word, on which the form of a sigma depends.
    let is_end = |letter| is_new_letter(letter) && !matches!(letter, '\u{A7D3}' | '\u{A7D5}');
    let words = text.split_inclusive(is_end).map(|word| {
        let end = word.chars().next_back().filter(|last| is_end(*last));
        let whole = word.len() - end.map_or(0, char::len_utf8);
        let mut lower = word.get(..whole).unwrap_or_default().to_lowercase();
        lower.extend(end);
        lower
    });
    words.collect()
}

/// Letters whose case came with Unicode 17: Spark 4.1 has Unicode 16, where all but two of them, which
/// have no capital yet, are no letters.
fn is_new_letter(letter: char) -> bool {
    matches!(letter, '\u{A7CE}'..='\u{A7CF}' | '\u{A7D2}'..='\u{A7D5}' | '\u{16EA0}'..='\u{16ED3}')
}

/// Without some characters at the ends.
pub fn trim<'a>(text: &'a str, side: TrimSide, characters: &str) -> &'a str {
    let taken = |c: char| characters.contains(c);
    match side {
        TrimSide::Leading => text.trim_start_matches(taken),
        TrimSide::Trailing => text.trim_end_matches(taken),
        TrimSide::Both => text.trim_matches(taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_characters() {
        let part =
            |text: &str, start, length| text[substring(text.as_bytes(), start, length)].to_owned();
        let cases = [
            (1, Some(2), "aß", "ab"),
            (0, Some(2), "aß", "ab"),
            (2, None, "ß語d", "bcd"),
            (-2, None, "語d", "cd"),
            (-2, Some(1), "語", "c"),
            // The first three of these places are before the string.
            (-7, Some(4), "a", "a"),
            (-7, Some(3), "", ""),
            (5, Some(1), "", ""),
            (2, Some(0), "", ""),
            (2, Some(-1), "", ""),
            (2, Some(i32::MAX), "ß語d", "bcd"),
            (i32::MIN, Some(i32::MAX), "aß語", "abc"),
        ];
        for (start, length, wide, narrow) in cases {
            assert_eq!(part("aß語d", start, length), wide, "{start} {length:?}");
            assert_eq!(part("abcd", start, length), narrow, "{start} {length:?}");
        }
        assert_eq!(char_length("aß語d".as_bytes()), 4);
    }

    #[test]
    fn ends_are_trimmed() {
        assert_eq!(trim("  a b ", TrimSide::Both, " "), "a b");
        assert_eq!(trim("ßaaß", TrimSide::Leading, "ßb"), "aaß");
        assert_eq!(trim("ßaaß", TrimSide::Trailing, ""), "ßaaß");
        assert_eq!(upper("straße"), "STRASSE");
        assert_eq!(lower("ὈΔΥΣΣΕΎΣ"), "ὀδυσσεύς");
        assert_eq!(upper("ß\u{16EBB}a\u{A7D3}"), "SS\u{16EBB}A\u{A7D3}");
        assert_eq!(lower("ΑΣ\u{16EA0}ΣÀ\u{16EA0}"), "ας\u{16EA0}σà\u{16EA0}");
    }
}
