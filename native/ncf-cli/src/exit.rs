//! Exit codes: the one table from kinds of errors to what the shell sees.

use std::error::Error as _;
use std::io::{self, Write as _};

use ncf::{Error, ErrorKind};

/// All went well.
pub(crate) const GOOD: u8 = 0;
/// The data is damaged, too large or of a kind that cannot be stored.
pub(crate) const BAD_DATA: u8 = 1;
/// The command line asks for something that cannot be.
pub(crate) const USAGE: u8 = 2;
/// The operating system or the store failed, or somebody ended the work.
pub(crate) const IO: u8 = 3;

/// The exit code of an error of `kind`.
pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Corrupt
        | ErrorKind::Unsupported
        | ErrorKind::LimitExceeded
        | ErrorKind::Internal => BAD_DATA,
        ErrorKind::InvalidArgument => USAGE,
        ErrorKind::Io
        | ErrorKind::Conflict
        | ErrorKind::CommitStateUnknown
        | ErrorKind::Interrupted => IO,
    }
}

/// Says what is wrong on standard error. When that is closed nobody can be told, which is no reason
/// to end with another exit code than the right one.
pub(crate) fn complain(what: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "error: {what}");
}

/// Whether the reader of our output went away, as `head` does: an end, not a failure.
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_code() {
        let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| code(*kind)).collect();
        assert_eq!(codes, [IO, BAD_DATA, BAD_DATA, USAGE, BAD_DATA, IO, IO, IO, BAD_DATA]);
    }

    #[test]
    fn only_a_broken_pipe_is_quiet() {
        let pipe = Error::io("write", io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&pipe));
        assert!(!is_broken_pipe(&Error::io("write", io::Error::from(io::ErrorKind::NotFound))));
    }
}
