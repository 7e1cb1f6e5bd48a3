//! Arrays that are made of arrays: structs, lists and maps.

use std::sync::Arc;

use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_schema::{DataType as ArrowType, Field as ArrowField, Fields};
use ncf::{Field, Result, ResultExt};

use super::{Column, MAX_ELEMENTS, RawArray, check, fields, invalid, read};

impl Column {
    /// Copies the column as structs of `parts`.
    ///
    /// # Safety
    /// As for [`Column::import`].
    pub(super) unsafe fn structs(&self, parts: &[Field]) -> Result<StructArray> {
        self.check_shape("a struct", 1, parts.len())?;
        // The offset of a struct holds for its children, too.
        let rows = self.offset..self.offset + self.rows;
        // SAFETY: as promised.
        let (arrays, nulls) =
            unsafe { (fields(&self.raw, parts, &rows, self.most, "field")?, self.nulls()?) };
        let parts: Fields = parts.iter().map(Field::to_arrow).collect();
        StructArray::try_new_with_length(parts, arrays, nulls, self.rows).map_err(invalid)
    }

    /// Copies the column as arrays of `element`.
    ///
    /// # Safety
    /// As for [`Column::import`].
    pub(super) unsafe fn list(&self, element: &Field) -> Result<ArrayRef> {
        self.check_shape("an array", 2, 1)?;
        // SAFETY: as promised; the second of the two buffers has the offsets.
        let (offsets, nulls, elements) = unsafe {
            let (offsets, used) = self.offsets("arrays")?;
            let elements = self
                .only_child()
                .and_then(|raw| Column::new(raw, &used, MAX_ELEMENTS)?.import(&element.field_type))
                .at("field", || &element.name)?;
            (offsets, self.nulls()?, elements)
        };
        let array = ListArray::try_new(Arc::new(element.to_arrow()), offsets, elements, nulls);
        Ok(Arc::new(array.map_err(invalid)?))
    }

    /// Copies the column as maps of `entry`, a key and a value.
    ///
    /// # Safety
    /// As for [`Column::import`].
    pub(super) unsafe fn map(&self, entry: &[Field]) -> Result<ArrayRef> {
        self.check_shape("a map", 2, 1)?;
        // SAFETY: as promised; the second of the two buffers has the offsets.
        let (offsets, nulls, entries) = unsafe {
            let (offsets, used) = self.offsets("maps")?;
            let raw = self.only_child()?;
            check(raw.null_count == 0, || "an entry of a map is null".into())?;
            (offsets, self.nulls()?, Column::new(raw, &used, MAX_ELEMENTS)?.structs(entry)?)
        };
        let parts = entry.iter().map(Field::to_arrow).collect();
        let field = ArrowField::new("entries", ArrowType::Struct(parts), false);
        let array = MapArray::try_new(Arc::new(field), offsets, entries, nulls, false);
        Ok(Arc::new(array.map_err(invalid)?))
    }

    /// The one child of an array or map.
    ///
    /// # Safety
    /// As for [`Column::import`]; there is one child.
    unsafe fn only_child(&self) -> Result<RawArray> {
        check(!self.raw.children.is_null(), || "it has no children".into())?;
        // SAFETY: `children` holds one address, which meets the caller's promise.
        unsafe { read(self.raw.children.read_unaligned()) }
    }
}
