//! Product (35): what is left beside a product of other columns, or of one and a map of others.

use ncf_core::{Budget, Error, PhysicalType, Result, Values};

use super::Encoding;
use super::linear::add_residual;
use super::map;
use super::null_fill::{read_lead, refill};
use crate::decoded::DecodedValues;
use crate::id::EncodingId;
use crate::node::DecodeContext;
use crate::reader::Reader;
use crate::relations::map_table::MapTable;
use crate::relations::{Divider, Transform};

/// The second factor is a column.
pub(crate) const OF_COLUMN: u8 = 0;
/// The second factor is a map.
pub(crate) const OF_MAP: u8 = 1;

/// See `docs/spec/encodings.md`, Product. Encoded by [`crate::relations::encode_related`].
pub(crate) struct Product;

impl Encoding for Product {
    fn id(&self) -> EncodingId {
        EncodingId::PRODUCT
    }

    fn accepts(&self, physical: PhysicalType) -> bool {
        physical.is_integer() && physical != PhysicalType::I128
    }

    fn relates(&self) -> bool {
        true
    }

    fn decode_cost(&self) -> f64 {
        4.0
    }

    fn decode(
        &self,
        body: &mut Reader<'_>,
        physical: PhysicalType,
        len: usize,
        context: &DecodeContext<'_>,
    ) -> Result<DecodedValues> {
        let factor = integers(context.reference(body.u8()?, len)?, context.budget)?;
        let mut products = match body.u8()? {
            OF_COLUMN => integers(context.reference(body.u8()?, len)?, context.budget)?,
            OF_MAP => {
                let map = context.shared.map();
                let map = map.ok_or_else(|| Error::corrupt("a product has no map"))?;
                let keys = map::keys(body, len, context)?;
                factors(map, &keys, len, context.budget)?
            }
            other => return Err(Error::corrupt(format!("a product of kind {other}"))),
        };
        let divisor = Divider::new(body.u64()?);
        let divisor = divisor.ok_or_else(|| Error::corrupt("a product over no positive number"))?;
        let lead = read_lead(body, physical, context)?;
        multiply(&mut products, &factor, divisor);
        let values = add_residual(body, physical, products, context)?;
        Ok(DecodedValues::Flat(refill(&lead, values, context)?))
    }
}

/// The integers of a column.
pub(crate) fn integers(values: &DecodedValues, budget: &Budget) -> Result<Vec<i64>> {
    let mut out = budget.vec("factors", values.len())?;
    match values {
        DecodedValues::Flat(flat) => Transform::Identity.apply(flat, &mut out)?,
        other => Transform::Identity.apply(&other.clone().into_flat(budget)?, &mut out)?,
    }
    Ok(out)
}

/// The integer that a map has for the keys of each row; 0 for those that it does not have.
pub(crate) fn factors(
    map: &MapTable,
    keys: &[&DecodedValues],
    len: usize,
    budget: &Budget,
) -> Result<Vec<i64>> {
    let Values::I64(values) = &**map.values() else {
        return Err(Error::corrupt("a product with a map of other values than 64-bit integers"));
    };
    let codes = map.codes(keys, None, len, budget)?;
    let mut out: Vec<i64> = budget.vec("factors", len)?;
    out.extend(codes.iter().map(|code| values.get(*code as usize).copied().unwrap_or(0)));
    Ok(out)
}

/// `products[i] · factor[i] ÷ divisor`, rounded down, in place.
pub(crate) fn multiply(products: &mut [i64], factor: &[i64], divisor: Divider) {
    for (product, factor) in products.iter_mut().zip(factor) {
        *product = divisor.floor(product.wrapping_mul(*factor));
    }
}
