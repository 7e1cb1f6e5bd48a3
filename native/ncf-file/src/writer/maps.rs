//! Maps that blocks share: each is written once no later block can add to it, after the pages of the blocks that use it.

use ncf_core::Result;
use ncf_encoding::{EncodeOptions, GrownMap, SharedPage};

use crate::column_meta::{ColumnMeta, SharedPageMeta};

/// The map of a column that is not written yet.
#[derive(Default)]
pub(super) struct Maps {
    grown: Option<GrownMap>,
    /// The blocks that use it.
    blocks: Vec<usize>,
}

impl Maps {
    /// A block uses the map, which is now as `grown`.
    pub(super) fn grow(&mut self, grown: GrownMap, block: usize) {
        self.grown = Some(grown);
        self.blocks.push(block);
    }

    /// The map's page, if there is a map that is not written.
    pub(super) fn page(&mut self, options: &EncodeOptions) -> Result<Option<SharedPage>> {
        self.grown.take().map(|grown| grown.page(options)).transpose()
    }

    /// Tells the blocks where the page is.
    pub(super) fn place(&mut self, meta: &mut ColumnMeta, place: &SharedPageMeta) {
        for block in self.blocks.drain(..) {
            if let Some(chunk) = meta.blocks.get_mut(block) {
                chunk.shared.push(place.clone());
            }
        }
    }
}
