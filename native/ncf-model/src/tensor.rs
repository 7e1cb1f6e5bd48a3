//! A constant of a model: its shape must be small, and its values must be there.

use ncf_core::wire::Cursor;
use ncf_core::{Error, Result};

use crate::check::too_large;
use crate::wire::{Fields, Value};

/// Most that a dimension of a constant may be: no result has more columns, whatever the graph does.
pub(crate) const MOST_COLUMNS: u64 = 256;

/// A constant.
#[derive(Debug, Default)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    dims: Vec<u64>,
    data_type: u64,
    /// Values given as numbers, and as bytes.
    numbers: u64,
    raw: Option<u64>,
}

impl Tensor {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut tensor = Self::default();
        let mut external = false;
        let mut fields = Fields::new("a tensor of the model", bytes);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => tensor.add_dims(value)?,
                2 => tensor.data_type = value.number("the type of a tensor")?,
                4 => tensor.numbers += value.count(4),
                5 | 7 | 11 => tensor.numbers += value.count(0),
                8 => tensor.name = value.text("the name of a tensor")?,
                9 => tensor.raw = Some(value.bytes("a tensor")?.len() as u64),
                10 => tensor.numbers += value.count(8),
                12 | 16 => {}
                13 => external = true,
                14 => external |= value.number("where a tensor is")? != 0,
                other => {
                    return Err(Error::unsupported(format!(
                        "the tensor {} of the model has field {other}, which is not allowed",
                        tensor.name
                    )));
                }
            }
        }
        if external {
            return Err(Error::unsupported(format!(
                "the tensor {} of the model keeps its values in another file (external_data); export the model with all of them inside",
                tensor.name
            )));
        }
        Ok(tensor)
    }

    fn add_dims(&mut self, value: Value<'_>) -> Result<()> {
        match value {
            Value::Varint(dim) => self.dims.push(dim),
            Value::Bytes(packed) => {
                let mut cursor = Cursor::new("the shape of a tensor", packed);
                while cursor.remaining() > 0 {
                    self.dims.push(cursor.varint()?);
                }
            }
            _ => return Err(Error::corrupt("the shape of a tensor has a wrong wire type")),
        }
        Ok(())
    }

    /// Refuses a shape that is too large, a type that numbers do not have, and values that are not as many as the
    /// shape says. `most`: of a dimension.
    pub(crate) fn check(&self, most: u64) -> Result<()> {
        let name = &self.name;
        if self.dims.len() > 2 {
            return Err(Error::unsupported(format!(
                "the tensor {name} of the model has {} dimensions; at most two are allowed",
                self.dims.len()
            )));
        }
        let greatest = self.dims.iter().copied().max().unwrap_or(0);
        if greatest > most {
            let what = format!("a dimension of the tensor {name} of the model");
            return Err(too_large(&what, greatest, most));
        }
        // float, uint8, int8, int32, int64, double.
        let width = match self.data_type {
            2 | 3 => 1,
            1 | 6 => 4,
            7 | 11 => 8,
            other => {
                return Err(Error::unsupported(format!(
                    "the tensor {name} of the model has the type {other}; only float, double and whole numbers are allowed"
                )));
            }
        };
        let wanted = self.dims.iter().fold(1u64, |product, dim| product.saturating_mul(*dim));
        let fits = match self.raw {
            Some(bytes) => self.numbers == 0 && Some(bytes) == wanted.checked_mul(width),
            None => self.numbers == wanted,
        };
        if fits {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "the tensor {name} of the model says that it has {wanted} values, and has others"
        )))
    }
}
