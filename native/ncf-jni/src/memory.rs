//! Memory of scans and writers: within the option `memoryLimit`, and granted by Spark where it manages
//! native memory (an `io.ncf.jni.JvmMemory`).

use jni::objects::JObject;
use jni::refs::Global;
use jni::{Env, JValue, JValueOwned};
use ncf::{MemoryConsumer, MemoryPool, Result};

use crate::error::Failure;
use crate::upcall::call;

/// An object of the interface `JvmMemory`.
pub(crate) struct JvmMemory {
    object: Global<JObject<'static>>,
}

/// The memory that an entry point was given, `None` for null.
pub(crate) fn of(
    env: &Env<'_>,
    memory: &JObject<'_>,
) -> std::result::Result<Option<JvmMemory>, Failure> {
    if memory.is_null() {
        return Ok(None);
    }
    Ok(Some(JvmMemory { object: env.new_global_ref(memory)? }))
}

/// Counts the memory of a scan or writer.
pub(crate) fn consumer(
    name: &'static str,
    limit: u64,
    memory: Option<JvmMemory>,
) -> MemoryConsumer {
    MemoryConsumer::new(name, limit, memory.map(|memory| Box::new(memory) as Box<dyn MemoryPool>))
}

impl MemoryPool for JvmMemory {
    fn acquire(&self, bytes: u64) -> Result<u64> {
        let granted = call(
            || "cannot ask Spark for memory".to_owned(),
            |call| {
                let arguments = [JValue::Long(bytes.cast_signed())];
                // SAFETY: `acquire(long)` of JvmMemory.
                unsafe { call.method(&self.object, |m| &m.memory_acquire, &arguments) }?.into_long()
            },
        );
        let granted = granted.map_err(|thrown| thrown.error)?;
        Ok(u64::try_from(granted).unwrap_or(0))
    }

    fn release(&self, bytes: u64) {
        // What Spark does not take back now it takes back when the task ends.
        let _ = call(String::new, |call| {
            let arguments = [JValue::Long(bytes.cast_signed())];
            // SAFETY: `release(long)` of JvmMemory.
            unsafe { call.method(&self.object, |m| &m.memory_release, &arguments) }
                .and_then(JValueOwned::into_void)
        });
    }

    fn advice(&self) -> &'static str {
        "raise spark.memory.offHeap.size, or run fewer tasks at a time on an executor"
    }
}
