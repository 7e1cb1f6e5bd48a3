//! Map (33): the rank of each value among those that rows with the same values in other columns have.

use arrow_buffer::BooleanBuffer;
use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::Integer;
use super::null_fill::read_lead;
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::native::{Native, with_values};
use crate::node::DecodeContext;
use crate::reader::Reader;
use crate::relations::map_table::MAX_KEYS;

/// See `docs/spec/encodings.md`, Map. Encoded by [`crate::relations::encode_related`].
pub(crate) struct Map;

impl Encoding for Map {
    fn id(&self) -> EncodingId {
        EncodingId::MAP
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical != PhysicalType::Bool
    }

    fn relates(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        2.0
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let map = context.shared.map();
        let map = map.ok_or_else(|| Error::corrupt("a page has ranks but its chunk has no map"))?;
        if map.values().physical() != physical {
            return Err(Error::corrupt("the map has values of another type than the column"));
        }
        let keys = keys(body, len, context)?;
        let lead = read_lead(body, physical, context)?;
        let mut codes = match context.node(body, PhysicalType::I32, len)? {
            DecodedValues::Constant(Values::I32(ranks), _)
                if ranks.iter().all(|rank| *rank == 0) =>
            {
                map.codes(&keys, None, len, context.budget)?
            }
            ranks => {
                let ranks = i32::from_values(ranks.into_flat(context.budget)?)?;
                map.codes(&keys, Some(&ranks), len, context.budget)?
            }
        };
        if let Some(validity) = context.validity() {
            fill(&mut codes, validity, number_of(&lead, map.values())?, physical)?;
        }
        let highest = codes.iter().copied().fold(0, u32::max);
        if len > 0 && highest as usize >= map.values().len() {
            return Err(Error::corrupt("a row has keys or a rank that its map does not have"));
        }
        Ok(DecodedValues::Dictionary { codes: codes.into(), values: map.values().clone() })
    }
}

/// The keys of each row: `keys u8 · number of each key's column u8` say which columns have them.
pub(super) fn keys<'a>(
    body: &mut Reader<'_>,
    len: usize,
    context: &DecodeContext<'a>,
) -> Result<Vec<&'a DecodedValues>> {
    let count = usize::from(body.u8()?);
    if count > MAX_KEYS {
        return Err(Error::corrupt(format!("{count} keys of a map")));
    }
    (0..count).map(|_| context.reference(body.u8()?, len)).collect()
}

/// The number of the value that null rows have which no valid one comes before; of strings all of them.
fn number_of(lead: &Values, values: &Values) -> Result<u32> {
    let found = with_values!(values,
        fixed(v) => v.iter().position(|value| value.same(Native::first_of(lead))),
        bool(_v) => None,
        bytes(v) => v.iter().position(<[u8]>::is_empty),
    );
    let number = found.and_then(|at| u32::try_from(at).ok());
    number.ok_or_else(|| Error::corrupt("a map does not have the value that stands at null rows"))
}

/// Null rows get what writers make of them: strings are empty, which `lead` stands for; others repeat the last
/// valid value, before which `lead` stands.
fn fill(
    codes: &mut [u32],
    validity: &BooleanBuffer,
    lead: u32,
    physical: PhysicalType,
) -> Result<()> {
    if validity.len() != codes.len() {
        return Err(Error::corrupt("a map of other rows than its page has"));
    }
    let strings = physical == PhysicalType::Bytes;
    let mut last = lead;
    for (code, valid) in codes.iter_mut().zip(validity) {
        match valid {
            true if strings => {}
            true => last = *code,
            false => *code = last,
        }
    }
    Ok(())
}
