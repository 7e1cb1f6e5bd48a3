//! Where rows can be that nobody has read.
//!
//! From the bounds of columns (zone maps) [`pruning`] derives which of true, false and null a predicate can
//! take: a scan skips a run of rows when true is impossible, and skips the evaluation when only true is
//! possible. From the learned index of a column whose rows are in order, [`search`] derives in which vectors a
//! predicate can be true. From the filter of a column, [`filter`] derives which blocks hold none of some values.
//!
//! A rule may answer "possible" for something that is not; it may never answer "impossible" for
//! something that is. See [`zone_map`] for what a column's bounds say, [`learned`] for the index.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::cast_possible_truncation, reason = "tests choose values that fit"))]

mod computed;
pub mod filter;
pub mod learned;
pub mod pruning;
mod rows;
pub mod search;
mod wire;
pub mod zone_map;

pub use learned::{
    Check, ChunkOrder, Description, Engine, Index, IndexProof, Learner, ModelId, Models, Predictor,
    Trial,
};
pub use pruning::{Outcomes, certainly_all_match, certainly_no_match, outcomes};
pub use rows::{intersection, union};
pub use search::{Located, locate};
