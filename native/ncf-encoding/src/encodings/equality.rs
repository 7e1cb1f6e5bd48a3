//! Equality (32): the values of another column, and the rows that have others.

use ncf_core::{Error, PhysicalType, Result, Values};

use super::Encoding;
use super::integers::{check_ascending, column};
use super::null_fill::{read_lead, refill};
use crate::decoded::{DecodedValues, replaced};
use crate::id::EncodingId;
use crate::node::DecodeContext;
use crate::reader::Reader;

/// See `docs/spec/encodings.md`, Equality. Encoded by [`crate::relations::encode_related`].
pub(crate) struct Equality;

impl Encoding for Equality {
    fn id(&self) -> EncodingId {
        EncodingId::EQUALITY
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical != PhysicalType::Bool
    }

    fn relates(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        0.5
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let reference = context.reference(body.u8()?, len)?;
        let lead = read_lead(body, physical, context)?;
        let values = reference.clone().into_flat(context.budget)?;
        if values.physical() != physical {
            return Err(Error::corrupt("a column equals one of another type"));
        }
        let values = exceptions(body, values, context)?;
        Ok(DecodedValues::Flat(refill(&lead, values, context)?))
    }
}

/// `values`, but for the exceptions that follow in the body: `count u32 · node of i32 rows, ascending · node of their
/// values`.
pub(super) fn exceptions(
    body: &mut Reader<'_>,
    values: Values,
    context: &DecodeContext<'_>,
) -> Result<Values> {
    let count = body.size()?;
    if count == 0 {
        return Ok(values);
    }
    let len = values.len();
    if count > len {
        return Err(Error::corrupt(format!("{count} exceptions in {len} rows")));
    }
    let rows = column::<i32>(body, count, context)?;
    let others = context.flat(body, values.physical(), count)?;
    check_ascending(&rows, len, "the rows of exceptions do not ascend")?;
    replaced(&values, &others, &rows, context.budget)
}
