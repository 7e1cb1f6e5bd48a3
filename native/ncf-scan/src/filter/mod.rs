//! Predicates over decoded pages.
//!
//! A node that reads one column is evaluated on the column's distinct forms where the page offers
//! them: once for a constant, once per dictionary value (cached for the block), once per run. The
//! results are then spread over the rows. Equality and prefixes are found out on strings that are not
//! decoded. Flat values go through the loops of [`compare`],
//! [`in_list`] and [`text`].

mod compare;
mod compile;
mod computed;
mod in_list;
mod integer_set;
mod text;
mod truth;

#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_buffer::{BooleanBuffer, Buffer};
use ncf_core::{CompareOp, Error, Result, Scalar, Values};
use ncf_encoding::{DecodedPage, DecodedValues, SymbolStrings};

use crate::compute::numbers::flat;
pub(crate) use compare::columns as compare_values;
pub(crate) use compile::{Compiler, Kind, Node, Test};
use text::TextTest;
pub(crate) use truth::{Truth, gather, narrow, splat, spread};

/// A dictionary this many times larger than the rows at hand is not evaluated for their sake.
const DICTIONARY_FACTOR: usize = 4;

/// Some rows of some columns, cut to the same rows.
pub(crate) struct Rows {
    pub(crate) len: usize,
    /// By slot.
    pub(crate) pages: Vec<(usize, DecodedPage)>,
}

impl Rows {
    /// The same with all strings decoded, once for all that read them.
    pub(crate) fn with_strings(mut self) -> Result<Self> {
        for (_, page) in &mut self.pages {
            if let DecodedValues::Symbols(_) = page.values {
                page.values = DecodedValues::Flat(flat(page)?);
            }
        }
        Ok(self)
    }

    pub(crate) fn page(&self, slot: usize) -> Result<&DecodedPage> {
        self.pages
            .iter()
            .find(|(have, _)| *have == slot)
            .map(|(_, page)| page)
            .ok_or_else(|| Error::internal("a filter's column was not read"))
    }
}

/// Results over dictionaries, by node or step.
#[derive(Default)]
pub(crate) struct Cache {
    dictionaries: HashMap<usize, (Arc<Values>, Arc<Truth>)>,
    /// What a step made of a dictionary.
    mapped: HashMap<usize, (Arc<Values>, Arc<Values>)>,
}

impl Cache {
    /// What the step `id` makes of a dictionary, by `map` unless it is known.
    pub(crate) fn mapped(
        &mut self,
        id: usize,
        values: &Arc<Values>,
        map: impl FnOnce(&Values) -> Result<Values>,
    ) -> Result<Arc<Values>> {
        if let Some((have, known)) = self.mapped.get(&id)
            && Arc::ptr_eq(have, values)
        {
            return Ok(known.clone());
        }
        let made = Arc::new(map(values)?);
        self.mapped.insert(id, (values.clone(), made.clone()));
        Ok(made)
    }
}

/// Whether a dictionary is small enough to be worked on for the sake of its rows.
pub(crate) fn is_worth(dictionary: &Values, rows: usize) -> bool {
    dictionary.len() <= rows.saturating_mul(DICTIONARY_FACTOR)
}

/// The predicate in every row.
pub(crate) fn evaluate(node: &Node, rows: &Rows, cache: &mut Cache) -> Result<Truth> {
    if let [slot] = node.slots.as_slice()
        && let Some(truth) = on_distinct(node, *slot, rows.page(*slot)?, cache)?
    {
        return Ok(truth);
    }
    match &node.kind {
        Kind::Always(value) => Ok(Truth::constant(*value, rows.len)),
        Kind::Test(slot, test) => {
            let page = rows.page(*slot)?;
            if let DecodedValues::Symbols(strings) = &page.values
                && let Some(truth) = on_symbols(test, strings, page.validity.as_ref())?
            {
                return Ok(truth);
            }
            on_values(test, &flat(page)?, page.validity.as_ref())
        }
        Kind::CompareColumns(op, left, right) => {
            compare_columns(*op, rows.page(*left)?, rows.page(*right)?)
        }
        Kind::And(parts) => {
            parts.iter().try_fold(Truth::constant(Some(true), rows.len), |truth, part| {
                Ok(truth.and(&evaluate(part, rows, cache)?))
            })
        }
        Kind::Or(parts) => {
            parts.iter().try_fold(Truth::constant(Some(false), rows.len), |truth, part| {
                Ok(truth.or(&evaluate(part, rows, cache)?))
            })
        }
        Kind::Not(inner) => Ok(evaluate(inner, rows, cache)?.not()),
        Kind::Computed(computed) => evaluate(&computed.node, &computed.values(rows, cache)?, cache),
    }
}

/// Evaluates a node over one column on the page's distinct forms; `None` when the page is flat or its
/// dictionary not worth it.
fn on_distinct(
    node: &Node,
    slot: usize,
    page: &DecodedPage,
    cache: &mut Cache,
) -> Result<Option<Truth>> {
    let of_values = |values: &Values, cache: &mut Cache| {
        let page = DecodedPage { validity: None, values: DecodedValues::Flat(values.clone()) };
        evaluate(node, &Rows { len: values.len(), pages: vec![(slot, page)] }, cache)
    };
    let each = |truth: &Truth, spread: &dyn Fn(&BooleanBuffer) -> BooleanBuffer| Truth {
        is_true: spread(&truth.is_true),
        known: truth.known.as_ref().map(spread),
    };
    let spread = match &page.values {
        DecodedValues::Flat(_) | DecodedValues::Symbols(_) => return Ok(None),
        DecodedValues::Constant(value, len) => {
            let truth = of_values(value, cache)?;
            each(&truth, &|bits| truth::splat(bits.has_true(), *len))
        }
        DecodedValues::Runs { ends, values } => {
            each(&of_values(values, cache)?, &|bits| truth::spread(bits, ends))
        }
        DecodedValues::Dictionary { codes, values } => {
            let known = cache
                .dictionaries
                .get(&node.id)
                .filter(|(have, _)| Arc::ptr_eq(have, values))
                .map(|(_, truth)| truth.clone());
            let truth = match known {
                Some(truth) => truth,
                None if !is_worth(values, codes.len()) => return Ok(None),
                None => {
                    let truth = Arc::new(of_values(values, cache)?);
                    cache.dictionaries.insert(node.id, (values.clone(), truth.clone()));
                    truth
                }
            };
            each(&truth, &|bits| truth::gather(bits, codes))
        }
    };
    Ok(Some(match &page.validity {
        None => spread,
        Some(valid) => at_nulls(spread, valid, of_null(node)),
    }))
}

/// `truth` where `valid` is set, `null_result` elsewhere.
fn at_nulls(truth: Truth, valid: &BooleanBuffer, null_result: Option<bool>) -> Truth {
    let known = truth.known.as_ref().map_or_else(|| valid.clone(), |known| known & valid);
    let is_true = &truth.is_true & valid;
    match null_result {
        None => Truth { is_true, known: Some(known) },
        Some(result) => {
            let nulls = !valid;
            Truth {
                is_true: if result { &is_true | &nulls } else { is_true },
                known: truth.known.is_some().then(|| &known | &nulls),
            }
        }
    }
}

/// The result of a node over one column where that column is null.
fn of_null(node: &Node) -> Option<bool> {
    match &node.kind {
        Kind::Always(value) => *value,
        Kind::Test(_, test) => test.of_null(),
        Kind::CompareColumns(op, ..) => (*op == CompareOp::NullSafeEq).then_some(true),
        Kind::And(parts) => all(parts.iter().map(of_null)),
        // De Morgan: OR is true unless all parts are false.
        Kind::Or(parts) => {
            all(parts.iter().map(|part| of_null(part).map(|value| !value))).map(|value| !value)
        }
        Kind::Not(inner) => of_null(inner).map(|value| !value),
        Kind::Computed(computed) => computed.of_null,
    }
}

/// AND in three-valued logic.
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => result = None,
        }
    }
    result
}

/// A test of strings that are not decoded; `None` where it has to be made of decoded ones. Answers those of
/// [`Test::reads_symbols`].
fn on_symbols(
    test: &Test,
    strings: &SymbolStrings,
    validity: Option<&BooleanBuffer>,
) -> Result<Option<Truth>> {
    let equal = |literal: &Scalar| match literal {
        Scalar::String(text) => strings.equal_to(text.as_bytes()),
        Scalar::Binary(bytes) => strings.equal_to(bytes),
        _ => Err(Error::internal("strings are compared with another value")),
    };
    Ok(Some(match test {
        Test::IsNull => is_null(strings.len(), validity),
        Test::Compare(CompareOp::Eq, literal) => Truth::masked(equal(literal)?, validity),
        Test::Compare(CompareOp::NotEq, literal) => Truth::masked(!&equal(literal)?, validity),
        Test::Compare(CompareOp::NullSafeEq, literal) => null_safe(equal(literal)?, validity),
        Test::Text(TextTest::StartsWith(prefix)) => {
            Truth::masked(strings.starts_with(prefix)?, validity)
        }
        _ => return Ok(None),
    }))
}

fn is_null(len: usize, validity: Option<&BooleanBuffer>) -> Truth {
    let is_true = validity.map_or_else(|| BooleanBuffer::new_unset(len), |valid| !valid);
    Truth { is_true, known: None }
}

/// Equality in which a null is not equal.
fn null_safe(equal: BooleanBuffer, validity: Option<&BooleanBuffer>) -> Truth {
    Truth { is_true: validity.map_or_else(|| equal.clone(), |valid| &equal & valid), known: None }
}

/// A test of dense values.
fn on_values(test: &Test, values: &Values, validity: Option<&BooleanBuffer>) -> Result<Truth> {
    let len = values.len();
    Ok(match test {
        Test::IsNull => is_null(len, validity),
        Test::Compare(CompareOp::NullSafeEq, literal) => {
            null_safe(compare::with_literal(CompareOp::Eq, values, literal)?, validity)
        }
        Test::Compare(op, literal) => {
            Truth::masked(compare::with_literal(*op, values, literal)?, validity)
        }
        Test::Text(text) => Truth::masked(text.mask(values)?, validity),
        Test::In(None, false) => Truth::constant(Some(false), len),
        Test::In(None, true) => Truth::constant(None, len),
        Test::In(Some(list), has_null) => {
            let truth = Truth::masked(list.mask(values)?, validity);
            // A miss is null when the list has a null.
            let known = if *has_null { Some(truth.is_true.clone()) } else { truth.known };
            Truth { is_true: truth.is_true, known }
        }
    })
}

fn compare_columns(op: CompareOp, left: &DecodedPage, right: &DecodedPage) -> Result<Truth> {
    let mask = compare::columns(op, &flat(left)?, &flat(right)?)?;
    let both = match (&left.validity, &right.validity) {
        (None, None) => None,
        (Some(valid), None) | (None, Some(valid)) => Some(valid.clone()),
        (Some(a), Some(b)) => Some(a & b),
    };
    if op != CompareOp::NullSafeEq {
        return Ok(Truth::masked(mask, both.as_ref()));
    }
    let is_true = match (&left.validity, &right.validity, both) {
        (Some(a), Some(b), Some(both)) => &(&mask & &both) | &!&(a | b),
        (_, _, Some(both)) => &mask & &both,
        _ => mask,
    };
    Ok(Truth { is_true, known: None })
}

/// A bitmap of `test` over a slice.
#[inline]
fn pack<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> BooleanBuffer {
    let mut words: Vec<u64> = Vec::with_capacity(values.len().div_ceil(64));
    let (chunks, rest) = values.as_chunks::<64>();
    let word = |chunk: &[T]| {
        chunk
            .iter()
            .enumerate()
            .fold(0u64, |word, (bit, value)| word | (u64::from(test(*value)) << bit))
    };
    // A fixed length lets the compiler unroll.
    words.extend(chunks.iter().map(|chunk| word(chunk)));
    if !rest.is_empty() {
        words.push(word(rest));
    }
    BooleanBuffer::new(Buffer::from_vec(words), 0, values.len())
}

/// A bitmap of `test` over `len` items.
#[inline]
fn pack_iter<T>(
    len: usize,
    mut items: impl Iterator<Item = T>,
    test: impl Fn(T) -> bool,
) -> BooleanBuffer {
    BooleanBuffer::collect_bool(len, |_| items.next().is_some_and(&test))
}
