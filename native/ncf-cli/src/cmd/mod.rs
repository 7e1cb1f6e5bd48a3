//! One file per command.

pub(crate) mod cat;
pub(crate) mod convert;
mod explain;
pub(crate) mod index_bench;
pub(crate) mod info;
pub(crate) mod train_index;
pub(crate) mod verify;
