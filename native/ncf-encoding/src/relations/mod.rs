//! Relations between the columns of a block: what a column's values follow from, so that only the difference is
//! stored. A relation never decides a value: whatever it predicts, the residual, ranks or exceptions beside it give
//! back every bit.

mod build;
mod discover;
mod encode;
pub(crate) mod key_index;
pub(crate) mod map_table;
mod terms;
#[cfg(test)]
mod tests;

use std::fmt;

pub use discover::{Found, Sampled, discover};
pub use encode::encode_related;
pub use terms::{Term, Transform};
pub(crate) use terms::{power_of_ten, scaled};

/// Columns that a relation may refer to.
pub const MAX_REFERENCES: usize = 4;

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
        };
        let mut unique = Vec::with_capacity(all.len());
        for column in all {
            if !unique.contains(&column) {
                unique.push(column);
            }
        }
        unique
    }

    /// The relation as a formula, with the names that `name` gives to columns.
    pub fn text(&self, name: &dyn Fn(u32) -> String) -> String {
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
        }
    }
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
        })
    }
}
