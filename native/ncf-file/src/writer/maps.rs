//! Maps that blocks share: each is written once no later block can add to it, after the pages of the blocks that use it.

use ncf_core::Result;
use ncf_encoding::{EncodeOptions, GrownMap, SharedPage};

use super::WriterOptions;
use super::block::unlike;
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

    /// The map's page, verified where writers do that, if there is a map that is not written.
    pub(super) fn page(&mut self, options: &WriterOptions) -> Result<Option<SharedPage>> {
        let Some(grown) = self.grown.take() else { return Ok(None) };
        let page = grown.page(&EncodeOptions { profile: options.profile, force: None })?;
        #[cfg(test)]
        let page = options.damage.map(page);
        if options.verify
            && !grown.is_stored_as(&page.bytes).map_err(|error| unlike("a map", Some(error)))?
        {
            return Err(unlike("a map", None));
        }
        Ok(Some(page))
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
