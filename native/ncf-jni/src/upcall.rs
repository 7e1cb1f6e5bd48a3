//! Calls up into the JVM: the methods of `io.ncf.jni.JvmStorage`, `JvmSource`, `JvmSink`, `JvmMemory`
//! and `JvmTask`.
//!
//! Methods are found when the library is loaded. Every call runs in a local frame, so that references
//! do not pile up, and ends with a look for an exception, which becomes an [`Error`] and is cleared.
//! A thread that the JVM does not know is attached as a daemon for the time of the call.

use std::ptr;
use std::sync::OnceLock;

use jni::objects::{JByteBuffer, JClass, JMethodID, JObject, JString, JThrowable};
use jni::signature::{JavaType, MethodSignature, Primitive, ReturnType};
use jni::{AttachConfig, AttachmentExceptionPolicy, Env, JValue, JValueOwned, JavaVM};
use jni::{errors, jni_sig, jni_str, sys};
use ncf::{Error, ErrorKind};

use crate::error;

/// Local references that a call may make without asking for room.
const FRAME: usize = 8;

/// A Java method and what it returns.
pub(crate) struct Method {
    id: JMethodID,
    returns: ReturnType,
}

/// Every method that is called up to. The ids are valid for as long as the interfaces are loaded, which
/// is at least as long as `Native` is, from the same jar: nothing else runs this library.
pub(crate) struct Methods {
    pub(crate) stat: Method,
    pub(crate) list: Method,
    pub(crate) open: Method,
    pub(crate) create: Method,
    pub(crate) read: Method,
    pub(crate) put_if_absent: Method,
    pub(crate) delete: Method,
    pub(crate) source_length: Method,
    pub(crate) source_read: Method,
    pub(crate) source_close: Method,
    pub(crate) sink_append: Method,
    pub(crate) sink_finish: Method,
    pub(crate) sink_discard: Method,
    pub(crate) memory_acquire: Method,
    pub(crate) memory_release: Method,
    pub(crate) is_interrupted: Method,
    message: Method,
    text: Method,
}

static METHODS: OnceLock<Methods> = OnceLock::new();

const VOID: ReturnType = JavaType::Primitive(Primitive::Void);
const LONG: ReturnType = JavaType::Primitive(Primitive::Long);
const BOOLEAN: ReturnType = JavaType::Primitive(Primitive::Boolean);
const OBJECT: ReturnType = JavaType::Object;

/// Finds the methods, on the thread that loads the library.
pub(crate) fn load_methods(env: &mut Env<'_>) -> errors::Result<()> {
    let storage = env.find_class(jni_str!("io/ncf/jni/JvmStorage"))?;
    let source = env.find_class(jni_str!("io/ncf/jni/JvmSource"))?;
    let sink = env.find_class(jni_str!("io/ncf/jni/JvmSink"))?;
    let memory = env.find_class(jni_str!("io/ncf/jni/JvmMemory"))?;
    let task = env.find_class(jni_str!("io/ncf/jni/JvmTask"))?;
    let throwable = env.find_class(jni_str!("java/lang/Throwable"))?;
    let open = jni_sig!("(Ljava/lang/String;)Lio/ncf/jni/JvmSource;");
    let create = jni_sig!("(Ljava/lang/String;)Lio/ncf/jni/JvmSink;");
    let text = jni_sig!("()Ljava/lang/String;");
    let methods = Methods {
        stat: find(env, &storage, "stat", &jni_sig!("(Ljava/lang/String;)J"), LONG)?,
        list: find(
            env,
            &storage,
            "list",
            &jni_sig!("(Ljava/lang/String;)Ljava/lang/String;"),
            OBJECT,
        )?,
        open: find(env, &storage, "open", &open, OBJECT)?,
        create: find(env, &storage, "create", &create, OBJECT)?,
        read: find(env, &storage, "read", &jni_sig!("(Ljava/lang/String;J)[B"), OBJECT)?,
        put_if_absent: find(
            env,
            &storage,
            "putIfAbsent",
            &jni_sig!("(Ljava/lang/String;[B)Z"),
            BOOLEAN,
        )?,
        delete: find(env, &storage, "delete", &jni_sig!("(Ljava/lang/String;)V"), VOID)?,
        source_length: find(env, &source, "length", &jni_sig!("()J"), LONG)?,
        source_read: find(env, &source, "read", &jni_sig!("([JLjava/nio/ByteBuffer;)V"), VOID)?,
        source_close: find(env, &source, "close", &jni_sig!("()V"), VOID)?,
        sink_append: find(env, &sink, "append", &jni_sig!("(Ljava/nio/ByteBuffer;)V"), VOID)?,
        sink_finish: find(env, &sink, "finish", &jni_sig!("()V"), VOID)?,
        sink_discard: find(env, &sink, "discard", &jni_sig!("()V"), VOID)?,
        memory_acquire: find(env, &memory, "acquire", &jni_sig!("(J)J"), LONG)?,
        memory_release: find(env, &memory, "release", &jni_sig!("(J)V"), VOID)?,
        is_interrupted: find(env, &task, "isInterrupted", &jni_sig!("()Z"), BOOLEAN)?,
        message: find(env, &throwable, "getMessage", &text, OBJECT)?,
        text: find(env, &throwable, "toString", &text, OBJECT)?,
    };
    // The JVM loads a library once, so nothing was set before.
    let _ = METHODS.set(methods);
    Ok(())
}

fn find(
    env: &mut Env<'_>,
    class: &JClass<'_>,
    name: &str,
    signature: &MethodSignature<'_, '_>,
    returns: ReturnType,
) -> errors::Result<Method> {
    let name = jni::strings::JNIString::new(name);
    Ok(Method { id: env.get_method_id(class, &name, signature)?, returns })
}

/// Why a call failed, and whether NCF's own Java code says so: then its kind is to be trusted.
pub(crate) struct Thrown {
    pub(crate) error: Error,
    pub(crate) ours: bool,
}

/// What a call comes to.
pub(crate) type Called<T> = Result<T, Thrown>;

impl From<errors::Error> for Thrown {
    fn from(error: errors::Error) -> Self {
        Self { error: Error::internal(format!("a call into the JVM failed: {error}")), ours: false }
    }
}

impl From<Error> for Thrown {
    fn from(error: Error) -> Self {
        Self { error, ours: false }
    }
}

/// The JVM as the body of a call sees it.
pub(crate) struct Call<'env, 'local> {
    env: &'env mut Env<'local>,
    methods: &'static Methods,
}

/// Runs `body`, which may call methods; `what` names it in the error.
pub(crate) fn call<T>(
    what: impl FnOnce() -> String,
    body: impl FnOnce(&mut Call<'_, '_>) -> errors::Result<T>,
) -> Called<T> {
    let methods = METHODS.get().ok_or_else(|| Error::internal("no method of the JVM is known"))?;
    let vm = JavaVM::singleton()?;
    let _attached = Attached::new(&vm)?;
    // An exception that is pending already is kept aside: no method may be called with one.
    let policy = AttachmentExceptionPolicy::PreReThrowPostCatch;
    let config = || AttachConfig::new().exceptions_policy(policy);
    vm.attach_current_thread_with_config(config, Some(FRAME), |env| {
        let mut call = Call { env, methods };
        body(&mut call).map_err(|error| call.caught(error, what))
    })
}

impl<'local> Call<'_, 'local> {
    /// Calls a method of `object`.
    ///
    /// # Safety
    /// `object` is of the interface of the method, and `arguments` are those of its signature.
    pub(crate) unsafe fn method(
        &mut self,
        object: &JObject<'_>,
        method: impl FnOnce(&'static Methods) -> &'static Method,
        arguments: &[JValue<'_>],
    ) -> errors::Result<JValueOwned<'local>> {
        let Method { id, returns } = method(self.methods);
        let arguments: Vec<sys::jvalue> = arguments.iter().map(JValue::as_jni).collect();
        // SAFETY: the id belongs to the signature that it was found by; the rest is the caller's
        // promise.
        unsafe { self.env.call_method_unchecked(object, id, *returns, &arguments) }
    }

    /// The JVM itself.
    pub(crate) fn env(&mut self) -> &mut Env<'local> {
        self.env
    }

    /// A Java string.
    pub(crate) fn string(&mut self, text: &str) -> errors::Result<JString<'local>> {
        self.env.new_string(text)
    }

    /// A Java buffer over `bytes`.
    ///
    /// # Safety
    /// Java keeps the buffer no longer than `bytes` lives, and writes to it only if `bytes` may be
    /// written to.
    pub(crate) unsafe fn buffer(
        &mut self,
        bytes: *mut u8,
        len: usize,
    ) -> errors::Result<JByteBuffer<'local>> {
        // SAFETY: the caller's promise.
        unsafe { self.env.new_direct_byte_buffer(bytes, len) }
    }

    /// What went wrong, with the exception's class and message; nothing is pending afterwards.
    fn caught(&mut self, failure: errors::Error, what: impl FnOnce() -> String) -> Thrown {
        let Some(thrown) = self.env.exception_occurred() else {
            return failure.into();
        };
        self.env.exception_clear();
        if let Some(kind) = error::kind_of(self.env, &thrown) {
            let message = self.describe(&thrown, |methods| &methods.message);
            return Thrown { error: Error::new(kind, message), ours: true };
        }
        let text = self.describe(&thrown, |methods| &methods.text);
        Thrown { error: Error::new(ErrorKind::Io, format!("{}: {text}", what())), ours: false }
    }

    fn describe(
        &mut self,
        thrown: &JThrowable<'_>,
        method: impl FnOnce(&'static Methods) -> &'static Method,
    ) -> String {
        // SAFETY: every exception is a Throwable, whose methods these are; they take nothing.
        let text = unsafe { self.method(thrown, method, &[]) }
            .and_then(JValueOwned::into_object)
            .and_then(|text| self.env.cast_local::<JString<'_>>(text))
            .and_then(|text| text.try_to_string(self.env));
        text.unwrap_or_else(|_| {
            // An exception that cannot be told, or has no message.
            self.env.exception_clear();
            "an exception without a text".to_owned()
        })
    }
}

/// Keeps a thread attached that the JVM did not know; a daemon, so that no thread of ours keeps the
/// JVM from ending.
struct Attached {
    vm: Option<*mut sys::JavaVM>,
}

impl Attached {
    fn new(vm: &JavaVM) -> errors::Result<Self> {
        if vm.is_thread_attached()? {
            return Ok(Self { vm: None });
        }
        let raw = vm.get_raw();
        let mut env = ptr::null_mut();
        // SAFETY: the JVM lives as long as the process, its table has this function since JNI 1.4,
        // and no arguments mean the defaults.
        let status = unsafe {
            ((**raw).v1_4.AttachCurrentThreadAsDaemon)(raw, &raw mut env, ptr::null_mut())
        };
        if status == sys::JNI_OK {
            Ok(Self { vm: Some(raw) })
        } else {
            Err(errors::Error::JniCall(errors::JniError::ThreadDetached))
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(raw) = self.vm {
            // SAFETY: `new` attached this thread; nothing refers to its environment any more, for the
            // call that did has ended.
            let _ = unsafe { ((**raw).v1_1.DetachCurrentThread)(raw) };
        }
    }
}
