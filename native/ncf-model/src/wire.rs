//! The fields of a protobuf message, read without trust: no recursion, and no memory but for what is returned.

use ncf_core::wire::Cursor;
use ncf_core::{Error, Result};

/// A field's value by its wire type. Groups, which nothing writes any more, are refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64,
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of a message, in order.
pub(crate) struct Fields<'a> {
    cursor: Cursor<'a>,
    what: &'static str,
}

impl<'a> Fields<'a> {
    /// Those of a message, which `what` names in errors.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(what, bytes), what }
    }

    /// The next field: its number and value.
    pub(crate) fn next_field(&mut self) -> Result<Option<(u64, Value<'a>)>> {
        if self.cursor.remaining() == 0 {
            return Ok(None);
        }
        let tag = self.cursor.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.cursor.varint()?),
            1 => {
                self.cursor.take(8)?;
                Value::Fixed64
            }
            2 => {
                let length = self.cursor.varint()?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Value::Bytes(self.cursor.take(length)?)
            }
            5 => {
                self.cursor.take(4)?;
                Value::Fixed32
            }
            other => {
                return Err(Error::corrupt(format!(
                    "{} has a field of wire type {other}; it is no ONNX model, or a damaged one",
                    self.what
                )));
            }
        };
        Ok(Some((tag >> 3, value)))
    }
}

impl<'a> Value<'a> {
    /// The bytes of a string, a message or packed numbers.
    pub(crate) fn bytes(self, what: &str) -> Result<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Error::corrupt(format!("{what} of the model has a wrong wire type"))),
        }
    }

    /// A string; bytes that are no text are shown as they can be.
    pub(crate) fn text(self, what: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(self.bytes(what)?).into_owned())
    }

    /// A number.
    pub(crate) fn number(self, what: &str) -> Result<u64> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(Error::corrupt(format!("{what} of the model has a wrong wire type"))),
        }
    }

    /// How many numbers of `width` bytes each, packed or alone, or varints where `width` is 0.
    pub(crate) fn count(self, width: usize) -> u64 {
        match self {
            Self::Bytes(bytes) if width == 0 => {
                bytes.iter().filter(|byte| **byte < 0x80).count() as u64
            }
            Self::Bytes(bytes) => (bytes.len() / width) as u64,
            _ => 1,
        }
    }
}
