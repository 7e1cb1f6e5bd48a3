//! The boundary between the JVM and NCF.
//!
//! Java's side is the package `io.ncf.jni`; `docs/contributing/jni.md` says who owns what. Rules:
//! every entry point runs inside [`guard`], Java holds handles and never pointers ([`handle`]), errors
//! become exceptions in one table ([`error`]), batches cross as Arrow C structs: out by [`scan`], in by
//! [`import`]. Requests and answers are JSON ([`request`]). Files that are not local are reached by
//! calling up into Java ([`storage`], [`upcall`]); so is Spark asked for memory ([`memory`]) and whether
//! to go on ([`task`]).
//!
//! A process may hold two copies of this library, one a class loader. So nothing here must be unique
//! in a process, no thread is ever started, and no class of ours is held: the library goes with its
//! class loader. An allocator of our own would be unique: with mimalloc 3 the second copy of a Spark
//! Connect server's crashes.

mod entry;
mod error;
mod guard;
mod handle;
mod import;
mod memory;
mod options;
mod registration;
mod request;
mod scan;
mod split_rule;
mod storage;
mod table;
mod task;
mod upcall;
mod writer;

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jni::sys::{JNI_ERR, JNI_VERSION_1_8, jint};
use jni::{AttachConfig, AttachmentExceptionPolicy, Env, JavaVM, errors, sys};

/// Called by the JVM when it has loaded the library: finds the exception classes with the class
/// loader that loads it, and connects the native methods.
///
/// # Safety
/// Only the JVM calls this, with its own address.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn JNI_OnLoad(vm: *mut sys::JavaVM, _reserved: *mut c_void) -> jint {
    let loaded = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the JVM passes its own address.
        let vm = unsafe { JavaVM::from_raw(vm) };
        // Any other policy would clear the exception that is thrown here.
        let config = || AttachConfig::new().exceptions_policy(AttachmentExceptionPolicy::Ignore);
        vm.attach_current_thread_with_config(config, None, |env| {
            let connected = connect(env);
            if let Err(error) = &connected {
                // The JVM throws what is pending when it sees the answer below.
                let message = format!("the native library does not fit the classes: {error}");
                error::throw_as(env, ncf::ErrorKind::Unsupported, &message);
            }
            connected
        })
    }));
    match loaded {
        Ok(Ok(())) => JNI_VERSION_1_8,
        Ok(Err(_)) | Err(_) => JNI_ERR,
    }
}

fn connect(env: &mut Env<'_>) -> errors::Result<()> {
    error::load_classes(env)?;
    upcall::load_methods(env)?;
    let class = env.find_class(registration::CLASS)?;
    // SAFETY: the table is generated from the class, whose native methods are all static.
    unsafe { env.register_native_methods(&class, &registration::methods()) }
}
