//! The entry points, one a native method of `io.ncf.jni.Native`, all inside the guard.
//!
//! What each takes and answers is told there; the table that connects them is `registration.rs`.

use std::sync::Arc;

use arrow_data::ffi::FFI_ArrowArray;
use jni::objects::{JClass, JObject, JString};
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned};
use ncf::{Interruption, Storage};

use crate::error::Failure;
use crate::guard::guard;
use crate::memory::JvmMemory;
use crate::{memory, scan, storage, table, task, writer};

/// Must equal `Native.PROTOCOL_VERSION`.
const PROTOCOL_VERSION: jint = 6;

/// Passes a text to `answer` and its answer back.
fn text_to_text<'local>(
    env: EnvUnowned<'local>,
    request: &JString<'local>,
    storage: &JObject<'local>,
    answer: impl FnOnce(&Arc<dyn Storage>, &str) -> ncf::Result<String>,
) -> JString<'local> {
    guard(env, |env| {
        let storage = storage::of(env, storage)?;
        let answer = answer(&storage, &request.try_to_string(env)?)?;
        Ok(env.new_string(answer)?)
    })
}

/// Passes a text to `open` and the handle back.
fn text_to_handle<'local>(
    env: EnvUnowned<'local>,
    request: &JString<'local>,
    storage: &JObject<'local>,
    memory: &JObject<'local>,
    task: &JObject<'local>,
    open: impl FnOnce(&Arc<dyn Storage>, Option<JvmMemory>, Interruption, &str) -> ncf::Result<u64>,
) -> jlong {
    guard(env, |env| {
        let (storage, memory) = (storage::of(env, storage)?, memory::of(env, memory)?);
        let interruption = task::interruption(env, task)?;
        Ok(open(&storage, memory, interruption, &request.try_to_string(env)?)?.cast_signed())
    })
}

/// Runs what needs no JVM.
fn plain<T: Default>(env: EnvUnowned<'_>, body: impl FnOnce() -> ncf::Result<T>) -> T {
    guard(env, |_: &mut Env<'_>| body().map_err(Failure::from))
}

pub(crate) extern "system" fn protocol_version<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jint {
    plain(env, || Ok(PROTOCOL_VERSION))
}

pub(crate) extern "system" fn open_dataset<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::open_dataset)
}

pub(crate) extern "system" fn plan_scan<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::plan_scan)
}

pub(crate) extern "system" fn prove_predicates<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::prove_predicates)
}

pub(crate) extern "system" fn open_scan<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
    memory: JObject<'local>,
    task: JObject<'local>,
) -> jlong {
    text_to_handle(env, &request, &storage, &memory, &task, scan::open)
}

pub(crate) extern "system" fn next_batch<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    scan: jlong,
) -> jlong {
    plain(env, || scan::next_batch(scan.cast_unsigned()))
}

pub(crate) extern "system" fn scan_metrics<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    scan: jlong,
) -> JString<'local> {
    guard(env, |env| {
        let metrics = scan::metrics(scan.cast_unsigned())?;
        Ok(env.new_string(metrics)?)
    })
}

pub(crate) extern "system" fn keep_batch<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    scan: jlong,
) {
    plain(env, || scan::keep_batch(scan.cast_unsigned()));
}

pub(crate) extern "system" fn close_scan<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    scan: jlong,
) {
    plain(env, || {
        scan::SCANS.close(scan.cast_unsigned());
        Ok(())
    });
}

pub(crate) extern "system" fn open_writer<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
    memory: JObject<'local>,
    task: JObject<'local>,
) -> jlong {
    text_to_handle(env, &request, &storage, &memory, &task, writer::open)
}

pub(crate) extern "system" fn write_batch<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    writer: jlong,
    array: jlong,
) {
    plain(env, || {
        // SAFETY: the address comes from a `BatchBuilder`, which owns the structs and the buffers
        // that they point to and is not touched before this call returns.
        unsafe { writer::write_batch(writer.cast_unsigned(), array) }
    });
}

pub(crate) extern "system" fn finish_writer<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    writer: jlong,
) -> JString<'local> {
    guard(env, |env| {
        let summary = writer::finish(writer.cast_unsigned())?;
        Ok(env.new_string(summary)?)
    })
}

pub(crate) extern "system" fn abort_writer<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    writer: jlong,
) {
    plain(env, || {
        writer::WRITERS.close(writer.cast_unsigned());
        Ok(())
    });
}

/// The `release` of structs that the JVM owns.
extern "C" fn release_nothing(_array: *mut FFI_ArrowArray) {}

pub(crate) extern "system" fn noop_release<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jlong {
    plain(env, || {
        let function: extern "C" fn(*mut FFI_ArrowArray) = release_nothing;
        Ok((function as usize as u64).cast_signed())
    })
}

pub(crate) extern "system" fn commit<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::commit)
}

pub(crate) extern "system" fn delete_files<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::delete_files)
}

pub(crate) extern "system" fn changes<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::changes)
}

pub(crate) extern "system" fn latest_version<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    request: JString<'local>,
    storage: JObject<'local>,
) -> JString<'local> {
    text_to_text(env, &request, &storage, table::latest_version)
}

pub(crate) extern "system" fn live_handles<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> jlong {
    plain(env, || Ok(((scan::SCANS.live() + writer::WRITERS.live()) as u64).cast_signed()))
}

#[expect(clippy::panic, reason = "a panic on purpose: a test proves that the JVM survives it")]
pub(crate) extern "system" fn panic_for_test<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    message: JString<'local>,
) {
    guard(env, |env| -> Result<(), Failure> {
        let message = message.try_to_string(env)?;
        panic!("{message}")
    });
}
