//! Learned indexes of a file: those that can be used, and why others cannot.

use std::sync::Arc;

use ncf_core::{Error, Result};
use ncf_index::{Index, ModelId};

use crate::block::BlockInfo;
use crate::constants::{INDEX_BYTES, PieceKind, VECTOR_ROWS};
use crate::reader::FileReader;

/// What a file holds of a column's index.
#[derive(Default)]
pub(crate) struct LoadedIndex {
    /// Ready to be searched.
    index: Arc<Option<Index>>,
    left_out: Option<LeftOut>,
}

/// An index that is left out of account.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// It; the model that it needs is not ready.
    pub index: Index,
    /// Why.
    pub reason: String,
}

impl FileReader {
    /// The learned index of a column; read once. `None` inside where it has none that this version knows, or one
    /// that needs a model that [`crate::ReadOptions::models`] does not give.
    pub fn index(&self, column: usize) -> Result<Arc<Option<Index>>> {
        Ok(self.loaded_index(column)?.index.clone())
    }

    /// The learned index of a column that is left out of account for want of its model, and why.
    pub fn index_left_out(&self, column: usize) -> Result<Option<LeftOut>> {
        Ok(self.loaded_index(column)?.left_out.clone())
    }

    /// Stored bytes of the learned index of a column.
    pub fn index_bytes(&self, column: usize) -> u64 {
        self.record_bytes(PieceKind::Index, column)
    }

    fn loaded_index(&self, column: usize) -> Result<Arc<LoadedIndex>> {
        let data_type = self.stored_column(column)?.data_type;
        self.cached(&self.indexes, column, |number, budget| {
            if !self.records.contains_key(&(PieceKind::Index, number)) {
                return Ok(LoadedIndex::default());
            }
            let bytes = self.record(PieceKind::Index, number)?;
            if bytes.len() > INDEX_BYTES {
                return Ok(LoadedIndex::default());
            }
            budget.take("an index", Index::memory(bytes.len(), data_type))?;
            let vectors = |block: &BlockInfo| u64::from(block.rows).div_ceil(VECTOR_ROWS as u64);
            let found = Index::decode(&bytes, data_type, self.blocks().iter().map(vectors).sum())?;
            Ok(match found {
                Some(index) => self.with_model(index),
                None => LoadedIndex::default(),
            })
        })
    }

    /// The index with the model that it needs, if it needs one. No error here is worth a failed read: the index
    /// is left out of account.
    fn with_model(&self, index: Index) -> LoadedIndex {
        let Some(model) = index.model() else {
            return LoadedIndex { index: Arc::new(Some(index)), left_out: None };
        };
        let predictor = match &self.options.models {
            Some(models) => models.predictor(&model),
            None => Err(untrusted(&model)),
        };
        match predictor {
            Ok(predictor) => LoadedIndex {
                index: Arc::new(Some(index.with_predictor(predictor))),
                left_out: None,
            },
            Err(error) => LoadedIndex {
                index: Arc::default(),
                left_out: Some(LeftOut { index, reason: error.to_string() }),
            },
        }
    }
}

/// Says that nobody trusts a model.
fn untrusted(model: &ModelId) -> Error {
    Error::unsupported(format!("the model {model} is not trusted here"))
}
