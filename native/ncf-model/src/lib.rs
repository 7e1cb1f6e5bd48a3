//! ONNX models that predict where keys are: the optional index of kind 7 (`docs/spec/index.md`).
//!
//! ```text
//! wire.rs     the fields of a protobuf message
//! tensor.rs   a constant of a model
//! check.rs    which models are run at all                session.rs  ONNX Runtime (feature `onnx`)
//! ```
//!
//! A model is bytes from outside. [`check`] reads them without ONNX Runtime and refuses whatever is not a small,
//! closed graph of a few operators: only what passes is handed on. Whether bytes are trusted at all, and where they
//! stand, is for the caller to say; this crate opens no file but ONNX Runtime's library.
#![forbid(unsafe_code)]

mod check;
#[cfg(feature = "onnx")]
mod session;
mod tensor;
mod wire;

use std::sync::Arc;

use ncf_core::Result;
use ncf_index::{Engine, Predictor};

pub use check::{ElementType, MOST_NODES, ModelFacts, OPERATORS, check};

/// Runs models in ONNX Runtime, whose library is looked for when the first model is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct OnnxRuntime;

impl Engine for OnnxRuntime {
    #[cfg(feature = "onnx")]
    fn open(&self, model: &[u8]) -> Result<Arc<dyn Predictor>> {
        let facts = check(model)?;
        Ok(Arc::new(session::OnnxPredictor::open(model, facts)?))
    }

    #[cfg(not(feature = "onnx"))]
    fn open(&self, model: &[u8]) -> Result<Arc<dyn Predictor>> {
        check(model)?;
        Err(ncf_core::Error::unsupported(
            "this build cannot run ONNX models; build it with the cargo feature onnx",
        ))
    }
}
