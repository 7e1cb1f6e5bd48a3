//! The integration test binary: the library through its facade, and the rules of the house.
#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests choose values that fit; a panic here is a failed test"
)]

mod bombs;
mod concurrency;
mod corruption;
mod differential;
mod fuzz;
mod interruption;
mod learned;
mod memory;
mod model;
mod nested;
mod order;
mod relations;
mod round_trip;
mod spec;
mod tidy;
