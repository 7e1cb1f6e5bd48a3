//! The wrapper around every entry point: a panic or an error becomes a Java exception, and the JVM
//! gets null or zero.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jni::errors::{self, ErrorPolicy};
use jni::{Env, EnvUnowned};
use ncf::ErrorKind;

use crate::error::{self, Failure};

/// Runs the body of an entry point. Nothing unwinds out of it.
pub(crate) fn guard<'local, T, F>(mut env: EnvUnowned<'local>, body: F) -> T
where
    T: Default,
    F: FnOnce(&mut Env<'local>) -> Result<T, Failure>,
{
    env.with_env(body).resolve::<Throw>()
}

/// What happens to errors and panics: they are thrown.
struct Throw;

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    type Captures<'unowned: 'native, 'native> = ();

    fn on_error<'unowned: 'native, 'native>(
        env: &mut Env<'unowned>,
        _nothing: &mut Self::Captures<'unowned, 'native>,
        failure: Failure,
    ) -> errors::Result<T> {
        error::throw(env, &failure);
        Ok(T::default())
    }

    fn on_panic<'unowned: 'native, 'native>(
        env: &mut Env<'unowned>,
        _nothing: &mut Self::Captures<'unowned, 'native>,
        payload: Box<dyn Any + Send + 'static>,
    ) -> errors::Result<T> {
        let message = format!(
            "the native library panicked: {}; this is a bug in NCF, please report it with what standard error says",
            payload_text(&*payload)
        );
        discard(payload);
        error::throw_as(env, ErrorKind::Internal, &message);
        Ok(T::default())
    }
}

/// What was given to `panic!`.
fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Drops something whose destructor may panic, at a place that must not unwind.
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_message_of_a_panic() {
        let caught = |f: fn()| catch_unwind(f).unwrap_err();
        assert_eq!(payload_text(&*caught(|| panic!("static"))), "static");
        assert_eq!(payload_text(&*caught(|| panic!("made {}", 1))), "made 1");
        assert_eq!(payload_text(&*caught(|| std::panic::panic_any(7))), "no message");
    }

    #[test]
    fn a_panicking_destructor_stays_inside() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        discard(Bad);
    }
}
