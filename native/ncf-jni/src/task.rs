//! The task that a scan or a writer works for: an `io.ncf.jni.JvmTask`, which the JVM may kill meanwhile.

use jni::objects::JObject;
use jni::{Env, JValueOwned};
use ncf::Interruption;

use crate::error::Failure;
use crate::upcall::call;

/// Asks `task` whether it was killed; null never is. The object is held until the work is closed.
pub(crate) fn interruption(
    env: &Env<'_>,
    task: &JObject<'_>,
) -> std::result::Result<Interruption, Failure> {
    if task.is_null() {
        return Ok(Interruption::default());
    }
    let task = env.new_global_ref(task)?;
    Ok(Interruption::new(move || {
        let asked = call(String::new, |call| {
            // SAFETY: `isInterrupted()` of JvmTask.
            unsafe { call.method(&task, |m| &m.is_interrupted, &[]) }
                .and_then(JValueOwned::into_bool)
        });
        // Nobody said that the work shall stop.
        asked.unwrap_or(false)
    }))
}
