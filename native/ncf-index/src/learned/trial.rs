//! A model that somebody else made, beside what a writer would make itself: what decides whether it is stored.

use std::ops::Range;
use std::sync::Arc;

use ncf_core::Result;

use super::learn::Coded;
use super::model::Model;
use super::{Form, Index, Interval, Key, Learner, ModelId, Predictor};

/// The indexes that a column can have.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Positions by the model; ready to be searched.
    pub model: Index,
    /// Fences.
    pub fences: Index,
    /// Lines, whether or not their window is that of the fences.
    pub linear: Index,
    /// Codes of keys between those that begin vectors, to measure look-ups with.
    pub keys: Vec<u64>,
}

impl Learner {
    /// What a model is worth for the column. `None` where its rows are in no order, or its keys are too few: then
    /// it can have no index. `stored` says how long bytes are when they are stored.
    ///
    /// # Errors
    /// Those of the predictor.
    pub fn try_model(
        self,
        id: ModelId,
        predictor: Arc<dyn Predictor>,
        stored: &dyn Fn(&[u8]) -> u64,
    ) -> Result<Option<Trial>> {
        let Some(coded) = self.coded() else { return Ok(None) };
        let Some(model) = Model::learn(&coded.keys, id, predictor)? else { return Ok(None) };
        let [fences, linear] = coded.both(stored);
        let window = mean_window(&coded, &model)?;
        let mut index = coded.index(|map| Form::Model(map, model), fences.sizes);
        index.window = window;
        Ok(Some(Trial { model: index, fences, linear, keys: coded.inner().collect() }))
    }
}

/// As [`Index::mean_window`], of many keys at once.
fn mean_window(coded: &Coded, model: &Model) -> Result<u64> {
    let keys: Vec<u64> = coded.inner().collect();
    let after: Vec<u64> = keys.iter().map(|key| key.saturating_add(1)).collect();
    let (from, to) = (model.counts(&keys)?, model.counts(&after)?);
    let window = |((least, _), (_, most)): (&(u64, u64), &(u64, u64))| {
        most.saturating_sub(least.saturating_sub(1))
    };
    let sum: u64 = from.iter().zip(&to).map(window).sum();
    Ok((16 * sum).checked_div(keys.len() as u64).unwrap_or(0))
}

impl Index {
    /// The model that the index needs, where it is one that somebody else made.
    pub fn model(&self) -> Option<ModelId> {
        match &self.form {
            Form::Model(_, model) => Some(model.id),
            _ => None,
        }
    }

    /// The index with its model ready.
    #[must_use]
    pub fn with_predictor(mut self, predictor: Arc<dyn Predictor>) -> Self {
        if let Form::Model(_, model) = &mut self.form {
            model.predictor = Some(predictor);
        }
        self
    }

    /// The vectors that a search for a code of [`Trial::keys`] names, exceptions aside; `None` where keys are strings.
    pub fn look_up(&self, code: u64) -> Option<Range<u64>> {
        self.form.map()?;
        let key = || Some(Key::Code(code));
        Some(self.window(&Interval { from: key(), to: key() }))
    }
}
