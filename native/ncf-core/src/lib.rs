//! The vocabulary that every layer of NCF speaks: types, scalars, predicates, statistics, errors and
//! limits. No I/O, no codecs, no file layout.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod bounds;
pub mod computation;
pub mod error;
pub mod evaluate;
pub mod field_type;
pub mod hash;
pub mod interruption;
pub mod json;
pub mod leaf;
pub mod limits;
pub mod logical;
pub mod memory;
pub mod ordering;
pub mod path;
pub mod predicate;
pub mod sample;
pub mod scalar;
pub mod schema;
pub mod top;
pub mod types;
pub mod value_list;
pub mod values;
pub mod widening;
pub mod wire;

pub use aggregate::{Aggregate, Aggregation};
pub use bounds::ColumnBounds;
pub use computation::{ArithmeticOp, Computation, Function, Range as NumberRange, Zone};
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use field_type::FieldType;
pub use interruption::Interruption;
pub use leaf::{Column, Role, columns};
pub use limits::{Budget, Limits};
pub use logical::{LogicalType, TYPE_KEY};
pub use memory::{MemoryConsumer, MemoryPool, MemoryReservation};
pub use path::FieldPath;
pub use predicate::{CompareOp, Expression, Predicate, TextOp};
pub use sample::{FileSample, Sample};
pub use scalar::Scalar;
pub use schema::{Field, Schema, find_name};
pub use top::{SortKey, Top};
pub use types::{DataType, PhysicalType};
pub use value_list::ValueList;
pub use values::{ByteValues, Values};
