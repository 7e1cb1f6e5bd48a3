//! From errors to Java exceptions: the one table of kinds and classes.

use std::fmt::Write;
use std::sync::OnceLock;

use jni::Env;
use jni::objects::{JClass, JThrowable};
use jni::refs::Weak;
use jni::strings::{JNIStr, JNIString};
use jni::{errors, jni_str};
use ncf::{Error, ErrorKind};

/// Which class reports which kind. Each has a constructor that takes the message.
pub(crate) const CLASSES: [(ErrorKind, &JNIStr); 9] = [
    (ErrorKind::Io, jni_str!("io/ncf/jni/NcfIoException")),
    (ErrorKind::Corrupt, jni_str!("io/ncf/jni/NcfCorruptException")),
    (ErrorKind::Unsupported, jni_str!("io/ncf/jni/NcfUnsupportedException")),
    (ErrorKind::InvalidArgument, jni_str!("io/ncf/jni/NcfInvalidArgumentException")),
    (ErrorKind::LimitExceeded, jni_str!("io/ncf/jni/NcfLimitExceededException")),
    (ErrorKind::Conflict, jni_str!("io/ncf/jni/NcfConflictException")),
    (ErrorKind::CommitStateUnknown, jni_str!("io/ncf/jni/NcfCommitStateUnknownException")),
    (ErrorKind::Interrupted, jni_str!("io/ncf/jni/NcfInterruptedException")),
    (ErrorKind::Internal, jni_str!("io/ncf/jni/NcfInternalException")),
];

/// The classes of [`CLASSES`], found while the library was loaded. A thread that the JVM attached
/// later may see another class loader, so they cannot be looked up when they are needed. Weak: they
/// are there while a native method runs, and must not keep their class loader, and with it this
/// library, from going.
static LOADED: OnceLock<Vec<(ErrorKind, Weak<JClass<'static>>)>> = OnceLock::new();

/// Why an entry point failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// NCF says no.
    Ncf(Error),
    /// A call into the JVM failed; an exception may be pending.
    Jvm(errors::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ncf(error)
    }
}

impl From<errors::Error> for Failure {
    fn from(error: errors::Error) -> Self {
        Self::Jvm(error)
    }
}

impl Failure {
    /// The kind and the text of the exception.
    fn report(&self) -> (ErrorKind, String) {
        match self {
            Self::Ncf(error) => (error.kind(), text(error)),
            Self::Jvm(errors::Error::NullPtr(what)) => {
                (ErrorKind::InvalidArgument, format!("null was passed to a native method ({what})"))
            }
            Self::Jvm(error) => {
                (ErrorKind::Internal, format!("a call into the JVM failed: {error}"))
            }
        }
    }
}

/// Message and places; the kind is told by the class.
fn text(error: &Error) -> String {
    let mut text = error.message().to_owned();
    let mut open = " [";
    for (key, value) in error.context() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{open}{key} {value}");
        open = ", ";
    }
    if open == ", " {
        text.push(']');
    }
    text
}

/// Finds every exception class with the loader that loads the library.
pub(crate) fn load_classes(env: &mut Env<'_>) -> errors::Result<()> {
    let mut classes = Vec::with_capacity(CLASSES.len());
    for (kind, name) in CLASSES {
        let class = env.find_class(name)?;
        classes.push((kind, env.new_weak_ref(&class)?));
    }
    // The JVM loads a library once, so nothing was set before.
    let _ = LOADED.set(classes);
    Ok(())
}

/// The kind of an exception of ours; `None` for any other class.
pub(crate) fn kind_of(env: &mut Env<'_>, thrown: &JThrowable<'_>) -> Option<ErrorKind> {
    let classes = LOADED.get()?;
    let class = classes.iter().find(|(_, class)| {
        let class = class.upgrade_local(env).ok().flatten();
        class.is_some_and(|class| env.is_instance_of(thrown, &class).unwrap_or(false))
    });
    class.map(|(kind, _)| *kind)
}

/// Makes `failure` the pending exception, unless there is one already.
pub(crate) fn throw(env: &mut Env<'_>, failure: &Failure) {
    let (kind, message) = failure.report();
    throw_as(env, kind, &message);
}

/// Makes an exception of `kind` pending, unless there is one already.
pub(crate) fn throw_as(env: &mut Env<'_>, kind: ErrorKind, message: &str) {
    if env.exception_check() {
        return;
    }
    let loaded = LOADED
        .get()
        .and_then(|classes| classes.iter().find(|(of, _)| *of == kind))
        .and_then(|(_, class)| class.upgrade_local(env).ok().flatten());
    // `throw` answers with an error that says that an exception is pending: that is success here.
    let _ = match loaded {
        Some(class) => env.throw_new(&class, JNIString::new(message)),
        None => env.throw(message),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_class() {
        for kind in ErrorKind::ALL {
            let expected = format!("io/ncf/jni/Ncf{}Exception", kind.name());
            let classes: Vec<_> = CLASSES.iter().filter(|(of, _)| *of == kind).collect();
            assert_eq!(classes.len(), 1, "{expected}");
            assert_eq!(classes[0].1.to_str(), expected);
        }
    }

    #[test]
    fn text_leaves_the_kind_to_the_class() {
        let error = Error::corrupt("checksum differs").with("page", 3).with("file", "a.ncf");
        assert_eq!(text(&error), "checksum differs [file a.ncf, page 3]");
        assert_eq!(text(&Error::internal("x")), "x");
    }

    #[test]
    fn null_arguments_are_the_callers_fault() {
        let (kind, _) = Failure::Jvm(errors::Error::NullPtr("a")).report();
        assert_eq!(kind, ErrorKind::InvalidArgument);
    }
}
