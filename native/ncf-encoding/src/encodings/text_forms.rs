//! Forms of text that stand for something shorter. A string has a form only when the form's writer gives back
//! exactly its bytes.

/// How a column of strings is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// 8-4-4-4-12 hexadecimal digits, as 128 bits.
    Uuid { upper: bool },
    /// An even number of hexadecimal digits, as bytes.
    Hex { upper: bool },
    /// RFC 4648 with padding, as bytes.
    Base64,
    /// A decimal integer, as 64 bits.
    Integer,
    /// A decimal number with so many digits after the point, as an integer of 64 bits.
    Decimal { scale: u8 },
    /// Four numbers to 255 with points between, as an integer.
    Ipv4,
    /// `yyyy-MM-dd`, as days since 1970.
    Date,
    /// `yyyy-MM-dd HH:mm:ss` with so many digits after a point, as units of the last digit since 1970.
    Timestamp { t: bool, z: bool, digits: u8 },
}

/// What a string of a form stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    Wide(i128),
    Long(i64),
    Bytes(Vec<u8>),
}

/// Bytes of a number, at most.
pub(crate) const NUMBER_ROOM: usize = 20;
/// Digits of an integer that always fit 64 bits.
const MAX_DIGITS: usize = 18;
/// Digits after the point of a decimal or a second.
const MAX_SCALE: u8 = 9;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const DAY: i64 = 86_400;
/// Days of years 0000 to 9999, counted from 1970.
const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

impl Form {
    /// The form that a string has, if any.
    pub(crate) fn of(string: &[u8]) -> Option<Self> {
        let point = string.iter().rev().position(|byte| *byte == b'.');
        let scale = point.and_then(|digits| u8::try_from(digits).ok()).unwrap_or(0);
        let (t, z) = (string.get(10) == Some(&b'T'), string.last() == Some(&b'Z'));
        let digits = if z { scale.saturating_sub(1) } else { scale };
        [
            Self::Integer,
            Self::Decimal { scale },
            Self::Date,
            Self::Timestamp { t, z, digits },
            Self::Ipv4,
            Self::Uuid { upper: false },
            Self::Uuid { upper: true },
            Self::Hex { upper: false },
            Self::Hex { upper: true },
            Self::Base64,
        ]
        .into_iter()
        .find(|form| form.is_stored() && form.parse(string).is_some())
    }

    /// The number and the parameter that are stored.
    pub(crate) fn stored(self) -> [u8; 2] {
        match self {
            Self::Integer => [1, 0],
            Self::Decimal { scale } => [2, scale],
            Self::Date => [3, 0],
            Self::Timestamp { t, z, digits } => [4, digits | u8::from(t) << 4 | u8::from(z) << 5],
            Self::Ipv4 => [5, 0],
            Self::Uuid { upper } => [6, u8::from(upper)],
            Self::Hex { upper } => [7, u8::from(upper)],
            Self::Base64 => [8, 0],
        }
    }

    /// The form of what is stored; `None` for what is no form.
    pub(crate) fn from_stored([number, parameter]: [u8; 2]) -> Option<Self> {
        let flag = |bit: u8| parameter >> bit & 1 == 1;
        let form = match number {
            1 => Self::Integer,
            2 => Self::Decimal { scale: parameter },
            3 => Self::Date,
            4 => Self::Timestamp { t: flag(4), z: flag(5), digits: parameter & 15 },
            5 => Self::Ipv4,
            6 => Self::Uuid { upper: flag(0) },
            7 => Self::Hex { upper: flag(0) },
            8 => Self::Base64,
            _ => return None,
        };
        (form.is_stored() && form.stored() == [number, parameter]).then_some(form)
    }

    fn is_stored(self) -> bool {
        match self {
            Self::Decimal { scale } => (1..=MAX_SCALE).contains(&scale),
            Self::Timestamp { digits, .. } => digits <= MAX_SCALE,
            _ => true,
        }
    }

    /// What a string stands for; `None` where it has not exactly this form.
    pub(crate) fn parse(self, string: &[u8]) -> Option<Parsed> {
        let parsed = self.read(string)?;
        let mut again = Vec::with_capacity(string.len());
        (self.write(&parsed, &mut again) && again == string).then_some(parsed)
    }

    fn read(self, string: &[u8]) -> Option<Parsed> {
        match self {
            Self::Integer => signed(string, 0),
            Self::Decimal { scale } => signed(string, scale),
            Self::Date => date(string).map(Parsed::Long),
            Self::Timestamp { t, z, digits } => timestamp(string, t, z, digits),
            Self::Ipv4 => {
                let mut parts = string.split(|byte| *byte == b'.');
                let value = parts.try_fold(0, |value, part| Some(value << 8 | number(part, 3)?))?;
                Some(Parsed::Long(value))
            }
            Self::Uuid { .. } => {
                if string.len() != 36 {
                    return None;
                }
                let digits = string.iter().filter(|byte| **byte != b'-');
                let value = digits
                    .map(|byte| hex_digit(*byte))
                    .try_fold(0u128, |value, digit| Some(value << 4 | u128::from(digit?)))?;
                Some(Parsed::Wide(value.cast_signed()))
            }
            Self::Hex { .. } => {
                let (pairs, rest) = string.as_chunks::<2>();
                let byte = |[high, low]: &[u8; 2]| Some(hex_digit(*high)? << 4 | hex_digit(*low)?);
                let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
                bytes.filter(|_| rest.is_empty()).map(Parsed::Bytes)
            }
            Self::Base64 => from_base64(string).map(Parsed::Bytes),
        }
    }

    /// Appends the string that stands for a value; `false` where there is none.
    pub(crate) fn write(self, value: &Parsed, out: &mut Vec<u8>) -> bool {
        match (self, value) {
            (Self::Uuid { upper }, Parsed::Wide(value)) => {
                for (index, byte) in value.to_be_bytes().into_iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        out.push(b'-');
                    }
                    push_hex(byte, upper, out);
                }
                true
            }
            (_, Parsed::Bytes(bytes)) => self.write_bytes(bytes, out),
            (_, Parsed::Long(value)) => self.write_long(*value, out),
            _ => false,
        }
    }

    /// As [`Form::write`] for forms of bytes.
    pub(crate) fn write_bytes(self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        match self {
            Self::Hex { upper } => bytes.iter().for_each(|byte| push_hex(*byte, upper, out)),
            Self::Base64 => to_base64(bytes, out),
            _ => return false,
        }
        true
    }

    /// As [`Form::write`] for forms of 64 bits.
    pub(crate) fn write_long(self, value: i64, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Integer => push_signed(value, 0, out),
            Self::Decimal { scale } => push_signed(value, scale, out),
            Self::Ipv4 => match u32::try_from(value) {
                Ok(value) => {
                    for (index, byte) in value.to_be_bytes().into_iter().enumerate() {
                        if index > 0 {
                            out.push(b'.');
                        }
                        push_digits(u64::from(byte), 1, out);
                    }
                }
                Err(_) => return false,
            },
            Self::Date => return push_date(value, out),
            Self::Timestamp { t, z, digits } => {
                let unit = 10i64.pow(u32::from(digits));
                let (seconds, rest) = (value.div_euclid(unit), value.rem_euclid(unit));
                if !push_date(seconds.div_euclid(DAY), out) {
                    return false;
                }
                let of_day = seconds.rem_euclid(DAY);
                let before = if t { b'T' } else { b' ' };
                let parts =
                    [(of_day / 3600, before), (of_day / 60 % 60, b':'), (of_day % 60, b':')];
                for (part, before) in parts {
                    out.push(before);
                    push_digits(part.unsigned_abs(), 2, out);
                }
                if digits > 0 {
                    out.push(b'.');
                    push_digits(rest.unsigned_abs(), usize::from(digits), out);
                }
                if z {
                    out.push(b'Z');
                }
            }
            Self::Uuid { .. } | Self::Hex { .. } | Self::Base64 => return false,
        }
        true
    }
}

/// At most `most` decimal digits, at least one.
fn number(digits: &[u8], most: usize) -> Option<i64> {
    let fits = (1..=most).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    fits.then(|| digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

/// A decimal number without its point.
fn signed(string: &[u8], scale: u8) -> Option<Parsed> {
    let (negative, digits) = match string.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, string),
    };
    let value = if scale == 0 {
        number(digits, MAX_DIGITS)?
    } else {
        let point = digits.len().checked_sub(usize::from(scale) + 1)?;
        let (whole, fraction) = digits.split_at_checked(point)?;
        let fraction = fraction.strip_prefix(b".")?;
        let whole = number(whole, MAX_DIGITS - fraction.len().min(MAX_DIGITS))?;
        whole * 10i64.pow(u32::from(scale)) + number(fraction, usize::from(MAX_SCALE))?
    };
    Some(Parsed::Long(if negative { -value } else { value }))
}

fn push_signed(value: i64, scale: u8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let unit = 10u64.pow(u32::from(scale));
    push_digits(value.unsigned_abs() / unit, 1, out);
    if scale > 0 {
        out.push(b'.');
        push_digits(value.unsigned_abs() % unit, usize::from(scale), out);
    }
}

/// A number in decimal digits, at least `least` of them.
pub(crate) fn push_digits(number: u64, least: usize, out: &mut Vec<u8>) {
    let mut text = [0; NUMBER_ROOM];
    let len = write_digits(number, least, &mut text);
    out.extend_from_slice(text.get(..len).unwrap_or(&[]));
}

/// Writes a number in decimal digits, at least `least` and at most [`NUMBER_ROOM`] of them, and gives how many. Bytes
/// after these may be overwritten.
#[inline]
pub(crate) fn write_digits(number: u64, least: usize, to: &mut [u8; NUMBER_ROOM]) -> usize {
    let own = number.checked_ilog10().map_or(1, |power| power as usize + 1);
    let len = own.max(least).min(NUMBER_ROOM);
    match u32::try_from(number) {
        // All digits at once, those in front shifted out.
        Ok(few) if few < 10_000 && len <= 4 => {
            let digits = u32::from_be_bytes(four_digits(few)) << (8 * (4 - len));
            if let Some(to) = to.first_chunk_mut() {
                *to = digits.to_be_bytes();
            }
        }
        Ok(some) if some < 100_000_000 && len <= 8 => {
            let halves =
                [some / 10_000, some % 10_000].map(|half| u32::from_be_bytes(four_digits(half)));
            let digits = u64::from(halves[0]) << 32 | u64::from(halves[1]);
            if let Some(to) = to.first_chunk_mut() {
                *to = (digits << (8 * (8 - len))).to_be_bytes();
            }
        }
        _ => {
            let mut rest = number;
            for slot in to.get_mut(..len).unwrap_or(&mut []).iter_mut().rev() {
                *slot = digit(rest % 10);
                rest /= 10;
            }
        }
    }
    len
}

/// Four digits of a number less than 10,000.
fn four_digits(number: u32) -> [u8; 4] {
    let (high, low) = (number / 100, number % 100);
    [high / 10, high % 10, low / 10, low % 10].map(|one| digit(one.into()))
}

fn digit(number: u64) -> u8 {
    b'0' + number.to_le_bytes()[0]
}

/// Days since 1970 of `yyyy-MM-dd` (Hinnant: chrono-compatible low-level date algorithms).
fn date(string: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = string else {
        return None;
    };
    let year = number(&[*y1, *y2, *y3, *y4], 4)?;
    let (month, day) = (number(&[*m1, *m2], 2)?, number(&[*d1, *d2], 2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some(era * 146_097 + days - 719_468)
}

/// Appends `yyyy-MM-dd`; `false` outside years 0000 to 9999.
fn push_date(days: i64, out: &mut Vec<u8>) -> bool {
    if !DAYS.contains(&days) {
        return false;
    }
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    for (part, digits, after) in [(year, 4, b"-".as_slice()), (month, 2, b"-"), (day, 2, b"")] {
        push_digits(part.unsigned_abs(), digits, out);
        out.extend_from_slice(after);
    }
    true
}

fn timestamp(string: &[u8], t: bool, z: bool, digits: u8) -> Option<Parsed> {
    let (day, time) = string.split_at_checked(10)?;
    let time = time.strip_prefix(if t { b"T" } else { b" " })?;
    let time = if z { time.strip_suffix(b"Z")? } else { time };
    let (clock, fraction) = time.split_at_checked(8)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = clock else {
        return None;
    };
    let part = |a: &u8, b: &u8| number(&[*a, *b], 2).filter(|part| *part < 60);
    let seconds = part(h1, h2)? * 3600 + part(m1, m2)? * 60 + part(s1, s2)?;
    let rest = if digits == 0 {
        fraction.is_empty().then_some(0)?
    } else {
        number(fraction.strip_prefix(b".")?, usize::from(MAX_SCALE))?
    };
    let unit = 10i64.pow(u32::from(digits));
    let seconds = date(day)? * DAY + seconds;
    seconds.checked_mul(unit)?.checked_add(rest).map(Parsed::Long)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn push_hex(byte: u8, upper: bool, out: &mut Vec<u8>) {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let digit = |half: u8| digits.get(usize::from(half)).copied().unwrap_or(b'0');
    out.extend([digit(byte >> 4), digit(byte & 15)]);
}

fn base64_digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

fn from_base64(string: &[u8]) -> Option<Vec<u8>> {
    let (groups, rest) = string.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(groups.len() * 3);
    for group in groups {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        let digits = group.iter().take(4 - padding);
        let value = digits
            .map(|byte| base64_digit(*byte))
            .try_fold(0u32, |value, digit| Some(value << 6 | u32::from(digit?)))?;
        let bytes = (value << (6 * padding)).to_be_bytes();
        // Padding of three or in the middle does not come back and is found out then.
        out.extend(bytes.into_iter().skip(1).take(3 - padding.min(3)));
    }
    Some(out)
}

fn to_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let mut padded = [0; 4];
        for (slot, byte) in padded.iter_mut().skip(1).zip(group) {
            *slot = *byte;
        }
        let value = u32::from_be_bytes(padded);
        for place in 0..4u32 {
            let digit = usize::from((value >> (18 - 6 * place)).to_le_bytes()[0] & 63);
            let used = place as usize <= group.len();
            out.push(if used { BASE64.get(digit).copied().unwrap_or(b'=') } else { b'=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        let powers = (0..20).map(|power| 10u64.pow(power));
        for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX]) {
            for least in 0..=20 {
                let mut out = Vec::new();
                push_digits(number, least, &mut out);
                assert_eq!(out, format!("{number:0least$}").into_bytes());
            }
        }
    }

    #[test]
    fn strings_have_forms() {
        let timestamp = |t, z, digits| Form::Timestamp { t, z, digits };
        for (string, form) in [
            ("0", Form::Integer),
            ("-123456789012345678", Form::Integer),
            ("12.50", Form::Decimal { scale: 2 }),
            ("-0.5", Form::Decimal { scale: 1 }),
            ("2026-11-26", Form::Date),
            ("0000-02-29", Form::Date),
            ("2026-11-26 20:15:09", timestamp(false, false, 0)),
            ("1969-12-31T23:59:59.123456Z", timestamp(true, true, 6)),
            ("10.0.255.1", Form::Ipv4),
            ("00112233-4455-6677-8899-aabbccddeeff", Form::Uuid { upper: false }),
            ("00112233-4455-6677-8899-AABBCCDDEEFF", Form::Uuid { upper: true }),
            ("00ff", Form::Hex { upper: false }),
            ("00FF", Form::Hex { upper: true }),
            ("aGVsbG8=", Form::Base64),
        ] {
            assert_eq!(Form::of(string.as_bytes()), Some(form), "{string}");
            let parsed = form.parse(string.as_bytes()).unwrap();
            let mut again = Vec::new();
            assert!(form.write(&parsed, &mut again));
            assert_eq!(String::from_utf8(again).unwrap(), string);
            assert_eq!(Form::from_stored(form.stored()), Some(form));
        }
        for string in [
            "",
            "-",
            "-0",
            "-0.0",
            "01",
            "+1",
            "1.",
            ".5",
            "1e5",
            "1234567890123456789",
            "2026-02-30",
            "2026-13-01",
            "2026-11-26 24:00:00",
            "1.2.3",
            "1.2.3.256",
            "1.2.3.04",
            "a=b=",
            "abc",
            "é",
            "a===",
        ] {
            let form = Form::of(string.as_bytes());
            assert!(matches!(form, None | Some(Form::Hex { .. })), "{string}: {form:?}");
        }
    }

    #[test]
    fn every_day_comes_back() {
        for days in (-719_528..2_932_896).step_by(97).chain([-719_528, 2_932_896]) {
            let mut text = Vec::new();
            assert!(push_date(days, &mut text));
            assert_eq!(date(&text), Some(days));
        }
        assert!(!push_date(-719_529, &mut Vec::new()) && !push_date(2_932_897, &mut Vec::new()));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for stored in [[0, 0], [1, 1], [2, 0], [2, 10], [4, 10], [4, 64], [6, 2], [9, 0]] {
            assert_eq!(Form::from_stored(stored), None, "{stored:?}");
        }
    }
}
