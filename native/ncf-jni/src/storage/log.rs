//! The log of a table that Java reads and writes.

use jni::objects::JByteArray;
use jni::{JValue, JValueOwned};
use ncf::Result;
use ncf::table::{LogStore, Put};

use super::{JvmStorage, entries_of};
use crate::upcall::{Called, Thrown, call};

/// A log in an object of the interface `JvmStorage`.
pub(super) struct JvmLog {
    storage: JvmStorage,
    table: String,
}

impl JvmLog {
    pub(super) fn new(storage: JvmStorage, table: String) -> Self {
        Self { storage, table }
    }

    fn resolve(&self, path: &str) -> String {
        format!("{}/{path}", self.table.trim_end_matches('/'))
    }

    fn put(&self, path: &str, bytes: &[u8]) -> Called<bool> {
        call(
            || "the commit record may or may not have been stored".to_owned(),
            |call| {
                let path = call.string(path)?;
                let bytes = call.env().byte_array_from_slice(bytes)?;
                let arguments = [JValue::Object(&path), JValue::Object(&bytes)];
                // SAFETY: `putIfAbsent(String, byte[])` of JvmStorage.
                unsafe { call.method(&self.storage.object, |m| &m.put_if_absent, &arguments) }
                    .and_then(JValueOwned::into_bool)
            },
        )
    }
}

impl LogStore for JvmLog {
    fn table(&self) -> &str {
        &self.table
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let full = self.resolve(path);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        call(
            || "cannot read the file".to_owned(),
            |call| {
                let path = call.string(&full)?;
                let arguments = [JValue::Object(&path), JValue::Long(limit)];
                // SAFETY: `read(String, long)` of JvmStorage.
                let bytes = unsafe { call.method(&self.storage.object, |m| &m.read, &arguments) }?
                    .into_object()?;
                if bytes.is_null() {
                    return Ok(None);
                }
                let bytes = call.env().cast_local::<JByteArray<'_>>(bytes)?;
                call.env().convert_byte_array(bytes).map(Some)
            },
        )
        .map_err(|thrown| thrown.error.with("file", &full))
    }

    fn put_if_absent(&self, path: &str, bytes: &[u8]) -> Result<Put> {
        let full = self.resolve(path);
        match self.put(&full, bytes) {
            Ok(true) => Ok(Put::Created),
            Ok(false) => Ok(Put::Exists),
            // Only NCF's own classes say that nothing became visible.
            Err(Thrown { error, ours: true }) => Err(error.with("file", full)),
            Err(Thrown { error, ours: false }) => Ok(Put::Unknown(error.with("file", full))),
        }
    }

    fn exists(&self, path: &str) -> Result<bool> {
        let full = self.resolve(path);
        let stat = self.storage.stat(&full).map_err(|thrown| thrown.error.with("file", full))?;
        Ok(stat.is_some())
    }

    fn list(&self, directory: &str) -> Result<Vec<String>> {
        let full = self.resolve(directory);
        let read = || -> Result<Vec<String>> {
            let entries = self.storage.list(&full).map_err(|thrown| thrown.error)?;
            let entries = entries_of(&entries.unwrap_or_default())?;
            Ok(entries.into_iter().map(|(name, _)| name).collect())
        };
        read().map_err(|error| error.with("directory", &full))
    }

    fn delete(&self, path: &str) -> Result<()> {
        let full = self.resolve(path);
        self.storage.delete(&full).map_err(|thrown| thrown.error.with("file", &full))
    }
}
