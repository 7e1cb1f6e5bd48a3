//! One pass over the values that rules encodings out.

use arrow_buffer::BooleanBuffer;
use ncf_core::{PhysicalType, Values};

use crate::encodings::fixed_parse::usual_form;
use crate::encodings::front_coded::share_prefixes;
use crate::encodings::sequence::is_progression;
use crate::native::{Native, with_values};
use crate::node::Place;

/// Values under which headers decide what is smallest: encodings that split values into several nodes are
/// not tried on fewer.
pub(crate) const TELLING_VALUES: usize = 256;

/// What candidates are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Type of the values.
    pub physical: PhysicalType,
    /// Number of values.
    pub len: usize,
    /// Number of runs of equal values (by bits).
    pub runs: usize,
    /// Smallest and largest value of integers.
    pub range: Option<(i128, i128)>,
    /// Number of null rows, where the values are the rows of a page.
    pub nulls: usize,
    /// Whether integers grow by the same step from value to value, wrapping.
    pub progression: bool,
    /// Whether the chunk has a symbol table.
    pub symbols: bool,
    /// Whether the chunk has words and these may be used.
    pub words: bool,
    /// Whether the chunk has templates and these may be used.
    pub templates: bool,
    /// Whether strings have a form in common, such as that of dates.
    pub form: bool,
    /// Whether neighbouring strings begin alike.
    pub prefixes: bool,
    /// Whether encodings may be chosen that take more time than light ones.
    pub entropy: bool,
}

impl Statistics {
    /// Looks at every value.
    pub(crate) fn of(values: &Values, place: Place<'_>) -> Self {
        let telling = place.effort.entropy() && values.len() >= TELLING_VALUES;
        let nulls = |validity: &BooleanBuffer| validity.len() - validity.count_set_bits();
        Self {
            physical: values.physical(),
            len: values.len(),
            runs: count_runs(values),
            range: range_of(values),
            nulls: place.validity.map_or(0, nulls),
            progression: is_progression(values),
            symbols: place.tables.symbols.is_some(),
            words: place.effort.entropy() && place.tables.words.is_some(),
            templates: place.effort.entropy() && place.tables.templates.is_some(),
            form: telling && matches!(values, Values::Bytes(v) if usual_form(v).is_some()),
            prefixes: telling && matches!(values, Values::Bytes(v) if share_prefixes(v)),
            entropy: place.effort.entropy(),
        }
    }
}

/// Smallest and largest of integers.
pub(super) fn range_of(values: &Values) -> Option<(i128, i128)> {
    match values {
        Values::I8(v) => range(v),
        Values::I16(v) => range(v),
        Values::I32(v) => range(v),
        Values::I64(v) => range(v),
        Values::I128(v) => range(v),
        _ => None,
    }
}

fn range<T: Copy + Ord + Into<i128>>(values: &[T]) -> Option<(i128, i128)> {
    let min = values.iter().copied().min()?;
    let max = values.iter().copied().max()?;
    Some((min.into(), max.into()))
}

/// Number of runs of equal values.
pub(crate) fn count_runs(values: &Values) -> usize {
    fn fixed<T: Native>(values: &[T]) -> usize {
        let changes =
            values.iter().zip(values.iter().skip(1)).map(|(a, b)| usize::from(!a.same(*b)));
        changes.sum::<usize>() + usize::from(!values.is_empty())
    }
    with_values!(values,
        fixed(v) => fixed(v),
        bool(_v) => {
            let mut runs = 0;
            for_each_run(values, |_, _| runs += 1);
            runs
        },
        bytes(_v) => {
            let mut runs = 0;
            for_each_run(values, |_, _| runs += 1);
            runs
        },
    )
}

/// Calls `each` with the first row and the length of every run of equal values.
pub(crate) fn for_each_run(values: &Values, each: impl FnMut(usize, usize)) {
    fn walk(len: usize, same: impl Fn(usize, usize) -> bool, mut each: impl FnMut(usize, usize)) {
        let mut start = 0;
        for row in 1..len {
            if !same(row - 1, row) {
                each(start, row - start);
                start = row;
            }
        }
        if len > 0 {
            each(start, len - start);
        }
    }
    fn fixed<T: Native>(values: &[T], each: impl FnMut(usize, usize)) {
        let same = |a: usize, b: usize| match (values.get(a), values.get(b)) {
            (Some(a), Some(b)) => a.same(*b),
            _ => false,
        };
        walk(values.len(), same, each);
    }
    with_values!(values,
        fixed(v) => fixed(v, each),
        bool(v) => walk(v.len(), |a, b| v.value(a) == v.value(b), each),
        bytes(v) => walk(v.len(), |a, b| v.get(a) == v.get(b), each),
    );
}
