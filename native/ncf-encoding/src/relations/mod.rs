//! Relations between the columns of a block: what a column's values follow from, so that only the difference is
//! stored. A relation never decides a value: whatever it predicts, the residual, ranks or exceptions beside it give
//! back every bit.

mod build;
mod direct;
mod discover;
mod divide;
mod encode;
mod grown;
pub(crate) mod key_index;
pub(crate) mod map_table;
mod terms;
#[cfg(test)]
mod tests;

use std::fmt;

use ncf_core::PhysicalType;

pub use discover::{Found, Sampled, discover};
pub(crate) use divide::Divider;
pub use encode::{Referenced, encode_related};
pub use grown::{ChunkMap, GrownMap};
pub use terms::{Term, Transform};
pub(crate) use terms::{power_of_ten, scaled};

use crate::encodings::template_table::MAX_DIGITS;

/// Columns that a relation may refer to.
pub const MAX_REFERENCES: usize = 4;

/// Letters of a column's name in the text of a relation.
const NAME_LETTERS: usize = 64;
/// Digits after the point, and bits of a shift, that a sum may have.
pub(crate) const MAX_SCALE: u8 = 18;
pub(crate) const MAX_SHIFT: u8 = 62;

/// How a column follows from other columns of its block, named by their numbers among the stored columns of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The same values, with exceptions.
    Equality {
        /// The other column, of the same physical type.
        column: u32,
    },
    /// A function of one to three columns, or one of few values that rows with the same keys have.
    Map {
        /// Columns of the keys.
        keys: Vec<u32>,
    },
    /// `(constant + Σ coefficient · term) >> shift`, and a residual.
    Linear(Linear),
    /// `factor · other ÷ divisor`, and a residual.
    Product(Product),
    /// Strings in which values of one to four columns stand, one after the other, and what is left of them.
    Concatenation(Vec<Part>),
}

/// A sum of one to four terms over a power of two; integers of 64 bits that wrap around.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Linear {
    /// What is summed.
    pub terms: Vec<Term>,
    /// What is added to the sum.
    pub constant: i64,
    /// Bits by which the sum is shifted right; 0 to 62.
    pub shift: u8,
    /// Digits after the point, where the column holds floats: they are the integers that this predicts over
    /// `10^scale`. 0 to 18; 0 for integers.
    pub scale: u8,
}

/// `factor · other ÷ divisor`, rounded down; integers of 64 bits that wrap around.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Product {
    /// The column of the first factor.
    pub factor: u32,
    /// The second factor.
    pub other: Other,
    /// At least 1.
    pub divisor: u64,
}

/// A column whose values stand in strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The column, of strings, or of integers of up to 64 bits.
    pub column: u32,
    /// Digits to which integers are filled up with zeros: 1 to 18; 0 for strings.
    pub digits: u8,
}

/// The second factor of a product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Other {
    /// Another column.
    Column(u32),
    /// An integer for each combination of one to three columns.
    Map(Vec<u32>),
}

impl Relation {
    /// The columns that it refers to, each once, in the order in which a page's node numbers them.
    pub fn columns(&self) -> Vec<u32> {
        let all = match self {
            Self::Equality { column } => vec![*column],
            Self::Map { keys } => keys.clone(),
            Self::Linear(linear) => linear.terms.iter().map(|term| term.column).collect(),
            Self::Product(Product { factor, other, .. }) => {
                let others = match other {
                    Other::Column(column) => std::slice::from_ref(column),
                    Other::Map(keys) => keys,
                };
                std::iter::once(factor).chain(others).copied().collect()
            }
            Self::Concatenation(parts) => parts.iter().map(|part| part.column).collect(),
        };
        let mut unique = Vec::with_capacity(all.len());
        for column in all {
            if !unique.contains(&column) {
                unique.push(column);
            }
        }
        unique
    }

    /// Whether a column of type `target` can follow so from columns of types `references`, which are those of
    /// [`Relation::columns`].
    pub fn fits(&self, target: PhysicalType, references: &[PhysicalType]) -> bool {
        let columns = self.columns();
        let known = (1..=MAX_REFERENCES).contains(&columns.len())
            && columns.len() == references.len()
            && !references.contains(&PhysicalType::Bool)
            && target != PhysicalType::Bool;
        let of_type = |column: u32, fits: fn(PhysicalType) -> bool| {
            let at = columns.iter().position(|have| *have == column);
            at.and_then(|at| references.get(at)).is_some_and(|physical| fits(*physical))
        };
        let keys = |keys: &[u32]| (1..=map_table::MAX_KEYS).contains(&keys.len());
        known
            && match self {
                Self::Equality { .. } => references.first() == Some(&target),
                Self::Map { keys: columns } => keys(columns),
                Self::Linear(linear) => {
                    let float = target == PhysicalType::F64;
                    (1..=MAX_REFERENCES).contains(&linear.terms.len())
                        && linear.shift <= MAX_SHIFT
                        && linear.scale <= if float { MAX_SCALE } else { 0 }
                        && (float || is_long(target))
                        && linear.terms.iter().all(|term| {
                            term.transform.is_valid()
                                && match term.transform {
                                    Transform::Scaled { .. } => of_type(term.column, is_float),
                                    _ => of_type(term.column, is_long),
                                }
                        })
                }
                Self::Product(Product { factor, other, divisor }) => {
                    let other = match other {
                        Other::Column(column) => of_type(*column, is_long),
                        Other::Map(columns) => keys(columns),
                    };
                    let over = i64::try_from(*divisor).is_ok_and(|divisor| divisor > 0);
                    is_long(target) && of_type(*factor, is_long) && other && over
                }
                Self::Concatenation(parts) => {
                    target == PhysicalType::Bytes
                        && parts.len() <= MAX_REFERENCES
                        && parts.iter().all(|part| match part.digits {
                            0 => of_type(part.column, |physical| physical == PhysicalType::Bytes),
                            digits => digits <= MAX_DIGITS && of_type(part.column, is_long),
                        })
                }
            }
    }

    /// The relation as a formula, with the names that `name` gives to columns; long ones are cut.
    pub fn text(&self, name: &dyn Fn(u32) -> String) -> String {
        let name = &|column: u32| -> String { name(column).chars().take(NAME_LETTERS).collect() };
        let list = |columns: &[u32]| {
            columns.iter().map(|column| name(*column)).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Equality { column } => name(*column),
            Self::Map { keys } => format!("map[{}]", list(keys)),
            Self::Linear(linear) => linear.text(name),
            Self::Product(Product { factor, other, divisor }) => {
                let other = match other {
                    Other::Column(column) => name(*column),
                    Other::Map(keys) => format!("map[{}]", list(keys)),
                };
                let over = if *divisor == 1 { String::new() } else { format!(" / {divisor}") };
                format!("{} * {other}{over}", name(*factor))
            }
            Self::Concatenation(parts) => {
                let columns: Vec<u32> = parts.iter().map(|part| part.column).collect();
                format!("text with {}", list(&columns))
            }
        }
    }
}

/// Whether values are integers of up to 64 bits.
fn is_long(physical: PhysicalType) -> bool {
    physical.is_integer() && physical != PhysicalType::I128
}

fn is_float(physical: PhysicalType) -> bool {
    matches!(physical, PhysicalType::F32 | PhysicalType::F64)
}

impl Linear {
    fn text(&self, name: &dyn Fn(u32) -> String) -> String {
        let mut out = String::new();
        let mut add = |value: i64, what: Option<String>| {
            let sign = match (out.is_empty(), value < 0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            out.push_str(sign);
            out.push_str(&match (value.unsigned_abs(), what) {
                (1, Some(what)) => what,
                (times, Some(what)) => format!("{times} * {what}"),
                (times, None) => times.to_string(),
            });
        };
        for term in &self.terms {
            add(term.coefficient, Some(term.transform.text(&name(term.column))));
        }
        if self.constant != 0 {
            add(self.constant, None);
        }
        match self.shift {
            0 => out,
            shift => format!("({out}) >> {shift}"),
        }
    }
}

/// The name of a relation's encoding.
impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equality { .. } => "equality",
            Self::Map { .. } => "map",
            Self::Linear(_) => "linear",
            Self::Product(_) => "product",
            Self::Concatenation(_) => "concatenation",
        })
    }
}
