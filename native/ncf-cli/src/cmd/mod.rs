//! One file per command.

pub(crate) mod cat;
pub(crate) mod convert;
pub(crate) mod info;
pub(crate) mod verify;
