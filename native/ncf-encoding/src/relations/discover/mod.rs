//! Discovery: which columns of a block may follow from others. Looks at samples only, and
//! estimates; whoever asks encodes what is proposed and keeps what pays.

mod candidates;
mod concatenation;
mod cost;
mod equality;
mod fit;
mod groups;
mod keys;
mod linear;
mod maps;
mod product;
mod sample;
mod tally;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_linear;

use arrow_buffer::BooleanBuffer;
use ncf_core::Values;

use super::Relation;
use sample::View;

/// Fewer rows than this are not looked at.
const MIN_ROWS: usize = 64;

/// Columns that take fewer bytes than this are left alone.
const MIN_BYTES: usize = 512;

/// Bytes that a relation must save at least.
const MIN_SAVED: usize = 256;

/// Bits a row that a column must take at least to be worth a relation.
const MIN_BITS: f64 = 0.05;

/// Proposals for one column.
const PROPOSALS: usize = 3;

/// A column of a block as discovery sees it.
#[derive(Debug, Clone, Copy)]
pub struct Sampled<'a> {
    /// Its number, which relations name it by.
    pub number: u32,
    /// The values of all rows; null rows hold some definite value.
    pub values: &'a Values,
    /// Which rows are not null; `None` where none is.
    pub validity: Option<&'a BooleanBuffer>,
    /// Bytes that it takes encoded alone.
    pub bytes: usize,
    /// Whether it may follow from others.
    pub target: bool,
    /// Whether others may follow from it.
    pub reference: bool,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The column that follows from others.
    pub target: u32,
    /// How.
    pub relation: Relation,
    /// Bytes that it takes through the relation, tables included: an estimate.
    pub bytes: usize,
}

/// Proposals, those that save most first; up to three for one target, and contradicting ones too (A
/// by B and B by A). The same columns give the same proposals.
pub fn discover(columns: &[Sampled<'_>]) -> Vec<Found> {
    let rows = columns.iter().map(|column| column.values.len()).min().unwrap_or(0);
    if rows < MIN_ROWS || columns.iter().all(|column| !column.target) {
        return Vec::new();
    }
    let view = View::new(columns, rows);
    let mut proposals = Proposals { of: columns.iter().map(|_| Vec::new()).collect() };
    equality::propose(&view, &mut proposals);
    linear::propose(&view, &mut proposals);
    let samples = maps::propose(&view, &mut proposals);
    product::propose(&view, &samples, &mut proposals);
    concatenation::propose(&view, &mut proposals);
    proposals.finish(&view)
}

/// What has been found so far, for each column.
struct Proposals {
    of: Vec<Vec<(Relation, f64)>>,
}

impl Proposals {
    /// Takes a relation that lets column `target` (a place in the view) take about `bytes`.
    fn add(&mut self, target: usize, relation: Relation, bytes: f64) {
        if let Some(of) = self.of.get_mut(target).filter(|_| bytes.is_finite()) {
            of.push((relation, bytes));
        }
    }

    /// The fewest bytes that `target` takes through any relation so far.
    fn best(&self, target: usize) -> f64 {
        let of = self.of.get(target).map_or(&[][..], Vec::as_slice);
        of.iter().map(|(_, bytes)| *bytes).fold(f64::INFINITY, f64::min)
    }

    fn finish(self, view: &View<'_>) -> Vec<Found> {
        let mut out: Vec<(usize, Found)> = Vec::new();
        for (column, mut of) in view.columns.iter().zip(self.of) {
            of.sort_by(|a, b| a.1.total_cmp(&b.1));
            let mut kept = Vec::new();
            for (relation, bytes) in of {
                let bytes = cost::whole(bytes.ceil());
                let alone = column.sampled.bytes;
                if bytes > alone / 10 * 9 || bytes + MIN_SAVED > alone || kept.len() == PROPOSALS {
                    break;
                }
                // What needs all the columns of a better one of its kind, and maybe more, is no
                // alternative.
                let references = relation.columns();
                let kind = std::mem::discriminant(&relation);
                if kept.iter().any(|(other, better): &(_, Vec<u32>)| {
                    *other == kind && better.iter().all(|column| references.contains(column))
                }) {
                    continue;
                }
                kept.push((kind, references));
                let target = column.sampled.number;
                out.push((alone - bytes, Found { target, relation, bytes }));
            }
        }
        out.sort_by(|(a, _), (b, _)| b.cmp(a));
        out.into_iter().map(|(_, found)| found).collect()
    }
}
