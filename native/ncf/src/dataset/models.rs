//! The models beside a dataset: `_ncf_models/<SHA-256>.onnx`. None is opened that the caller does not trust.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ncf_core::{Error, Result};
use ncf_index::learned::MODEL_BYTES;
use ncf_index::{Engine, ModelId, Models, Predictor};
use sha2::{Digest, Sha256};

use super::{Dataset, Kind};
use crate::storage::{Stat, Storage};

/// Directory of the models that indexes name, in that of a table or beside a file.
pub const MODEL_DIRECTORY: &str = "_ncf_models";
/// Environment variable in which shells look for the SHA-256 of models that are trusted.
pub const TRUSTED_MODELS_VARIABLE: &str = "NCF_TRUSTED_MODELS";

impl Dataset {
    /// Gives readers the models of this dataset whose SHA-256 is among `trusted`, and no others: those are not even
    /// opened. A model that is trusted runs in `engine` once its bytes have that hash.
    pub fn models(&self, engine: Arc<dyn Engine>, trusted: BTreeSet<[u8; 32]>) -> Arc<dyn Models> {
        let (storage, folder) = (self.storage.clone(), self.model_folder());
        Arc::new(TrustedModels { storage, folder, trusted, engine, ready: Mutex::default() })
    }

    pub(super) fn model_folder(&self) -> PathBuf {
        let folder = match self.kind {
            Kind::Table { .. } | Kind::Directory => self.root.as_path(),
            Kind::File => self.root.parent().unwrap_or(Path::new("")),
        };
        folder.join(MODEL_DIRECTORY)
    }
}

#[derive(Debug)]
struct TrustedModels {
    storage: Arc<dyn Storage>,
    folder: PathBuf,
    trusted: BTreeSet<[u8; 32]>,
    engine: Arc<dyn Engine>,
    /// One of each for all files of the dataset.
    ready: Mutex<BTreeMap<ModelId, Arc<dyn Predictor>>>,
}

impl Models for TrustedModels {
    fn predictor(&self, model: &ModelId) -> Result<Arc<dyn Predictor>> {
        if !self.trusted.contains(&model.sha256) {
            return Err(Error::unsupported(format!(
                "the model {model} is not trusted; if you trust it, name it with --trust-model or in {TRUSTED_MODELS_VARIABLE}"
            )));
        }
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(predictor) = ready.get(model) {
            return Ok(predictor.clone());
        }
        let path = path_of(&self.folder, model);
        let opened = read(&*self.storage, &path, model).and_then(|bytes| self.engine.open(&bytes));
        let predictor = opened.map_err(|error| error.with("model", path.display()))?;
        ready.insert(*model, predictor.clone());
        Ok(predictor)
    }
}

/// Names a model by its bytes.
pub(super) fn model_id(bytes: &[u8]) -> ModelId {
    ModelId { sha256: Sha256::digest(bytes).into(), bytes: bytes.len() as u64 }
}

/// Where a model stands.
pub(super) fn path_of(folder: &Path, model: &ModelId) -> PathBuf {
    folder.join(format!("{model}.onnx"))
}

/// Puts a model where readers look for it, unless it is there.
pub(super) fn store(storage: &dyn Storage, folder: &Path, bytes: &[u8]) -> Result<()> {
    let model = model_id(bytes);
    let path = path_of(folder, &model);
    if storage.stat(&path)?.is_some() {
        return read(storage, &path, &model).map(|_| ()).map_err(|error| {
            Error::new(
                error.kind(),
                format!("{}; delete it, and it is written again", error.message()),
            )
            .with("model", path.display())
        });
    }
    let mut sink = storage.create(&path)?;
    if let Err(error) = sink.append(bytes).and_then(|()| sink.finish()) {
        sink.discard();
        return Err(error);
    }
    // The folder may be new.
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    storage.sync_directories(&BTreeSet::from([above.unwrap_or(Path::new(".")).to_path_buf()]))
}

/// The bytes of a model, which are what its name says.
fn read(storage: &dyn Storage, path: &Path, model: &ModelId) -> Result<Vec<u8>> {
    match storage.stat(path)? {
        Some(Stat::File { len }) if len == model.bytes && len <= MODEL_BYTES => {}
        Some(_) => return Err(Error::corrupt("the model has another length than its index says")),
        None => {
            return Err(Error::new(
                ncf_core::ErrorKind::Io,
                "the model is not there; put it back, or train the index again",
            ));
        }
    }
    let source = storage.open(path)?;
    let whole = 0..model.bytes;
    let mut found = source.read_ranges(std::slice::from_ref(&whole))?;
    let bytes = found.pop().ok_or_else(|| Error::internal("a byte source returned nothing"))?;
    if model_id(&bytes) == *model {
        return Ok(bytes.to_vec());
    }
    Err(Error::corrupt("the model is another one than its name says"))
}

/// A SHA-256 as 64 hex digits.
///
/// # Errors
/// `InvalidArgument` where the text is none.
pub fn parse_sha256(text: &str) -> Result<[u8; 32]> {
    let wrong =
        || Error::invalid_argument(format!("{text} is no SHA-256; it has 64 digits from 0 to f"));
    let mut found = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (at, byte) in found.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2).ok_or_else(wrong)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_they_are_written() {
        let id = model_id(b"abc");
        let text = id.to_string();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(parse_sha256(&text).unwrap(), id.sha256);
        assert_eq!(parse_sha256(&text.to_uppercase()).unwrap(), id.sha256);
        for bad in ["", "ab", &text[1..], &format!("+{}", &text[1..]), &"é".repeat(32)] {
            assert!(parse_sha256(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_model_is_stored_once_and_read_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(MODEL_DIRECTORY);
        let storage = crate::LocalStorage;
        let id = model_id(b"a model");
        let path = path_of(&folder, &id);
        assert!(read(&storage, &path, &id).is_err(), "absent");
        store(&storage, &folder, b"a model").unwrap();
        store(&storage, &folder, b"a model").unwrap();
        assert_eq!(read(&storage, &path, &id).unwrap(), b"a model");
        for bad in ["b model", "a model!"] {
            std::fs::write(&path, bad).unwrap();
            assert!(read(&storage, &path, &id).is_err(), "{bad}");
            let error = store(&storage, &folder, b"a model").unwrap_err();
            assert!(error.message().contains("delete it"), "{error}");
        }
    }
}
