//! The bytes of an index.
//!
//! ```text
//! 0  kind u8 (5 fences, 6 linear, 7 a model) · keys u8 (1 numbers, 2 wide numbers, 3 codes of strings, 4 strings,
//!    5 codes of strings of one length)
//! 2  flags u8 (1 descending) · window varint, in sixteenths of a vector
//! …  bytes of the fences varint · bytes of the model varint, 0 = none · vectors varint
//! …  wide numbers: base i128 · shift u8
//!    codes of strings: bytes of the prefix varint · prefix · 32 bytes of bits, one for each byte that occurs
//! …  fences: distance varint · unit varint · low bits u8 · the first varint · of the differences to the one before,
//!    in units: low bits of each · for each the other bits varint
//!    of strings: distance varint · for each bytes shared with the one before varint · other bytes varint · these
//!    linear: segments varint · below varint · above varint · for each the differences of its key and its start
//!    to those of the one before, varints · slope u32 · shift u8
//!    a model: SHA-256 of its bytes, 32 bytes · these bytes varint · first key varint · the difference to the last
//!    varint · below varint · above varint
//! …  exceptions varint · for each vectors since the one before varint · unless keys are strings, its least key
//!    varint · the difference to its greatest varint
//! ```

use ncf_core::{DataType, Error, PhysicalType, Result};

use super::fences::Fences;
use super::key::{KeyMap, TEXT_BYTES, TextMap};
use super::learn::most_exceptions;
use super::linear::Linear;
use super::model::Model;
use super::{Exception, Form, Index, Sizes};
use crate::wire::{Cursor, put_varint};

/// Kinds. Lesser ones stood for other layouts before the first release.
const FENCES: u8 = 5;
const LINEAR: u8 = 6;
const MODEL: u8 = 7;
/// Keys.
const NUMBERS: u8 = 1;
const WIDE: u8 = 2;
const CODES: u8 = 3;
const STRINGS: u8 = 4;
const CODES_OF_ONE_LENGTH: u8 = 5;
/// Flags.
const DESCENDING: u8 = 1;

impl Index {
    /// The bytes in the file.
    pub fn encode(&self) -> Vec<u8> {
        let (kind, map) = match &self.form {
            Form::Fences(map, _) => (FENCES, Some(map)),
            Form::Linear(map, _) => (LINEAR, Some(map)),
            Form::Text(_) => (FENCES, None),
            Form::Model(map, _) => (MODEL, Some(map)),
        };
        let keys = match map {
            Some(KeyMap::Number) => NUMBERS,
            Some(KeyMap::Wide { .. }) => WIDE,
            Some(KeyMap::Text(map)) if map.one_length => CODES_OF_ONE_LENGTH,
            Some(KeyMap::Text(_)) => CODES,
            None => STRINGS,
        };
        let mut out = vec![kind, keys, u8::from(self.descending) * DESCENDING];
        for number in [self.window, self.sizes.fences, self.sizes.linear, self.vectors] {
            put_varint(&mut out, number);
        }
        match map {
            None | Some(KeyMap::Number) => {}
            Some(KeyMap::Wide { base, shift }) => {
                out.extend(base.to_le_bytes());
                out.push(*shift);
            }
            Some(KeyMap::Text(map)) => put_text_map(map, &mut out),
        }
        match &self.form {
            Form::Fences(_, fences) => fences.encode(&mut out),
            Form::Linear(_, model) => model.encode(&mut out),
            Form::Text(fences) => fences.encode(&mut out),
            Form::Model(_, model) => model.encode(&mut out),
        }
        put_varint(&mut out, self.exceptions.len() as u64);
        let mut next = 0;
        for Exception { vector, bounds } in &self.exceptions {
            put_varint(&mut out, vector - next);
            next = vector + 1;
            if let Some((least, most)) = bounds {
                put_varint(&mut out, *least);
                put_varint(&mut out, most - least);
            }
        }
        out
    }

    /// Bytes of memory that a section of so many bytes takes, at most.
    pub fn memory(bytes: usize, data_type: DataType) -> u64 {
        // A fence of a string takes two bytes or more, and in memory up to 64 and a vector; one of a number takes one,
        // and eight.
        let times = if data_type.physical() == PhysicalType::Bytes { 48 } else { 16 };
        bytes as u64 * times
    }

    /// Reads a verified section of a column with this type and so many vectors. `None` where it is of a kind
    /// that this version does not know: an index is never needed.
    ///
    /// # Errors
    /// `Corrupt` where it is none.
    pub fn decode(bytes: &[u8], data_type: DataType, vectors: u64) -> Result<Option<Self>> {
        let mut cursor = Cursor::new("an index", bytes);
        let (kind, keys, flags) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        if !matches!(kind, FENCES | LINEAR | MODEL)
            || !(NUMBERS..=CODES_OF_ONE_LENGTH).contains(&keys)
        {
            return Ok(None);
        }
        if flags & !DESCENDING != 0 {
            return Err(wrong("the flags"));
        }
        let window = cursor.varint()?;
        let sizes = Sizes { fences: cursor.varint()?, linear: cursor.varint()? };
        if cursor.varint()? != vectors {
            return Err(wrong("the vectors"));
        }
        let map = key_map(keys, data_type, &mut cursor)?;
        if flags & DESCENDING != 0 && keys == STRINGS {
            return Err(wrong("the flags"));
        }
        let form = match (map, kind) {
            (None, FENCES) => {
                Form::Text(Fences::<Vec<u8>>::decode(&mut cursor, vectors, TEXT_BYTES)?)
            }
            (None, _) => return Err(wrong("the keys")),
            (Some(map), LINEAR) => Form::Linear(map, Linear::decode(&mut cursor, vectors)?),
            (Some(map), MODEL) => Form::Model(map, Model::decode(&mut cursor, vectors)?),
            (Some(map), _) => Form::Fences(map, Fences::<u64>::decode(&mut cursor, vectors)?),
        };
        let exceptions = exceptions(&mut cursor, vectors, keys != STRINGS)?;
        cursor.finish()?;
        let descending = flags & DESCENDING != 0;
        Ok(Some(Self { data_type, vectors, descending, form, exceptions, sizes, window }))
    }
}

/// How values become codes, by the number of the keys; `None` where keys are strings.
fn key_map(keys: u8, data_type: DataType, cursor: &mut Cursor<'_>) -> Result<Option<KeyMap>> {
    Ok(match (keys, data_type.physical()) {
        (STRINGS, PhysicalType::Bytes) => None,
        (CODES | CODES_OF_ONE_LENGTH, PhysicalType::Bytes) => {
            Some(KeyMap::Text(text_map(cursor, keys == CODES_OF_ONE_LENGTH)?))
        }
        (WIDE, PhysicalType::I128) => {
            Some(KeyMap::Wide { base: cursor.i128()?, shift: cursor.u8()? })
        }
        (NUMBERS, PhysicalType::Bool | PhysicalType::I128 | PhysicalType::Bytes) => {
            return Err(wrong("the keys"));
        }
        (NUMBERS, _) => Some(KeyMap::Number),
        _ => return Err(wrong("the keys")),
    })
}

fn wrong(what: &str) -> Error {
    Error::corrupt(format!("{what} of an index are wrong"))
}

fn exceptions(cursor: &mut Cursor<'_>, vectors: u64, bounded: bool) -> Result<Vec<Exception>> {
    let wrong = || wrong("the exceptions");
    let wanted = cursor.varint()?;
    if wanted > most_exceptions(vectors) {
        return Err(wrong());
    }
    let mut found = cursor.items(wanted, 1)?;
    let mut next = 0u64;
    for _ in 0..wanted {
        let vector = next.checked_add(cursor.varint()?).filter(|vector| *vector < vectors);
        let vector = vector.ok_or_else(wrong)?;
        next = vector + 1;
        let bounds = match bounded {
            false => None,
            true => {
                let (least, more) = (cursor.varint()?, cursor.varint()?);
                Some((least, least.checked_add(more).ok_or_else(wrong)?))
            }
        };
        found.push(Exception { vector, bounds });
    }
    Ok(found)
}

fn put_text_map(map: &TextMap, out: &mut Vec<u8>) {
    put_varint(out, map.prefix.len() as u64);
    out.extend_from_slice(&map.prefix);
    let mut bits = [0u8; 32];
    for byte in &map.alphabet {
        if let Some(bits) = bits.get_mut(usize::from(byte / 8)) {
            *bits |= 1 << (byte % 8);
        }
    }
    out.extend(bits);
}

fn text_map(cursor: &mut Cursor<'_>, one_length: bool) -> Result<TextMap> {
    let length = cursor.varint_len()?;
    if length > TEXT_BYTES {
        return Err(Error::corrupt("the prefix of an index is too long"));
    }
    let prefix = cursor.take(length)?.to_vec();
    let bits = cursor.take(32)?;
    let occurs =
        |byte: &u8| bits.get(usize::from(byte / 8)).is_some_and(|bits| bits >> (byte % 8) & 1 == 1);
    let alphabet: Vec<u8> = (0..=u8::MAX).filter(occurs).collect();
    if one_length && alphabet.len() < 2 {
        return Err(wrong("the bytes that occur in strings"));
    }
    Ok(TextMap { prefix, alphabet, one_length })
}
