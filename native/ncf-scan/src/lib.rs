//! Rows out of files: prune, filter, project. Knows no versions and no tables.
//!
//! ```text
//! metadata ──bounds, proven indexes, filters──▶ rows of blocks, for a plan                planned.rs
//! blocks ──bounds of the block──▶ windows ──bounds of zones──▶ row ranges          prune.rs
//!   window: rows of a block that lie in one page of every column                    scan.rs
//! row ranges ──conjunct by conjunct, on encoded pages──▶ selection                  filter/
//! selection ──only pages with selected rows are read──▶ Arrow arrays                batch.rs
//!            └─aggregates instead: group and accumulate the selected rows           aggregate/, compute/
//!            └─first rows in an order instead: kept while better ones come          top.rs
//! arrays ──small pieces joined, large ones sliced──▶ batches of ~ batch_rows rows   coalesce.rs
//! ```
//!
//! Predicates have Spark's three-valued logic, with `ncf_core::ordering`'s order of values. Memory is
//! bounded by one page of every column that takes part, and counted by the reader's consumer.
#![forbid(unsafe_code)]

mod aggregate;
mod batch;
mod coalesce;
mod coded;
mod compute;
mod filter;
mod located;
mod metrics;
mod nested;
mod order;
mod pages;
mod planned;
mod prune;
mod resolve;
mod scan;
mod scan_builder;
mod sink;
mod slots;
#[cfg(test)]
mod tests;
mod top;
mod widen;

pub use metrics::ScanMetrics;
pub use nested::check_readable;
pub use planned::{PlannedRows, plan_rows};
pub use prune::{open_rows, prune_blocks, stored_statistics};
pub use resolve::{ColumnSource, ScanColumn};
pub use scan::Scan;
pub use scan_builder::ScanBuilder;
