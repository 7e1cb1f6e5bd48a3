//! Which models of indexes are run: those that the user names, and no others.

use std::collections::BTreeSet;
use std::sync::Arc;

use clap::Args;
use ncf::Result;
use ncf::dataset::{Dataset, TRUSTED_MODELS_VARIABLE, parse_sha256};
use ncf::index::Models;
use ncf_model::OnnxRuntime;

/// Options of commands that read.
#[derive(Debug, Default, Args)]
pub(crate) struct Trust {
    /// Runs the ONNX model with this SHA-256 where an index needs it; may be repeated. So does the environment
    /// variable NCF_TRUSTED_MODELS, with one or more of them.
    #[arg(long = "trust-model", value_name = "SHA256")]
    trusted: Vec<String>,
}

impl Trust {
    /// The models of a dataset that are trusted.
    ///
    /// # Errors
    /// `InvalidArgument` where a hash is none.
    pub(crate) fn models(&self, dataset: &Dataset) -> Result<Option<Arc<dyn Models>>> {
        let variable = std::env::var(TRUSTED_MODELS_VARIABLE).unwrap_or_default();
        let named = variable.split([',', ' ']).filter(|text| !text.is_empty());
        let named = named.map(|text| {
            parse_sha256(text).map_err(|error| error.with("variable", TRUSTED_MODELS_VARIABLE))
        });
        let given = self.trusted.iter().map(|text| parse_sha256(text));
        let trusted: BTreeSet<[u8; 32]> = named.chain(given).collect::<Result<_>>()?;
        // With none, too: that says why an index is left out of account.
        Ok(Some(dataset.models(Arc::new(OnnxRuntime), trusted)))
    }
}
