//! Whether the result of long work is still wanted.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

type Ask = dyn Fn() -> bool + Send + Sync;

/// Asked before every page that is decoded or encoded, so that work ends soon after nobody wants its
/// result any more. The default is wanted to its end.
#[derive(Clone, Default)]
pub struct Interruption(Option<Arc<Ask>>);

impl Interruption {
    /// `is_interrupted` is called on every thread that works, once a page; it should take microseconds.
    pub fn new(is_interrupted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_interrupted)))
    }

    /// `Interrupted` when the result is not wanted any more.
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Some(is_interrupted) if is_interrupted() => Err(Error::new(
                ErrorKind::Interrupted,
                "the work was interrupted; start it again if its result is still wanted",
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Interruption" } else { "Interruption(never)" })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn asks_anew_each_time() {
        Interruption::default().check().unwrap();
        let flag = Arc::new(AtomicBool::new(false));
        let asked = flag.clone();
        let interruption = Interruption::new(move || asked.load(Ordering::Relaxed));
        interruption.check().unwrap();
        flag.store(true, Ordering::Relaxed);
        assert_eq!(interruption.clone().check().unwrap_err().kind(), ErrorKind::Interrupted);
    }
}
