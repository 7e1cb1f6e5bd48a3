//! What must hold between the stored columns of a nested field: their pages begin and end at the same
//! rows, and a page below an array or map has as many values as the lengths of its rows add up to.

use arrow_buffer::{BooleanBuffer, OffsetBuffer};
use ncf_core::{Error, Result, Role, Values};

use crate::reader::{FileReader, PageRef};

const RULED_OUT: &str = "hold a null that the schema rules out";

/// Where the elements of each array or map of a page begin and end, counted from the page's first;
/// nulls have none. `Corrupt` when a length is negative or the page has more elements than fit.
pub fn element_offsets(
    lengths: &Values,
    validity: Option<&BooleanBuffer>,
) -> Result<OffsetBuffer<i32>> {
    let Values::I32(lengths) = lengths else {
        return Err(Error::internal("lengths are not 32-bit"));
    };
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    let (mut end, mut good) = (0i32, true);
    offsets.push(0);
    for (row, length) in lengths.iter().enumerate() {
        if validity.is_none_or(|valid| valid.value(row)) {
            let next = end.checked_add(*length).filter(|next| *next >= end);
            good &= next.is_some();
            end = next.unwrap_or(end);
        }
        offsets.push(end);
    }
    if !good {
        return Err(Error::corrupt("lengths of arrays or maps are negative or too large"));
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

impl FileReader {
    /// `Corrupt` unless the pages of all columns of a field begin and end at the same rows.
    pub fn check_pages_align(&self, field: usize, block: usize) -> Result<()> {
        let columns = self.stored_of(field);
        let first = self.column(columns.start)?;
        let first = &first.chunk(block)?.pages;
        for column in columns.skip(1) {
            let meta = self.column(column)?;
            let pages = &meta.chunk(block)?.pages;
            let same = pages.len() == first.len()
                && pages.iter().zip(first).all(|(a, b)| a.first_row == b.first_row);
            if !same {
                return Err(self.misplaced(column, block, "begin at other rows than its parent's"));
            }
        }
        Ok(())
    }

    /// `Corrupt` unless the pages below the lengths in `column` have `elements` values.
    pub fn check_elements(
        &self,
        column: usize,
        block: usize,
        page: usize,
        elements: usize,
    ) -> Result<()> {
        for (child, stored) in self.stored().iter().enumerate() {
            if stored.repeated_by != Some(column) {
                continue;
            }
            let meta = self.column(child)?;
            let values = meta.chunk(block)?.pages.get(page).map(|page| page.values as usize);
            if values != Some(elements) {
                return Err(self
                    .misplaced(child, block, "do not have the elements that the lengths promise")
                    .with("page", page));
            }
        }
        Ok(())
    }

    /// `Corrupt` when a page has a field that is there below a null struct, or one that may not be null
    /// and is, where the struct around it is there.
    pub(crate) fn check_nulls(
        &self,
        column: usize,
        block: usize,
        page: usize,
        values: &Values,
        validity: Option<&BooleanBuffer>,
    ) -> Result<()> {
        let Some(stored) = self.stored().get(column) else { return Ok(()) };
        let valid = match values {
            Values::Bool(present) if stored.role == Role::Presence => Some(present),
            _ => validity,
        };
        let around = stored.parent.filter(|parent| {
            self.stored().get(*parent).is_some_and(|parent| parent.role == Role::Presence)
        });
        let Some(parent) = around else {
            return match valid {
                Some(valid) if !stored.nullable && valid.has_false() => {
                    Err(self.misplaced(column, block, RULED_OUT))
                }
                _ => Ok(()),
            };
        };
        let page = PageRef { column: parent, block, page };
        let decoded = self.read_pages(&[page])?.pop();
        let decoded = decoded.ok_or_else(|| Error::internal("a page was not read"))?;
        let present = match self.flat(page, decoded.values)? {
            Values::Bool(present) if present.len() == values.len() => present,
            _ => return Err(self.misplaced(column, block, "have other rows than their struct's")),
        };
        let all = || BooleanBuffer::new_set(values.len());
        let valid = valid.cloned().unwrap_or_else(all);
        if (&valid & &!&present).has_true() {
            return Err(self.misplaced(column, block, "hold a value below a null struct"));
        }
        if !stored.nullable && (&present & &!&valid).has_true() {
            return Err(self.misplaced(column, block, RULED_OUT));
        }
        Ok(())
    }

    fn misplaced(&self, column: usize, block: usize, what: &str) -> Error {
        let name = self.stored().get(column).map(ncf_core::Column::name).unwrap_or_default();
        Error::corrupt(format!("the pages of a column {what}"))
            .with("block", block)
            .with("column", name)
            .with("file", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_skip_nulls_and_refuse_nonsense() {
        let lengths = |v: &[i32]| Values::I32(v.to_vec().into());
        let valid = BooleanBuffer::from(vec![true, false, true]);
        let found = element_offsets(&lengths(&[2, -7, 3]), Some(&valid)).unwrap();
        assert_eq!(found.as_ref(), [0, 2, 2, 5]);
        assert!(element_offsets(&lengths(&[2, -1, 3]), None).is_err());
        assert!(element_offsets(&lengths(&[i32::MAX, 1]), None).is_err());
    }
}
