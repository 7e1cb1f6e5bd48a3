//! Storage in the JVM: an `io.ncf.jni.JvmStorage` behind NCF's own traits.
//!
//! A Java object is held by a global reference while something that was opened through it lives.

mod log;
mod sink;
mod source;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jni::objects::JObject;
use jni::refs::Global;
use jni::{Env, JValue, JValueOwned};
use ncf::table::LogStore;
use ncf::{ByteSink, ByteSource, Error, LocalStorage, Result, Stat, Storage};

use crate::error::Failure;
use crate::upcall::{Called, call};
use log::JvmLog;
use sink::JvmSink;
use source::JvmSource;

/// `JvmStorage.ABSENT`.
const ABSENT: i64 = -1;
/// `JvmStorage.DIRECTORY`.
const DIRECTORY: i64 = -2;

/// The storage that an entry point was given: local files for null.
pub(crate) fn of(
    env: &Env<'_>,
    storage: &JObject<'_>,
) -> std::result::Result<Arc<dyn Storage>, Failure> {
    if storage.is_null() {
        return Ok(Arc::new(LocalStorage));
    }
    Ok(Arc::new(JvmStorage { object: Arc::new(env.new_global_ref(storage)?) }))
}

/// An object of the interface `JvmStorage`.
#[derive(Clone)]
struct JvmStorage {
    object: Arc<Global<JObject<'static>>>,
}

impl fmt::Debug for JvmStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing of the object: it may hold credentials.
        f.write_str("JvmStorage")
    }
}

impl JvmStorage {
    fn stat(&self, path: &str) -> Called<Option<Stat>> {
        let length = call(
            || "cannot look at the path".to_owned(),
            |call| {
                let path = call.string(path)?;
                // SAFETY: `stat(String)` of JvmStorage.
                unsafe { call.method(&self.object, |m| &m.stat, &[JValue::Object(&path)]) }?
                    .into_long()
            },
        )?;
        Ok(to_stat(length)?)
    }

    /// The entries as Java writes them; `None` without a directory.
    fn list(&self, directory: &str) -> Called<Option<String>> {
        call(
            || "cannot list the directory".to_owned(),
            |call| {
                let directory = call.string(directory)?;
                // SAFETY: `list(String)` of JvmStorage.
                let entries = unsafe {
                    call.method(&self.object, |m| &m.list, &[JValue::Object(&directory)])
                }?
                .into_object()?;
                if entries.is_null() {
                    return Ok(None);
                }
                let entries = call.env().cast_local::<jni::objects::JString<'_>>(entries)?;
                entries.try_to_string(call.env()).map(Some)
            },
        )
    }

    fn delete(&self, path: &str) -> Called<()> {
        call(
            || "cannot delete the file".to_owned(),
            |call| {
                let path = call.string(path)?;
                // SAFETY: `delete(String)` of JvmStorage.
                unsafe { call.method(&self.object, |m| &m.delete, &[JValue::Object(&path)]) }
                    .and_then(JValueOwned::into_void)
            },
        )
    }
}

impl Storage for JvmStorage {
    fn stat(&self, path: &Path) -> Result<Option<Stat>> {
        let path = text(path)?;
        self.stat(path).map_err(|thrown| thrown.error.with("path", path))
    }

    fn list(&self, directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Stat)>> {
        let directory = text(directory)?;
        let read = || -> Result<Vec<(String, Stat)>> {
            let entries = self.list(directory).map_err(|thrown| thrown.error)?;
            let entries =
                entries.ok_or_else(|| Error::invalid_argument("there is no directory"))?;
            let mut found = entries_of(&entries)?;
            found.retain(|(name, _)| wanted(name));
            Ok(found)
        };
        read().map_err(|error| error.with("directory", directory))
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn ByteSource>> {
        Ok(Arc::new(JvmSource::open(self, text(path)?)?))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn ByteSink>> {
        Ok(Box::new(JvmSink::create(self, text(path)?)?))
    }

    fn log(&self, table: &Path) -> Box<dyn LogStore> {
        Box::new(JvmLog::new(self.clone(), table.display().to_string()))
    }

    fn delete(&self, path: &Path) -> Result<()> {
        let path = text(path)?;
        self.delete(path).map_err(|thrown| thrown.error.with("file", path))
    }

    fn is_remote(&self) -> bool {
        true
    }
}

/// A path as Java takes it.
fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::invalid_argument("a path is not UTF-8; rename it").with("path", path.display())
    })
}

fn to_stat(length: i64) -> Result<Option<Stat>> {
    match length {
        ABSENT => Ok(None),
        DIRECTORY => Ok(Some(Stat::Directory)),
        len => u64::try_from(len)
            .map(|len| Some(Stat::File { len }))
            .map_err(|_| Error::internal(format!("the storage says that a file has {len} bytes"))),
    }
}

/// Cuts `name NUL length NUL …`.
fn entries_of(entries: &str) -> Result<Vec<(String, Stat)>> {
    let odd = || Error::internal("the storage gave a listing that cannot be read");
    let mut parts = entries.split_terminator('\0');
    let mut found = Vec::new();
    while let Some(name) = parts.next() {
        let length = parts.next().and_then(|length| length.parse().ok()).ok_or_else(odd)?;
        found.push((name.to_owned(), to_stat(length)?.ok_or_else(odd)?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_cut_into_names_and_lengths() {
        let found = entries_of("a.ncf\x005\0d=1\0-2\0x\ny\x000\0").unwrap();
        let file = |name: &str, len| (name.to_owned(), Stat::File { len });
        assert_eq!(found, [file("a.ncf", 5), ("d=1".to_owned(), Stat::Directory), file("x\ny", 0)]);
        assert!(entries_of("").unwrap().is_empty());
        for bad in ["a", "a\0x\0", "a\0-1\0", "a\0-7\0"] {
            assert!(entries_of(bad).is_err(), "{bad:?}");
        }
    }
}
