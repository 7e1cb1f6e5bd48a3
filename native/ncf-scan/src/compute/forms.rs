//! Functions of one value, carried out on the distinct forms of a page.

use std::sync::Arc;

use ncf_core::{Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};

use super::numbers::flat;
use crate::filter::{Cache, is_worth};

/// A page whose values went through `function`, in the form that it has.
pub(super) fn map(
    page: &DecodedPage,
    function: &dyn Fn(&Values) -> Result<Values>,
) -> Result<DecodedPage> {
    let values = match &page.values {
        DecodedValues::Flat(values) => DecodedValues::Flat(function(values)?),
        DecodedValues::Symbols(_) => DecodedValues::Flat(function(&flat(page)?)?),
        DecodedValues::Constant(value, len) => DecodedValues::Constant(function(value)?, *len),
        DecodedValues::Runs { ends, values } => {
            DecodedValues::Runs { ends: ends.clone(), values: function(values)? }
        }
        DecodedValues::Dictionary { codes, values } => {
            DecodedValues::Dictionary { codes: codes.clone(), values: Arc::new(function(values)?) }
        }
    };
    Ok(DecodedPage { validity: page.validity.clone(), values })
}

/// The same for a step of a program: a dictionary goes through the function once for all its pages, or
/// not at all if it is much larger than the rows at hand.
pub(super) fn map_step(
    page: &DecodedPage,
    step: usize,
    cache: &mut Cache,
    function: &dyn Fn(&Values) -> Result<Values>,
) -> Result<DecodedPage> {
    let DecodedValues::Dictionary { codes, values } = &page.values else {
        return map(page, function);
    };
    let values = if is_worth(values, codes.len()) {
        let values = cache.mapped(step, values, function)?;
        DecodedValues::Dictionary { codes: codes.clone(), values }
    } else {
        DecodedValues::Flat(function(&flat(page)?)?)
    };
    Ok(DecodedPage { validity: page.validity.clone(), values })
}
