//! The learned index of a column whose rows are in order, or nearly: from a range of keys to the vectors (runs
//! of 1,024 rows of a block) that can hold them.
//!
//! ```text
//! key.rs     values and literals → codes that keep their order
//! order.rs   is a chunk in order?                    learn.rs    which index a column gets
//! fences.rs  every fourth vector's first key         linear.rs   a model of them, with proven bounds
//! fit.rs     the fewest lines within ε               section.rs  the bytes in a file
//! proof.rs   does an index say the truth?            model.rs    a model that somebody else made
//! trial.rs   that one beside fences and lines
//! ```
//!
//! **What is searched.** S(j) is the least key of vector j; where the vector is an exception, out of order
//! with the others, S(j) is that of the next vector that is none. S never falls. Let J(k) be how many S(j) are
//! below k. Rows that are not below k begin, exceptions aside, in vector J(k) − 1 or later: the vector before
//! that one ends at a key that is not above S(J(k) − 1), which is below k. Rows that are not above k end before
//! the first vector with S(j) > k. So rows with keys from a to b are in vectors J(a) − 1 ‥ J(b + 1) − 1, or in
//! exceptions. An index gives bounds of J, so it may name more vectors, never fewer.
//!
//! **What is checked.** That rows are in order stands under the section's checksum, as bounds do in statistics.
//! But where the model goes wrong the reader finds it out: [`Search::checks`] are vectors whose rows must all
//! lie on one side of the keys, the neighbours of what was found. If one does not, the index has missed, and
//! the search counts for nothing.

mod fences;
mod fit;
mod key;
mod learn;
mod linear;
mod model;
mod order;
mod proof;
mod section;
mod trial;

use std::ops::Range;

use arrow_buffer::BooleanBuffer;
use ncf_core::{ColumnBounds, CompareOp, DataType, Scalar, Values};

pub use key::TEXT_BYTES;
pub(crate) use key::{integer, nearest_single};
pub use learn::{EPSILON, Learner, WINDOW};
pub use model::{Engine, MARGIN, MODEL_BATCH, MODEL_BYTES, ModelId, Models, Predictor};
pub use order::ChunkOrder;
pub use proof::IndexProof;
pub use trial::Trial;

use fences::Fences;
use key::{KeyMap, cut, text_of};
use linear::Linear;
use model::Model;

/// Rows of a vector.
pub const VECTOR_ROWS: usize = 1024;
/// A column of fewer vectors gets no index: two zones say as much.
pub const MIN_VECTORS: usize = 16;

/// The learned index of a column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The type that the column is stored with.
    data_type: DataType,
    /// Vectors of the file: those of each block follow those of the block before.
    vectors: u64,
    /// Keys are searched in reverse order.
    descending: bool,
    form: Form,
    exceptions: Vec<Exception>,
    sizes: Sizes,
    /// How many vectors a search for a stored key names, in sixteenths, on average.
    window: u64,
}

/// How the sequence is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Fences(KeyMap, Fences<u64>),
    Linear(KeyMap, Linear),
    Text(Fences<Vec<u8>>),
    Model(KeyMap, Model),
}

impl Form {
    /// How values become codes; `None` where keys are strings.
    fn map(&self) -> Option<&KeyMap> {
        match self {
            Self::Fences(map, _) | Self::Linear(map, _) | Self::Model(map, _) => Some(map),
            Self::Text(_) => None,
        }
    }
}

/// A vector that is not in order with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exception {
    vector: u64,
    /// Least and greatest code, where keys are codes.
    bounds: Option<(u64, u64)>,
}

/// What the choice was between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of fences.
    pub fences: u64,
    /// Bytes of the model of the same window; 0 where there is none.
    pub linear: u64,
}

/// What kind of index a column has, and what it costs and gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// `fences`, `linear` or `onnx`, with `text` or `descending` where they are.
    pub kind: String,
    /// Bytes of the section.
    pub bytes: u64,
    /// Segments of the model, or fences; 1 where somebody else made the model.
    pub parts: u64,
    /// Rows that the model may be off, on either side; 0 for fences.
    pub epsilon: u64,
    /// Vectors that a search for a stored key names, on average.
    pub window: f64,
    /// Vectors out of order.
    pub exceptions: u64,
    /// Why it is this kind.
    pub reason: String,
}

/// A key as an index has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Code(u64),
    Text(Vec<u8>),
}

/// Keys from one to another, both included; `None` = no bound.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Interval {
    from: Option<Key>,
    to: Option<Key>,
}

/// Where rows can be, and what must hold for that to be trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Vectors, in order; no two of them meet.
    pub vectors: Vec<Range<u64>>,
    /// Neighbours of the vectors, unless the file ends there.
    pub checks: Vec<Check>,
}

/// A vector whose rows must all lie on one side of the keys that were looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The vector.
    pub vector: u64,
    /// Its rows lie below this key, in the index's order, or else above.
    bound: Key,
    below: bool,
}

impl Check {
    /// Whether the rows must lie below the keys that were looked for, in the index's order, or else above.
    pub fn is_below(&self) -> bool {
        self.below
    }

    /// Whether a key lies on the side where it must.
    fn accepts(&self, key: &Key) -> bool {
        let order = key.cmp(&self.bound);
        if self.below { order.is_lt() } else { order.is_gt() }
    }
}

/// What is looked for in a column.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Values that compare so with a literal.
    Compared(CompareOp, &'a Scalar),
    /// Strings that begin so.
    Prefix(&'a str),
}

impl Index {
    /// The vectors in which rows can be that are wanted; `None` where the index cannot tell.
    pub fn search(&self, wanted: Wanted<'_>) -> Option<Search> {
        match self.interval(wanted)? {
            Some(interval) => Some(self.find(&interval)),
            None => Some(Search::default()),
        }
    }

    /// Whether the rows of a check's vector lie where they must; `None` where all of them are null, which
    /// proves nothing: then the vector beyond has to be looked at. `values` and `validity` are those of the
    /// vector, as they are stored.
    pub fn holds(
        &self,
        check: &Check,
        values: &Values,
        validity: Option<&BooleanBuffer>,
    ) -> Option<bool> {
        let valid = |row: &usize| validity.is_none_or(|validity| validity.value(*row));
        let mut rows = (0..values.len()).filter(valid).peekable();
        rows.peek()?;
        Some(rows.all(|row| self.key_of(values, row).is_some_and(|key| check.accepts(&key))))
    }

    /// Whether bounds prove that the rows of a check's vector, which are among those that they bound, lie
    /// where they must.
    pub fn proves(&self, check: &Check, bounds: &ColumnBounds) -> bool {
        // NaN is not within bounds.
        let outermost = if check.below == self.descending { &bounds.min } else { &bounds.max };
        let key = outermost.as_ref().and_then(|bound| self.key_of_bound(bound));
        bounds.nans == Some(0) && key.is_some_and(|key| check.accepts(&key))
    }

    /// The check of the next vector that is in order, farther from the keys that were looked for.
    pub fn beyond(&self, check: &Check) -> Option<Check> {
        let vector = if check.below {
            (0..check.vector).rev().find(|vector| !self.is_exception(*vector))
        } else {
            (check.vector + 1..self.vectors).find(|vector| !self.is_exception(*vector))
        };
        vector.map(|vector| Check { vector, ..check.clone() })
    }

    fn is_exception(&self, vector: u64) -> bool {
        self.exceptions.binary_search_by_key(&vector, |e| e.vector).is_ok()
    }

    /// Kind, size and reach.
    pub fn describe(&self) -> Description {
        let text = matches!(self.form.map(), None | Some(KeyMap::Text(_)));
        let (kind, parts, epsilon) = match &self.form {
            Form::Fences(_, fences) => ("fences", fences.keys.len(), 0),
            Form::Text(fences) => ("fences", fences.keys.len(), 0),
            Form::Linear(_, model) => {
                ("linear", model.segments.len(), model.below.max(model.above))
            }
            Form::Model(_, model) => ("onnx", 1, model.below.max(model.above)),
        };
        let Sizes { fences, linear } = self.sizes;
        let reason = match (&self.form, linear) {
            (Form::Model(_, Model { id, .. }), _) => format!(
                "model {id} of {} bytes; fences would need {fences}, lines {linear}",
                id.bytes
            ),
            (Form::Text(_), _) => "codes would tell too few strings apart".to_string(),
            (_, 0) => format!("no line fits; fences need {fences} bytes"),
            (Form::Linear(..), _) => format!("{linear} bytes, fences would need {fences}"),
            _ => format!("{fences} bytes, a model would need {linear}: more than half"),
        };
        let words =
            [Some(kind), text.then_some("of strings"), self.descending.then_some("descending")];
        #[allow(clippy::cast_precision_loss, reason = "windows are small")]
        let window = self.window as f64 / 16.0;
        Description {
            kind: words.into_iter().flatten().collect::<Vec<_>>().join(" "),
            bytes: self.encode().len() as u64,
            parts: parts as u64,
            epsilon,
            window,
            exceptions: self.exceptions.len() as u64,
            reason,
        }
    }

    /// The key of a stored value.
    fn key_of(&self, values: &Values, row: usize) -> Option<Key> {
        match (&self.form, values) {
            (Form::Text(_), Values::Bytes(v)) => {
                (row < v.len()).then(|| Key::Text(cut(v.get(row)).to_vec()))
            }
            (form, values) => {
                let code = form.map()?.code_of(values, row)?;
                Some(Key::Code(self.turned(code)))
            }
        }
    }

    /// The key of a bound in statistics.
    fn key_of_bound(&self, bound: &Scalar) -> Option<Key> {
        match self.form.map() {
            None => text_of(bound).map(|text| Key::Text(cut(text).to_vec())),
            Some(map) => {
                let found = map.locate(bound, self.data_type)?;
                Some(Key::Code(self.turned(found.code)))
            }
        }
    }

    /// A code in the order of the search.
    fn turned(&self, code: u64) -> u64 {
        if self.descending { !code } else { code }
    }

    /// The keys of what is wanted: `Some(None)` where there are none, `None` where it cannot be told.
    #[allow(clippy::option_option, reason = "nothing is wanted, and nothing is known")]
    fn interval(&self, wanted: Wanted<'_>) -> Option<Option<Interval>> {
        let Some(map) = self.form.map() else { return text_interval(wanted).map(Some) };
        let stored = self.data_type;
        let code = |literal: &Scalar| map.locate(literal, stored);
        let (from, to) = match wanted {
            Wanted::Compared(op, literal) => {
                let key::Located { code, exact } = code(literal)?;
                let below = if exact { code.checked_sub(1) } else { Some(code) };
                let above = if exact { code.checked_add(1) } else { Some(code) };
                match op {
                    CompareOp::Eq | CompareOp::NullSafeEq => (Some(code), Some(code)),
                    CompareOp::NotEq => return None,
                    CompareOp::LtEq => (Some(0), Some(code)),
                    CompareOp::GtEq => (Some(code), Some(u64::MAX)),
                    CompareOp::Lt => (Some(0), below),
                    CompareOp::Gt => (above, Some(u64::MAX)),
                }
            }
            Wanted::Prefix(prefix) => {
                let first = code(&Scalar::Binary(prefix.as_bytes().to_vec()))?.code;
                let last = after(prefix.as_bytes()).and_then(|last| code(&Scalar::Binary(last)));
                (Some(first), Some(last.map_or(u64::MAX, |last| last.code)))
            }
        };
        let Some((from, to)) = from.zip(to) else { return Some(None) };
        let (from, to) = if self.descending { (!to, !from) } else { (from, to) };
        let bound = |code: u64, none: u64| (code != none).then_some(Key::Code(code));
        Some(Some(Interval { from: bound(from, 0), to: bound(to, u64::MAX) }))
    }

    /// How many members of the sequence are below a key, or, `with` it, not above: the least and the most.
    fn count(&self, key: &Key, with: bool) -> (u64, u64) {
        match (&self.form, key) {
            (Form::Fences(_, fences), Key::Code(key)) => {
                fences.count_below(|fence| if with { fence <= key } else { fence < key })
            }
            (Form::Text(fences), Key::Text(key)) => {
                fences.count_below(|fence| if with { fence <= key } else { fence < key })
            }
            (Form::Linear(_, model), Key::Code(key)) => match key.checked_add(u64::from(with)) {
                Some(key) => model.count_below(key),
                None => (self.vectors, self.vectors),
            },
            (Form::Model(_, model), Key::Code(key)) => match key.checked_add(u64::from(with)) {
                Some(key) => model.count_below(key),
                None => (self.vectors, self.vectors),
            },
            _ => (0, self.vectors),
        }
    }

    fn find(&self, interval: &Interval) -> Search {
        let Interval { from, to } = interval;
        let Range { start: first, end } = self.window(interval);
        let in_order = |vector: &u64| !self.is_exception(*vector);
        let before = from.clone().zip((0..first).rev().find(in_order));
        let after = to.clone().zip((end..self.vectors).find(in_order));
        let check = |(bound, vector), below| Check { vector, bound, below };
        let checks = before.map(|at| check(at, true)).into_iter();
        let checks = checks.chain(after.map(|at| check(at, false))).collect();
        let may_match = |exception: &&Exception| match (exception.bounds, from, to) {
            (None, ..) => true,
            (Some((least, most)), from, to) => {
                let above = |key: &Key| matches!(key, Key::Code(to) if least > *to);
                let below = |key: &Key| matches!(key, Key::Code(from) if most < *from);
                !from.as_ref().is_some_and(below) && !to.as_ref().is_some_and(above)
            }
        };
        let exceptions = self.exceptions.iter().filter(may_match);
        let vectors = exceptions.map(|exception| exception.vector..exception.vector + 1);
        let vectors = std::iter::once(first..end).chain(vectors).collect();
        Search { vectors: crate::rows::union(vectors), checks }
    }

    /// The vectors in order in which keys of an interval can be.
    fn window(&self, Interval { from, to }: &Interval) -> Range<u64> {
        let first = from.as_ref().map_or(0, |key| self.count(key, false).0.saturating_sub(1));
        let end = to.as_ref().map_or(self.vectors, |key| self.count(key, true).1);
        first..end.max(first)
    }

    /// Vectors that a search for a key of the sequence names, on average, in sixteenths.
    fn mean_window(&self, keys: impl Iterator<Item = Key>) -> u64 {
        let (mut sum, mut count) = (0u64, 0u64);
        for key in keys {
            let window = self.window(&Interval { from: Some(key.clone()), to: Some(key) });
            sum += window.end - window.start;
            count += 1;
        }
        (16 * sum).checked_div(count).unwrap_or(0)
    }
}

/// The strings of what is wanted; strings that are cut are only known to be near.
fn text_interval(wanted: Wanted<'_>) -> Option<Interval> {
    let key = |text: &[u8]| Some(Key::Text(cut(text).to_vec()));
    Some(match wanted {
        Wanted::Prefix(prefix) => Interval {
            from: key(prefix.as_bytes()),
            to: after(prefix.as_bytes()).and_then(|last| key(&last)),
        },
        Wanted::Compared(op, literal) => {
            let literal = key(text_of(literal)?);
            match op {
                CompareOp::Eq | CompareOp::NullSafeEq => {
                    Interval { from: literal.clone(), to: literal }
                }
                CompareOp::NotEq => return None,
                CompareOp::Lt | CompareOp::LtEq => Interval { from: None, to: literal },
                CompareOp::Gt | CompareOp::GtEq => Interval { from: literal, to: None },
            }
        }
    })
}

/// The least string above all that begin with `prefix`; `None` where there is none.
fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut text = prefix.get(..=kept)?.to_vec();
    *text.last_mut()? += 1;
    Some(text)
}

#[cfg(test)]
mod tests;
