//! A set of integers that is asked for many: some hundred thousand keys of a join at a time.

use arrow_buffer::BooleanBuffer;

use super::pack;

/// Up to this many values a walk is faster than a look-up.
pub(crate) const WALK: usize = 8;

/// Bits that a bitmap may take for each value: a table takes as many.
const DENSE: u64 = 128;

/// Distinct integers.
#[derive(Debug, Clone)]
pub(crate) struct IntegerSet {
    first: i64,
    last: i64,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Few(Vec<i64>),
    /// A bit for each integer from the first on.
    Dense(Vec<u64>),
    /// Open addressing, at most half full: a power of two of slots, `empty` where there is no value.
    Table {
        slots: Vec<i64>,
        empty: i64,
    },
}

impl IntegerSet {
    /// The set of ascending values, none of them twice.
    pub(crate) fn new(values: Vec<i64>) -> Self {
        let (first, last) = match (values.first(), values.last()) {
            (Some(first), Some(last)) => (*first, *last),
            // Nothing is between these.
            _ => (0, -1),
        };
        let width = last.abs_diff(first);
        let form = if values.len() <= WALK {
            Form::Few(values)
        } else if width / DENSE < values.len() as u64 {
            Form::Dense(bitmap(&values, first, width))
        } else {
            table(&values)
        };
        Self { first, last, form }
    }

    /// Whether the value is in the set.
    #[inline]
    pub(crate) fn contains(&self, value: i64) -> bool {
        match &self.form {
            Form::Few(values) => walk(values, value),
            Form::Dense(bits) => self.covers(value) && bit(bits, self.first, value),
            Form::Table { slots, empty } => self.covers(value) && lookup(slots, *empty, value),
        }
    }

    /// Whether each value is in the set.
    pub(crate) fn mask<T: Copy>(&self, values: &[T], widen: impl Fn(T) -> i64) -> BooleanBuffer {
        match &self.form {
            Form::Few(list) => pack(values, |value| walk(list, widen(value))),
            Form::Dense(bits) => pack(values, |value| {
                let value = widen(value);
                self.covers(value) && bit(bits, self.first, value)
            }),
            Form::Table { slots, empty } => pack(values, |value| {
                let value = widen(value);
                self.covers(value) && lookup(slots, *empty, value)
            }),
        }
    }

    #[inline]
    fn covers(&self, value: i64) -> bool {
        (value >= self.first) & (value <= self.last)
    }
}

/// No early exit: the loop stays free of branches.
#[inline]
fn walk(values: &[i64], value: i64) -> bool {
    values.iter().fold(false, |found, have| found | (*have == value))
}

fn bitmap(values: &[i64], first: i64, width: u64) -> Vec<u64> {
    let words = usize::try_from(width / 64).unwrap_or(usize::MAX).saturating_add(1);
    let mut bits = vec![0_u64; words];
    for value in values {
        let at = value.abs_diff(first);
        let word = usize::try_from(at / 64).ok().and_then(|word| bits.get_mut(word));
        if let Some(word) = word {
            *word |= 1 << (at % 64);
        }
    }
    bits
}

/// The bit of a value that is not below the first.
#[inline]
fn bit(bits: &[u64], first: i64, value: i64) -> bool {
    let at = value.abs_diff(first);
    let word = usize::try_from(at / 64).ok().and_then(|word| bits.get(word));
    word.is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn table(values: &[i64]) -> Form {
    let empty = values
        .iter()
        .fold(i64::MIN, |free, value| if *value == free { free.saturating_add(1) } else { free });
    let mut slots = vec![empty; values.len().saturating_mul(2).next_power_of_two()];
    let mask = slots.len() - 1;
    for value in values {
        let mut at = home(*value, mask);
        while slots.get(at).is_some_and(|slot| *slot != empty) {
            at = (at + 1) & mask;
        }
        if let Some(slot) = slots.get_mut(at) {
            *slot = *value;
        }
    }
    Form::Table { slots, empty }
}

#[inline]
fn lookup(slots: &[i64], empty: i64, value: i64) -> bool {
    let mask = slots.len().wrapping_sub(1);
    let mut at = home(value, mask);
    loop {
        match slots.get(at) {
            Some(slot) if *slot == empty => return false,
            Some(slot) if *slot == value => return true,
            Some(_) => at = (at + 1) & mask,
            None => return false,
        }
    }
}

/// Where the search for a value begins: Fibonacci hashing, by the upper half of the product.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "cut by the mask anyway")]
fn home(value: i64, mask: usize) -> usize {
    (value.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(values: impl IntoIterator<Item = i64>, form: &str) {
        let values: BTreeSet<i64> = values.into_iter().collect();
        let set = IntegerSet::new(values.iter().copied().collect());
        assert!(format!("{:?}", set.form).starts_with(form), "{form}");
        let near = values.iter().flat_map(|v| [v.wrapping_sub(1), *v, v.wrapping_add(1)]);
        let asked: Vec<i64> = near.chain([0, i64::MIN, i64::MIN + 1, i64::MAX]).collect();
        let mask = set.mask(&asked, i64::from);
        for (index, value) in asked.iter().enumerate() {
            assert_eq!(set.contains(*value), values.contains(value), "{value} of {form}");
            assert_eq!(mask.value(index), values.contains(value), "{value} of {form}");
        }
    }

    #[test]
    fn every_form_holds_its_values_and_no_others() {
        check([], "Few");
        check([i64::MIN, -1, i64::MAX], "Few");
        check(0..1000, "Dense");
        check((i64::MAX - 5000..=i64::MAX).step_by(7), "Dense");
        check((i64::MIN..i64::MIN + 640).step_by(64), "Dense");
        check((0..5000).map(|i: i64| i.wrapping_mul(0x5851_F42D_4C95_7F2D)), "Table");
        let ends = [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1];
        check((0..50).map(|i| i << 40).chain(ends), "Table");
    }
}
