//! A new file that Java writes.

use jni::objects::JObject;
use jni::refs::Global;
use jni::{JValue, JValueOwned};
use ncf::{ByteSink, Error, Result};

use super::JvmStorage;
use crate::upcall::call;

/// Most bytes of one call.
const MOST: usize = 1 << 30;

/// An object of the interface `JvmSink`; the file is removed when it is dropped unfinished.
pub(super) struct JvmSink {
    name: String,
    object: Global<JObject<'static>>,
    finished: bool,
}

impl JvmSink {
    pub(super) fn create(storage: &JvmStorage, name: &str) -> Result<Self> {
        let created = call(
            || "cannot create the file".to_owned(),
            |call| {
                let path = call.string(name)?;
                // SAFETY: `create(String)` of JvmStorage.
                let sink = unsafe {
                    call.method(&storage.object, |m| &m.create, &[JValue::Object(&path)])
                }?
                .into_object()?;
                call.env().new_global_ref(&sink)
            },
        );
        let object = created.map_err(|thrown| thrown.error.with("file", name))?;
        if object.is_null() {
            return Err(Error::internal("the storage created nothing").with("file", name));
        }
        Ok(Self { name: name.to_owned(), object, finished: false })
    }
}

impl ByteSink for JvmSink {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        for chunk in bytes.chunks(MOST) {
            call(
                || "cannot write to the file".to_owned(),
                |call| {
                    // SAFETY: Java's sinks only read the buffer, and do not keep it.
                    let buffer = unsafe { call.buffer(chunk.as_ptr().cast_mut(), chunk.len()) }?;
                    let arguments = [JValue::Object(&buffer)];
                    // SAFETY: `append(ByteBuffer)` of JvmSink.
                    unsafe { call.method(&self.object, |m| &m.sink_append, &arguments) }
                        .and_then(JValueOwned::into_void)
                },
            )
            .map_err(|thrown| thrown.error.with("file", &self.name))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        call(
            || "cannot make the file durable".to_owned(),
            |call| {
                // SAFETY: `finish()` of JvmSink.
                unsafe { call.method(&self.object, |m| &m.sink_finish, &[]) }
                    .and_then(JValueOwned::into_void)
            },
        )
        .map_err(|thrown| thrown.error.with("file", &self.name))?;
        self.finished = true;
        Ok(())
    }

    fn discard(&mut self) {
        self.finished = true;
        // The file is garbage that no reader accepts; failing to remove it loses nothing.
        let _ = call(String::new, |call| {
            // SAFETY: `discard()` of JvmSink.
            unsafe { call.method(&self.object, |m| &m.sink_discard, &[]) }
                .and_then(JValueOwned::into_void)
        });
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for JvmSink {
    fn drop(&mut self) {
        if !self.finished {
            self.discard();
        }
    }
}
