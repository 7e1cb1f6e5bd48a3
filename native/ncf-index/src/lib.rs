//! Proofs about rows that nobody has read: from the bounds of columns (zone maps) this crate derives
//! which of true, false and null a predicate can take. A scan skips a run of rows when true is
//! impossible, and skips the evaluation when only true is possible.
//!
//! A rule may answer "possible" for something that is not; it may never answer "impossible" for
//! something that is. See [`pruning`] for the rules and [`zone_map`] for what a column's bounds say.
#![forbid(unsafe_code)]

mod computed;
pub mod pruning;
pub mod zone_map;

pub use pruning::{Outcomes, certainly_all_match, certainly_no_match, outcomes};
