//! Pages of a stored type as pages of a wider one (`ncf_core::widening`), in the form in which they
//! came: dictionary codes and runs stay. What comes after the reading of pages sees the wider type only.

use std::sync::Arc;

use arrow_buffer::{ArrowNativeType, BooleanBuffer};
use ncf_core::{Budget, DataType, Error, PhysicalType, Result, Values};
use ncf_encoding::{DecodedPage, DecodedValues};

use crate::filter::{gather, splat, spread};

/// How a stored column is read as a wider type.
pub(crate) struct Widening {
    stored: DataType,
    wider: DataType,
    /// The dictionary that was widened last, and what it became: pages of a chunk share it.
    dictionary: Option<(Arc<Values>, Arc<Values>, Option<BooleanBuffer>)>,
}

impl Widening {
    /// How `stored` is read as `wider`; `None` when the values are the same already.
    pub(crate) fn new(stored: DataType, wider: DataType) -> Option<Self> {
        let same = stored == wider
            || (stored.physical() == wider.physical() && stored.factor(wider) == Some(1));
        (!same).then_some(Self { stored, wider, dictionary: None })
    }

    /// The page with wider values.
    ///
    /// # Errors
    /// `Unsupported` when a value has no counterpart; `LimitExceeded` when the values do not fit the
    /// budget.
    pub(crate) fn page(&mut self, page: DecodedPage, budget: &Budget) -> Result<DecodedPage> {
        let DecodedPage { validity, values } = page;
        let (values, lost) = match values {
            DecodedValues::Flat(values) => {
                let (values, lost) = self.values(&values, budget)?;
                (DecodedValues::Flat(values), lost)
            }
            DecodedValues::Symbols(strings) => {
                let (values, lost) = self.values(&strings.decode(budget)?, budget)?;
                (DecodedValues::Flat(values), lost)
            }
            DecodedValues::Constant(value, len) => {
                let (value, lost) = self.values(&value, budget)?;
                (DecodedValues::Constant(value, len), lost.map(|bits| splat(bits.has_true(), len)))
            }
            DecodedValues::Runs { ends, values } => {
                let (values, lost) = self.values(&values, budget)?;
                let lost = lost.map(|bits| spread(&bits, &ends));
                (DecodedValues::Runs { ends, values }, lost)
            }
            DecodedValues::Dictionary { codes, values } => {
                let (values, lost) = self.dictionary(values, budget)?;
                let lost = lost.map(|bits| gather(&bits, &codes));
                (DecodedValues::Dictionary { codes, values }, lost)
            }
        };
        // What stands at null rows means nothing.
        let lost = lost.map(|lost| validity.as_ref().map_or_else(|| lost.clone(), |v| &lost & v));
        if lost.is_some_and(|lost| lost.has_true()) {
            return Err(Error::unsupported(format!(
                "a value of the column, which is stored as {}, is outside of {}; read it as {} and cast",
                self.stored, self.wider, self.stored
            )));
        }
        Ok(DecodedPage { validity, values })
    }

    fn dictionary(
        &mut self,
        values: Arc<Values>,
        budget: &Budget,
    ) -> Result<(Arc<Values>, Option<BooleanBuffer>)> {
        if let Some((have, wide, lost)) = &self.dictionary
            && Arc::ptr_eq(have, &values)
        {
            return Ok((wide.clone(), lost.clone()));
        }
        let (wide, lost) = self.values(&values, budget)?;
        let wide = Arc::new(wide);
        self.dictionary = Some((values, wide.clone(), lost.clone()));
        Ok((wide, lost))
    }

    /// The wider values, and where a value has no counterpart.
    fn values(&self, values: &Values, budget: &Budget) -> Result<(Values, Option<BooleanBuffer>)> {
        let factor = self.stored.factor(self.wider);
        let to = self.wider.physical();
        match values {
            Values::I8(v) => integers(v, factor, to, budget),
            Values::I16(v) => integers(v, factor, to, budget),
            Values::I32(v) => integers(v, factor, to, budget),
            Values::I64(v) => integers(v, factor, to, budget),
            Values::I128(v) => integers(v, factor, to, budget),
            Values::F32(v) if to == PhysicalType::F64 => {
                let (wide, lost) = each(v, budget, |v| Some(f64::from(v)))?;
                Ok((Values::F64(wide.into()), lost))
            }
            _ => Err(not_wider(to)),
        }
    }
}

fn integers<T: Copy + Into<i128>>(
    values: &[T],
    factor: Option<i128>,
    to: PhysicalType,
    budget: &Budget,
) -> Result<(Values, Option<BooleanBuffer>)> {
    let factor = factor.unwrap_or(1);
    let wide = |v: T| if factor == 1 { Some(v.into()) } else { v.into().checked_mul(factor) };
    macro_rules! to {
        ($variant:ident, $convert:expr) => {{
            let (wide, lost) = each(values, budget, $convert)?;
            Ok((Values::$variant(wide.into()), lost))
        }};
    }
    match to {
        PhysicalType::I16 => to!(I16, |v| i16::try_from(wide(v)?).ok()),
        PhysicalType::I32 => to!(I32, |v| i32::try_from(wide(v)?).ok()),
        PhysicalType::I64 => to!(I64, |v| i64::try_from(wide(v)?).ok()),
        PhysicalType::I128 => to!(I128, wide),
        PhysicalType::F64 => to!(F64, |v| i32::try_from(wide(v)?).ok().map(f64::from)),
        other => Err(not_wider(other)),
    }
}

/// `convert` of each value, 0 where it has none, and where that is.
fn each<T: Copy, U: ArrowNativeType>(
    values: &[T],
    budget: &Budget,
    convert: impl Fn(T) -> Option<U>,
) -> Result<(Vec<U>, Option<BooleanBuffer>)> {
    let mut out = budget.vec("values of a wider type", values.len())?;
    let mut fits = true;
    out.extend(values.iter().map(|value| {
        let wide = convert(*value);
        fits &= wide.is_some();
        wide.unwrap_or_default()
    }));
    let lost = || {
        BooleanBuffer::collect_bool(values.len(), |at| {
            values.get(at).is_some_and(|value| convert(*value).is_none())
        })
    };
    let lost = (!fits).then(lost);
    Ok((out, lost))
}

fn not_wider(to: PhysicalType) -> Error {
    Error::internal(format!("values cannot be widened to {to:?}"))
}

#[cfg(test)]
mod tests {
    use ncf_core::Limits;

    use super::*;

    fn budget() -> Budget {
        Limits::DEFAULT.page_budget(2)
    }

    fn widen(stored: DataType, wider: DataType, page: DecodedPage) -> Result<Values> {
        let page = Widening::new(stored, wider).unwrap().page(page, &budget())?;
        page.values.into_flat(&budget())
    }

    fn valid(values: DecodedValues) -> DecodedPage {
        DecodedPage { validity: None, values }
    }

    #[test]
    fn every_form_of_a_page_keeps_its_form() {
        let ints = |v: &[i32]| Values::I32(v.to_vec().into());
        let dictionary = Arc::new(ints(&[-1, 5]));
        let codes =
            DecodedValues::Dictionary { codes: vec![1, 0, 1].into(), values: dictionary.clone() };
        let mut widening = Widening::new(DataType::Int32, DataType::Int64).unwrap();
        let mut wide = |values: &DecodedValues| {
            widening.page(valid(values.clone()), &budget()).unwrap().values
        };
        let (first, second) = (wide(&codes), wide(&codes));
        let DecodedValues::Dictionary { values: a, .. } = &first else { panic!("{first:?}") };
        let DecodedValues::Dictionary { values: b, .. } = &second else { panic!("{second:?}") };
        assert!(Arc::ptr_eq(a, b), "one dictionary for all pages");
        let flat = |values: DecodedValues| values.into_flat(&budget()).unwrap();
        assert_eq!(flat(first), Values::I64(vec![5, -1, 5].into()));
        let runs = DecodedValues::Runs { ends: vec![2, 3].into(), values: ints(&[7, 8]) };
        assert!(matches!(wide(&runs), DecodedValues::Runs { .. }));
        assert_eq!(flat(wide(&runs)), Values::I64(vec![7, 7, 8].into()));
        let constant = DecodedValues::Constant(ints(&[9]), 2);
        assert!(matches!(wide(&constant), DecodedValues::Constant(_, 2)));
        assert_eq!(flat(wide(&constant)), Values::I64(vec![9, 9].into()));
    }

    #[test]
    fn decimals_are_scaled_and_equal_layouts_left_alone() {
        let decimal = |precision, scale| DataType::Decimal { precision, scale };
        assert!(Widening::new(decimal(9, 2), decimal(12, 2)).is_none());
        let page = valid(DecodedValues::Flat(Values::I64(vec![-125].into())));
        let found = widen(decimal(9, 2), decimal(20, 4), page).unwrap();
        assert_eq!(found, Values::I128(vec![-12_500].into()));
        let page = valid(DecodedValues::Flat(Values::F32(vec![1.5].into())));
        let found = widen(DataType::Float32, DataType::Float64, page).unwrap();
        assert_eq!(found, Values::F64(vec![1.5].into()));
    }

    #[test]
    fn values_without_counterpart_are_errors_where_they_are_not_null() {
        let far = || Values::I32(vec![1, i32::MAX].into());
        let read = |validity: &[bool], values| {
            let validity = Some(BooleanBuffer::from(validity.to_vec()));
            widen(DataType::Date, DataType::TimestampNtz, DecodedPage { validity, values })
        };
        let dictionary = |codes: &[u32]| DecodedValues::Dictionary {
            codes: codes.to_vec().into(),
            values: Arc::new(far()),
        };
        let runs = || DecodedValues::Runs { ends: vec![1, 2].into(), values: far() };
        let error = read(&[true, true], DecodedValues::Flat(far())).unwrap_err();
        assert!(error.to_string().contains("stored as date"), "{error}");
        assert!(read(&[true, false], DecodedValues::Flat(far())).is_ok());
        assert!(read(&[true, true], dictionary(&[0, 0])).is_ok());
        assert!(read(&[false, true], dictionary(&[0, 1])).is_err());
        assert!(read(&[true, false], runs()).is_ok());
        assert!(read(&[false, true], runs()).is_err());
        let constant = || DecodedValues::Constant(Values::I32(vec![i32::MIN].into()), 2);
        assert!(read(&[false, false], constant()).is_ok());
        assert!(read(&[false, true], constant()).is_err());
    }

    #[test]
    fn memory_is_taken_from_the_budget() {
        let page = valid(DecodedValues::Flat(Values::I8(vec![0; 100].into())));
        let wider = DataType::Decimal { precision: 38, scale: 0 };
        let mut widening = Widening::new(DataType::Int8, wider).unwrap();
        let error = widening.page(page, &Budget::new(1599)).unwrap_err();
        assert_eq!(error.kind(), ncf_core::ErrorKind::LimitExceeded);
    }
}
