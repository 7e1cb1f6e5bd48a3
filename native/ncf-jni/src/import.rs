//! Batches from the JVM: an `ArrowArray` struct read by address, checked, and copied.
//!
//! The structs are the JVM's: nothing of them is kept and nothing is released. Pointers must be
//! trusted (there is no way to check one), but nothing else is: counts, offsets, UTF-8 and digits of
//! decimals are checked before a row is written, at every level of nesting.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, ByteArrayType, Date32Type, Decimal64Type, Decimal128Type, DecimalType,
    Float32Type, Float64Type, GenericBinaryType, GenericStringType, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow_array::{
    ArrayRef, BooleanArray, GenericByteArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::{ArrowError, Schema as ArrowSchema, SchemaRef};
use ncf::{DataType, Error, ErrorKind, Field, FieldType, PhysicalType, Result, ResultExt, Schema};

mod nested;

/// Rows of one batch. The JVM sends a few thousand.
const MAX_ROWS: i64 = 1 << 20;

/// Elements of all arrays of a column of a batch: what offsets can count.
const MAX_ELEMENTS: i64 = i32::MAX as i64;

/// `struct ArrowArray` of the Arrow C Data Interface. Unlike [`FFI_ArrowArray`] it owns nothing, and
/// its fields can be checked before they are used.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawArray {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *const *const u8,
    children: *const *const RawArray,
    dictionary: *const RawArray,
    // Owned by the JVM: part of the layout only.
    _release: usize,
    _private_data: usize,
}

const _: () = assert!(size_of::<RawArray>() == size_of::<FFI_ArrowArray>());

/// The Arrow schema of the batches that hold columns of `schema`.
pub(crate) fn arrow_schema(schema: &Schema) -> SchemaRef {
    Arc::new(ArrowSchema::new(schema.fields.iter().map(Field::to_arrow).collect::<Vec<_>>()))
}

/// Copies the struct array at `address` into a batch of `schema`, whose Arrow form is `arrow`.
///
/// # Errors
/// `InvalidArgument` when the array does not have the schema's shape or holds invalid values,
/// `LimitExceeded` without memory.
///
/// # Safety
/// `address` is 0 or that of an `ArrowArray` whose pointers, and those of its children, are null or
/// valid for as many bytes as lengths and offsets imply, and nobody writes to them meanwhile.
pub(crate) unsafe fn import_batch(
    address: i64,
    schema: &Schema,
    arrow: &SchemaRef,
) -> Result<RecordBatch> {
    let root = std::ptr::with_exposed_provenance::<RawArray>(usize_of(address, "address")?);
    // SAFETY: the caller's promise about `address`.
    let root = unsafe { read(root)? };
    let rows = length_of(&root, MAX_ROWS)?;
    check(root.offset == 0, || "the batch has an offset".into())?;
    check(root.null_count == 0, || "a row of the batch is null as a whole".into())?;
    // SAFETY: the caller's promise covers the children.
    let arrays = unsafe { fields(&root, &schema.fields, &(0..rows), MAX_ROWS, "column")? };
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(arrow.clone(), arrays, &options).map_err(invalid)
}

/// Copies the children of a struct, one for each of `fields`.
///
/// `rows` are those of the children that are wanted, `most` as many as there may be, and `what` they
/// are called in messages.
///
/// # Safety
/// As for [`import_batch`], of the children of `parent`.
unsafe fn fields(
    parent: &RawArray,
    fields: &[Field],
    rows: &Range<usize>,
    most: i64,
    what: &'static str,
) -> Result<Vec<ArrayRef>> {
    check(usize::try_from(parent.n_children).is_ok_and(|have| have == fields.len()), || {
        format!("there are {} {what}s and the schema has {}", parent.n_children, fields.len())
    })?;
    check(fields.is_empty() || !parent.children.is_null(), || format!("there are no {what}s"))?;
    let length = parent.offset.checked_add(parent.length);
    let import = |(index, field): (usize, &Field)| {
        // SAFETY: `children` holds `n_children` addresses, each of which meets the caller's promise.
        let array = unsafe {
            let child = parent.children.add(index).read_unaligned();
            read(child).and_then(|raw| {
                check(Some(raw.length) == length, || {
                    format!("it has {} rows and its parent {}", raw.length, parent.length)
                })?;
                Column::new(raw, rows, most)?.import(&field.field_type)
            })
        };
        array.at(what, || &field.name)
    };
    fields.iter().enumerate().map(import).collect()
}

/// Reads a struct.
///
/// # Safety
/// `array` is null or valid for reads.
unsafe fn read(array: *const RawArray) -> Result<RawArray> {
    check(!array.is_null(), || "an array is null".into())?;
    // SAFETY: not null, hence valid; it may be unaligned.
    Ok(unsafe { array.read_unaligned() })
}

fn length_of(array: &RawArray, most: i64) -> Result<usize> {
    check((0..=most).contains(&array.length), || {
        format!("an array of {} rows; send 0 to {most}", array.length)
    })?;
    usize_of(array.length, "length")
}

/// Some rows of an array whose counts have been checked.
struct Column {
    raw: RawArray,
    rows: usize,
    /// Of the first of these rows in the buffers.
    offset: usize,
    /// Whether these are all rows of the array.
    whole: bool,
    /// Rows that an array of this level may have.
    most: i64,
}

impl Column {
    fn new(raw: RawArray, rows: &Range<usize>, most: i64) -> Result<Self> {
        let length = length_of(&raw, most)?;
        check((0..=most).contains(&raw.offset), || format!("its offset is {}", raw.offset))?;
        check(raw.null_count <= raw.length, || format!("{} values are null", raw.null_count))?;
        check(raw.dictionary.is_null(), || "it is a dictionary".into())?;
        check(rows.start <= rows.end && rows.end <= length, || {
            format!("it has {length} values, of which {}..{} are used", rows.start, rows.end)
        })?;
        let offset = usize_of(raw.offset, "offset")? + rows.start;
        Ok(Self { raw, rows: rows.len(), offset, whole: *rows == (0..length), most })
    }

    /// Copies the column as the Arrow type of `field_type`.
    ///
    /// # Safety
    /// Buffers and children are null or valid for as many bytes as counts and offsets imply.
    unsafe fn import(&self, field_type: &FieldType) -> Result<ArrayRef> {
        // SAFETY: the caller's promise.
        unsafe {
            match field_type {
                FieldType::Value(data_type) => self.values(*data_type),
                FieldType::Array(element) => self.list(element),
                FieldType::Map(entry) => self.map(entry.as_slice()),
                FieldType::Struct(fields) => Ok(Arc::new(self.structs(fields)?)),
            }
        }
    }

    /// Checks that there are as many buffers and children as a kind of array has.
    fn check_shape(&self, what: &str, buffers: i64, children: usize) -> Result<()> {
        check(self.raw.n_buffers == buffers && !self.raw.buffers.is_null(), || {
            format!("{what} needs {buffers} buffers, not {}", self.raw.n_buffers)
        })?;
        check(usize::try_from(self.raw.n_children).is_ok_and(|have| have == children), || {
            format!("{what} has {children} children, not {}", self.raw.n_children)
        })
    }

    /// # Safety
    /// As for [`Column::import`].
    unsafe fn values(&self, data_type: DataType) -> Result<ArrayRef> {
        let wanted = if data_type.physical() == PhysicalType::Bytes { 3 } else { 2 };
        self.check_shape(&data_type.to_string(), wanted, 0)?;
        // SAFETY: there are as many buffers as this type needs; the caller vouches for their bytes.
        unsafe {
            match data_type {
                DataType::Boolean => self.bits(),
                DataType::Int8 => self.fixed::<Int8Type>(data_type),
                DataType::Int16 => self.fixed::<Int16Type>(data_type),
                DataType::Int32 => self.fixed::<Int32Type>(data_type),
                DataType::Int64 => self.fixed::<Int64Type>(data_type),
                DataType::Float32 => self.fixed::<Float32Type>(data_type),
                DataType::Float64 => self.fixed::<Float64Type>(data_type),
                DataType::Date => self.fixed::<Date32Type>(data_type),
                DataType::Timestamp | DataType::TimestampNtz => {
                    self.fixed::<TimestampMicrosecondType>(data_type)
                }
                DataType::Decimal { precision, .. } => {
                    if data_type.physical() == PhysicalType::I64 {
                        self.decimal::<Decimal64Type>(data_type, precision)
                    } else {
                        self.decimal::<Decimal128Type>(data_type, precision)
                    }
                }
                DataType::String => self.variable::<GenericStringType<i32>>(),
                DataType::Binary => self.variable::<GenericBinaryType<i32>>(),
            }
        }
    }

    /// # Safety
    /// As for [`Column::import`]; `T` is the Arrow type of `data_type`.
    unsafe fn fixed<T: ArrowPrimitiveType>(&self, data_type: DataType) -> Result<ArrayRef> {
        // SAFETY: as promised.
        Ok(Arc::new(unsafe { self.primitive::<T>()? }.with_data_type(data_type.to_arrow())))
    }

    /// # Safety
    /// As for [`Column::import`]; `T` is the Arrow type of `data_type`.
    unsafe fn decimal<T>(&self, data_type: DataType, precision: u8) -> Result<ArrayRef>
    where
        T: DecimalType,
    {
        // SAFETY: as promised.
        let array = unsafe { self.primitive::<T>()? }.with_data_type(data_type.to_arrow());
        array.validate_decimal_precision(precision).map_err(invalid)?;
        Ok(Arc::new(array))
    }

    /// # Safety
    /// As for [`Column::import`]; values are as wide as those of `T`.
    unsafe fn primitive<T: ArrowPrimitiveType>(&self) -> Result<PrimitiveArray<T>> {
        // SAFETY: as promised.
        let (values, nulls) =
            unsafe { (copy::<T::Native>(self.buffer(1), self.offset, self.rows)?, self.nulls()?) };
        PrimitiveArray::try_new(ScalarBuffer::from(values), nulls).map_err(invalid)
    }

    /// # Safety
    /// As for [`Column::import`].
    unsafe fn bits(&self) -> Result<ArrayRef> {
        // SAFETY: as promised.
        let (values, nulls) = unsafe { (self.bitmap(self.buffer(1))?, self.nulls()?) };
        check(nulls.as_ref().is_none_or(|nulls| nulls.len() == values.len()), || {
            "validity and values differ in length".into()
        })?;
        Ok(Arc::new(BooleanArray::new(values, nulls)))
    }

    /// # Safety
    /// As for [`Column::import`].
    unsafe fn variable<T: ByteArrayType<Offset = i32>>(&self) -> Result<ArrayRef> {
        // SAFETY: the second of the three buffers has the offsets.
        let (offsets, used) = unsafe { self.offsets("strings")? };
        // SAFETY: offsets ascend, so the bytes from the first to the last are the values.
        let bytes = unsafe { copy::<u8>(self.buffer(2), used.start, used.len())? };
        // SAFETY: as promised.
        let nulls = unsafe { self.nulls()? };
        let array = GenericByteArray::<T>::try_new(offsets, Buffer::from_vec(bytes), nulls)
            .map_err(|error| {
                invalid(error).with("hint", "text that is not UTF-8 needs type binary")
            })?;
        Ok(Arc::new(array))
    }

    /// The offsets of values of any length, counted from the first one's start, and what they count:
    /// the bytes or elements that are used.
    ///
    /// # Safety
    /// As for [`Column::import`]; there is a second buffer, of offsets.
    unsafe fn offsets(&self, what: &str) -> Result<(OffsetBuffer<i32>, Range<usize>)> {
        let mut offsets = match self.rows {
            // An array without rows may have no offsets.
            0 => vec![0],
            // SAFETY: one offset more than values.
            rows => unsafe { copy::<i32>(self.buffer(1), self.offset, rows + 1)? },
        };
        let first = offsets.first().copied().unwrap_or(0);
        let last = offsets.last().copied().unwrap_or(0);
        check(first >= 0 && offsets.is_sorted(), || {
            format!("offsets of {what} are negative or do not ascend")
        })?;
        for offset in &mut offsets {
            *offset -= first;
        }
        let used = usize_of(first.into(), "offset")?..usize_of(last.into(), "offset")?;
        Ok((OffsetBuffer::new(ScalarBuffer::from(offsets)), used))
    }

    /// The address of a buffer, which may be null.
    ///
    /// # Safety
    /// `index` is below the number of buffers, and `buffers` is valid.
    unsafe fn buffer(&self, index: usize) -> *const u8 {
        // SAFETY: the caller's promise.
        unsafe { self.raw.buffers.add(index).read_unaligned() }
    }

    /// # Safety
    /// As for [`Column::import`].
    unsafe fn nulls(&self) -> Result<Option<NullBuffer>> {
        if self.raw.null_count == 0 {
            return Ok(None);
        }
        // SAFETY: every supported type has the validity first.
        let nulls = NullBuffer::new(unsafe { self.bitmap(self.buffer(0))? });
        let counted = i64::try_from(nulls.null_count()).unwrap_or(i64::MAX);
        check(!self.whole || self.raw.null_count < 0 || self.raw.null_count == counted, || {
            format!("{counted} values are null, not {} as stated", self.raw.null_count)
        })?;
        Ok((counted > 0).then_some(nulls))
    }

    /// # Safety
    /// `address` is null or valid for the bits of this column.
    unsafe fn bitmap(&self, address: *const u8) -> Result<BooleanBuffer> {
        if self.rows == 0 {
            return Ok(BooleanBuffer::new_unset(0));
        }
        let (start, bit) = (self.offset / 8, self.offset % 8);
        // SAFETY: exactly the bytes that hold a bit of the column.
        let bytes = unsafe { copy::<u8>(address, start, (bit + self.rows).div_ceil(8))? };
        Ok(BooleanBuffer::new(Buffer::from_vec(bytes), bit, self.rows))
    }
}

/// Copies `count` values from the one at `start`.
///
/// # Safety
/// `address` is null, or valid for reads up to value `start + count`. It may be unaligned.
unsafe fn copy<T: ArrowNativeType>(
    address: *const u8,
    start: usize,
    count: usize,
) -> Result<Vec<T>> {
    let mut values = Vec::new();
    if count == 0 {
        return Ok(values);
    }
    check(!address.is_null(), || "a buffer is null".into())?;
    values.try_reserve_exact(count).map_err(|_| {
        Error::new(ErrorKind::LimitExceeded, format!("no memory for {count} values of a batch"))
    })?;
    let width = size_of::<T>();
    // SAFETY: the caller vouches for the source, the vector has room for `count` values, they do not
    // overlap since the vector is new, and every pattern of bits is a native value.
    unsafe {
        let source = address.add(start * width);
        std::ptr::copy_nonoverlapping(source, values.as_mut_ptr().cast::<u8>(), count * width);
        values.set_len(count);
    }
    Ok(values)
}

fn usize_of(value: i64, what: &str) -> Result<usize> {
    usize::try_from(value)
        .map_err(|_| Error::invalid_argument(format!("{what} {value} of a batch is out of range")))
}

fn check(good: bool, message: impl FnOnce() -> String) -> Result<()> {
    if good { Ok(()) } else { Err(Error::invalid_argument(format!("bad batch: {}", message()))) }
}

fn invalid(error: ArrowError) -> Error {
    Error::invalid_argument(format!("bad batch: {error}")).with_source(error)
}

#[cfg(test)]
mod tests;
