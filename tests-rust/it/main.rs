//! The integration test binary: the library through its facade, and the rules of the house.

mod concurrency;
mod corruption;
mod round_trip;
mod spec;
mod tidy;
