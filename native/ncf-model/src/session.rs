//! ONNX Runtime: its library is found when the first model is opened, and is asked for one thread, no telemetry and
//! the processor alone.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ncf_core::{Error, Result};
use ncf_index::Predictor;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::{PrimitiveTensorElementType, Tensor};

use crate::check::{ElementType, ModelFacts};

/// Where the library is, as ONNX Runtime's other users set it.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// A model in ONNX Runtime.
pub(crate) struct OnnxPredictor {
    facts: ModelFacts,
    /// Only one thread may run a session at a time.
    session: Mutex<Session>,
}

impl fmt::Debug for OnnxPredictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxPredictor").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl OnnxPredictor {
    /// Makes a model ready that was checked.
    pub(crate) fn open(model: &[u8], facts: ModelFacts) -> Result<Self> {
        let environment = environment()?;
        let build = || -> ort::Result<Session> {
            let builder = Session::builder(&environment)?
                .with_no_environment_execution_providers()?
                .with_intra_threads(1)?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_inter_op_spinning(false)?;
            // Bytes that were checked as ONNX are read as nothing else.
            let mut builder = builder.with_config_entry("session.load_model_format", "ONNX")?;
            builder.commit_from_memory(model)
        };
        let session = build().map_err(|error| {
            Error::unsupported(format!("ONNX Runtime does not take the model: {error}"))
        })?;
        Ok(Self { facts, session: Mutex::new(session) })
    }

    fn run<I, O>(&self, inputs: Vec<I>) -> Result<Vec<O>>
    where
        I: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
        O: PrimitiveTensorElementType + Copy,
    {
        let run = || -> ort::Result<Vec<O>> {
            let rows = inputs.len();
            let shape = if self.facts.input_is_column { vec![rows, 1] } else { vec![rows] };
            let tensor = Tensor::from_array((shape, inputs))?;
            let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
            let outputs = session.run(ort::inputs![tensor])?;
            let first = outputs.values().next();
            let first = first.ok_or_else(|| ort::Error::new("the model gave nothing"))?;
            let (_, values) = first.try_extract_tensor::<O>()?;
            Ok(values.to_vec())
        };
        run().map_err(|error| Error::unsupported(format!("ONNX Runtime failed: {error}")))
    }
}

impl Predictor for OnnxPredictor {
    fn predict(&self, inputs: &[f64]) -> Result<Vec<f64>> {
        #[allow(clippy::cast_possible_truncation, reason = "models of floats take floats")]
        let single = || inputs.iter().map(|input| *input as f32).collect::<Vec<f32>>();
        let wide = |outputs: Vec<f32>| outputs.into_iter().map(f64::from).collect();
        match (self.facts.input, self.facts.output) {
            (ElementType::Float, ElementType::Float) => self.run(single()).map(wide),
            (ElementType::Float, ElementType::Double) => self.run(single()),
            (ElementType::Double, ElementType::Float) => self.run(inputs.to_vec()).map(wide),
            (ElementType::Double, ElementType::Double) => self.run(inputs.to_vec()),
        }
    }
}

/// The process's environment: ONNX Runtime allows one.
fn environment() -> Result<Arc<Environment>> {
    static ENVIRONMENT: Mutex<Option<Arc<Environment>>> = Mutex::new(None);
    let mut held = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*held {
        return Ok(environment.clone());
    }
    let library = library();
    let failed = |error: &dyn fmt::Display| {
        Error::unsupported(format!(
            "ONNX models need ONNX Runtime 1.{} or newer, which was looked for as {} and not found or not usable: {error}. \
             Install it (the Python package onnxruntime holds it as onnxruntime/capi/libonnxruntime.so.*), and set {LIBRARY_VARIABLE} to its path. \
             Nothing else needs it",
            ort::MINOR_VERSION,
            library.display()
        ))
    };
    let builder = ort::init_from(&library).map_err(|error| failed(&error))?;
    let built = builder.with_name("ncf").with_telemetry(false).build();
    let environment = Arc::new(built.map_err(|error| failed(&error))?);
    *held = Some(environment.clone());
    Ok(environment)
}

/// The library's path, or its usual name for the loader to find.
fn library() -> PathBuf {
    let given = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty());
    given.map(PathBuf::from).unwrap_or_else(|| {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        PathBuf::from(format!("{prefix}onnxruntime{suffix}"))
    })
}
