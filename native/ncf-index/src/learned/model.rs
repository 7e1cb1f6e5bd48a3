//! A model that somebody else made and that stands outside of the file: from a key to where its rows are, however
//! it was found.
//!
//! For a key k between the first and the last of the sequence x = (k − first) / (last − first), and the model's
//! answer y becomes the position
//!
//! ```text
//! e(k) = 1024 · (m − 1) · min(max(y, 0), 1), rounded, 0 where y is not a number
//! ```
//!
//! Nothing is known of the model: it need not rise, and floats differ from machine to machine. Writers take how far
//! it is off at each S(j) and just above each S(j−1), on both sides, and add [`MARGIN`]. Between those keys it
//! may be wrong by more; then the neighbours of what a search names show it, as with the other kinds.
//!
//! The section holds no bytes of the model, only their hash: a reader runs none but those that its caller trusts.

use std::fmt;
use std::sync::Arc;

use ncf_core::{Error, Result};

use super::linear::{Run, UNIT, runs};
use crate::wire::{Cursor, put_varint};

/// Bytes that a model has, at most.
pub const MODEL_BYTES: u64 = 65_536;
/// Rows that are added to how far a model is off where it was tried, on both sides.
pub const MARGIN: u64 = 256;
/// Inputs that a model is given at once, at most.
pub const MODEL_BATCH: usize = 8192;

/// A model that is ready to run.
pub trait Predictor: fmt::Debug + Send + Sync {
    /// For each input from 0 (first key) to 1 (last key), at which part of the rows it is, from 0 to 1. At most
    /// [`MODEL_BATCH`] inputs.
    ///
    /// # Errors
    /// Where the model does not run; the index then says nothing.
    fn predict(&self, inputs: &[f64]) -> Result<Vec<f64>>;
}

/// Makes models ready from their bytes.
pub trait Engine: fmt::Debug + Send + Sync {
    /// The predictor of a model. The bytes may be anything.
    ///
    /// # Errors
    /// `Unsupported` where this build, or what it needs, is not there; `Corrupt`, `Unsupported` or
    /// `LimitExceeded` where the model is not one to run.
    fn open(&self, model: &[u8]) -> Result<Arc<dyn Predictor>>;
}

/// Where the models that indexes name come from.
pub trait Models: fmt::Debug + Send + Sync {
    /// The predictor of a model.
    ///
    /// # Errors
    /// Why it cannot be had: it is not trusted, not there, not what the index names, or does not run. The index
    /// is then left out of account.
    fn predictor(&self, model: &ModelId) -> Result<Arc<dyn Predictor>>;
}

/// Names the bytes of a model. Displayed as the digits of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many they are.
    pub bytes: u64,
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an index knows of its model.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) id: ModelId,
    /// S(0) and the last S, which differ.
    first: u64,
    last: u64,
    /// How far the truth can be below the model, and above it, in rows.
    pub(super) below: u64,
    pub(super) above: u64,
    /// Members of the sequence.
    count: u64,
    /// Absent until somebody trusts the model.
    pub(super) predictor: Option<Arc<dyn Predictor>>,
}

/// What a file says of it; whether it is ready to run is no part of that.
impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        let parts = |m: &Self| (m.id, m.first, m.last, m.below, m.above, m.count);
        parts(self) == parts(other)
    }
}

impl Eq for Model {}

impl Model {
    /// Tries a model on a sequence that never falls. `None` where all of it is one key.
    ///
    /// # Errors
    /// Those of the predictor.
    pub(super) fn learn(
        sequence: &[u64],
        id: ModelId,
        predictor: Arc<dyn Predictor>,
    ) -> Result<Option<Self>> {
        let count = sequence.len() as u64;
        let (first, last) = match (sequence.first(), sequence.last()) {
            (Some(first), Some(last)) if first < last => (*first, *last),
            _ => return Ok(None),
        };
        let mut model =
            Self { id, first, last, below: 0, above: 0, count, predictor: Some(predictor) };
        // A key above the last has no row: it is not predicted.
        let tried = runs(sequence).flat_map(|Run { key, begin, end }| {
            let next = key.checked_add(1).filter(|next| *next <= last);
            [Some((key, begin)), next.map(|next| (next, end))]
        });
        let (keys, truths): (Vec<u64>, Vec<u64>) = tried.flatten().unzip();
        let (mut below, mut above) = (0, 0);
        for (position, truth) in model.positions(&keys)?.into_iter().zip(truths) {
            below = below.max(position.saturating_sub(truth));
            above = above.max(truth.saturating_sub(position));
        }
        (model.below, model.above) = (below + MARGIN, above + MARGIN);
        Ok(Some(model))
    }

    /// The least and the most that J(k) can be: 0 to all where the model does not run.
    pub(super) fn count_below(&self, key: u64) -> (u64, u64) {
        let counts = self.counts(std::slice::from_ref(&key)).ok();
        counts.and_then(|counts| counts.first().copied()).unwrap_or((0, self.count))
    }

    /// As [`Self::count_below`], of many keys.
    pub(super) fn counts(&self, keys: &[u64]) -> Result<Vec<(u64, u64)>> {
        // Known without the model, which is not run for them alone.
        let known = |key: u64| match key {
            key if key <= self.first => Some((0, 0)),
            key if key > self.last => Some((self.count, self.count)),
            _ => None,
        };
        if let Some(found) = keys.iter().map(|key| known(*key)).collect() {
            return Ok(found);
        }
        let bound = |(position, key): (u64, &u64)| {
            let least = position.saturating_sub(self.below).div_ceil(UNIT);
            let most = position.saturating_add(self.above) / UNIT;
            known(*key).unwrap_or((least.min(self.count), most.min(self.count)))
        };
        Ok(self.positions(keys)?.into_iter().zip(keys).map(bound).collect())
    }

    /// e of each key.
    fn positions(&self, keys: &[u64]) -> Result<Vec<u64>> {
        let Some(predictor) = &self.predictor else {
            return Err(Error::unsupported("the model of an index is not loaded"));
        };
        // The last key begins the last vector.
        let rows = self.count.saturating_sub(1).saturating_mul(UNIT);
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MODEL_BATCH) {
            let inputs: Vec<f64> = keys.iter().map(|key| self.input(*key)).collect();
            let outputs = predictor.predict(&inputs)?;
            if outputs.len() != inputs.len() {
                return Err(Error::unsupported(format!(
                    "the model of an index gives {} positions of {} keys",
                    outputs.len(),
                    inputs.len()
                )));
            }
            found.extend(outputs.into_iter().map(|output| position(output, rows)));
        }
        Ok(found)
    }

    #[allow(clippy::cast_precision_loss, reason = "a model is near at best; bounds say how near")]
    fn input(&self, key: u64) -> f64 {
        let from = key.clamp(self.first, self.last) - self.first;
        from as f64 / (self.last - self.first) as f64
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.sha256);
        let numbers = [self.id.bytes, self.first, self.last - self.first, self.below, self.above];
        numbers.into_iter().for_each(|number| put_varint(out, number));
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>, count: u64) -> Result<Self> {
        let sha256 = cursor.array()?;
        let id = ModelId { sha256, bytes: cursor.varint()? };
        let (first, more) = (cursor.varint()?, cursor.varint()?);
        let (below, above) = (cursor.varint()?, cursor.varint()?);
        let last = first.checked_add(more).filter(|_| more > 0);
        match last {
            Some(last) if (1..=MODEL_BYTES).contains(&id.bytes) => {
                Ok(Self { id, first, last, below, above, count, predictor: None })
            }
            _ => Err(Error::corrupt("the model of an index is too long or has no keys")),
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a model is near at best, and an `as` to an integer saturates"
)]
fn position(output: f64, rows: u64) -> u64 {
    // Not a number becomes 0.
    ((output.clamp(0.0, 1.0) * rows as f64).round() as u64).min(rows)
}
