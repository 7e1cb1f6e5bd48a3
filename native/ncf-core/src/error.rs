//! One error type for the whole library: a kind that says who is at fault, a sentence that says what
//! to do, and the places (file, block, column) that the error passed through on its way up.

use std::fmt;

/// The result of every fallible function of NCF.
pub type Result<T> = std::result::Result<T, Error>;

/// Who is at fault. One table (`docs/spec/table.md` and the language bindings) maps each kind to a Java class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The operating system or the store failed: disk full, no permission, not found.
    Io,
    /// Stored bytes are damaged or were not written by NCF.
    Corrupt,
    /// Valid data that this build does not know: a newer feature, a type, an encoding.
    Unsupported,
    /// The caller asked for something that cannot be: an unknown column, option or path.
    InvalidArgument,
    /// A size is over a limit of [`crate::Limits`].
    LimitExceeded,
    /// Another transaction won; nothing was changed.
    Conflict,
    /// A commit may or may not have been stored; nothing may be deleted.
    CommitStateUnknown,
    /// The caller wants the result no more; see [`crate::Interruption`].
    Interrupted,
    /// A broken promise inside NCF: please report it.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the specification.
    pub const ALL: [Self; 9] = [
        Self::Io,
        Self::Corrupt,
        Self::Unsupported,
        Self::InvalidArgument,
        Self::LimitExceeded,
        Self::Conflict,
        Self::CommitStateUnknown,
        Self::Interrupted,
        Self::Internal,
    ];

    /// The kind's name, as in messages and in the error table of the bindings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Io => "Io",
            Self::Corrupt => "Corrupt",
            Self::Unsupported => "Unsupported",
            Self::InvalidArgument => "InvalidArgument",
            Self::LimitExceeded => "LimitExceeded",
            Self::Conflict => "Conflict",
            Self::CommitStateUnknown => "CommitStateUnknown",
            Self::Interrupted => "Interrupted",
            Self::Internal => "Internal",
        }
    }
}

/// An error with its context. One pointer wide, so that results stay small.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a sentence that says what is wrong and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), context: Vec::new(), source: None }))
    }

    /// Stored bytes are damaged.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// Valid but not known to this build.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// The caller's mistake.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// A size over its limit.
    pub fn limit_exceeded(what: &str, declared: u64, limit: u64) -> Self {
        Self::new(
            ErrorKind::LimitExceeded,
            format!(
                "{what} is {declared}, over the limit of {limit}; raise the limit if the data is trusted"
            ),
        )
    }

    /// A broken promise inside NCF.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// An operating-system error met while doing `what`.
    pub fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        let what = what.into();
        Self::new(ErrorKind::Io, format!("{what}: {source}")).with_source(source)
    }

    /// Adds a place (`file`, `block`, `column`, `page` …); inner places are added first.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if !self.0.context.iter().any(|(have, _)| *have == key) {
            self.0.context.push((key, value.to_string()));
        }
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Who is at fault.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence, without kind and places.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places, outermost first.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().rev().map(|(key, value)| (*key, value.as_str()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.name(), self.0.message)?;
        let mut open = " [";
        for (key, value) in self.context() {
            write!(f, "{open}{key} {value}")?;
            open = ", ";
        }
        if self.0.context.is_empty() { Ok(()) } else { f.write_str("]") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

/// What is done with the error of a result.
pub trait ResultExt<T> {
    /// Adds a place, computed only on the error path.
    fn at<V: fmt::Display>(self, key: &'static str, value: impl FnOnce() -> V) -> Result<T>;

    /// `None` where a limit is exceeded: for whoever can do without the outcome.
    fn within_limits(self) -> Result<Option<T>>;
}

impl<T> ResultExt<T> for Result<T> {
    fn at<V: fmt::Display>(self, key: &'static str, value: impl FnOnce() -> V) -> Result<T> {
        self.map_err(|error| error.with(key, value()))
    }

    fn within_limits(self) -> Result<Option<T>> {
        match self {
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(None),
            other => other.map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_kind_message_and_places_outermost_first() {
        let error = Error::corrupt("checksum differs").with("page", 3).with("file", "a.ncf");
        assert_eq!(error.to_string(), "Corrupt: checksum differs [file a.ncf, page 3]");
        assert_eq!(std::mem::size_of::<Error>(), std::mem::size_of::<usize>());
    }

    #[test]
    fn the_innermost_place_of_a_key_stays() {
        let error = Error::corrupt("x").with("file", "inner").with("file", "outer");
        assert_eq!(error.to_string(), "Corrupt: x [file inner]");
    }
}
